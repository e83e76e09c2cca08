using Evose.Admin.Domain;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Notifications;

/// <summary>How a workspace wants to be told, and what its policy refuses.</summary>
public sealed class NotificationSettingsQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, IOptions<NotificationOptions> options)
{
    /// <param name="Ladder">The one in force.</param>
    /// <param name="LadderIsOwn">False: the installation's.</param>
    /// <param name="Own">How many credentials have a ladder of their own.</param>
    public sealed record View(string Workspace, IReadOnlyList<int> Ladder, bool LadderIsOwn, IReadOnlyList<int> InstallationLadder, int EscalateAfterDays, int? BannerFromDay, int? BlockFromDay, int Revision, DateTimeOffset? ChangedAt,
        string? ChangedBy, int Own, bool CanManage);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.View, ct)).Failed(out var problem, out var workspace)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var row = await db.NotificationSettings.AsNoTracking().SingleOrDefaultAsync(s => s.WorkspaceId == workspace.Id, ct);
        var s = row ?? NotificationSettings.Usual(workspace.Id);
        var own = await db.Credentials.CountAsync(c => c.WorkspaceId == workspace.Id && c.ArchivedAt == null && c.Ladder != null, ct);
        return new View(workspace.Slug, s.Ladder ?? options.Value.Steps, s.Ladder is not null, options.Value.Steps, s.EscalateAfterDays, s.BannerFromDay, s.BlockFromDay, s.Revision, row?.ChangedAt, row?.ChangedBy, own,
            (await authorizer.RightsAsync(actor, ws, ct)).Allows(Permission.ManageNotifications));
    }
}
