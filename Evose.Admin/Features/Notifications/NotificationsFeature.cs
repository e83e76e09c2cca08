using Evose.Admin.Domain;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Web;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Notifications;

/// <summary>Wires the inbox, the settings of workspaces, and the jobs that fill the inbox with reminders and escalations.</summary>
public static class NotificationsFeature
{
    public static IServiceCollection AddNotificationInbox(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<NotificationOptions>().Bind(configuration.GetSection(NotificationOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<NotificationOptions>, NotificationOptionsValidator>();
        services.AddSingleton<InboxQuery>();
        services.AddSingleton<AcknowledgeNotification>();
        services.AddSingleton<SnoozeNotification>();
        services.AddSingleton<NotificationSettingsQuery>();
        services.AddSingleton<SaveNotificationSettings>();
        services.AddSingleton<ForcedUpdateQuery>();
        return services.AddJob<ScanExpiryJob>().AddJob<EscalateJob>();
    }

    public static void ScheduleNotifications(this IServiceProvider services)
    {
        var interval = services.GetRequiredService<IOptions<NotificationOptions>>().Value.ScanInterval;
        services.Every<ScanExpiryJob>(interval);
        services.Every<EscalateJob>(interval);
    }

    /// <param name="Until">ISO 8601.</param>
    public sealed record SnoozeBody(DateTimeOffset? Until);

    /// <summary>Null or left out: the installation's ladder, the usual escalation, no banner, no refusal.</summary>
    public sealed record SettingsBody(IReadOnlyList<int>? Ladder, int? EscalateAfterDays, int? BannerFromDay, int? BlockFromDay, int? Revision);

    public static void MapNotifications(this RouteGroupBuilder root)
    {
        var api = root.MapGroup("/notifications").WithTags("Notifications");
        api.MapGet("", async (string? state, string? workspace, string? severity, int? limit, string? cursor, InboxQuery inbox, HttpContext context) =>
            ApiResults.Of(await inbox.RunAsync(context.Caller(), state, workspace, limit, cursor, context.RequestAborted, severity))).WithSummary("The inbox.");
        api.MapPost("/{id:guid}/acknowledge", async (Guid id, AcknowledgeNotification acknowledge, HttpContext context) =>
            ApiResults.Of(await acknowledge.ExecuteAsync(context.Caller(), id, context.RequestAborted))).WithSummary("Mark a notification as seen.");
        api.MapPost("/{id:guid}/snooze", async (Guid id, SnoozeBody body, SnoozeNotification snooze, HttpContext context) =>
            body.Until is { } until ? ApiResults.Of(await snooze.ExecuteAsync(context.Caller(), id, until.ToUniversalTime(), context.RequestAborted)) : ApiResults.Of(Problem.Invalid("until", "Say until when, in ISO 8601."))).WithSummary("Put a notification aside until a time; it is not escalated until then.");

        var settings = root.MapGroup("/workspaces/{ws}/notification-settings").WithTags("Notifications");
        settings.MapGet("", async (string ws, NotificationSettingsQuery query, HttpContext context) => ApiResults.Of(await query.RunAsync(context.Caller(), ws, context.RequestAborted), Shape)).WithSummary("Ladder, escalation and forced-update policy.");
        settings.MapPut("", async (string ws, SettingsBody body, SaveNotificationSettings save, NotificationSettingsQuery query, HttpContext context) =>
            (await save.ExecuteAsync(context.Caller(), ws, new SaveNotificationSettings.Input(body.Ladder, body.EscalateAfterDays, body.BannerFromDay, body.BlockFromDay, body.Revision), context.RequestAborted)).Failed(out var problem)
                ? ApiResults.Of(problem) : ApiResults.Of(await query.RunAsync(context.Caller(), ws, context.RequestAborted), Shape)).WithSummary("Replace ladder, escalation and forced-update policy.");
    }

    private static object Shape(NotificationSettingsQuery.View v) => new
    {
        v.Workspace,
        v.Ladder,
        LadderIsOwn = v.LadderIsOwn,
        v.EscalateAfterDays,
        v.BannerFromDay,
        v.BlockFromDay,
        v.Revision,
        ChangedAt = v.ChangedAt?.UtcDateTime,
        v.ChangedBy,
    };
}
