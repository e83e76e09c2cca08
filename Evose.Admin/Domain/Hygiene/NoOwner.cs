namespace Evose.Admin.Domain.Hygiene;

/// <summary>A credential that nobody answers for.</summary>
internal static class NoOwner
{
    public static readonly HygieneRule Rule = new("no-owner", HygieneSeverity.Medium, "Nobody answers for it",
        "When it expires or leaks, nobody in particular is told and nobody knows whom to ask. Name an owner.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where !c.Owner.Named
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, "It has no owner.", [], HygieneFixPlace.Credential, HygieneFix.TakeOwnership);
}
