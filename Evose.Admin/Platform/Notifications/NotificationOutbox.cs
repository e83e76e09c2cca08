using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Notifications;

/// <summary>The append-only door to the inbox: one notification per key, in the caller's transaction.</summary>
public static class NotificationOutbox
{
    /// <summary>Adds the notification unless one with its key exists; true when it was added.</summary>
    public static async Task<bool> RaiseAsync(AdminDb db, Notification notification, CancellationToken ct)
    {
        if (await db.Notifications.AnyAsync(n => n.Key == notification.Key, ct)) return false;
        db.Notifications.Add(notification);
        return true;
    }
}
