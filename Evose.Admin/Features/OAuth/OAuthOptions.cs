namespace Evose.Admin.Features.OAuth;

/// <summary>How people are sent to providers and back, and how often tokens are looked at.</summary>
public sealed class OAuthOptions
{
    public const string Section = "OAuth";

    /// <summary>The address under which browsers reach the app, such as <c>https://evose.example.com</c>; null is the one that the browser used.</summary>
    public string? PublicUrl { get; set; }

    /// <summary>How often tokens that are due for a refresh are looked for.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(1);
}
