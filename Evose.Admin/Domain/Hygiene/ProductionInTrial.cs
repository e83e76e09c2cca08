using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>A production key where things are tried out: by its name, by its value, or by a grant of the organization.</summary>
internal static class ProductionInTrial
{
    public static readonly HygieneRule Rule = new("prod-in-dev", HygieneSeverity.High, "A production key in a place for trials",
        "What is tried out, logged and shared in a development workspace can then reach production, and its traffic counts against production's limits. Make a key of its own for each environment, and name them _prod and _dev.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            if (s.Place.Environment == PlaceEnvironment.Trial && IsProductionName(c.Name))
            {
                yield return Of(c, $"{c.Name} is named as a production key, and {s.Place.Slug} is a workspace for trials. If the value is not production's, rename it; if it is, replace it by one that is not.", ["name", c.Name, s.Place.Slug]);
                continue;
            }
            var originals = c.Twins.Where(t => Repeats(s.Place, c, t)).ToList();
            if (originals.Count > 0)
            {
                var here = originals.Where(t => t.Here).Select(t => t.Name).ToList();
                var other = originals.Count(t => !t.Here);
                var what = here.Count > 0 ? $"the production credential {HygieneWords.List(here)}" : $"a production credential of {(other == 1 ? "another workspace" : $"{other} other workspaces")}";
                yield return Of(c, $"{c.Name} holds the same value as {what}. Make a key for {CredentialName.Environment(c.Name) ?? "trials"} at the provider and rotate this one to it.", ["value", .. originals.Select(t => t.Id.ToString("N")).Order(StringComparer.Ordinal)], HygieneFixPlace.Rotation);
                continue;
            }
            var trials = c.Grants.Where(g => g.Environment == PlaceEnvironment.Trial).Select(g => g.Slug).ToList();
            if (IsProductionName(c.Name) && trials.Count > 0)
                yield return Of(c, $"{c.Name} is granted to {HygieneWords.List(trials)}, where things are tried out. Take the grant back and give them a key of their own.", ["grant", .. trials.Order(StringComparer.Ordinal)]);
        }
    }

    /// <summary>True when the credential, which is for trials, has the value of one that is for production.</summary>
    internal static bool Repeats(HygienePlace place, HygieneCredential c, HygieneTwin t) => IsTrial(c.Name, place) && IsProduction(t.Name, t.Place);

    /// <summary>What the name says wins over what the place says.</summary>
    internal static bool IsTrial(string name, HygienePlace place) => CredentialName.Environment(name) is { } said ? said != "prod" : place.Environment == PlaceEnvironment.Trial;

    internal static bool IsProduction(string name, HygienePlace place) => CredentialName.Environment(name) is { } said ? said == "prod" : place.Environment == PlaceEnvironment.Production;

    private static bool IsProductionName(string name) => CredentialName.Environment(name) == "prod";

    private static Observation Of(HygieneCredential c, string text, IReadOnlyList<string> facts, HygieneFixPlace place = HygieneFixPlace.Access) =>
        new(Rule, HygieneSubject.Of(c), Rule.Severity, text, facts, facts[0] == "name" ? HygieneFixPlace.Credential : place);
}
