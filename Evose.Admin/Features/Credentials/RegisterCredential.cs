using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Registers a credential whose first version is active at once. The value is sealed before anything is stored; row, policy and audit event are one transaction.</summary>
public sealed class RegisterCredential(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, StagedValues staged, ProviderCatalog providers, CheckNewValue check, OAuthApps oauth, KnownPlaintext known, TimeProvider clock)
{
    /// <param name="Fields">The values that are not staged. They stay the caller's to dispose.</param>
    /// <param name="Staged">Ids of values that came in through the intake, by field.</param>
    /// <param name="AllowedHosts">Null: the hosts of the scoped tools, or those of the provider when no tool is named.</param>
    /// <param name="Owner">E-mail; null is the acting person.</param>
    /// <param name="ExpiresAt">ISO 8601.</param>
    /// <param name="OAuth">Of an OAuth token: where its client is registered; its id and secret are fields.</param>
    /// <param name="Verify">Ask the provider first; a value that it refuses is not registered.</param>
    /// <param name="Seen">What a check of these very staged values has shown already.</param>
    /// <param name="AllowInUrl">Somebody accepts that the value may stand in an address.</param>
    /// <param name="Grants">Slugs of the workspaces that may use a credential of the organization.</param>
    public sealed record Input(string? Name, string? Type, IReadOnlyDictionary<string, Plaintext>? Fields = null, IReadOnlyDictionary<string, Guid>? Staged = null, string? Description = null, ScopeNames? Scope = null,
        IReadOnlyList<string>? AllowedHosts = null, string? Provider = null, string? Owner = null, string? ExpiresAt = null, Injection? Injection = null,
        bool AllowInUrl = false, IReadOnlyList<string>? Grants = null, SessionRules? Session = null,
        bool Verify = false, ProbeAnswer? Seen = null, OAuthAppInput? OAuth = null);

    /// <param name="Warnings">What a person should look at; nothing here stopped the registration.</param>
    /// <param name="Check">What the provider said of the value; null when it was not asked.</param>
    public sealed record Registered(string Name, IReadOnlyList<string> AllowedHosts, IReadOnlyList<string> Warnings, ProbeAnswer? Check = null);

    public async Task<Outcome<Registered>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await known.RefuseAsync(actor, workspace!, "credential", [("description", input.Description), ("provider", input.Provider)], ct) is { } ours) return ours;
        var now = clock.GetUtcNow();
        if (!CredentialName.IsValid(input.Name)) return Problem.Invalid("name", CredentialName.Rule);
        if (CredentialWords.ParseType(input.Type).Failed(out var badType, out var type)) return badType;
        if (CredentialWords.RefuseText("description", input.Description, CredentialWords.MaxDescription, multiline: true) is { } badDescription) return badDescription;
        if (CredentialWords.RefuseText("provider", input.Provider, CredentialWords.MaxProvider) is { } badProvider) return badProvider;
        if (CredentialWords.ParseExpiry(input.ExpiresAt, now).Failed(out var badExpiry, out var expiresAt)) return badExpiry;
        if (DestinationPolicy.Normalize(input.AllowedHosts ?? []).Failed(out var badHost, out var hosts)) return badHost;
        if (input.Session is not null && CredentialWords.RefuseSession(type, input.Session) is { } badSession) return badSession;
        if (input.Staged is null)
        {
            if (ValueShape.Of(type, input.Fields ?? new Dictionary<string, Plaintext>(), now, input.Injection).Failed(out var badValue, out var early)) return badValue;
            early!.Dispose();
        }
        string[] fields = [.. (input.Fields?.Keys ?? []).Concat(input.Staged?.Keys ?? []).Distinct(StringComparer.Ordinal)];
        if (InjectionDraft.Check(type, input.Injection, fields, input.AllowInUrl).Failed(out var badInjection, out var injection)) return badInjection;
        var name = input.Name!;
        var provider = await providers.FindAsync(input.Provider, ct);
        // Several fields travel as the provider's record says, when a tool attaches the credential.
        if (input.Injection is null && type == CredentialType.Custom && provider?.Type == type) injection = provider.Injection;
        var answer = input.Seen;
        if (input.Verify && (await VerifyAsync(actor, workspace, name, type, provider, input.AllowedHosts is null ? null : hosts, input, ct)).Failed(out var notAccepted, out answer)) return notAccepted;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await Granting.ResolveAsync(db, workspace!, input.Grants, ct)).Failed(out var badGrants, out var grants)) return badGrants;
        if (await Granting.RefuseNameAsync(db, workspace!.Id, name, [.. grants.Values], null, ct) is { } taken) return taken;
        if ((await (input.Scope ?? new ScopeNames()).ResolveAsync(db, workspace.Id, grants, ct)).Failed(out var badScope, out var members)) return badScope;
        if (input.AllowedHosts is null && (await ScopeNames.HostsAsync(db, vault, members!, ct)).Failed(out var badTool, out hosts)) return badTool;
        if (input.AllowedHosts is null && hosts.Count == 0 && provider is not null && DestinationPolicy.Normalize(provider.Hosts).Failed(out badHost, out hosts)) return badHost;
        if ((await OwnerAsync(db, actor, input.Owner, ct)).Failed(out var badOwner, out var owner)) return badOwner;

        // A staged value is taken last: what is refused above leaves it where it is, for the corrected form.
        using var typed = await staged.TakeAllAsync(db, actor, input.Staged, ct);
        if (typed.Missing is { } missing) return Problem.Invalid(missing, "The value is no longer there: it is kept for 15 minutes. Enter it again.");
        var given = new Dictionary<string, Plaintext>(input.Fields ?? new Dictionary<string, Plaintext>(), StringComparer.Ordinal);
        foreach (var (field, value) in typed.Values) given[field] = value;
        if (ValueShape.Of(type, given, now, injection).Failed(out var badStaged, out var shaped)) return badStaged;
        using var values = shaped;
        if (CookieWords.RefuseHosts(values.Plain, hosts!) is { } badCookies) return badCookies;
        if (ClientOf(type, input, given).Failed(out var badClient, out var app)) return badClient;

        var credential = Credential.Register(Guid.CreateVersion7(now), workspace.Id, name, type, now);
        (credential.Description, credential.Provider, credential.OwnerId) = (CredentialWords.Trimmed(input.Description), provider?.Id ?? CredentialWords.Trimmed(input.Provider), owner);
        (credential.Injection, credential.AllowInUrl) = (injection!, input.AllowInUrl);
        credential.GrantTo([.. grants.Values]);
        if (expiresAt is not null) credential.Expire(expiresAt);
        if (input.Session is { IsDefault: false }) credential.Session = input.Session;
        List<string> warnings = [];
        if (values!.Fields.Count > 0)
        {
            var fingerprint = vault.Fingerprint(values.Identity);
            warnings = await WarningsAsync(db, workspace.Id, name, fingerprint, values.Identity, ct);
            foreach (var advice in FormAdvice.Of(provider, values.Fields, name))
                if (warnings.TrueForAll(w => !w.Contains("test key", StringComparison.Ordinal) || !advice.Contains("test key", StringComparison.Ordinal))) warnings.Add(advice);
            var @sealed = vault.Seal(new SecretAddress(workspace.Id, credential.Id, 1), values.Fields);
            var version = credential.AddVersion(Guid.CreateVersion7(now), @sealed, fingerprint, actor.Name, now);
            (version.PlainFields, version.ExpiresAt) = (values.Plain, values.ExpiresAt);
            if (answer is not null) version.RecordProbe(answer.Result, answer.Note, now);
            if (expiresAt is null && values.ExpiresAt is not null) credential.Expire(values.ExpiresAt);
            credential.Promote(now);
        }
        else
        {
            credential.NeedSignIn("Nobody has signed in at the provider yet.", now);
        }
        credential.ChangePolicy(members!.Select(m => new ScopeMember { CredentialId = credential.Id, ConsumerId = m.Id, Kind = m.Kind }), hosts!, c => PolicySeal.Of(vault, c));

        db.Credentials.Add(credential);
        AuditTrail.Append(db, now, actor, AuditAction.CredentialRegistered, AuditSubject.Credential(credential, policy: true), $"{type.Wire()}; {ChangeScope.Describe(credential, members!, grants)}");
        if (type == CredentialType.OAuthToken) AddGrant(db, now, actor, credential, app, given);
        await write.CommitAsync(ct);
        return new Registered(name, hosts!, [.. warnings, .. PolicyWarnings(members!, hosts!), .. CookieWords.Warnings(values.Plain, hosts!)], answer);
    }

    // A minute of somebody else's network is not spent inside the write transaction.
    private async Task<Outcome<ProbeAnswer>> VerifyAsync(Actor actor, Workspace workspace, string name, CredentialType type, ProviderRecord? provider, IReadOnlyList<string>? hosts, Input input, CancellationToken ct)
    {
        if (provider is null) return Problem.Invalid("provider", "To check the value, name a provider that is known here.");
        using var looked = input.Staged is null ? null : await check.LookAsync(actor, input.Staged, ct);
        if (looked?.Missing is { } missing) return Problem.Invalid(missing, "The value is no longer there: it is kept for 15 minutes. Enter it again.");
        if ((await check.AskAsync(actor, workspace, name, type, provider, hosts ?? provider.Hosts, looked?.Values ?? input.Fields!, ct)).Failed(out var problem, out var answer)) return problem;
        return answer.Result != VerifyResult.Dead ? answer
            : new Problem(ProblemKind.Invalid, "INVALID_REQUEST", answer.Note + " Nothing was registered.", new Dictionary<string, object?> { ["field"] = "fields", ["verify"] = answer.Result.Word() });
    }

    private Outcome<OAuthApp?> ClientOf(CredentialType type, Input input, IReadOnlyDictionary<string, Plaintext> given)
    {
        if (type != CredentialType.OAuthToken) return input.OAuth is null ? (OAuthApp?)null : Problem.Invalid("oauth", "Only an oauth_token has an OAuth client. Leave it out.");
        var id = given.TryGetValue(ValueShape.ClientId, out var named) ? Encoding.UTF8.GetString(named.Bytes) : input.OAuth?.ClientId;
        if (id is not null) return oauth.Read((input.OAuth ?? new OAuthAppInput(null, null)) with { Provider = input.Provider, ClientId = id }, 1).Failed(out var bad, out var app) ? bad : app;
        return given.Count > (given.ContainsKey(Credential.MainField) ? 1 : 0) || input.OAuth is not null
            ? Problem.Invalid("fields.client_id", "Give the id of the OAuth client in fields.client_id: a refresh token, a secret or an address is of no use without it.")
            : (OAuthApp?)null;
    }

    private void AddGrant(AdminDb db, DateTimeOffset now, Actor actor, Credential credential, OAuthApp? app, IReadOnlyDictionary<string, Plaintext>? given)
    {
        var grant = new TokenGrant(Guid.CreateVersion7(now), credential.Id, credential.WorkspaceId);
        db.TokenGrants.Add(grant);
        if (app is null) return;
        oauth.Seal(grant, app);
        oauth.SealSecret(grant, given?.GetValueOrDefault(ValueShape.ClientSecret));
        AuditTrail.Append(db, now, actor, AuditAction.OAuthAppSaved, new AuditSubject(credential.WorkspaceId, credential.Name, grant.Id, credential.Id, app.Number), OAuthApps.Describe(app));
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
