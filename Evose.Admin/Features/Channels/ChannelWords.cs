using Evose.Admin.Domain.Notifications;

namespace Evose.Admin.Features.Channels;

/// <summary>The words of the channels' pages.</summary>
internal static class ChannelWords
{
    public static string State(ChannelQuery.Row c) => c switch
    {
        { DisabledAt: not null } => "revoked",
        { LastState: DeliveryState.Pending or DeliveryState.GivenUp } => "held",
        { LastState: DeliveryState.Failed } => "failed",
        { LastState: DeliveryState.Delivered } => "active",
        _ => "new",
    };

    public static string StateText(ChannelQuery.Row c) => c switch
    {
        { DisabledAt: not null } => "disabled",
        { LastState: DeliveryState.Pending or DeliveryState.GivenUp } => "does not answer",
        { LastState: DeliveryState.Failed } => "refused the last one",
        { LastState: DeliveryState.Delivered } => "works",
        _ => "not used yet",
    };

    public static string ToldOf(ChannelQuery.Row c)
    {
        var what = c.Kinds.Count switch { 0 => "everything", <= 2 => string.Join(", ", c.Kinds.Select(Label)), var n => $"{n} kinds" };
        return what + c.MinSeverity switch { NotificationSeverity.Critical => ", if critical", NotificationSeverity.Warning => ", from warnings on", _ => "" } + (c.IncludesWorkspaces ? ", of every workspace too" : "");
    }

    public static string Language(string language) => language == NotificationTexts.Chinese ? "中文" : "English";

    public static string Label(NotificationKind kind) => kind switch
    {
        NotificationKind.ExpirySoon => "Expires soon",
        NotificationKind.Expired => "Expired",
        NotificationKind.UpdateForced => "Calls refused by policy",
        NotificationKind.Escalated => "Nobody reacts",
        NotificationKind.RetirementHeld => "Retirement held",
        NotificationKind.VersionRetired => "Version retired",
        NotificationKind.SignInNeeded => "Sign-in needed",
        NotificationKind.AuthorizerGone => "Person gone",
        NotificationKind.IntegrityViolation => "Integrity violation",
        NotificationKind.JobFailed => "Job failed",
        NotificationKind.ChannelDisabled => "Channel disabled",
        NotificationKind.HygieneFinding => "Bad habit found",
        NotificationKind.LeakReported => "Leak reported",
        _ => EventNames.Kind(kind).Replace('_', ' '),
    };

    public static string Of(DeliveryState state) => state switch { DeliveryState.Pending => "pending", DeliveryState.Delivered => "succeeded", DeliveryState.Failed => "failed", DeliveryState.GivenUp => "expired" };

    public static string Text(ChannelQuery.LogRow d) => d.State switch
    {
        DeliveryState.Pending => d.Attempts == 0 ? "waiting" : $"tried {d.Attempts}×",
        DeliveryState.Delivered => d.Together ? "delivered in a list" : "delivered",
        DeliveryState.Failed => "refused",
        DeliveryState.GivenUp => "given up",
    };

    /// <summary>What people make at the service before they come here.</summary>
    public static string Help(ChannelKind kind) => kind switch
    {
        ChannelKind.Email => "Goes through the mail server of the settings. Without addresses it goes to the owner of the credential, or to the admins.",
        ChannelKind.Webhook => "POST with X-Evose-Event, X-Evose-Delivery-Id and X-Evose-Signature: sha256 and the HMAC of the body.",
        ChannelKind.Feishu => "In the group: settings, bots, add a custom bot; switch on signature verification and copy address and secret.",
        ChannelKind.DingTalk => "In the group: settings, robots, add a custom robot; choose the signature as its security setting and copy address and secret. More than 20 messages a minute are sent as one.",
        ChannelKind.Slack => "In your Slack app: Incoming Webhooks, add one for the channel and copy its address.",
    };

    public static string UrlLabel(ChannelKind kind) => kind switch { ChannelKind.Webhook => "Address", ChannelKind.Slack => "Webhook address", _ => "Bot address" };

    public static string UrlExample(ChannelKind kind) => kind switch
    {
        ChannelKind.Feishu => "https://open.feishu.cn/open-apis/bot/v2/hook/…",
        ChannelKind.DingTalk => "https://oapi.dingtalk.com/robot/send?access_token=…",
        ChannelKind.Slack => "https://hooks.slack.com/services/…",
        _ => "https://…",
    };
}
