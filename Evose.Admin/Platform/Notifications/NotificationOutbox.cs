using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Notifications;

/// <summary>The append-only door to the inbox and the channels: one notification per key, and with it one delivery per channel that wants it, in the caller's write transaction.</summary>
public static class NotificationOutbox
{
    /// <summary>Adds the notification unless one with its key exists; true when it was added.</summary>
    public static async Task<bool> RaiseAsync(AdminDb db, Notification notification, CancellationToken ct)
    {
        if (await db.Notifications.AnyAsync(n => n.Key == notification.Key, ct)) return false;
        db.Notifications.Add(notification);
        // What belongs to the organization's own row is the organization's.
        var place = notification.WorkspaceId == Workspace.OrganizationId ? null : notification.WorkspaceId;
        var channels = await db.NotificationChannels.AsNoTracking()
            .Where(c => c.DisabledAt == null && (c.WorkspaceId == place || (c.WorkspaceId == null && c.IncludesWorkspaces))).OrderBy(c => c.Id).ToListAsync(ct);
        foreach (var channel in channels.Where(c => c.Wants(notification.Kind)))
            db.Deliveries.Add(Delivery.Of(Guid.CreateVersion7(notification.CreatedAt), channel.Id, notification.Id, await NextNumberAsync(db, channel.Id, ct), notification.CreatedAt));
        return true;
    }

    /// <summary>The end of the channel's queue. Inside the write transaction nobody else takes it.</summary>
    public static async Task<long> NextNumberAsync(AdminDb db, Guid channel, CancellationToken ct)
    {
        var last = await db.Deliveries.Where(d => d.ChannelId == channel).MaxAsync(d => (long?)d.Number, ct) ?? 0;
        return db.Deliveries.Local.Where(d => d.ChannelId == channel).Select(d => d.Number).Append(last).Max() + 1;
    }
}
