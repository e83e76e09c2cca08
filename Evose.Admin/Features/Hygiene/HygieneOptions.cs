using System.ComponentModel.DataAnnotations;

namespace Evose.Admin.Features.Hygiene;

/// <summary>When bad habits are looked for, besides every night.</summary>
public sealed class HygieneOptions
{
    public const string Section = "Hygiene";

    /// <summary>How soon after a change what it touches is looked at again; zero is the night only.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00", ErrorMessage = "Hygiene:WatchInterval must be from 00:00:00, which is never, to 1.00:00:00.")]
    public TimeSpan WatchInterval { get; set; } = TimeSpan.FromSeconds(3);
}
