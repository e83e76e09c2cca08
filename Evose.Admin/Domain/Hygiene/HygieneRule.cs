using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>How much a finding matters. Numbers are stored.</summary>
public enum HygieneSeverity
{
    /// <summary>Untidy: worth an hour some day.</summary>
    Low = 0,

    /// <summary>A risk that grows.</summary>
    Medium = 1,

    /// <summary>An incident that has only not happened yet.</summary>
    High = 2,
}

/// <summary>What a finding is about. Numbers are stored.</summary>
public enum HygieneSubjectKind
{
    Credential = 0,
    Tool = 1,
}

/// <summary>Where a finding is put right.</summary>
public enum HygieneFixPlace
{
    /// <summary>The credential's page: name, owner, date, archive.</summary>
    Credential = 0,

    /// <summary>The credential's scope and hosts.</summary>
    Access = 1,

    /// <summary>The rotation wizard.</summary>
    Rotation = 2,

    /// <summary>The tool's form.</summary>
    Tool = 3,
}

/// <summary>What the app can do about a finding by itself, when a person says so.</summary>
public enum HygieneFix
{
    /// <summary>Nothing that is safe.</summary>
    None = 0,

    /// <summary>Take the entries that were not used out of the scope.</summary>
    NarrowScope = 1,

    /// <summary>Make the person who presses the button the owner.</summary>
    TakeOwnership = 2,

    /// <summary>The value may not stand in an address any more; no tool needs it to.</summary>
    ForbidInUrl = 3,
}

/// <summary>One bad habit that the app looks for.</summary>
/// <param name="Id">Stable, as on the HTTP surface and in addresses.</param>
/// <param name="Severity">What a finding of it usually is; a rule may say otherwise of one.</param>
/// <param name="Title">What is wrong, in a few words.</param>
/// <param name="Why">Why that is bad, and what to do.</param>
/// <param name="Find">Pure: what the snapshot shows at a moment.</param>
public sealed record HygieneRule(string Id, HygieneSeverity Severity, string Title, string Why, Func<HygieneSnapshot, DateTimeOffset, IEnumerable<Observation>> Find);

/// <summary>A credential or a tool that a finding is about.</summary>
public readonly record struct HygieneSubject(HygieneSubjectKind Kind, Guid Id, string Name)
{
    public static HygieneSubject Of(HygieneCredential c) => new(HygieneSubjectKind.Credential, c.Id, c.Name);

    public static HygieneSubject Of(HygieneTool t) => new(HygieneSubjectKind.Tool, t.Id, t.Name);
}

/// <summary>What a rule found of one subject at one moment. The text gives dates, not ages, so that it is the same tomorrow unless something changed.</summary>
/// <param name="Facts">What the finding rests on. Who accepts it accepts these; when they change it is open again.</param>
/// <param name="Members">The consumers that <see cref="HygieneFix.NarrowScope"/> would take out.</param>
public sealed record Observation(
    HygieneRule Rule, HygieneSubject Subject, HygieneSeverity Severity, string Text, IReadOnlyList<string> Facts, HygieneFixPlace Place, HygieneFix Fix = HygieneFix.None, IReadOnlyList<Guid>? Members = null)
{
    /// <summary>At most one finding per rule and subject.</summary>
    public string Key => $"{Rule.Id}:{Subject.Id:N}";

    public string FactsHash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Severity}\u001f{string.Join('\u001f', Facts)}")).AsSpan(0, 16));
}
