using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Channels;

/// <summary>Wires what carries notifications out of the app: channels, their log and the job that sends.</summary>
public static class ChannelsFeature
{
    public static IServiceCollection AddChannels(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<SmtpOptions>().Bind(configuration.GetSection(SmtpOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<SmtpOptions>, SmtpOptionsValidator>();
        services.AddSingleton<ChannelSeals>();
        services.AddSingleton<ChannelGate>();
        services.AddSingleton<MailSender>();
        services.AddSingleton<ChannelSender>();
        services.AddSingleton<NoticeWriter>();
        services.AddSingleton<ChannelQuery>();
        services.AddSingleton<SaveChannel>();
        services.AddSingleton<RemoveChannel>();
        services.AddSingleton<SwitchChannel>();
        services.AddSingleton<TestChannel>();
        services.AddSingleton<ResendDelivery>();
        return services.AddJob<DeliverNotificationsJob>();
    }

    public static void ScheduleChannels(this IServiceProvider services) =>
        services.Every<DeliverNotificationsJob>(services.GetRequiredService<IOptions<NotificationOptions>>().Value.DeliverInterval);

    /// <summary>The body of a new channel without its values.</summary>
    /// <param name="Kind"><c>webhook</c> when not given.</param>
    /// <param name="Workspace">Slug; the organization when not given, and then also what belongs to workspaces.</param>
    public sealed record ChannelBody(string? Name, string? Kind, string? Workspace, IReadOnlyList<string>? Events, string? MinSeverity, string? Language, IReadOnlyList<string>? Recipients, bool? StandardHeaders, bool? IncludesWorkspaces);

    /// <summary>The same with the values, for the document only: values are read apart and never become text.</summary>
    public sealed record ChannelDocument(string? Url, string? Secret, string? Name, string? Kind, string? Workspace, IReadOnlyList<string>? Events, string? MinSeverity, string? Language, IReadOnlyList<string>? Recipients, bool? StandardHeaders,
        bool? IncludesWorkspaces);

    /// <summary>The body of a change without its values.</summary>
    /// <param name="Events">Null or empty: every kind.</param>
    /// <param name="Recipients">Null or empty: whoever answers for the thing, or the admins.</param>
    /// <param name="Revision">The one that was read; another one meanwhile is a conflict.</param>
    public sealed record PatchBody(string? Name, IReadOnlyList<string>? Events, string? MinSeverity, string? Language, IReadOnlyList<string>? Recipients, bool? StandardHeaders, bool? IncludesWorkspaces, int? Revision);

    /// <summary>The same with the values, for the document only.</summary>
    public sealed record PatchDocument(string? Url, string? Secret, string? Name, IReadOnlyList<string>? Events, string? MinSeverity, string? Language, IReadOnlyList<string>? Recipients, bool? StandardHeaders, bool? IncludesWorkspaces, int? Revision);

    private static readonly string[] Values = ["url", "secret"];

    public static void MapChannels(this RouteGroupBuilder api)
    {
        api = api.MapGroup("/webhooks").WithTags("Notifications");
        api.MapPost("", AddAsync).Accepts<ChannelDocument>("application/json").WithSummary("Add a channel: a webhook, a bot or e-mail. Without a secret a webhook gets one, shown in this answer only.");
        api.MapGet("", async (string? workspace, ChannelQuery query, HttpContext context) =>
            ApiResults.Of(await query.ListAsync(context.Caller(), workspace, context.RequestAborted), rows => new Page<object>([.. rows.Select(Shape)], null, false))).WithSummary("Channels; never an address or a secret.");
        api.MapGet("/{id:guid}", async (Guid id, ChannelQuery query, HttpContext context) =>
            ApiResults.Of(await query.RunAsync(context.Caller(), id, 1, null, context.RequestAborted), v => Shape(v.Channel))).WithSummary("One channel.");
        api.MapPatch("/{id:guid}", EditAsync).Accepts<PatchDocument>("application/json").WithSummary("Change a channel. What is left out is kept, address and secret too; kind and workspace stay.");
        api.MapDelete("/{id:guid}", async (Guid id, RemoveChannel remove, HttpContext context) =>
            (await remove.ExecuteAsync(context.Caller(), id, context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent()).WithSummary("Remove a channel with its address, secret and log.");
        api.MapPost("/{id:guid}/test", async (Guid id, TestChannel test, HttpContext context) =>
            ApiResults.Of(await test.ExecuteAsync(context.Caller(), id, context.RequestAborted))).WithSummary("Send a webhook.test at once and see the answer.");
        api.MapGet("/{id:guid}/deliveries", async (Guid id, int? limit, string? cursor, ChannelQuery query, HttpContext context) =>
            ApiResults.Of(await query.RunAsync(context.Caller(), id, limit, cursor, context.RequestAborted), v => v.Log.Select(d => (object)Shape(d)))).WithSummary("The log, newest first: state, attempts and the last answer.");
        api.MapPost("/{id:guid}/deliveries/{delivery:guid}/resend", async (Guid id, Guid delivery, ResendDelivery resend, HttpContext context) =>
            (await resend.ExecuteAsync(context.Caller(), id, delivery, context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.Accepted()).WithSummary("Send a finished delivery once more.");
    }

    private static async Task<IResult> AddAsync(SaveChannel save, ChannelQuery query, HttpContext context)
    {
        var ct = context.RequestAborted;
        if ((await SecretJson.ReadAsync(context.Request, ct, Values)).Failed(out var unreadable, out var json)) return ApiResults.Of(unreadable);
        using (json)
        {
            if (json.Read<ChannelBody>().Failed(out var malformed, out var body)) return ApiResults.Of(malformed);
            if (json.Fields.Keys.Any(f => !Values.Contains(f))) return ApiResults.Of(Problem.Invalid("fields", "A channel's values are url and secret."));
            var kind = string.IsNullOrWhiteSpace(body.Kind) ? "webhook" : body.Kind.Trim();
            var given = json.Fields.GetValueOrDefault("secret");
            using var made = kind == "webhook" && given is null ? NewSecret() : null;
            var input = new SaveChannel.Input(null, body.Workspace, kind, body.Name, body.Events, body.MinSeverity, body.Language, body.Recipients, body.StandardHeaders ?? false,
                body.IncludesWorkspaces ?? string.IsNullOrWhiteSpace(body.Workspace), json.Fields.GetValueOrDefault("url"), given ?? made);
            if ((await save.ExecuteAsync(context.Caller(), input, ct)).Failed(out var problem, out var saved)) return ApiResults.Of(problem);
            if ((await query.RunAsync(context.Caller(), saved.Id, 1, null, ct)).Failed(out problem, out var view)) return ApiResults.Of(problem);
            var shape = Shape(view.Channel);
            // The one moment at which it is shown.
            if (made is not null) shape["signing_secret"] = Encoding.ASCII.GetString(made.Bytes);
            return ApiResults.Ok(shape, StatusCodes.Status201Created);
        }
    }

    private static async Task<IResult> EditAsync(Guid id, SaveChannel save, ChannelQuery query, HttpContext context)
    {
        var ct = context.RequestAborted;
        if ((await SecretJson.ReadAsync(context.Request, ct, Values)).Failed(out var unreadable, out var json)) return ApiResults.Of(unreadable);
        using (json)
        {
            if (json.Read<PatchBody>().Failed(out var malformed, out var body)) return ApiResults.Of(malformed);
            if (json.Read<Dictionary<string, JsonElement>>().Failed(out malformed, out var members)) return ApiResults.Of(malformed);
            if (json.Fields.Keys.Any(f => !Values.Contains(f))) return ApiResults.Of(Problem.Invalid("fields", "A channel's values are url and secret."));
            foreach (var (member, given) in members)
                if (given.ValueKind == JsonValueKind.Null && member is not ("events" or "recipients" or "revision")) return ApiResults.Of(Problem.Invalid(member, "This cannot be removed. Leave it out to keep it."));
            // A given null lifts the limit.
            var input = new SaveChannel.Input(id, null, null, body.Name, members.ContainsKey("events") ? body.Events ?? [] : null, body.MinSeverity, body.Language, members.ContainsKey("recipients") ? body.Recipients ?? [] : null, body.StandardHeaders,
                body.IncludesWorkspaces, json.Fields.GetValueOrDefault("url"), json.Fields.GetValueOrDefault("secret"), Revision: body.Revision);
            if ((await save.ExecuteAsync(context.Caller(), input, ct)).Failed(out var problem, out _)) return ApiResults.Of(problem);
            return ApiResults.Of(await query.RunAsync(context.Caller(), id, 1, null, ct), v => Shape(v.Channel));
        }
    }

    // In the form of Standard Webhooks, so that their headers can be switched on.
    private static Plaintext NewSecret()
    {
        using var key = Plaintext.Allocate(32);
        RandomNumberGenerator.Fill(key.Writable);
        var secret = Plaintext.Allocate(ChannelSignatures.StandardPrefix.Length + Base64.GetMaxEncodedToUtf8Length(key.Length));
        ChannelSignatures.StandardPrefix.CopyTo(secret.Writable);
        Base64.EncodeToUtf8(key.Bytes, secret.Writable[ChannelSignatures.StandardPrefix.Length..], out _, out _);
        return secret;
    }

    private static Dictionary<string, object?> Shape(ChannelQuery.Row c) => new()
    {
        ["id"] = c.Id,
        ["workspace"] = c.Workspace ?? Workspace.OrganizationSlug,
        ["name"] = c.Name,
        ["kind"] = EventNames.Of(c.Kind),
        ["host"] = c.Host,
        ["events"] = c.Kinds.Select(EventNames.Kind),
        ["min_severity"] = c.MinSeverity.ToString().ToLowerInvariant(),
        ["language"] = c.Language,
        ["recipients"] = c.Recipients,
        ["standard_headers"] = c.StandardHeaders,
        ["includes_workspaces"] = c.IncludesWorkspaces,
        ["signed"] = c.IsSigned,
        ["status"] = c.DisabledAt is null ? "active" : "disabled",
        ["disabled_reason"] = c.DisabledWhy,
        ["waiting"] = c.Waiting,
        ["created_at"] = c.CreatedAt.UtcDateTime,
        ["created_by"] = c.CreatedBy,
        ["revision"] = c.Revision,
    };

    private static object Shape(ChannelQuery.LogRow d) => new
    {
        d.Id,
        d.NotificationId,
        d.Event,
        State = Word(d.State),
        d.Attempts,
        CreatedAt = d.CreatedAt.UtcDateTime,
        LastAttemptAt = d.LastAttemptAt?.UtcDateTime,
        NextAttemptAt = d.NextAttemptAt?.UtcDateTime,
        DeliveredAt = d.DeliveredAt?.UtcDateTime,
        d.Status,
        d.Answer,
        Digest = d.Together,
    };

    internal static string Word(Domain.Notifications.DeliveryState state) => state switch
    {
        Domain.Notifications.DeliveryState.Pending => "pending",
        Domain.Notifications.DeliveryState.Delivered => "delivered",
        Domain.Notifications.DeliveryState.Failed => "failed",
        Domain.Notifications.DeliveryState.GivenUp => "given_up",
    };
}
