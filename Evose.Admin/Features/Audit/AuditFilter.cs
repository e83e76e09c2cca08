using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Features.Audit;

/// <summary>What a reader asks for, as it stands in an address; everything may be left out.</summary>
/// <param name="Workspace">Slug; <c>org</c> for what belongs to no workspace.</param>
/// <param name="Actor">Part of a person's, API key's or end user's name, or an id.</param>
/// <param name="Action">Wire name such as <c>rotation.promoted</c>, or its first part.</param>
public sealed record AuditFilter(string? Workspace = null, string? Actor = null, string? Action = null, string? Credential = null, string? Tool = null, string? Agent = null, string? Outcome = null,
    string? CreatedAfter = null, string? CreatedBefore = null)
{
    public const string UseAction = "credential.used";
    public const string RefusalAction = "call.refused";
    public const int MaxLength = 200;

    /// <summary>Every action there is, by wire name.</summary>
    public static readonly IReadOnlyList<string> Actions = [.. Enum.GetValues<AuditAction>().Select(a => a.Wire()).Append(UseAction).Append(RefusalAction).Order(StringComparer.Ordinal)];

    /// <summary>Every outcome there is.</summary>
    public static readonly IReadOnlyList<string> Outcomes = [.. Enum.GetValues<CallOutcome>().Select(o => o.Wire())];

    private IEnumerable<(string Name, string? Value)> Parts() =>
    [
        ("workspace", Workspace), ("actor", Actor), ("action", Action), ("credential", Credential), ("tool", Tool), ("agent", Agent), ("outcome", Outcome),
        ("created_after", CreatedAfter), ("created_before", CreatedBefore),
    ];

    public bool IsEmpty => Parts().All(p => string.IsNullOrWhiteSpace(p.Value));

    /// <summary>The filter as a query string, without the question mark.</summary>
    public string Query() => string.Join('&', Parts().Where(p => !string.IsNullOrWhiteSpace(p.Value)).Select(p => $"{p.Name}={Uri.EscapeDataString(p.Value!.Trim())}"));

    /// <summary>For the trail of who read what.</summary>
    public string Describe() => IsEmpty ? "everything" : string.Join(' ', Parts().Where(p => !string.IsNullOrWhiteSpace(p.Value)).Select(p => $"{p.Name}={p.Value!.Trim()}"));

    /// <summary>The filter understood, or what is wrong with it.</summary>
    internal Outcome<Parsed> Parse()
    {
        foreach (var (name, value) in Parts())
            if (FreeText.Refuse(value, MaxLength) is { } why) return Problem.Invalid(name, why);
        var actions = Given(Action) is { } action ? Actions.Where(a => a == action || a.StartsWith(action + ".", StringComparison.Ordinal)).ToHashSet() : null;
        if (actions is { Count: 0 }) return Problem.Invalid("action", "There is no such action. Use a name such as rotation.promoted, or its first part such as rotation.");
        if (Given(Outcome) is { } outcome && !Outcomes.Contains(outcome)) return Problem.Invalid("outcome", $"outcome must be one of: {string.Join(", ", Outcomes)}.");
        if (!TryInstant(CreatedAfter, out var after)) return Problem.Invalid("created_after", "created_after must be a time such as 2026-01-31T08:00:00Z.");
        if (!TryInstant(CreatedBefore, out var before)) return Problem.Invalid("created_before", "created_before must be a time such as 2026-01-31T08:00:00Z.");
        return new Parsed(Given(Workspace), Given(Actor), actions is null ? null : [.. Enum.GetValues<AuditAction>().Where(a => actions.Contains(a.Wire()))],
            actions?.Contains(UseAction) ?? true, actions?.Contains(RefusalAction) ?? true, Given(Credential), Given(Tool), Given(Agent), Given(Outcome), after, before);
    }

    /// <param name="Actions">Null: every administrative act.</param>
    internal sealed record Parsed(string? Workspace, string? Actor, IReadOnlyList<AuditAction>? Actions, bool Uses, bool Refusals, string? Credential, string? Tool, string? Agent, string? Outcome,
        DateTimeOffset? After, DateTimeOffset? Before);

    private static string? Given(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private static bool TryInstant(string? text, out DateTimeOffset? at)
    {
        at = null;
        if (Given(text) is not { } given) return true;
        if (!DateTimeOffset.TryParse(given, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var parsed)) return false;
        at = parsed;
        return true;
    }
}
