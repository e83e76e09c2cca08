namespace Evose.Admin.Domain.Notifications;

/// <summary>What a notification is about.</summary>
public enum NotificationKind
{
    /// <summary>A credential nears its expiry date.</summary>
    ExpirySoon,

    /// <summary>A credential is past its expiry date.</summary>
    Expired,

    /// <summary>A retirement is due but held.</summary>
    RetirementHeld,

    /// <summary>An old version was retired.</summary>
    VersionRetired,

    /// <summary>A job failed for good.</summary>
    JobFailed,

    /// <summary>Something was changed behind the app's back.</summary>
    IntegrityViolation,

    /// <summary>A session is over: somebody has to sign in at the site again.</summary>
    SignInNeeded,

    /// <summary>A token lives on the sign-in of a person who is gone.</summary>
    AuthorizerGone,

    /// <summary>A channel's receiver is gone for good, so nothing is sent there any more.</summary>
    ChannelDisabled,

    /// <summary>Nobody dealt with a credential's reminders.</summary>
    Escalated,

    /// <summary>A credential is past the date from which its workspace refuses calls.</summary>
    UpdateForced,

    /// <summary>Grave bad habits were found.</summary>
    HygieneFinding,

    /// <summary>A value may be known to somebody who should not know it.</summary>
    LeakReported = 20,
}

/// <summary>One thing a person must know or do. At most one per <see cref="Key"/>.</summary>
public sealed class Notification
{
    public Guid Id { get; init; }

    /// <summary>Null: for the organization's admins.</summary>
    public Guid? WorkspaceId { get; init; }

    public NotificationKind Kind { get; init; }

    /// <summary>What makes it unique, such as <c>expiry:{credential}:{date}:{step}</c>.</summary>
    public string Key { get; init; } = "";

    public Guid? CredentialId { get; init; }

    public string Title { get; init; } = "";

    public string Body { get; init; } = "";

    /// <summary>Where to act, as a path of the app.</summary>
    public string? Url { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>What stands in the text, by name, for texts in other languages; never a value.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; init; } = new Dictionary<string, string>();

    public DateTimeOffset? AcknowledgedAt { get; set; }

    public string? AcknowledgedBy { get; set; }

    /// <summary>Until then it waits aside and is not escalated; who put it there stands in the trail.</summary>
    public DateTimeOffset? SnoozedUntil { get; set; }
}
