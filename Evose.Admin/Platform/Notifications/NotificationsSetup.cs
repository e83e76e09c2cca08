namespace Evose.Admin.Platform.Notifications;

/// <summary>Wires what raises notifications.</summary>
public static class NotificationsSetup
{
    public static IServiceCollection AddNotificationOutbox(this IServiceCollection services) => services.AddSingleton<IntegrityAlarm>();
}
