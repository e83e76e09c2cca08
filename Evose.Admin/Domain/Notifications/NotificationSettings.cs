namespace Evose.Admin.Domain.Notifications;

/// <summary>How one workspace wants to be told, and what happens when nobody listens. The organization has a row of its own, for its credentials. The data plane obeys <see cref="BlockFromDay"/>.</summary>
public sealed class NotificationSettings : ICataloged
{
    public const int DefaultEscalateAfterDays = 3;

    public const int DefaultBannerFromDay = 7;

    public Guid WorkspaceId { get; init; }

    /// <summary>Days before expiry; null: the installation's.</summary>
    public IReadOnlyList<int>? Ladder { get; set; }

    /// <summary>Days without an answer after which admins are told; 0: never.</summary>
    public int EscalateAfterDays { get; set; } = DefaultEscalateAfterDays;

    /// <summary>Days before expiry from which everybody sees a banner; null: none.</summary>
    public int? BannerFromDay { get; set; } = DefaultBannerFromDay;

    /// <summary>Days before expiry from which calls are refused, negative for days after it; null: never.</summary>
    public int? BlockFromDay { get; set; }

    public int Revision { get; set; }

    public DateTimeOffset ChangedAt { get; set; }

    public string ChangedBy { get; set; } = "";

    public long Stamp { get; set; }

    /// <summary>What holds where nobody has said anything.</summary>
    public static NotificationSettings Usual(Guid workspaceId) => new() { WorkspaceId = workspaceId };
}

/// <summary>Pure: from when a credential that nobody updated makes itself felt. A day is 24 hours.</summary>
public static class ForcedUpdate
{
    public const int MostDays = 365;

    public static DateTimeOffset From(DateTimeOffset expiresAt, int day) => expiresAt - TimeSpan.FromDays(day);

    public static bool IsDue(DateTimeOffset? expiresAt, int? day, DateTimeOffset now) => expiresAt is { } end && day is { } from && now >= From(end, from);
}

/// <summary>Pure: when nobody's silence is told to the next higher ones.</summary>
public static class EscalationPolicy
{
    /// <summary>Earlier there is time enough: a month ahead nobody needs to be told over somebody's head.</summary>
    public const int FromDay = 7;

    /// <summary>One notification about a credential's date.</summary>
    public readonly record struct Told(DateTimeOffset At, DateTimeOffset? AcknowledgedAt, DateTimeOffset? SnoozedUntil);

    /// <summary>True when the last days are here and what was told has been open, neither acknowledged nor put aside, for <paramref name="after"/>.</summary>
    public static bool IsDue(IReadOnlyCollection<Told> told, DateTimeOffset expiresAt, TimeSpan after, DateTimeOffset now)
    {
        if (expiresAt - now > TimeSpan.FromDays(FromDay)) return false;
        // Whoever acknowledged one of them knows: only what came after that counts.
        var known = told.Max(t => t.AcknowledgedAt);
        var open = told.Where(t => t.AcknowledgedAt is null && (known is null || t.At > known)).ToList();
        return open.Count > 0 && !open.Exists(t => t.SnoozedUntil > now) && now - open.Min(t => t.At) >= after;
    }
}
