namespace Evose.Admin.Features.Leaks;

/// <summary>How leaks come in.</summary>
public sealed class LeaksOptions
{
    public const string Section = "Leaks";

    /// <summary>The secret of the GitHub webhook that reports secret-scanning alerts. Without one nothing is taken there.</summary>
    public string? GitHubSecret { get; set; }

    /// <summary>How many texts a person or key may have checked in a minute.</summary>
    public int ChecksPerMinute { get; set; } = 10;
}
