using Evose.Admin.Domain.Consumers;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>A scope that lets in tools, agents or workflows that did not use the credential for 90 days, while others did.</summary>
internal static class WideScope
{
    public static readonly HygieneRule Rule = new("wide-scope", HygieneSeverity.Medium, "More may use it than do",
        "Every entry that is not needed is one more way to the value for whoever takes over that tool or agent. Take the idle ones out; a call that needs one again is refused with the reason.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            // Nothing is said of what is not used at all, and of a scope that has not stood long enough to be judged.
            if (c.Use.By.Count == 0 || c.Use.LastAt is not { } last || now - last >= HygieneRules.Window || !Settled(c.CreatedAt, now) || (c.ScopeChangedAt is { } changed && !Settled(changed, now))) continue;
            var idle = c.Scope.Where(e => Settled(e.Since, now) && !c.Use.By.Contains((e.Kind, e.Name))).OrderBy(e => e.Kind).ThenBy(e => e.Shown, StringComparer.Ordinal).ToList();
            if (idle.Count == 0) continue;
            var removable = Removable(c, idle);
            yield return new(Rule, HygieneSubject.Of(c), Rule.Severity, $"In the last 90 days it was not used by {string.Join(", ", idle.Select(Called))}, which its scope lets in.",
                [.. idle.Select(e => e.Id.ToString("N")).Order(StringComparer.Ordinal)], HygieneFixPlace.Access, removable.Count > 0 ? HygieneFix.NarrowScope : HygieneFix.None, removable);
        }
    }

    private static bool Settled(DateTimeOffset since, DateTimeOffset now) => now - since >= HygieneRules.SettlingIn;

    /// <summary>
    /// What can go without opening or closing the scope for others: a side (tools, or those who act) that would be left empty stays as it is.
    /// And nothing goes on a side where a name used it that the scope does not know: it may be an entry's name of before.
    /// </summary>
    private static List<Guid> Removable(HygieneCredential c, List<HygieneScopeEntry> idle)
    {
        var gone = new List<Guid>();
        foreach (var tools in new[] { true, false })
        {
            var side = c.Scope.Where(e => e.Kind == ConsumerKind.Tool == tools).ToList();
            var dead = idle.Where(e => e.Kind == ConsumerKind.Tool == tools).ToList();
            if (dead.Count > 0 && dead.Count < side.Count && !c.Use.By.Any(u => u.Kind == ConsumerKind.Tool == tools && side.Exists(e => e.Kind == u.Kind) && !side.Exists(e => e.Kind == u.Kind && e.Name == u.Name))) gone.AddRange(dead.Select(e => e.Id));
        }
        return gone;
    }

    private static string Called(HygieneScopeEntry e) => $"{e.Kind switch { ConsumerKind.Tool => "tool", ConsumerKind.Agent => "agent", ConsumerKind.Workflow => "workflow" }} {e.Shown}";
}
