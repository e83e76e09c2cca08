using System.Globalization;

namespace Evose.Admin.Domain.Notifications;

/// <summary>Pure: the words of notifications in the languages of channels. English is what the inbox shows; the other languages are made from the facts.</summary>
public static class NotificationTexts
{
    public const string English = "en";

    public const string Chinese = "zh";

    public static readonly IReadOnlyList<string> Languages = [English, Chinese];

    // Names of facts.
    public const string Name = "name", Version = "version", Days = "days", Date = "date", Block = "block", Job = "job", Who = "who";

    /// <summary>Title and text for a reader of the language.</summary>
    public static (string Title, string Body) In(string language, Notification n) => language == Chinese ? InChinese(n) : (n.Title, n.Body);

    /// <summary>The severity's word.</summary>
    public static string Word(string language, NotificationSeverity severity) => (language, severity) switch
    {
        (Chinese, NotificationSeverity.Info) => "信息",
        (Chinese, NotificationSeverity.Warning) => "警告",
        (Chinese, NotificationSeverity.Critical) => "严重",
        (_, NotificationSeverity.Info) => "info",
        (_, NotificationSeverity.Warning) => "warning",
        (_, NotificationSeverity.Critical) => "critical",
    };

    public static (string Title, string Body) Test(string language) => language == Chinese
        ? ("Evose Admin 测试消息", "收到这条消息说明该通知渠道可用。无需任何操作。")
        : ("Test from Evose Admin", "This message shows that the channel works. There is nothing to do.");

    /// <summary>The first line of a message that carries several.</summary>
    public static string Digest(string language, int count) => language == Chinese ? $"{count} 条通知" : $"{count} notifications";

    /// <summary>The last line, when not all of them fit.</summary>
    public static string More(string language, int count) => language == Chinese ? $"另有 {count} 条，请在收件箱中查看。" : $"And {count} more: see the inbox.";

    public static string Open(string language) => language == Chinese ? "打开" : "Open";

    private static (string Title, string Body) InChinese(Notification n)
    {
        var (name, version, date) = (Of(n, Name), Of(n, Version), Of(n, Date));
        // Whoever raised it gave no facts: the kind is said in Chinese, the rest as it is.
        if (n.Facts.Count == 0) return ($"{KindInChinese(n.Kind)}：{n.Title}", n.Body);
        return n.Kind switch
        {
            NotificationKind.ExpirySoon => (Of(n, Days) is var days && days == "0" ? $"{name} 将在一天内到期" : $"{name} 将在 {days} 天后到期",
                $"到期时间：{date} UTC。请在此之前到服务商处获取新密钥并轮换；新旧密钥并存，调用不会失败。如服务商已延期，请更正日期。{BlockInChinese(n)}"),
            NotificationKind.Expired => ($"{name} 已过期", $"到期时间：{date} UTC。使用它的调用很可能失败。请立即轮换；如服务商已延期，请更正日期。{BlockInChinese(n)}"),
            NotificationKind.UpdateForced => ($"{name} 的调用已被拒绝", "它已超过本工作区的强制更新日期。请由负责人或工作区管理员轮换，或更正到期日期。"),
            NotificationKind.Escalated => ($"{name}：到期提醒无人处理", $"到期时间：{date} UTC。已有 {Of(n, Days)} 天无人确认或轮换。请轮换，或确认由谁处理。{BlockInChinese(n)}"),
            NotificationKind.RetirementHeld => ($"{name} 的旧版本 {version} 暂不能退役", "条件尚未满足，系统会自动重试。原因见轮换页面。"),
            NotificationKind.VersionRetired => ($"{name} 的旧版本 {version} 已退役", "所有调用都已使用新版本。如旧密钥仍在服务商处，请删除。"),
            NotificationKind.SignInNeeded => ($"{name} 需要重新登录", "它的会话或授权已失效。请打开凭证页面，重新登录或授权。"),
            NotificationKind.AuthorizerGone => ($"{name} 依赖已停用人员 {Of(n, Who)} 的授权", "在服务商允许期间它仍可使用。请由他人重新授权；不再需要时请归档。"),
            NotificationKind.IntegrityViolation => ($"{name} 在应用之外被改动", "请保留数据目录的副本，查明谁能写入数据库，再重新登记或与最新备份比对。"),
            NotificationKind.JobFailed => ($"任务 {Of(n, Job)} 失败", "系统会自动重新运行。如持续失败，请查看应用日志。"),
            NotificationKind.ChannelDisabled => ($"通知渠道 {name} 已停用", "接收方表示该地址已不存在，不再向其发送。请更正地址后重新启用，或删除该渠道。"),
            NotificationKind.LeakReported => ($"{name} 的值可能已泄露", "请打开泄露页面：查看谁用过它，决定是否立即冻结，并以零宽限期轮换。"),
            NotificationKind.HygieneFinding => ($"{name}：发现不良习惯", "请打开检查页面查看原因并修复；也可附理由暂时接受。"),
            _ => ($"{KindInChinese(n.Kind)}：{n.Title}", n.Body),
        };
    }

    private static string BlockInChinese(Notification n) => n.Facts.TryGetValue(Block, out var at) ? $"若未更新，自 {at} UTC 起使用它的调用将被拒绝。" : "";

    private static string KindInChinese(NotificationKind kind) => kind switch
    {
        NotificationKind.ExpirySoon => "即将到期",
        NotificationKind.Expired => "已过期",
        NotificationKind.RetirementHeld => "退役暂缓",
        NotificationKind.VersionRetired => "版本已退役",
        NotificationKind.JobFailed => "任务失败",
        NotificationKind.IntegrityViolation => "完整性破坏",
        NotificationKind.SignInNeeded => "需要登录",
        NotificationKind.AuthorizerGone => "授权人已停用",
        NotificationKind.ChannelDisabled => "渠道已停用",
        NotificationKind.Escalated => "升级提醒",
        NotificationKind.UpdateForced => "强制更新",
        NotificationKind.HygieneFinding => "发现不良习惯",
        NotificationKind.LeakReported => "疑似泄露",
        _ => "通知",
    };

    private static string Of(Notification n, string fact) => n.Facts.TryGetValue(fact, out var text) ? text : "";

    /// <summary>A moment as facts and texts give it, in UTC.</summary>
    public static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
