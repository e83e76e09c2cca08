using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Web;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Notifications;

/// <summary>Wires the inbox and the job that fills it with expiry reminders.</summary>
public static class NotificationsFeature
{
    public static IServiceCollection AddNotificationInbox(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<NotificationOptions>().Bind(configuration.GetSection(NotificationOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<NotificationOptions>, NotificationOptionsValidator>();
        services.AddSingleton<InboxQuery>();
        services.AddSingleton<AcknowledgeNotification>();
        return services.AddJob<ScanExpiryJob>();
    }

    public static void ScheduleNotifications(this IServiceProvider services) =>
        services.Every<ScanExpiryJob>(services.GetRequiredService<IOptions<NotificationOptions>>().Value.ScanInterval);

    public static void MapNotifications(this RouteGroupBuilder api)
    {
        api = api.MapGroup("/notifications").WithTags("Notifications");
        api.MapGet("", async (string? state, string? workspace, int? limit, string? cursor, InboxQuery inbox, HttpContext context) =>
            ApiResults.Of(await inbox.RunAsync(context.Caller(), state, workspace, limit, cursor, context.RequestAborted))).WithSummary("The inbox.");
        api.MapPost("/{id:guid}/acknowledge", async (Guid id, AcknowledgeNotification acknowledge, HttpContext context) =>
            ApiResults.Of(await acknowledge.ExecuteAsync(context.Caller(), id, context.RequestAborted))).WithSummary("Mark a notification as seen.");
    }
}
