namespace Evose.Admin.Domain.Hygiene;

/// <summary>A credential that may stand in an address although no tool has it stand in one.</summary>
internal static class AllowedInUrl
{
    public static readonly HygieneRule Rule = new("allow-in-url", HygieneSeverity.Low, "May stand in an address, and need not",
        "Whoever edits a tool can move the value into the address, where it ends up in logs. Switch the permission off; no tool uses it.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where c is { AllowInUrl: true, StandsInUrl: false }
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, "allow_in_url is on, and no tool puts it into its address.", [], HygieneFixPlace.Access, HygieneFix.ForbidInUrl);
}
