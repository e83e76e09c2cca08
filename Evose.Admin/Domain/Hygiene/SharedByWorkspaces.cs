namespace Evose.Admin.Domain.Hygiene;

/// <summary>One value for several workspaces: registered in each of them, or granted by the organization.</summary>
internal static class SharedByWorkspaces
{
    public static readonly HygieneRule Rule = new("shared-workspaces", HygieneSeverity.High, "One key for several workspaces",
        "At the provider their calls look alike: no limit per workspace, no telling who spent what, and one leak stops them all. Make a key for each workspace.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            // What repeats a production key is told as that, and as nothing else.
            if (c.Twins.Any(t => ProductionInTrial.Repeats(s.Place, c, t))) continue;
            var twins = c.Twins.Where(t => !t.Here).ToList();
            var places = twins.Select(t => t.Place.Id).Distinct().Count();
            // How many hold it is told, not who: a workspace does not learn of another's credentials.
            if (places > 0)
                yield return new(Rule, HygieneSubject.Of(c), Rule.Severity, $"The same value is registered in {HygieneWords.Count(places, "other workspace")}.", [.. twins.Select(t => t.Id.ToString("N")).Order(StringComparer.Ordinal)], HygieneFixPlace.Rotation);
            else if (c.Grants.Count > 1)
                yield return new(Rule, HygieneSubject.Of(c), HygieneSeverity.Medium, $"The organization grants it to {HygieneWords.List(c.Grants.Select(g => g.Slug))}. Evose tells their calls apart; the provider does not.", [.. c.Grants.Select(g => g.Slug).Order(StringComparer.Ordinal)], HygieneFixPlace.Access);
        }
    }
}
