using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>A member that was given, null included; a member that was not is no <see cref="Wanted"/>.</summary>
public readonly record struct Wanted(string? Value);

/// <summary>
/// Changes a credential's metadata, and its policy when that is given too, all or nothing. A new name is written into every tool that may name it in the same transaction,
/// so that no call in between meets an unknown placeholder.
/// </summary>
public sealed class EditCredential(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, KnownPlaintext known, TimeProvider clock)
{
    /// <summary>Null keeps; a given null removes, where that is possible.</summary>
    /// <param name="Owner">E-mail.</param>
    /// <param name="ExpiresAt">ISO 8601.</param>
    /// <param name="Revision">The revision that the form showed.</param>
    /// <param name="Session">By what an answer shows that the session is over; what was seen under other rules is forgotten.</param>
    /// <param name="SignedIn">Somebody looked into it: the session is not over.</param>
    public sealed record Input(Wanted? Name = null, Wanted? Description = null, Wanted? Provider = null, Wanted? Owner = null, Wanted? ExpiresAt = null,
        ScopeNames? Scope = null, IReadOnlyList<string>? AllowedHosts = null, int? Revision = null, bool? AllowInUrl = null, Injection? Injection = null, IReadOnlyList<string>? Grants = null,
        SessionRules? Session = null, bool SignedIn = false);

    /// <param name="Name">The name it has now.</param>
    /// <param name="ToolsRewritten">How many tools now carry the new name.</param>
    public sealed record Edited(string Name, int ToolsRewritten);

    public async Task<Outcome<Edited>> ExecuteAsync(Actor actor, string workspaceSlug, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await known.RefuseAsync(actor, workspace!, "credential", [("description", input.Description?.Value), ("provider", input.Provider?.Value)], ct) is { } ours) return ours;
        var now = clock.GetUtcNow();
        if (input.Name is { } given && !CredentialName.IsValid(given.Value)) return Problem.Invalid("name", CredentialName.Rule);
        if (CredentialWords.RefuseText("description", input.Description?.Value, CredentialWords.MaxDescription, multiline: true) is { } badDescription) return badDescription;
        if (CredentialWords.RefuseText("provider", input.Provider?.Value, CredentialWords.MaxProvider) is { } badProvider) return badProvider;
        if (CredentialWords.ParseExpiry(input.ExpiresAt?.Value, now).Failed(out var badExpiry, out var expiresAt)) return badExpiry;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await CredentialRows.LivingAsync(db, workspace!.Id, name, input.Revision, ct)).Failed(out var missing, out var credential)) return missing;
        var changes = new List<string>();
        if (input.Description is { } description && Differs(credential!.Description, CredentialWords.Trimmed(description.Value))) Change("description", () => credential.Description = CredentialWords.Trimmed(description.Value));
        if (input.Provider is { } provider && Differs(credential!.Provider, CredentialWords.Trimmed(provider.Value))) Change("provider", () => credential.Provider = CredentialWords.Trimmed(provider.Value));
        if (input.Owner is { } owner)
        {
            var nobody = string.IsNullOrWhiteSpace(owner.Value);
            if ((nobody ? (Guid?)null : await RegisterCredential.OwnerAsync(db, actor, owner.Value, ct)).Failed(out var badOwner, out var ownerId)) return badOwner;
            if (credential!.OwnerId != ownerId) Change(nobody ? "owner removed" : $"owner {owner.Value!.Trim()}", () => credential.OwnerId = ownerId);
        }
        if (input.ExpiresAt is not null && credential!.ExpiresAt != expiresAt) Change(expiresAt is null ? "expiry removed" : $"expires {expiresAt:yyyy-MM-dd HH:mm}Z", () => credential.Expire(expiresAt));

        if (input.Session is { } rules)
        {
            if (CredentialWords.RefuseSession(credential!.Type, rules) is { } badSession) return badSession;
            Change("session rules", () => credential.Session = rules.IsDefault ? null : rules);
        }
        if ((input.SignedIn || input.Session is not null) && credential!.NeedsSignInAt is not null) Change("needs no sign-in any more", credential.SignedIn);

        var rewritten = 0;
        if (input.Name?.Value is { } wanted && wanted != credential!.Name)
        {
            if ((await RenameAsync(db, actor, credential, wanted, now, ct)).Failed(out var problem, out rewritten)) return problem;
            changes.Add($"renamed from {name}; {rewritten} tools rewritten");
        }
        if (changes.Count > 0)
        {
            credential!.Touch();
            AuditTrail.Append(db, now, actor, AuditAction.CredentialChanged, AuditSubject.Credential(credential), string.Join("; ", changes));
        }
        var policy = new ChangeScope.Input(input.Scope, input.AllowedHosts, null, input.AllowInUrl, input.Injection, input.Grants);
        if (!policy.IsNothing && await ChangeScope.ApplyAsync(db, vault, actor, workspace, credential!, policy, now, ct) is { } badPolicy) return badPolicy;
        await write.CommitAsync(ct);
        return new Edited(credential!.Name, rewritten);

        void Change(string what, Action change)
        {
            change();
            changes.Add(what);
        }
    }

    private static bool Differs(string? was, string? wanted) => !string.Equals(was, wanted, StringComparison.Ordinal);

    private async Task<Outcome<int>> RenameAsync(AdminDb db, Actor actor, Credential credential, string wanted, DateTimeOffset now, CancellationToken ct)
    {
        var granted = credential.Grants.Select(g => g.WorkspaceId).ToList();
        if (await Granting.RefuseNameAsync(db, credential.WorkspaceId, wanted, granted, credential.Id, ct) is { } taken) return taken;

        // Every tool is looked at, not only those with a reference row: a template is what a call obeys.
        var old = credential.Name;
        var tools = await db.Consumers.Where(c => (c.WorkspaceId == credential.WorkspaceId || granted.Contains(c.WorkspaceId)) && c.Kind == ConsumerKind.Tool && c.DeletedAt == null).ToListAsync(ct);
        var naming = tools.Where(t => t.Config is { } config && config.Templates().Any(p => Names(p.Text, old))).ToList();
        foreach (var tool in naming)
        {
            if (!await PolicyCheck.IsIntactAsync(db, vault, tool, [], ct))
                return Problem.Conflict($"The tool {tool.Name} was changed outside the app, so its placeholders are not rewritten. Save it again after looking into it.", "tampered");
        }
        foreach (var tool in naming)
        {
            tool.Config = tool.Config!.Rewrite(text => Names(text, old) && SecretTemplate.TryParse(text, out var template, out _) ? template.Rewrite(n => n == old ? wanted : null) : text);
            tool.Revision++;
            tool.UpdatedAt = now;
            tool.PolicyMac = PolicySeal.Of(vault, tool, []);
            AuditTrail.Append(db, now, actor, AuditAction.ConsumerSaved, AuditSubject.Consumer(tool, policy: true), $"{Placeholder.Write(old)} is now {Placeholder.Write(wanted)}");
        }
        var references = await db.References.Where(r => (r.WorkspaceId == credential.WorkspaceId || granted.Contains(r.WorkspaceId)) && (r.CredentialName == old || r.CredentialName == wanted)).ToListAsync(ct);
        foreach (var r in references.Where(r => r.CredentialName == old))
        {
            db.References.Remove(r);
            if (!references.Exists(o => o.CredentialName == wanted && o.ToolId == r.ToolId && o.Place == r.Place))
                db.References.Add(new Reference { WorkspaceId = r.WorkspaceId, ToolId = r.ToolId, CredentialName = wanted, Place = r.Place });
        }
        credential.Rename(wanted);
        return naming.Count;
    }

    private static bool Names(string text, string credential) =>
        text.Contains(credential, StringComparison.Ordinal) && SecretTemplate.TryParse(text, out var template, out _) && template.Placeholders.Any(p => p.Name == credential);
}
