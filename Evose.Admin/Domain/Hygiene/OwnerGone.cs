namespace Evose.Admin.Domain.Hygiene;

/// <summary>A credential whose owner left: shut out, removed, or no longer a member of the workspace.</summary>
internal static class OwnerGone
{
    public static readonly HygieneRule Rule = new("owner-gone", HygieneSeverity.Medium, "Its owner is gone",
        "Whoever left may still know the value, and nobody answers for it now. Rotate it and name another owner.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where c.Owner is { Named: true, Left: true }
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, $"{c.Owner.Name ?? "The owner's account is gone"}{(c.Owner.Name is null ? "." : ", its owner, has no access here any more.")}", [c.Owner.Name ?? ""], HygieneFixPlace.Credential, HygieneFix.TakeOwnership);
}
