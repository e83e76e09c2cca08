using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>What somebody may choose from when they issue a key.</summary>
public sealed class IssueFormQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <param name="Everywhere">May issue keys that reach all workspaces.</param>
    /// <param name="Forever">May issue keys without an end.</param>
    public sealed record View(bool Everywhere, bool Forever, IReadOnlyList<Place> Places)
    {
        public bool MayIssue => Everywhere || Places.Count > 0;
    }

    public sealed record Place(string Slug, string Name, IReadOnlyList<string> Agents);

    public async Task<View> RunAsync(Actor actor, CancellationToken ct)
    {
        var managed = await authorizer.WorkspacesAsync(actor, Permission.ManageApiKeys, ct);
        var organization = await authorizer.RightsAsync(actor, null, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        var workspaces = await db.Workspaces.AsNoTracking().Where(w => w.Id != Workspace.OrganizationId).OrderBy(w => w.Slug).ToListAsync(ct);
        var agents = (await db.Consumers.AsNoTracking().Where(c => c.Kind == ConsumerKind.Agent && c.DeletedAt == null).Select(c => new { c.WorkspaceId, c.Name }).ToListAsync(ct)).ToLookup(c => c.WorkspaceId, c => c.Name);
        return new View(organization.Allows(Permission.ManageApiKeys), organization.Allows(Permission.ManageOrganization),
            [.. workspaces.Where(w => managed is null || managed.Contains(w.Id)).Select(w => new Place(w.Slug, w.Name, [.. agents[w.Id].Order(StringComparer.Ordinal)]))]);
    }
}
