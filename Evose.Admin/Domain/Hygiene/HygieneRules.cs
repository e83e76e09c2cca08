namespace Evose.Admin.Domain.Hygiene;

/// <summary>All rules, gravest first. Adding one is a file and a line here.</summary>
public static class HygieneRules
{
    /// <summary>How far back use counts, and how old a value may get.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromDays(90);

    /// <summary>What is younger is not yet judged by how it is used.</summary>
    public static readonly TimeSpan SettlingIn = TimeSpan.FromDays(30);

    public static readonly IReadOnlyList<HygieneRule> All =
    [
        ProductionInTrial.Rule, SecretInUrl.Rule, SecretInText.Rule, SharedByWorkspaces.Rule,
        SharedByAgents.Rule, Duplicate.Rule, PlaceholderInUrl.Rule, DeadPlaceholder.Rule, Expired.Rule, Stale.Rule, Unused.Rule, WideScope.Rule, NoOwner.Rule, OwnerGone.Rule, RotationStuck.Rule,
        NeverUsed.Rule, NoExpiry.Rule, OffConvention.Rule, AllowedInUrl.Rule, WideHosts.Rule,
    ];

    private static readonly Dictionary<string, HygieneRule> ById = All.ToDictionary(r => r.Id, StringComparer.Ordinal);

    /// <summary>Null for what is no rule, or was one.</summary>
    public static HygieneRule? Find(string id) => ById.GetValueOrDefault(id);

    /// <summary>Everything that the snapshot shows at <paramref name="now"/>.</summary>
    public static IReadOnlyList<Observation> Evaluate(HygieneSnapshot snapshot, DateTimeOffset now) => [.. All.SelectMany(r => r.Find(snapshot, now))];
}
