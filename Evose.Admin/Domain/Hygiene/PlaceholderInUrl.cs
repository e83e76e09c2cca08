namespace Evose.Admin.Domain.Hygiene;

/// <summary>A tool that has a value stand in its address at every call.</summary>
internal static class PlaceholderInUrl
{
    public static readonly HygieneRule Rule = new("placeholder-in-url", HygieneSeverity.Medium, "A value that travels in the address",
        "The configuration holds only the placeholder, but the address that is sent holds the value, and the provider's side logs addresses. Use a header if the service takes one; accept this if it does not.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var t in s.Tools)
        {
            var found = t.Names.Where(n => HygieneTool.IsAddress(n.Place)).Select(n => (n.Credential, n.Place)).Distinct().OrderBy(n => n.Credential, StringComparer.Ordinal).ThenBy(n => n.Place, StringComparer.Ordinal).ToList();
            if (found.Count > 0)
                yield return new(Rule, HygieneSubject.Of(t), Rule.Severity, $"{string.Join("; ", found.Select(n => $"{n.Credential} stands in {n.Place}"))}.", [.. found.Select(n => $"{n.Credential}@{n.Place}")], HygieneFixPlace.Tool);
        }
    }
}
