using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>The credentials of a workspace, a page at a time; every page costs the same, however many calls there were.</summary>
public sealed class CredentialListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, CredentialDetailQuery details, TimeProvider clock)
{
    public const int MaxSearch = 200;

    /// <summary>Sort orders by their name in addresses.</summary>
    public static readonly IReadOnlyList<string> Sorts = ["name", "expires_at", "-last_used_at"];

    /// <param name="Search">Part of name, description or provider.</param>
    /// <param name="Status">A word of <see cref="CredentialStatus"/>; null is all that are not archived.</param>
    /// <param name="Environment">The name's last part; <c>none</c> is a name without one.</param>
    /// <param name="Sort">One of <see cref="Sorts"/>.</param>
    public sealed record Filter(string? Search = null, string? Status = null, string? Environment = null, string? Sort = null, int? Limit = null, string? Cursor = null);

    /// <param name="Calls">Calls of the last 7 days.</param>
    /// <param name="UsedByTools">How many tools reference it.</param>
    /// <param name="FromOrganization">Granted, not the workspace's own: what all workspaces do with it is not told here.</param>
    public sealed record Row(Guid Id, string Name, CredentialType Type, string? Description, string? Provider, string? Environment, CredentialStatus Status, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt,
        long Calls, long Errors, int UsedByTools, string? Owner, bool FromOrganization);

    /// <param name="Manages">The actor may register and change credentials here.</param>
    public sealed record Listing(Page<Row> Page, bool Manages);

    /// <summary>Rows for the list on the page.</summary>
    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string workspaceSlug, Filter filter, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        return await RowsAsync(db, workspace, filter, ct);
    }

    /// <summary>The same, and whether the actor may change what is listed: both are asked of one context.</summary>
    public async Task<Outcome<Listing>> ListAsync(Actor actor, string workspaceSlug, Filter filter, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        var rows = await RowsAsync(db, workspace, filter, ct);
        // What an address says wrongly is dropped: an old link still shows the list.
        if (rows.Problem is { Kind: ProblemKind.Invalid or ProblemKind.Malformed }) rows = await RowsAsync(db, workspace, new Filter(Limit: filter.Limit), ct);
        if (rows.Failed(out var problem, out var page)) return problem;
        return new Listing(page, (await authorizer.RightsAsync(db, actor, workspace.Id, ct)).Allows(Permission.ManageCredentials));
    }

    private async Task<Outcome<Page<Row>>> RowsAsync(AdminDb db, Workspace workspace, Filter filter, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if ((await FoundAsync(db, workspace, filter, now, ct)).Failed(out var problem, out var page)) return problem;

        var ids = page.Data.Select(f => f.Id).ToList();
        var names = page.Data.Select(f => f.Name).ToList();
        var hour = UsageSums.HourOf(now);
        var calls = await UsageSums.SinceAsync(db, ids, hour - (7 * 24), hour, ct);
        var references = workspace.IsOrganization
            ? from r in db.References.AsNoTracking() join c in db.Credentials on r.CredentialName equals c.Name where ids.Contains(c.Id) && c.Grants.Any(g => g.WorkspaceId == r.WorkspaceId) select r
            : db.References.AsNoTracking().Where(r => r.WorkspaceId == workspace.Id && names.Contains(r.CredentialName));
        var tools = await references.Select(r => new { r.CredentialName, r.ToolId }).Distinct().GroupBy(r => r.CredentialName).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        var ownerIds = page.Data.Where(f => f.OwnerId is not null).Select(f => f.OwnerId!.Value).Distinct().ToList();
        var owners = ownerIds.Count == 0 ? [] : await db.Users.AsNoTracking().Where(u => ownerIds.Contains(u.Id)).Select(u => new { u.Id, u.Email }).ToDictionaryAsync(u => u.Id, u => u.Email, ct);
        return page.Select(f => new Row(f.Id, f.Name, f.Type, f.Description, f.Provider, CredentialName.Environment(f.Name), f.Status(now), f.ExpiresAt, f.Own ? f.LastUsedAt : null,
            f.Own ? calls.GetValueOrDefault(f.Id).Calls : 0, f.Own ? calls.GetValueOrDefault(f.Id).Errors : 0, tools.GetValueOrDefault(f.Name), f.OwnerId is { } owner ? owners.GetValueOrDefault(owner) : null, !f.Own));
    }

    /// <summary>Full views for the REST list.</summary>
    public async Task<Outcome<Page<CredentialView>>> ViewsAsync(Actor actor, string workspaceSlug, Filter filter, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        if ((await FoundAsync(db, workspace, filter, clock.GetUtcNow(), ct)).Failed(out var problem, out var page)) return problem;
        return new Page<CredentialView>(await details.LoadAsync(db, workspace, [.. page!.Data.Select(f => f.Id)], ct), page.NextCursor, page.HasMore);
    }

    /// <summary>Whether the workspace has any living credential: tells an empty list from one that a filter emptied.</summary>
    public async Task<bool> AnyAsync(Actor actor, string workspaceSlug, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out _, out var workspace)) return false;
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.CredentialsFor(workspace!.Id).AnyAsync(ct);
    }

    private static async Task<Outcome<Page<Found>>> FoundAsync(AdminDb db, Workspace workspace, Filter filter, DateTimeOffset now, CancellationToken ct)
    {
        if (Cursors.Limit(filter.Limit).Failed(out var badLimit, out var limit)) return badLimit;
        if (Cursors.Decode(filter.Cursor).Failed(out var badCursor, out var cursor)) return badCursor;
        if (filter.Search is { Length: > MaxSearch }) return Problem.Invalid("search", $"Search for at most {MaxSearch} characters.");
        var sort = string.IsNullOrEmpty(filter.Sort) ? "name" : filter.Sort;
        if (!Sorts.Contains(sort)) return Problem.Invalid("sort", $"Sort by one of: {string.Join(", ", Sorts)}.");

        // Granted ones stand among its own; what the organization archived is none of its history.
        var granted = await db.CredentialGrants.AsNoTracking().Where(g => g.WorkspaceId == workspace.Id).Select(g => g.CredentialId).ToListAsync(ct);
        var rows = granted.Count == 0 ? db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id)
            : db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id || (c.ArchivedAt == null && granted.Contains(c.Id)));
        if (Having(rows, filter.Status, now).Failed(out var badStatus, out var having)) return badStatus;
        rows = having!;
        switch (filter.Environment)
        {
            case null or "":
                break;
            case "none":
                rows = rows.Where(c => !c.Name.EndsWith("_prod") && !c.Name.EndsWith("_staging") && !c.Name.EndsWith("_dev") && !c.Name.EndsWith("_test"));
                break;
            case "prod" or "staging" or "dev" or "test":
                var suffix = "_" + filter.Environment;
                rows = rows.Where(c => c.Name.EndsWith(suffix));
                break;
            default:
                return Problem.Invalid("environment", "The environment is one of: prod, staging, dev, test, none.");
        }
        if (!string.IsNullOrWhiteSpace(filter.Search))
        {
            var pattern = $"%{filter.Search.Trim().Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
            rows = rows.Where(c => EF.Functions.Like(c.Name, pattern, "\\") || EF.Functions.Like(c.Description!, pattern, "\\") || EF.Functions.Like(c.Provider!, pattern, "\\"));
        }

        // What orders the list is read of all of them, once each; the rest of those on the page.
        var keys = from c in rows
                   join u in db.CredentialUses on c.Id equals u.CredentialId into uses
                   from u in uses.DefaultIfEmpty()
                   select new Key { Id = c.Id, Name = c.Name, ExpiresAt = c.ExpiresAt, LastUsedAt = (DateTimeOffset?)u.LastUsedAt };
        if (Sorted(keys, sort, cursor) is not { } sorted) return Problem.Malformed("The cursor is not one of this list. Start again without it.");
        var page = Page<Key>.Of(await sorted.Take(limit + 1).ToListAsync(ct), limit, k => KeyOf(k, sort));
        var ids = page.Data.Select(k => k.Id).ToList();
        var found = await db.Credentials.AsNoTracking().Where(c => ids.Contains(c.Id)).Select(c => new Found
        {
            Id = c.Id,
            Own = c.WorkspaceId == workspace.Id,
            Name = c.Name,
            Type = c.Type,
            Description = c.Description,
            Provider = c.Provider,
            OwnerId = c.OwnerId,
            ExpiresAt = c.ExpiresAt,
            Archived = c.ArchivedAt != null,
            HasActive = c.ActiveVersion != null,
            NeedsSignIn = c.NeedsSignInAt != null,
            Frozen = c.FrozenAt != null,
            Rotating = c.Versions.Any(v => v.State == VersionState.Pending || v.State == VersionState.Retiring),
            LastUsedAt = db.CredentialUses.Where(u => u.CredentialId == c.Id).Select(u => (DateTimeOffset?)u.LastUsedAt).FirstOrDefault(),
        }).ToDictionaryAsync(f => f.Id, ct);
        return page.Select(k => found[k.Id]);
    }

    private static Outcome<IQueryable<Credential>> Having(IQueryable<Credential> rows, string? status, DateTimeOffset now)
    {
        var soon = now + CredentialStatusPolicy.ExpiringWithin;
        if (status == "archived") return Outcome<IQueryable<Credential>>.Of(rows.Where(c => c.ArchivedAt != null));
        var living = rows.Where(c => c.ArchivedAt == null);
        if (status == "frozen") return Outcome<IQueryable<Credential>>.Of(living.Where(c => c.FrozenAt != null));
        if (!string.IsNullOrEmpty(status)) living = living.Where(c => c.FrozenAt == null);
        if (status is "expired" or "expiring" or "rotating" or "active") living = living.Where(c => c.NeedsSignInAt == null);
        IQueryable<Credential>? having = status switch
        {
            null or "" => living,
            "needs_sign_in" => living.Where(c => c.NeedsSignInAt != null),
            "unavailable" => living.Where(c => c.ActiveVersion == null && c.NeedsSignInAt == null),
            "expired" => living.Where(c => c.ActiveVersion != null && c.NeedsSignInAt == null && c.ExpiresAt <= now),
            "expiring" => living.Where(c => c.ActiveVersion != null && c.NeedsSignInAt == null && c.ExpiresAt > now && c.ExpiresAt <= soon),
            "rotating" => living.Where(c => c.ActiveVersion != null && c.NeedsSignInAt == null && (c.ExpiresAt == null || c.ExpiresAt > soon) && c.Versions.Any(v => v.State == VersionState.Pending || v.State == VersionState.Retiring)),
            "active" => living.Where(c => c.ActiveVersion != null && c.NeedsSignInAt == null && (c.ExpiresAt == null || c.ExpiresAt > soon) && !c.Versions.Any(v => v.State == VersionState.Pending || v.State == VersionState.Retiring)),
            _ => null,
        };
        return having is null ? Problem.Invalid("status", "The status is one of: active, rotating, expiring, expired, unavailable, needs_sign_in, frozen, archived.") : Outcome<IQueryable<Credential>>.Of(having);
    }

    // Names are unique among the living only, so the id is the last part of every key.
    private static IQueryable<Key>? Sorted(IQueryable<Key> rows, string sort, string? cursor)
    {
        string? name = null;
        DateTimeOffset? at = null;
        var id = Guid.Empty;
        if (cursor is not null)
        {
            var parts = cursor.Split('|');
            if (parts.Length != 4 || parts[0] != sort || !Guid.TryParse(parts[3], out id)) return null;
            if (parts[1].Length > 0)
            {
                if (!long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) || ticks > DateTimeOffset.MaxValue.UtcTicks) return null;
                at = new DateTimeOffset(ticks, TimeSpan.Zero);
            }
            name = parts[2];
        }
        switch (sort)
        {
            case "expires_at":
                if (name is not null)
                {
                    rows = at is null ? rows.Where(f => f.ExpiresAt == null && (f.Name.CompareTo(name) > 0 || (f.Name == name && f.Id > id)))
                        : rows.Where(f => f.ExpiresAt == null || f.ExpiresAt > at || (f.ExpiresAt == at && (f.Name.CompareTo(name) > 0 || (f.Name == name && f.Id > id))));
                }
                return rows.OrderBy(f => f.ExpiresAt == null).ThenBy(f => f.ExpiresAt).ThenBy(f => f.Name).ThenBy(f => f.Id);
            case "-last_used_at":
                if (name is not null)
                {
                    rows = at is null ? rows.Where(f => f.LastUsedAt == null && (f.Name.CompareTo(name) > 0 || (f.Name == name && f.Id > id)))
                        : rows.Where(f => f.LastUsedAt == null || f.LastUsedAt < at || (f.LastUsedAt == at && (f.Name.CompareTo(name) > 0 || (f.Name == name && f.Id > id))));
                }
                return rows.OrderBy(f => f.LastUsedAt == null).ThenByDescending(f => f.LastUsedAt).ThenBy(f => f.Name).ThenBy(f => f.Id);
            default:
                if (name is not null) rows = rows.Where(f => f.Name.CompareTo(name) > 0 || (f.Name == name && f.Id > id));
                return rows.OrderBy(f => f.Name).ThenBy(f => f.Id);
        }
    }

    private static string KeyOf(Key f, string sort)
    {
        var at = sort switch { "expires_at" => f.ExpiresAt, "-last_used_at" => f.LastUsedAt, _ => null };
        return $"{sort}|{at?.UtcTicks.ToString(CultureInfo.InvariantCulture)}|{f.Name}|{f.Id:N}";
    }

    private sealed class Key
    {
        public Guid Id { get; init; }
        public string Name { get; init; } = "";
        public DateTimeOffset? ExpiresAt { get; init; }
        public DateTimeOffset? LastUsedAt { get; init; }
    }

    private sealed class Found
    {
        public Guid Id { get; init; }
        public bool Own { get; init; }
        public string Name { get; init; } = "";
        public CredentialType Type { get; init; }
        public string? Description { get; init; }
        public string? Provider { get; init; }
        public Guid? OwnerId { get; init; }
        public DateTimeOffset? ExpiresAt { get; init; }
        public bool Archived { get; init; }
        public bool HasActive { get; init; }
        public bool NeedsSignIn { get; init; }
        public bool Frozen { get; init; }
        public bool Rotating { get; init; }
        public DateTimeOffset? LastUsedAt { get; init; }

        public CredentialStatus Status(DateTimeOffset now) => CredentialStatusPolicy.Of(Archived, HasActive, ExpiresAt, Rotating, now, NeedsSignIn, Frozen);
    }
}
