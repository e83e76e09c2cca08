using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Changes who may use a credential and where it may travel; sealed, audited, and obeyed by the next call.</summary>
public sealed class ChangeScope(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, TimeProvider clock)
{
    /// <param name="Scope">Null keeps the scope.</param>
    /// <param name="AllowedHosts">Null keeps the hosts; empty allows none.</param>
    /// <param name="Revision">The revision that the form showed.</param>
    /// <param name="AllowInUrl">Null keeps it.</param>
    /// <param name="Injection">Null keeps the rules of travel.</param>
    /// <param name="Grants">Slugs of workspaces; null keeps them.</param>
    public sealed record Input(ScopeNames? Scope, IReadOnlyList<string>? AllowedHosts, int? Revision = null, bool? AllowInUrl = null, Injection? Injection = null, IReadOnlyList<string>? Grants = null)
    {
        public bool IsNothing => Scope is null && AllowedHosts is null && AllowInUrl is null && Injection is null && Grants is null;
    }

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string workspaceSlug, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await CredentialRows.LivingAsync(db, workspace!.Id, name, input.Revision, ct)).Failed(out var missing, out var credential)) return missing;
        if (await ApplyAsync(db, vault, actor, workspace, credential!, input, clock.GetUtcNow(), ct) is { } problem) return problem;
        await write.CommitAsync(ct);
        return Done.It;
    }

    /// <summary>The change inside the caller's write transaction; null when made.</summary>
    internal static async Task<Problem?> ApplyAsync(AdminDb db, SecretVault vault, Actor actor, Workspace workspace, Credential credential, Input input, DateTimeOffset now, CancellationToken ct)
    {
        if (DestinationPolicy.Normalize(input.AllowedHosts ?? credential.AllowedHosts).Failed(out var badHost, out var hosts)) return badHost;
        // A part of a policy that somebody changed outside the app must not be sealed as ours.
        var intact = await PolicyCheck.IsIntactAsync(db, vault, credential, ct);
        if (!intact && (input.Scope is null || input.AllowedHosts is null || (input.Injection is null && !credential.Injection.IsEmpty) || (input.Grants is null && credential.Grants.Count > 0)))
            return Problem.Conflict("Scope, hosts, grants or rules of travel were changed outside the app. Give all of them anew, after looking into it.", "tampered");
        credential.AllowInUrl = input.AllowInUrl ?? (intact && credential.AllowInUrl);
        if (input.Injection is not null && !IsSame(input.Injection, credential.Injection) && await ReplaceRulesAsync(db, credential, input.Injection, ct) is { } badRules) return badRules;

        if ((await Granting.ResolveAsync(db, workspace, input.Grants, ct)).Failed(out var badGrants, out var grants)) return badGrants;
        if (input.Grants is null) grants = await Granting.OfAsync(db, credential, ct);
        Guid[] withdrawn = [.. credential.Grants.Select(g => g.WorkspaceId).Except(grants.Values)];
        Guid[] added = [.. grants.Values.Except(credential.Grants.Select(g => g.WorkspaceId))];
        if (added.Length > 0 && await Granting.RefuseNameAsync(db, credential.WorkspaceId, credential.Name, added, credential.Id, ct) is { } taken) return taken;
        credential.GrantTo([.. grants.Values]);

        IReadOnlyList<Consumer>? members;
        if (input.Scope is not null)
        {
            if ((await input.Scope.ResolveAsync(db, credential.WorkspaceId, grants, ct)).Failed(out var badScope, out members)) return badScope;
        }
        else
        {
            var ids = credential.ScopeMembers.Select(m => m.ConsumerId).ToList();
            var all = await db.Consumers.Where(c => ids.Contains(c.Id)).ToListAsync(ct);
            // Who leaves with a workspace never opens the scope to others.
            IReadOnlyList<ScopeMember> left = credential.ScopeMembers;
            foreach (var gone in all.Where(c => withdrawn.Contains(c.WorkspaceId))) left = ScopePolicy.Without(left, gone.Id);
            members = all.FindAll(c => left.Any(m => m.ConsumerId == c.Id));
        }
        credential.ChangePolicy(members!.Select(m => new ScopeMember { CredentialId = credential.Id, ConsumerId = m.Id, Kind = m.Kind }), hosts!, c => PolicySeal.Of(vault, c),
            await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
        AuditTrail.Append(db, now, actor, AuditAction.CredentialPolicyChanged, AuditSubject.Credential(credential, policy: true), Describe(credential, members!, grants));
        return null;
    }

    // The record compares its lists by reference.
    private static bool IsSame(Injection a, Injection b) => System.Text.Json.JsonSerializer.Serialize(a) == System.Text.Json.JsonSerializer.Serialize(b);

    private static async Task<Problem?> ReplaceRulesAsync(AdminDb db, Credential credential, Injection given, CancellationToken ct)
    {
        var active = credential.Active?.Id;
        var fields = await db.SealedFields.Where(f => f.VersionId == active).Select(f => f.Name).ToListAsync(ct);
        if (InjectionDraft.Check(credential.Type, given, fields, credential.AllowInUrl).Failed(out var bad, out var injection)) return bad;
        credential.Injection = injection;
        // What is secret from now on is not shown any more. What is plain from now on shows with the next value.
        foreach (var version in credential.Versions)
            version.PlainFields = version.PlainFields.Where(p => injection.Fields.Any(f => f.Name == p.Key && !f.IsSecret)).ToDictionary(p => p.Key, p => p.Value);
        return null;
    }

    /// <summary>The policy in one line, for the trail.</summary>
    internal static string Describe(Credential credential, IReadOnlyList<Consumer> members, IReadOnlyDictionary<string, Guid> grants)
    {
        var slugs = grants.ToDictionary(g => g.Value, g => g.Key + "/");
        var scope = members.Count == 0 ? "nobody" : string.Join(", ", members.OrderBy(m => m.Kind).ThenBy(m => m.Name, StringComparer.Ordinal).Select(m => $"{m.Kind.Wire()} {slugs.GetValueOrDefault(m.WorkspaceId)}{m.Name}"));
        return $"scope: {scope}; hosts: {(credential.AllowedHosts.Count == 0 ? "none" : string.Join(", ", credential.AllowedHosts))}"
            + (grants.Count == 0 ? "" : $"; granted to: {string.Join(", ", grants.Keys.Order(StringComparer.Ordinal))}")
            + (credential.AllowInUrl ? "; may stand in an address" : "")
            + (credential.Injection.IsEmpty ? "" : $"; fields: {string.Join(", ", credential.Injection.Fields.Select(f => f.Place == FieldPlace.None ? f.Name : $"{f.Name} in {f.Place.Wire()}{(f.At is null ? "" : " " + f.At)}"))}")
            + (credential.Injection.Signing.Wire() is { } signing ? $"; signs {signing}" : "");
    }
}
