namespace Evose.Admin.Domain.Hygiene;

/// <summary>A secret in plain text in any other part of a tool, or in a credential's description.</summary>
internal static class SecretInText
{
    public static readonly HygieneRule Rule = new("secret-in-text", HygieneSeverity.High, "A secret in plain text",
        "Everybody who may look at the workspace can read it, and it is in every backup. Register it as a credential, write the placeholder instead, and replace the value at the provider.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var t in s.Tools)
        {
            var found = t.LooksLike.Where(l => !HygieneTool.IsAddress(l.Place)).OrderBy(l => l.Place, StringComparer.Ordinal).ToList();
            if (found.Count > 0)
                yield return new(Rule, HygieneSubject.Of(t), Rule.Severity, $"{string.Join("; ", found.Select(l => $"in {l.Place} stands something that looks like {l.Called}"))}.".Capital(), [.. found.Select(l => $"{l.Place}={l.Called}")], HygieneFixPlace.Tool);
        }
        foreach (var c in s.Credentials)
            if (c.LooksLike is { } called)
                yield return new(Rule, HygieneSubject.Of(c), Rule.Severity, $"Its description holds something that looks like {called}.", ["description=" + called], HygieneFixPlace.Credential);
    }
}
