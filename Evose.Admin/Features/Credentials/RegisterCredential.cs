using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Registers a credential whose first version is active at once. The value is sealed before anything is stored; row, policy and audit event are one transaction.</summary>
public sealed class RegisterCredential(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, StagedValues staged, TimeProvider clock)
{
    /// <param name="Fields">The values, or null when they are staged. They stay the caller's to dispose.</param>
    /// <param name="Staged">Ids of values that came in through the intake, by field.</param>
    /// <param name="AllowedHosts">Null: the hosts of the scoped tools.</param>
    /// <param name="Owner">E-mail; null is the acting person.</param>
    /// <param name="ExpiresAt">ISO 8601.</param>
    public sealed record Input(string? Name, string? Type, IReadOnlyDictionary<string, Plaintext>? Fields = null, IReadOnlyDictionary<string, Guid>? Staged = null, string? Description = null, ScopeNames? Scope = null,
        IReadOnlyList<string>? AllowedHosts = null, string? Provider = null, string? Owner = null, string? ExpiresAt = null, bool HasInjection = false, SessionRules? Session = null);

    /// <param name="Warnings">What a person should look at; nothing here stopped the registration.</param>
    public sealed record Registered(string Name, IReadOnlyList<string> AllowedHosts, IReadOnlyList<string> Warnings);

    public async Task<Outcome<Registered>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        var now = clock.GetUtcNow();
        if (!CredentialName.IsValid(input.Name)) return Problem.Invalid("name", CredentialName.Rule);
        if (CredentialWords.ParseType(input.Type).Failed(out var badType, out var type)) return badType;
        if (input.HasInjection) return Problem.Invalid("injection", "Injection rules are not supported yet; they come with a later version. Put the placeholder into the tool instead.");
        if (CredentialWords.RefuseText("description", input.Description, CredentialWords.MaxDescription, multiline: true) is { } badDescription) return badDescription;
        if (CredentialWords.RefuseText("provider", input.Provider, CredentialWords.MaxProvider) is { } badProvider) return badProvider;
        if (CredentialWords.ParseExpiry(input.ExpiresAt, now).Failed(out var badExpiry, out var expiresAt)) return badExpiry;
        if (DestinationPolicy.Normalize(input.AllowedHosts ?? []).Failed(out var badHost, out var hosts)) return badHost;
        if (input.Session is not null && CredentialWords.RefuseSession(type, input.Session) is { } badSession) return badSession;
        if (input.Staged is null)
        {
            if (ValueShape.Of(type, input.Fields ?? new Dictionary<string, Plaintext>(), now).Failed(out var badValue, out var early)) return badValue;
            early.Dispose();
        }

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var name = input.Name!;
        if (await db.Credentials.AnyAsync(c => c.WorkspaceId == workspace!.Id && c.Name == name && c.ArchivedAt == null, ct))
            return Problem.Conflict($"There is already a credential {name} in this workspace. Choose another name, or rotate that one.", "exists");
        if ((await (input.Scope ?? new ScopeNames()).ResolveAsync(db, workspace!.Id, ct)).Failed(out var badScope, out var members)) return badScope;
        if (input.AllowedHosts is null && (await ScopeNames.HostsAsync(db, vault, members!, ct)).Failed(out var badTool, out hosts)) return badTool;
        if ((await OwnerAsync(db, actor, input.Owner, ct)).Failed(out var badOwner, out var owner)) return badOwner;

        // A staged value is taken last: what is refused above leaves it where it is, for the corrected form.
        using var taken = await staged.TakeAllAsync(db, actor, input.Staged, ct);
        if (taken.Missing is { } missing) return Problem.Invalid(missing, "The value is no longer there: it is kept for 15 minutes. Enter it again.");
        if (ValueShape.Of(type, input.Staged is null ? input.Fields! : taken.Values, now).Failed(out var badStaged, out var shaped)) return badStaged;
        using var values = shaped;
        if (CookieWords.RefuseHosts(values.Plain, hosts!) is { } badCookies) return badCookies;

        var credential = Credential.Register(Guid.CreateVersion7(now), workspace.Id, name, type, now);
        (credential.Description, credential.Provider, credential.OwnerId) = (CredentialWords.Trimmed(input.Description), CredentialWords.Trimmed(input.Provider), owner);
        if (expiresAt is not null) credential.Expire(expiresAt);
        if (input.Session is { IsDefault: false }) credential.Session = input.Session;
        var fingerprint = vault.Fingerprint(values!.Identity);
        var warnings = await WarningsAsync(db, workspace.Id, name, fingerprint, values.Identity, ct);
        var @sealed = vault.Seal(new SecretAddress(workspace.Id, credential.Id, 1), values.Fields);
        var version = credential.AddVersion(Guid.CreateVersion7(now), @sealed, fingerprint, actor.Name, now);
        (version.PlainFields, version.ExpiresAt) = (values.Plain, values.ExpiresAt);
        if (expiresAt is null && values.ExpiresAt is not null) credential.Expire(values.ExpiresAt);
        credential.Promote(now);
        credential.ChangePolicy(members!.Select(m => new ScopeMember { CredentialId = credential.Id, ConsumerId = m.Id, Kind = m.Kind }), hosts!, c => PolicySeal.Of(vault, c));

        db.Credentials.Add(credential);
        AuditTrail.Append(db, now, actor, AuditAction.CredentialRegistered, AuditSubject.Credential(credential, policy: true), $"{type.Wire()}; {ChangeScope.Describe(members!, hosts!)}");
        await write.CommitAsync(ct);
        return new Registered(name, hosts!, [.. warnings, .. PolicyWarnings(members!, hosts!), .. CookieWords.Warnings(values.Plain, hosts!)]);
    }

    internal static async Task<Outcome<Guid?>> OwnerAsync(AdminDb db, Actor actor, string? email, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(email)) return actor.Kind == ActorKind.User ? actor.Id : (Guid?)null;
        var wanted = email.Trim().ToUpperInvariant();
        var owner = wanted.Length > 256 ? null : await db.Users.Where(u => u.NormalizedEmail == wanted && u.DisabledAt == null).Select(u => (Guid?)u.Id).SingleOrDefaultAsync(ct);
        return owner is null ? Problem.Invalid("owner", "There is no person with this e-mail here. Invite them first, or leave the owner out.") : owner;
    }

    private static async Task<List<string>> WarningsAsync(AdminDb db, Guid workspaceId, string name, string fingerprint, Plaintext value, CancellationToken ct)
    {
        var warnings = new List<string>();
        var same = await db.CredentialVersions.Where(v => v.Fingerprint == fingerprint)
            .Join(db.Credentials.Where(c => c.WorkspaceId == workspaceId && c.ArchivedAt == null), v => v.CredentialId, c => c.Id, (_, c) => c.Name).Distinct().OrderBy(n => n).ToListAsync(ct);
        if (same.Count > 0) warnings.Add($"The same value is registered as {string.Join(", ", same)}. One value under two names is rotated twice or not at all: use one credential for both.");
        if (CredentialName.Environment(name) == "prod" && LooksLikeTestKey(value.Bytes)) warnings.Add($"The value looks like a test key, and the name {name} says production.");
        return warnings;
    }

    private static IEnumerable<string> PolicyWarnings(IReadOnlyList<Consumer> members, IReadOnlyList<string> hosts)
    {
        if (members.Count == 0) yield return "The scope is empty, so nobody may use it yet. Add the tools, agents or workflows that may.";
        if (hosts.Count == 0) yield return "No host is allowed, so the broker refuses every call until one is given.";
    }

    private static bool LooksLikeTestKey(ReadOnlySpan<byte> value)
    {
        var head = value[..Math.Min(value.Length, 24)];
        return head.StartsWith("test"u8) || head.IndexOf("_test_"u8) >= 0 || head.IndexOf("-test-"u8) >= 0 || head.StartsWith("TEST-"u8) || head.IndexOf("sandbox"u8) >= 0;
    }
}
