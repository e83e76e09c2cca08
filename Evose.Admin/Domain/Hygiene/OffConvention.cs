using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>A name that does not say the environment.</summary>
internal static class OffConvention
{
    public static readonly HygieneRule Rule = new("name", HygieneSeverity.Low, "A name off the convention",
        "Names of the form service_env, such as openai_prod, tell at a glance what a key is for, and let the app notice a production key in the wrong place. Renaming rewrites every tool that uses it.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        let advice = CredentialName.Advise(c.Name)
        where advice is not null
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, advice, [c.Name], HygieneFixPlace.Credential);
}
