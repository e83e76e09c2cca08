namespace Evose.Admin.Domain.Hygiene;

/// <summary>A credential past its date.</summary>
internal static class Expired
{
    public static readonly HygieneRule Rule = new("expired", HygieneSeverity.Medium, "Past its date",
        "Calls that use it fail, or will. Rotate it; correct the date if the provider has extended it; archive it if nobody needs it.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where c.ExpiresAt <= now
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, $"It expired on {HygieneWords.Day(c.ExpiresAt!.Value)}.", [c.ExpiresAt!.Value.UtcTicks.ToString(System.Globalization.CultureInfo.InvariantCulture)], HygieneFixPlace.Rotation);
}
