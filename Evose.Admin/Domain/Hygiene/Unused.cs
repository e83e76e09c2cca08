namespace Evose.Admin.Domain.Hygiene;

/// <summary>A credential that was used once, and not for 90 days.</summary>
internal static class Unused
{
    public static readonly HygieneRule Rule = new("unused", HygieneSeverity.Medium, "Not used for 90 days",
        "A key that nobody needs is a risk without a use. Archive it, and end it at the provider.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where c.Use.LastAt is { } at && now - at >= HygieneRules.Window
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, $"It was last used on {HygieneWords.Day(c.Use.LastAt!.Value)}.", [HygieneWords.Day(c.Use.LastAt!.Value)], HygieneFixPlace.Credential);
}
