using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>A key without an end date. Tokens and sessions bring their own.</summary>
internal static class NoExpiry
{
    public static readonly HygieneRule Rule = new("no-expiry", HygieneSeverity.Low, "No end date",
        "Nobody is reminded to rotate it. Give it the provider's date, or the one your policy asks for.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now) =>
        from c in s.Credentials
        where c.ExpiresAt is null && c.Type is (CredentialType.ApiKey or CredentialType.Custom)
        select new Observation(Rule, HygieneSubject.Of(c), Rule.Severity, "It has no expiry date, so no reminder will come.", [], HygieneFixPlace.Credential);
}
