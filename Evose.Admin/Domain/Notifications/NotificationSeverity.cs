namespace Evose.Admin.Domain.Notifications;

/// <summary>How much a notification matters; higher is more.</summary>
public enum NotificationSeverity
{
    /// <summary>Good to know.</summary>
    Info,

    /// <summary>Somebody has to do something in the coming days.</summary>
    Warning,

    /// <summary>Something is broken, or about to be used against its owner.</summary>
    Critical,
}

/// <summary>Pure: what follows from a notification's kind.</summary>
public static class NotificationRules
{
    public static NotificationSeverity Severity(this NotificationKind kind) => kind switch
    {
        NotificationKind.VersionRetired => NotificationSeverity.Info,
        NotificationKind.ExpirySoon or NotificationKind.RetirementHeld or NotificationKind.JobFailed or NotificationKind.AuthorizerGone or NotificationKind.ChannelDisabled or NotificationKind.HygieneFinding => NotificationSeverity.Warning,
        NotificationKind.Expired or NotificationKind.IntegrityViolation or NotificationKind.SignInNeeded or NotificationKind.Escalated or NotificationKind.UpdateForced or NotificationKind.LeakReported => NotificationSeverity.Critical,
    };

    /// <summary>True for those that are about a credential's expiry date.</summary>
    public static bool IsAboutExpiry(this NotificationKind kind) => kind is NotificationKind.ExpirySoon or NotificationKind.Expired or NotificationKind.UpdateForced or NotificationKind.Escalated;
}
