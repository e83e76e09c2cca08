namespace Evose.Admin.Domain.Hygiene;

/// <summary>A credential that no call has used since it was registered a month ago.</summary>
internal static class NeverUsed
{
    public static readonly HygieneRule Rule = new("never-used", HygieneSeverity.Low, "Never used",
        "Either a tool was never pointed at it, or the key is used somewhere else, past Evose. Find out which, then use it here or archive it.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where c.Use.LastAt is null && now - c.CreatedAt >= HygieneRules.SettlingIn
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, $"No call has used it since it was registered on {HygieneWords.Day(c.CreatedAt)}.", [HygieneWords.Day(c.CreatedAt)], HygieneFixPlace.Credential);
}
