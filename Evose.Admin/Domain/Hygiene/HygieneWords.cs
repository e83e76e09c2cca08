using System.Globalization;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>How findings say lists, counts and dates.</summary>
internal static class HygieneWords
{
    private const int Most = 5;

    /// <summary>Names in order: <c>a, b and c</c>, at most five of them.</summary>
    public static string List(IEnumerable<string> names)
    {
        var all = names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (all.Count > Most) return $"{string.Join(", ", all.Take(Most))} and {all.Count - Most} more";
        return all.Count < 2 ? string.Concat(all) : $"{string.Join(", ", all.SkipLast(1))} and {all[^1]}";
    }

    public static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    public static string Count(int count, string thing) => $"{count} {thing}{(count == 1 ? "" : "s")}";

    public static string Capital(this string sentence) => char.ToUpperInvariant(sentence[0]) + sentence[1..];
}
