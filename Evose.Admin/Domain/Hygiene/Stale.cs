using System.Globalization;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>A value that nobody replaced for 90 days.</summary>
internal static class Stale
{
    public static readonly HygieneRule Rule = new("stale", HygieneSeverity.Medium, "Not rotated for 90 days",
        "The longer a value lives, the more logs, laptops and former colleagues have it. Rotating takes minutes and fails no call.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where !c.Renews && c.EnteredAt is { } at && now - at >= HygieneRules.Window
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, $"Version {c.ActiveVersion} has been in use since {HygieneWords.Day(c.EnteredAt!.Value)}.",
            [c.ActiveVersion?.ToString(CultureInfo.InvariantCulture) ?? "", c.EnteredAt!.Value.UtcTicks.ToString(CultureInfo.InvariantCulture)], HygieneFixPlace.Rotation);
}
