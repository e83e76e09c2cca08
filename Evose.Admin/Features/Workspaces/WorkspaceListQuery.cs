using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>The workspaces that exist for this actor, by slug.</summary>
public sealed class WorkspaceListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    public sealed record Row(Guid Id, string Slug, string Name, bool IsDemo, DateTimeOffset CreatedAt);

    public async Task<IReadOnlyList<Row>> RunAsync(Actor actor, CancellationToken ct)
    {
        var visible = await authorizer.WorkspacesAsync(actor, Permission.View, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = await db.Workspaces.AsNoTracking().Where(w => w.Id != Workspace.OrganizationId).OrderBy(w => w.Slug).Select(w => new Row(w.Id, w.Slug, w.Name, w.IsDemo, w.CreatedAt)).ToListAsync(ct);
        return visible is null ? rows : rows.FindAll(w => visible.Contains(w.Id));
    }

    /// <summary>The same, a page at a time.</summary>
    public async Task<Outcome<Page<Row>>> PageAsync(Actor actor, int? limit, string? cursor, CancellationToken ct)
    {
        if (Cursors.Limit(limit).Failed(out var wrong, out var most)) return wrong;
        if (Cursors.Decode(cursor).Failed(out wrong, out var after)) return wrong;
        var rows = await RunAsync(actor, ct);
        return Page<Row>.Of([.. rows.SkipWhile(r => after is not null && string.CompareOrdinal(r.Slug, after) <= 0).Take(most + 1)], most, r => r.Slug);
    }
}
