namespace Evose.Admin.Features.Rotation;

/// <summary>How long old and new values live side by side, and how often due retirements are looked for.</summary>
public sealed class RotationOptions
{
    public const string Section = "Rotation";

    public static readonly TimeSpan LongestGrace = TimeSpan.FromDays(30);

    /// <summary>Between the swap and the retirement of the old version, when nobody says otherwise.</summary>
    public TimeSpan GracePeriod { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How often due retirements are looked for.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long the old version must have been unused, and the new one without failures, before the old one is retired; never longer than the grace that was set.</summary>
    public TimeSpan QuietPeriod { get; set; } = TimeSpan.FromHours(1);
}
