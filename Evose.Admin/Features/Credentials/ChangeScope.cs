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
    public sealed record Input(ScopeNames? Scope, IReadOnlyList<string>? AllowedHosts, int? Revision = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string workspaceSlug, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await CredentialRows.LivingAsync(db, workspace!.Id, name, input.Revision, ct)).Failed(out var missing, out var credential)) return missing;
        if (await ApplyAsync(db, vault, actor, credential!, input.Scope, input.AllowedHosts, clock.GetUtcNow(), ct) is { } problem) return problem;
        await write.CommitAsync(ct);
        return Done.It;
    }

    /// <summary>The change inside the caller's write transaction; null when made.</summary>
    internal static async Task<Problem?> ApplyAsync(AdminDb db, SecretVault vault, Actor actor, Credential credential, ScopeNames? scope, IReadOnlyList<string>? allowedHosts, DateTimeOffset now, CancellationToken ct)
    {
        if (DestinationPolicy.Normalize(allowedHosts ?? credential.AllowedHosts).Failed(out var badHost, out var hosts)) return badHost;
        // Half of a policy that somebody changed outside the app must not be sealed as ours.
        if ((scope is null || allowedHosts is null) && !await PolicyCheck.IsIntactAsync(db, vault, credential, ct))
            return Problem.Conflict("Scope or hosts were changed outside the app. Give both anew, after looking into it.", "tampered");

        IReadOnlyList<Consumer>? members;
        if (scope is not null)
        {
            if ((await scope.ResolveAsync(db, credential.WorkspaceId, ct)).Failed(out var badScope, out members)) return badScope;
        }
        else
        {
            var ids = credential.ScopeMembers.Select(m => m.ConsumerId).ToList();
            members = await db.Consumers.Where(c => ids.Contains(c.Id)).ToListAsync(ct);
        }
        credential.ChangePolicy(members!.Select(m => new ScopeMember { CredentialId = credential.Id, ConsumerId = m.Id, Kind = m.Kind }), hosts!, c => PolicySeal.Of(vault, c),
            await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
        AuditTrail.Append(db, now, actor, AuditAction.CredentialPolicyChanged, AuditSubject.Credential(credential, policy: true), Describe(members!, hosts!));
        return null;
    }

    /// <summary>The policy in one line, for the trail.</summary>
    internal static string Describe(IReadOnlyList<Consumer> members, IReadOnlyList<string> hosts) =>
        $"scope: {(members.Count == 0 ? "nobody" : string.Join(", ", members.OrderBy(m => m.Kind).ThenBy(m => m.Name, StringComparer.Ordinal).Select(m => $"{m.Kind.Wire()} {m.Name}")))}; hosts: {(hosts.Count == 0 ? "none" : string.Join(", ", hosts))}";
}
