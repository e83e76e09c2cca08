using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Notifications;

/// <summary>Puts a notification aside for a while: it is not counted and not escalated until then, and comes back by itself.</summary>
public sealed class SnoozeNotification(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    public sealed record View(Guid Id, DateTimeOffset SnoozedUntil);

    public async Task<Outcome<View>> ExecuteAsync(Actor actor, Guid id, DateTimeOffset until, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await AcknowledgeNotification.RefuseAsync(db, authorizer, actor, id, ct) is { } refused) return refused;
        var now = clock.GetUtcNow();
        if (until <= now || until > now + Longest) return Problem.Invalid("until", $"Until a time within the next {Longest.TotalDays:0} days.");

        await using var write = await db.BeginWriteAsync(ct);
        var notification = await db.Notifications.SingleAsync(n => n.Id == id, ct);
        if (notification.AcknowledgedAt is not null) return Problem.Conflict("It is acknowledged already.", "acknowledged");
        notification.SnoozedUntil = until;
        AuditTrail.Append(db, now, actor, AuditAction.NotificationSnoozed, new AuditSubject(notification.WorkspaceId, notification.Title, notification.Id, notification.CredentialId), $"until {until.UtcDateTime:yyyy-MM-dd HH:mm}Z");
        await write.CommitAsync(ct);
        return new View(notification.Id, until);
    }
}
