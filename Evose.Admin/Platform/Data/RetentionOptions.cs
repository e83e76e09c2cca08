using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Evose.Admin.Platform.Data;

/// <summary>How long calls are kept, and in which pieces.</summary>
public sealed class RetentionOptions
{
    public const string Section = "Retention";

    /// <summary>The value that drops nothing.</summary>
    public const string Keep = "keep";

    /// <summary><c>keep</c>, or for how many days: 90, 365 and 2557 (seven years) are usual. Whole segments or months go, once everything in them is over.</summary>
    [RegularExpression("^(keep|[1-9][0-9]{0,4})$", ErrorMessage = "Retention:Calls must be keep or a number of days.")]
    public string Calls { get; set; } = Keep;

    /// <summary>On SQLite: after so many calls, or 31 days, a new file begins.</summary>
    [Range(100, 100_000_000, ErrorMessage = "Retention:SegmentCalls must be 100 to 100000000.")]
    public int SegmentCalls { get; set; } = 1_000_000;

    /// <summary>Null: for ever.</summary>
    public TimeSpan? Period => Calls == Keep ? null : TimeSpan.FromDays(int.Parse(Calls, CultureInfo.InvariantCulture));
}
