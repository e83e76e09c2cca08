using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>The keys that reach nothing beyond what the actor sees, newest first. Never a key's text: there is none to show.</summary>
public sealed class ApiKeyListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, ApiKeyUses uses, TimeProvider clock)
{
    /// <param name="Workspaces">Slugs; null reaches all.</param>
    /// <param name="MayManage">The actor may rotate and revoke it.</param>
    public sealed record Row(Guid Id, string Name, string Prefix, IReadOnlyList<string> Scopes, IReadOnlyList<string>? Workspaces, string? Agent, ApiKeyStatus Status,
        DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt, DateTimeOffset? LastUsedAt, bool MayManage);

    /// <param name="Workspace">A slug: only keys that reach this workspace.</param>
    public sealed record Filter(ApiKeyStatus? Status = null, string? Workspace = null, int? Limit = null, string? Cursor = null);

    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, Filter filter, CancellationToken ct)
    {
        if (Cursors.Limit(filter.Limit).Failed(out var badLimit, out var limit)) return badLimit;
        if (Cursors.Decode(filter.Cursor).Failed(out var badCursor, out var after)) return badCursor;
        var visible = await authorizer.WorkspacesAsync(actor, Permission.ViewCalls, ct);
        if (visible is { Count: 0 } && await authorizer.AuthorizeOrganizationAsync(actor, Permission.ViewCalls, ct) is { } refused) return refused;
        Guid? only = null;
        if (filter.Workspace is { } slug)
        {
            if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ViewCalls, ct)).Failed(out var problem, out var workspace)) return problem;
            only = workspace.Id;
        }
        var manages = await authorizer.WorkspacesAsync(actor, Permission.ManageApiKeys, ct);

        await using var db = await dbs.CreateDbContextAsync(ct);
        // There are as many keys as integrations, not as calls: reach is decided here, where it is one function, and not in SQL.
        var keys = await db.ApiKeys.AsNoTracking().ToListAsync(ct);
        var slugs = await db.Workspaces.AsNoTracking().ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        var bound = keys.Where(k => k.AgentId is not null).Select(k => k.AgentId!.Value).Distinct().ToList();
        var agents = await db.Consumers.AsNoTracking().Where(c => bound.Contains(c.Id)).ToDictionaryAsync(c => c.Id, c => c.Name, ct);
        var now = clock.GetUtcNow();
        var rows = keys
            .Where(k => ApiKeyGate.Sees(visible, k) && (only is not { } w || k.Reaches(w)) && (filter.Status is not { } s || k.StatusAt(now) == s))
            .OrderByDescending(Place, StringComparer.Ordinal)
            .SkipWhile(k => after is not null && string.CompareOrdinal(Place(k), after) >= 0)
            .Take(limit + 1)
            .Select(k => new Row(k.Id, k.Name, ApiKeyToken.Prefix + k.PublicId, k.Scopes, k.WorkspaceIds?.Select(id => slugs.GetValueOrDefault(id, "?")).Order(StringComparer.Ordinal).ToList(),
                k.AgentId is { } a ? agents.GetValueOrDefault(a) : null, k.StatusAt(now), k.CreatedAt, k.CreatedBy, k.ExpiresAt, k.RevokedAt, uses.LastOf(k.Id, k.LastUsedAt),
                ApiKeyGate.Sees(manages, k)))
            .ToList();
        return Page<Row>.Of(rows, limit, r => Place(r.CreatedAt, r.Id));
    }

    private static string Place(ApiKey k) => Place(k.CreatedAt, k.Id);

    private static string Place(DateTimeOffset createdAt, Guid id) => $"{createdAt.UtcTicks:D19} {id:N}";
}
