using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>Where the reader may read the audit: for the page's choice of workspace.</summary>
public sealed class AuditPlacesQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    public sealed record Row(string Slug, string Name);

    /// <summary>Empty: nowhere. With the organization itself when the reader may see everything.</summary>
    public async Task<IReadOnlyList<Row>> RunAsync(Actor actor, CancellationToken ct)
    {
        var visible = await authorizer.WorkspacesAsync(actor, Permission.ViewAudit, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        var all = await db.Workspaces.AsNoTracking().Where(w => w.Id != Workspace.OrganizationId).OrderBy(w => w.Slug).Select(w => new { w.Id, w.Slug, w.Name }).ToListAsync(ct);
        var rows = all.Where(w => visible is null || visible.Contains(w.Id)).Select(w => new Row(w.Slug, w.Name)).ToList();
        if (visible is null) rows.Insert(0, new Row(AuditQuery.Organization, "The organization itself"));
        return rows;
    }
}
