using Evose.Admin.Domain;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Channels;

/// <summary>Who may do what with a channel: what the actor may not see does not exist for them.</summary>
public sealed class ChannelGate(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <summary>The workspace's id as channels name it; null is the organization.</summary>
    public async Task<Outcome<Workspace>> PlaceAsync(Actor actor, string? slug, Permission permission, CancellationToken ct) =>
        await authorizer.AuthorizeAsync(actor, string.IsNullOrWhiteSpace(slug) ? Workspace.OrganizationSlug : slug.Trim(), permission, ct);

    /// <summary>The channel's workspace, when there is such a channel for the actor.</summary>
    public async Task<Outcome<Workspace>> OfAsync(Actor actor, Guid channel, Permission permission, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var place = await db.NotificationChannels.Where(c => c.Id == channel).Select(c => new { Slug = db.Workspaces.Where(w => w.Id == c.WorkspaceId).Select(w => w.Slug).SingleOrDefault() }).SingleOrDefaultAsync(ct);
        if (place is null) return Problem.NotFound("channel");
        if ((await authorizer.AuthorizeAsync(actor, place.Slug ?? Workspace.OrganizationSlug, permission, ct)).Failed(out var problem, out var workspace)) return problem.Kind == ProblemKind.NotFound ? Problem.NotFound("channel") : problem;
        return workspace;
    }

    public static Guid? IdOf(Workspace workspace) => workspace.IsOrganization ? null : workspace.Id;
}
