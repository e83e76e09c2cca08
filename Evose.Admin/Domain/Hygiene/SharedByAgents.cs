using Evose.Admin.Domain.Consumers;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>One key for several agents, by its scope or by who used it.</summary>
internal static class SharedByAgents
{
    public static readonly HygieneRule Rule = new("shared-agents", HygieneSeverity.Medium, "One key for several agents",
        "Evose records which agent made a call, but at the provider all look alike: a limit hits all of them, and so does a leak. Make a key for each agent, or accept this where they are one team.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            var scoped = c.Scope.Where(e => e.Kind == ConsumerKind.Agent).ToList();
            var agents = scoped.Select(e => e.Shown)
                .Concat(c.Use.By.Where(u => u.Kind == ConsumerKind.Agent && !scoped.Exists(e => e.Name == u.Name)).Select(u => u.Name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
            if (agents.Count > 1)
                yield return new(Rule, HygieneSubject.Of(c), Rule.Severity, $"{HygieneWords.Count(agents.Count, "agent")} use it or may: {HygieneWords.List(agents)}.", agents, HygieneFixPlace.Access);
        }
    }
}
