namespace Evose.Admin.Domain.Hygiene;

/// <summary>A secret in plain text in a tool's address, such as one pasted for a test.</summary>
internal static class SecretInUrl
{
    public static readonly HygieneRule Rule = new("secret-in-url", HygieneSeverity.High, "A secret in a tool's address",
        "Addresses end up in logs, histories and error reports of everybody on the way. Register the value as a credential, write its placeholder into a header, and replace the value at the provider: it has been seen.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var t in s.Tools)
        {
            var found = t.LooksLike.Where(l => HygieneTool.IsAddress(l.Place)).OrderBy(l => l.Place, StringComparer.Ordinal).ToList();
            if (found.Count > 0)
                yield return new(Rule, HygieneSubject.Of(t), Rule.Severity, $"{string.Join("; ", found.Select(l => $"in {l.Place} stands something that looks like {l.Called}"))}.".Capital(), [.. found.Select(l => $"{l.Place}={l.Called}")], HygieneFixPlace.Tool);
        }
    }
}
