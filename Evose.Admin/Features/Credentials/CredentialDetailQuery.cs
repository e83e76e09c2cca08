using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Everything about one credential but its values. An archived one answers too: its history stays.</summary>
/// <param name="PolicyIntact">False: scope or hosts were changed outside the app, and the broker refuses.</param>
public sealed record CredentialView(Guid Id, string Name, CredentialType Type, string? Description, string? Provider, CredentialStatus Status, ScopeNames Scope, IReadOnlyList<string> AllowedHosts,
    string? Owner, DateTimeOffset? ExpiresAt, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, long CallsEver, IReadOnlyList<VersionView> Versions, RotationView? Rotation, int Revision, int PolicyVersion,
    bool PolicyIntact, DateTimeOffset? ArchivedAt, string? ArchivedBy, string? NeedsSignInWhy = null, GrantView? Grant = null)
{
    /// <summary>The fields and how they travel when a tool attaches the credential.</summary>
    public Injection Injection { get; init; } = Injection.None;

    public bool AllowInUrl { get; init; }

    /// <summary>The fields of the version in use that people may see.</summary>
    public IReadOnlyDictionary<string, string> PlainFields { get; init; } = new Dictionary<string, string>();

    /// <summary>Slugs of the workspaces that a credential of the organization is granted to.</summary>
    public IReadOnlyList<string> Grants { get; init; } = [];

    /// <summary>True when the workspace that asks has it from the organization: it can use it, and change nothing.</summary>
    public bool FromOrganization { get; init; }


    /// <summary>Since when no call may use it, and by whom; null while it may.</summary>
    public DateTimeOffset? FrozenAt { get; init; }

    public string? FrozenBy { get; init; }

    /// <summary>The newest report of a leak that is not closed.</summary>
    public OpenLeak? Leak { get; init; }

    public string? Environment => CredentialName.Environment(Name);

    /// <summary>The cookies of the session in use, without their values.</summary>
    public IReadOnlyList<CookieFacts> Cookies { get; init; } = [];

    /// <summary>Null for what is no session.</summary>
    public SessionView? Session { get; init; }

    public bool ScopeIsEmpty => Scope is { Tools.Count: 0, Agents.Count: 0, Workflows.Count: 0 };
}

/// <summary>How a session shows that it is over, and whether it has.</summary>
public sealed record SessionView(SessionRules Rules, DateTimeOffset? NeedsSignInAt, string? NeedsSignInWhy);

/// <summary>One version, without its value.</summary>
/// <param name="RetireAt">When a retiring version goes at the earliest.</param>
/// <param name="RetiredAt">When it was destroyed.</param>
public sealed record VersionView(int Number, VersionState State, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? ActivatedAt, DateTimeOffset? RetireAt, DateTimeOffset? RetiredAt, string Fingerprint, VerifyResult? Verified);

/// <summary>What keeps an OAuth token alive.</summary>
/// <param name="AuthorizerIsGone">The person is disabled or removed; the sign-in is still theirs.</param>
/// <param name="TokenEndsAt">When the access token in use ends.</param>
public sealed record GrantView(string? AuthorizedBy, DateTimeOffset? AuthorizedAt, bool AuthorizerIsGone, string? Scopes, DateTimeOffset? TokenEndsAt, DateTimeOffset? RefreshedAt, DateTimeOffset? RefreshAt, DateTimeOffset? RefreshTokenEndsAt);

/// <summary>A report of a leak in short.</summary>
/// <param name="Others">How many more are not closed.</param>
public sealed record OpenLeak(Guid Id, int? Version, LeakSource Source, LeakState State, DateTimeOffset ReportedAt, int Others);

/// <summary>The open rotation in short.</summary>
public sealed record RotationView(RotationState State, int PendingVersion, int? OldVersion, string StartedBy, DateTimeOffset StartedAt, DateTimeOffset? RetireAt);

/// <summary>Finds a credential by name, the living one first.</summary>
public sealed class CredentialDetailQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, UsageLedger usageLedger, TimeProvider clock)
{
    public async Task<Outcome<CredentialView>> RunAsync(Actor actor, string workspaceSlug, string name, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await CredentialRows.IdAsync(db, workspace.Id, name, ct) is not { } id) return Problem.NotFound("credential");
        return (await LoadAsync(db, workspace, [id], ct))[0];
    }

    /// <summary>Views in the order of the ids as one workspace may see them, each kind of row read once for all of them.</summary>
    internal async Task<IReadOnlyList<CredentialView>> LoadAsync(AdminDb db, Workspace asking, IReadOnlyList<Guid> ids, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var these = ids.ToArray();
        var credentials = await Looks.Whole.On(db)(db, these).ToListAsync(ct);
        var members = credentials.SelectMany(c => c.ScopeMembers.Select(m => m.ConsumerId)).Distinct().ToArray();
        var names = members.Length == 0 ? [] : await Looks.Names.On(db)(db, members).ToDictionaryAsync(c => c.Id, cancellationToken: ct);
        var grants = credentials.SelectMany(c => c.Grants.Select(g => g.WorkspaceId)).Distinct().ToList();
        var slugs = grants.Count == 0 ? [] : await db.Workspaces.AsNoTracking().Where(w => grants.Contains(w.Id)).ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        var ownerIds = credentials.Where(c => c.OwnerId is not null).Select(c => c.OwnerId!.Value).Distinct().ToList();
        var owners = ownerIds.Count == 0 ? [] : await db.Users.AsNoTracking().Where(u => ownerIds.Contains(u.Id)).Select(u => new { u.Id, u.Email }).ToDictionaryAsync(u => u.Id, u => u.Email, ct);
        var uses = await Looks.Uses.On(db)(db, these).ToDictionaryAsync(u => u.CredentialId, cancellationToken: ct);
        var rotations = await Looks.Open.On(db)(db, these).ToDictionaryAsync(r => r.CredentialId, cancellationToken: ct);
        var tokens = await Looks.Tokens.On(db)(db, these).ToDictionaryAsync(t => t.Grant.CredentialId, cancellationToken: ct);
        var leaks = (await Looks.Leaks.On(db)(db, these).ToListAsync(ct)).ToLookup(r => r.Credential, r => r.Leak);
        var archived = credentials.Where(c => c.ArchivedAt is not null).Select(c => c.Id).ToList();
        var archivers = archived.Count == 0 ? [] : await db.AuditEvents.AsNoTracking().Where(e => e.CredentialId != null && archived.Contains(e.CredentialId.Value) && e.Action == AuditAction.CredentialArchived)
            .Select(e => new { Id = e.CredentialId!.Value, e.ActorName }).ToListAsync(ct);

        var views = new Dictionary<Guid, CredentialView>();
        foreach (var c in credentials)
        {
            var rotation = rotations.GetValueOrDefault(c.Id);
            var granted = c.WorkspaceId != asking.Id;
            // What other workspaces do with it is not told.
            var use = granted ? null : uses.GetValueOrDefault(c.Id);
            var status = CredentialStatusPolicy.Of(c, now);
            views[c.Id] = new CredentialView(c.Id, c.Name, c.Type, c.Description, c.Provider, status, new ScopeNames(Of(c, ConsumerKind.Tool), Of(c, ConsumerKind.Agent), Of(c, ConsumerKind.Workflow)), c.AllowedHosts,
                c.OwnerId is { } owner ? owners.GetValueOrDefault(owner) : null, c.ExpiresAt, c.CreatedAt, use?.LastUsedAt, use?.Calls ?? 0,
                [.. c.Versions.OrderByDescending(v => v.Number).Select(v => new VersionView(v.Number, v.State, v.CreatedAt, v.CreatedBy, v.ActivatedAt, v.State == VersionState.Retiring ? rotation?.RetireAt : null, v.RetiredAt, v.Fingerprint, v.Verified))],
                rotation is null ? null : new RotationView(rotation.State, rotation.PendingVersion, rotation.OldVersion, rotation.StartedBy, rotation.StartedAt, rotation.RetireAt),
                c.Revision, c.PolicyVersion, await PolicyCheck.IsIntactAsync(db, vault, c, ct), c.ArchivedAt, archivers.Find(a => a.Id == c.Id)?.ActorName, c.NeedsSignInWhy,
                tokens.GetValueOrDefault(c.Id) is { } t ? new GrantView(t.Grant.AuthorizedBy, t.Grant.AuthorizedAt, t.Gone, t.Grant.GrantedScopes, c.Active?.ExpiresAt, t.Grant.RefreshedAt, c.NeedsSignInAt is null ? t.Grant.RefreshAt : null, t.Grant.RefreshTokenEndsAt) : null)
            {
                Cookies = c is { Type: CredentialType.Cookie, Active: { } used } ? ValueShape.CookiesOf(used.PlainFields) : [],
                Session = c.Type == CredentialType.Cookie ? new SessionView(c.Session ?? SessionRules.Default, c.NeedsSignInAt, c.NeedsSignInWhy) : null,
                FrozenAt = c.FrozenAt, FrozenBy = c.FrozenBy, Leak = granted || !leaks.Contains(c.Id) ? null : leaks[c.Id].First() with { Others = leaks[c.Id].Count() - 1 },
                Injection = c.Injection, AllowInUrl = c.AllowInUrl, PlainFields = c.Active?.PlainFields ?? new Dictionary<string, string>(), FromOrganization = granted,
                Grants = granted ? [] : [.. c.Grants.Select(g => slugs[g.WorkspaceId]).Order(StringComparer.Ordinal)],
            };
        }
        return [.. ids.Where(views.ContainsKey).Select(id => views[id])];

        // The organization says whose each is; a workspace sees its own.
        List<string> Of(Credential c, ConsumerKind kind) =>
        [
            .. c.ScopeMembers.Where(m => m.Kind == kind).Select(m => names.GetValueOrDefault(m.ConsumerId)).Where(n => n is not null && (asking.IsOrganization || n.WorkspaceId == asking.Id))
                .Select(n => asking.IsOrganization ? $"{slugs.GetValueOrDefault(n!.WorkspaceId)}/{n.Name}" : n!.Name).Order(StringComparer.Ordinal),
        ];
    }

    // Translated once: there are many, and each finds a row or none.
    private static class Looks
    {
        public static readonly CompiledQuery<Func<AdminDb, Guid[], IAsyncEnumerable<Credential>>> Whole = new(() => EF.CompileAsyncQuery((AdminDb db, Guid[] ids) =>
            db.Credentials.AsNoTracking().AsSplitQuery().Include(c => c.ScopeMembers).Include(c => c.Versions).Where(c => ids.Contains(c.Id))));

        public static readonly CompiledQuery<Func<AdminDb, Guid[], IAsyncEnumerable<Named>>> Names = new(() => EF.CompileAsyncQuery((AdminDb db, Guid[] ids) =>
            db.Consumers.Where(c => ids.Contains(c.Id)).Select(c => new Named(c.Id, c.WorkspaceId, c.Name))));

        public static readonly CompiledQuery<Func<AdminDb, Guid[], IAsyncEnumerable<CredentialUse>>> Uses = new(() => EF.CompileAsyncQuery((AdminDb db, Guid[] ids) =>
            db.CredentialUses.AsNoTracking().Where(u => ids.Contains(u.CredentialId))));

        public static readonly CompiledQuery<Func<AdminDb, Guid[], IAsyncEnumerable<Domain.Credentials.Rotation>>> Open = new(() => EF.CompileAsyncQuery((AdminDb db, Guid[] ids) =>
            db.Rotations.AsNoTracking().Where(r => ids.Contains(r.CredentialId) && (r.State == RotationState.Pending || r.State == RotationState.Grace))));

        public static readonly CompiledQuery<Func<AdminDb, Guid[], IAsyncEnumerable<Token>>> Tokens = new(() => EF.CompileAsyncQuery((AdminDb db, Guid[] ids) =>
            db.TokenGrants.AsNoTracking().Where(g => ids.Contains(g.CredentialId)).Select(g => new Token(g, g.AuthorizedById != null && !db.Users.Any(u => u.Id == g.AuthorizedById && u.DisabledAt == null)))));

        public static readonly CompiledQuery<Func<AdminDb, Guid[], IAsyncEnumerable<Leaked>>> Leaks = new(() => EF.CompileAsyncQuery((AdminDb db, Guid[] ids) =>
            db.LeakReports.Where(r => r.CredentialId != null && ids.Contains(r.CredentialId.Value) && r.State != LeakState.Closed).OrderByDescending(r => r.ReportedAt)
                .Select(r => new Leaked(r.CredentialId!.Value, new OpenLeak(r.Id, r.Version, r.Source, r.State, r.ReportedAt, 0)))));

        internal sealed record Named(Guid Id, Guid WorkspaceId, string Name);

        internal sealed record Token(TokenGrant Grant, bool Gone);

        internal sealed record Leaked(Guid Credential, OpenLeak Leak);
    }
}
