using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
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
        var rows = await db.Workspaces.AsNoTracking().OrderBy(w => w.Slug).Select(w => new Row(w.Id, w.Slug, w.Name, w.IsDemo, w.CreatedAt)).ToListAsync(ct);
        return visible is null ? rows : rows.FindAll(w => visible.Contains(w.Id));
    }
}
