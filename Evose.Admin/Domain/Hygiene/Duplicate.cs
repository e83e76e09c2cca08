namespace Evose.Admin.Domain.Hygiene;

/// <summary>One value under two names in one workspace. The oldest stays; the later ones are told of.</summary>
internal static class Duplicate
{
    public static readonly HygieneRule Rule = new("duplicate", HygieneSeverity.Medium, "One value under two names",
        "Whoever rotates one forgets the other, and it breaks when the provider ends the old key. Point the tools at one of them and archive the other.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            var originals = c.Twins.Where(t => t.Here && IsBefore(t, c) && !ProductionInTrial.Repeats(s.Place, c, t) && !RepeatedBy(s.Place, c, t)).OrderBy(t => t.Name, StringComparer.Ordinal).ToList();
            if (originals.Count > 0)
                yield return new(Rule, HygieneSubject.Of(c), Rule.Severity, $"It holds the same value as {HygieneWords.List(originals.Select(t => t.Name))}.", [.. originals.Select(t => t.Id.ToString("N")).Order(StringComparer.Ordinal)], HygieneFixPlace.Credential);
        }
    }

    private static bool IsBefore(HygieneTwin t, HygieneCredential c) => t.CreatedAt != c.CreatedAt ? t.CreatedAt < c.CreatedAt : string.CompareOrdinal(t.Name, c.Name) < 0;

    // The other way round it is a production key too, and told of there.
    private static bool RepeatedBy(HygienePlace place, HygieneCredential c, HygieneTwin t) => ProductionInTrial.IsProduction(c.Name, place) && ProductionInTrial.IsTrial(t.Name, t.Place);
}
