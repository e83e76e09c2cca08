namespace Evose.Admin.Domain.Notifications;

/// <summary>What a channel speaks.</summary>
public enum ChannelKind
{
    /// <summary>E-mail through the server of the settings.</summary>
    Email,

    /// <summary>A signed POST to any receiver.</summary>
    Webhook,

    /// <summary>A custom bot of Feishu or Lark.</summary>
    Feishu,

    /// <summary>A robot of DingTalk.</summary>
    DingTalk,

    /// <summary>An incoming webhook of Slack.</summary>
    Slack,
}

/// <summary>A way to reach people outside the app. Address and secret are sealed and never shown again; of the address only the host is kept to be seen.</summary>
public sealed class NotificationChannel
{
    public const int MaxName = 80;

    public const int MaxRecipients = 20;

    public Guid Id { get; init; }

    /// <summary>Null: the organization's.</summary>
    public Guid? WorkspaceId { get; init; }

    public ChannelKind Kind { get; init; }

    public string Name { get; set; } = "";

    /// <summary>The kinds it is told of; empty: all.</summary>
    public IReadOnlyList<NotificationKind> Kinds { get; set; } = [];

    public NotificationSeverity MinSeverity { get; set; }

    /// <summary><c>en</c> or <c>zh</c>.</summary>
    public string Language { get; set; } = NotificationTexts.English;

    /// <summary>Of the organization's: also what belongs to workspaces.</summary>
    public bool IncludesWorkspaces { get; set; }

    /// <summary>The host that it sends to, to be shown; null for e-mail.</summary>
    public string? Host { get; set; }

    public byte[]? SealedUrl { get; set; }

    public byte[]? SealedSecret { get; set; }

    /// <summary>E-mail addresses; empty: whoever answers for the thing, or the admins.</summary>
    public IReadOnlyList<string> Recipients { get; set; } = [];

    /// <summary>Of a webhook: the headers and members of Standard Webhooks too.</summary>
    public bool StandardHeaders { get; set; }

    public DateTimeOffset CreatedAt { get; init; }

    public string CreatedBy { get; init; } = "";

    /// <summary>Since when nothing is sent; null while it is in use.</summary>
    public DateTimeOffset? DisabledAt { get; private set; }

    /// <summary>Why, for a person.</summary>
    public string? DisabledWhy { get; private set; }

    /// <summary>The run that sends to it at the moment.</summary>
    public Guid? LeasedBy { get; private set; }

    public DateTimeOffset? LeasedUntil { get; private set; }

    /// <summary>Grows with every change by a person.</summary>
    public int Revision { get; set; }

    public bool Wants(NotificationKind kind) => DisabledAt is null && kind.Severity() >= MinSeverity && (Kinds.Count == 0 || Kinds.Contains(kind));

    public void Disable(string why, DateTimeOffset now) => (DisabledAt, DisabledWhy) = (now, why);

    public void Enable() => (DisabledAt, DisabledWhy) = (null, null);

    /// <summary>True when nobody else sends to it. A lease that ends too far ahead is one from before the clock was put back.</summary>
    public bool IsFree(Guid run, DateTimeOffset now) => LeasedBy is null || LeasedBy == run || LeasedUntil <= now || LeasedUntil > now + DeliveryPolicy.ClockSlack;

    public void Lease(Guid run, DateTimeOffset now) => (LeasedBy, LeasedUntil) = (run, now + DeliveryPolicy.Lease);

    public void Release(Guid run)
    {
        if (LeasedBy == run) (LeasedBy, LeasedUntil) = (null, null);
    }
}
