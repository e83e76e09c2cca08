using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Notifications;

/// <summary>Marks a notification as dealt with. Who was first stands; a second time changes and audits nothing.</summary>
public sealed class AcknowledgeNotification(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public sealed record View(Guid Id, DateTimeOffset AcknowledgedAt, string? AcknowledgedBy);

    public async Task<Outcome<View>> ExecuteAsync(Actor actor, Guid id, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await RefuseAsync(db, authorizer, actor, id, ct) is { } refused) return refused;

        await using var write = await db.BeginWriteAsync(ct);
        var notification = await db.Notifications.SingleAsync(n => n.Id == id, ct);
        if (notification.AcknowledgedAt is null)
        {
            var now = clock.GetUtcNow();
            (notification.AcknowledgedAt, notification.AcknowledgedBy) = (now, actor.Name);
            AuditTrail.Append(db, now, actor, AuditAction.NotificationAcknowledged, new AuditSubject(notification.WorkspaceId, notification.Title, notification.Id, notification.CredentialId));
            await write.CommitAsync(ct);
        }
        return new View(notification.Id, notification.AcknowledgedAt.Value, notification.AcknowledgedBy);
    }

    /// <summary>What the actor may not see does not exist for them; what they may only see is refused.</summary>
    internal static async Task<Problem?> RefuseAsync(AdminDb db, Authorizer authorizer, Actor actor, Guid id, CancellationToken ct)
    {
        var place = await db.Notifications.Where(n => n.Id == id).Select(n => new { n.WorkspaceId, Slug = db.Workspaces.Where(w => w.Id == n.WorkspaceId).Select(w => w.Slug).SingleOrDefault() }).SingleOrDefaultAsync(ct);
        if (place is null) return Problem.NotFound("notification");
        var refused = await RefuseAsync(authorizer, actor, place.WorkspaceId, place.Slug, ct);
        return refused is { Kind: ProblemKind.NotFound } ? Problem.NotFound("notification") : refused;
    }

    private static async Task<Problem?> RefuseAsync(Authorizer authorizer, Actor actor, Guid? workspaceId, string? slug, CancellationToken ct)
    {
        if (slug is not null) return (await authorizer.AuthorizeAsync(actor, slug, Permission.HandleNotifications, ct)).Problem;
        if (workspaceId is null && await authorizer.WorkspacesAsync(actor, Permission.ViewCalls, ct) is null)
            return await authorizer.AuthorizeOrganizationAsync(actor, Permission.HandleNotifications, ct);
        return Problem.NotFound("notification");
    }
}
