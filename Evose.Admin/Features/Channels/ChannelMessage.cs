using System.Text.Json;
using Evose.Admin.Domain.Notifications;

namespace Evose.Admin.Features.Channels;

/// <summary>One notification in the words of the reader's language.</summary>
/// <param name="Event">Its name on the wire.</param>
/// <param name="Url">Where to act, absolute; null when the app does not know its own address.</param>
public sealed record ChannelNotice(Guid? Id, string Event, string Kind, NotificationSeverity Severity, string? Workspace, string? Credential, string Title, string Body, string? Url, DateTimeOffset CreatedAt)
{
    /// <summary>The one that a test sends.</summary>
    public static ChannelNotice Test(string language, string? workspace, DateTimeOffset now)
    {
        var (title, body) = NotificationTexts.Test(language);
        return new ChannelNotice(null, "webhook.test", "test", NotificationSeverity.Info, workspace, null, title, body, null, now);
    }
}

/// <summary>What goes out as one message: one notification, or several of which people get a list.</summary>
/// <param name="Id">The same in every attempt, so that a receiver can tell a repetition.</param>
public sealed record ChannelMessage(Guid Id, string Language, IReadOnlyList<ChannelNotice> Notices)
{
    /// <summary>Lines of a digest; a message of a chat may be 20 KB.</summary>
    private const int MostLines = 40;

    private const int MostTitle = 200;

    public string Title => Notices.Count == 1 ? $"[{NotificationTexts.Word(Language, Notices[0].Severity)}] {Notices[0].Title}" : NotificationTexts.Digest(Language, Notices.Count);

    /// <summary>The text below the title.</summary>
    public string Text
    {
        get
        {
            if (Notices.Count == 1) return Notices[0].Body + (Where(Notices[0]) is { } where ? $"\n{where}" : "") + (Notices[0].Url is { } url ? $"\n{NotificationTexts.Open(Language)}: {url}" : "");
            var lines = Notices.Take(MostLines).Select(n => $"• [{NotificationTexts.Word(Language, n.Severity)}] {(n.Title.Length > MostTitle ? n.Title[..MostTitle] + "…" : n.Title)}{(n.Workspace is null ? "" : $" ({n.Workspace})")}");
            if (Notices.Count > MostLines) lines = lines.Append(NotificationTexts.More(Language, Notices.Count - MostLines));
            return string.Join('\n', lines);
        }
    }

    private static string? Where(ChannelNotice n) => (n.Workspace, n.Credential) switch
    {
        (null, null) => null,
        (var ws, null) => ws,
        (null, var credential) => credential,
        var (ws, credential) => $"{ws} / {credential}",
    };

    /// <summary>The body of a webhook: one notification, never a list.</summary>
    public byte[] Webhook(DateTimeOffset now, bool standard)
    {
        var n = Notices[0];
        var data = new
        {
            id = n.Id, kind = n.Kind, severity = n.Severity.ToString().ToLowerInvariant(), workspace = n.Workspace, credential = n.Credential, title = n.Title, body = n.Body, url = n.Url, created_at = n.CreatedAt.UtcDateTime,
        };
        var at = now.UtcDateTime;
        return standard
            ? JsonSerializer.SerializeToUtf8Bytes(new { @event = n.Event, delivered_at = at, type = n.Event, timestamp = at, data }, JsonSerializerOptions.Default)
            : JsonSerializer.SerializeToUtf8Bytes(new { @event = n.Event, delivered_at = at, data }, JsonSerializerOptions.Default);
    }

    /// <summary>Feishu's text message; time and signature stand in the body.</summary>
    public byte[] Feishu(long unixSeconds, string? sign)
    {
        var content = new { text = $"{Title}\n{Text}" };
        return sign is null
            ? JsonSerializer.SerializeToUtf8Bytes(new { msg_type = "text", content }, JsonSerializerOptions.Default)
            : JsonSerializer.SerializeToUtf8Bytes(new { timestamp = unixSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture), sign, msg_type = "text", content }, JsonSerializerOptions.Default);
    }

    public byte[] DingTalk() => JsonSerializer.SerializeToUtf8Bytes(new { msgtype = "text", text = new { content = $"{Title}\n{Text}" } }, JsonSerializerOptions.Default);

    /// <summary>Slack's own marks are escaped: a name in a text must not ring a whole channel.</summary>
    public byte[] Slack() => JsonSerializer.SerializeToUtf8Bytes(new { text = Escaped($"*{Title.Replace('*', '∗')}*\n{Text}") }, JsonSerializerOptions.Default);

    private static string Escaped(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}

/// <summary>The names of events and kinds on the wire.</summary>
public static class EventNames
{
    public static string Kind(NotificationKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    public static NotificationKind? KindOf(string? word) => Enum.GetValues<NotificationKind>().Where(k => Kind(k) == word).Select(k => (NotificationKind?)k).FirstOrDefault();

    public static string Of(ChannelKind kind) => kind.ToString().ToLowerInvariant();

    public static string Event(NotificationKind kind) => kind switch
    {
        NotificationKind.ExpirySoon => "credential.near_expiry",
        NotificationKind.Expired => "credential.expired",
        NotificationKind.UpdateForced => "credential.update_forced",
        NotificationKind.Escalated => "credential.escalated",
        NotificationKind.SignInNeeded => "credential.needs_reauth",
        NotificationKind.AuthorizerGone => "credential.authorizer_gone",
        NotificationKind.RetirementHeld => "credential.rotation.straggler",
        NotificationKind.VersionRetired => "credential.rotation.retired",
        NotificationKind.IntegrityViolation => "integrity.violation",
        NotificationKind.JobFailed => "job.failed",
        NotificationKind.ChannelDisabled => "channel.disabled",
        NotificationKind.HygieneFinding => "hygiene.finding",
        NotificationKind.LeakReported => "credential.leak_reported",
        _ => "notification." + Kind(kind),
    };
}
