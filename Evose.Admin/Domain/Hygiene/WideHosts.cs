namespace Evose.Admin.Domain.Hygiene;

/// <summary>A destination with a wildcard: whoever gets a host of that domain gets the value.</summary>
internal static class WideHosts
{
    public static readonly HygieneRule Rule = new("wide-hosts", HygieneSeverity.Low, "It may travel to a whole domain",
        "A forgotten subdomain that somebody else takes over would receive the value. Name the hosts that are really called.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            var wide = c.Hosts.Where(h => h.StartsWith("*.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
            if (wide.Count > 0) yield return new(Rule, HygieneSubject.Of(c), Rule.Severity, $"Its hosts include {HygieneWords.List(wide)}.", wide, HygieneFixPlace.Access);
        }
    }
}
