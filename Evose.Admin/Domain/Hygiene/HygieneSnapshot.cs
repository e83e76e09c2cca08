using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>Everything that the rules look at: one workspace (or the organization with its own credentials) at one moment. Names, dates and fingerprints; no value, and of what looks like one only where it stands.</summary>
/// <param name="Granted">Names that mean a credential of the organization here, with the fields each has; null where the fields are not known or come and go.</param>
public sealed record HygieneSnapshot(HygienePlace Place, IReadOnlyList<HygieneCredential> Credentials, IReadOnlyList<HygieneTool> Tools, IReadOnlyDictionary<string, IReadOnlyList<string>?> Granted);

/// <summary>A workspace.</summary>
public sealed record HygienePlace(Guid Id, string Slug)
{
    public PlaceEnvironment Environment => PlaceEnvironments.Of(Slug);
}

/// <summary>A living credential of the place.</summary>
/// <param name="ActiveVersion">Null when none is in use.</param>
/// <param name="EnteredAt">Since when the value that a person entered is in use; null when none is.</param>
/// <param name="Renews">True when the upstream itself gives new values: nobody rotates those by hand.</param>
public sealed record HygieneCredential(Guid Id, string Name, CredentialType Type, DateTimeOffset CreatedAt, int? ActiveVersion, DateTimeOffset? EnteredAt, bool Renews, DateTimeOffset? ExpiresAt)
{
    public HygieneOwner Owner { get; init; } = HygieneOwner.Nobody;

    public IReadOnlyList<string> Hosts { get; init; } = [];

    public IReadOnlyList<HygieneScopeEntry> Scope { get; init; } = [];

    /// <summary>When scope or hosts were last changed.</summary>
    public DateTimeOffset? ScopeChangedAt { get; init; }

    public HygieneUse Use { get; init; } = HygieneUse.Never;

    /// <summary>Places that a credential of the organization is granted to.</summary>
    public IReadOnlyList<HygienePlace> Grants { get; init; } = [];

    /// <summary>Other living credentials with the same value.</summary>
    public IReadOnlyList<HygieneTwin> Twins { get; init; } = [];

    public bool AllowInUrl { get; init; }

    /// <summary>A tool has it stand in an address.</summary>
    public bool StandsInUrl { get; init; }

    /// <summary>Names of its fields; null where they come and go (a session's cookies) or no version is in use.</summary>
    public IReadOnlyList<string>? Fields { get; init; }

    /// <summary>The open rotation.</summary>
    public HygieneRotation? Rotation { get; init; }

    /// <summary>What its description holds that looks like a secret: what it looks like.</summary>
    public string? LooksLike { get; init; }
}

/// <summary>Who answers for a credential.</summary>
/// <param name="Name">E-mail; null when nobody is named or the account is gone.</param>
/// <param name="Left">True when the person named has no access to the place any more.</param>
public sealed record HygieneOwner(bool Named, string? Name, bool Left)
{
    public static readonly HygieneOwner Nobody = new(false, null, false);
}

/// <summary>A consumer that the scope names.</summary>
/// <param name="Name">Its own name, as calls record it.</param>
/// <param name="Shown">The name with its workspace where that is another one.</param>
/// <param name="Since">When the consumer was made.</param>
public sealed record HygieneScopeEntry(Guid Id, ConsumerKind Kind, string Name, string Shown, DateTimeOffset Since);

/// <summary>Use by the sums of calls.</summary>
/// <param name="LastAt">Null: never.</param>
/// <param name="By">Tools, agents and workflows that used it within <see cref="HygieneRules.Window"/>, by the names they had then.</param>
public sealed record HygieneUse(DateTimeOffset? LastAt, IReadOnlyList<(ConsumerKind Kind, string Name)> By)
{
    public static readonly HygieneUse Never = new(null, []);
}

/// <summary>Another credential with the same value.</summary>
/// <param name="Here">True when it is in the same place, so that its name may be told.</param>
public sealed record HygieneTwin(Guid Id, string Name, HygienePlace Place, bool Here, DateTimeOffset CreatedAt);

/// <summary>An open rotation.</summary>
/// <param name="RetireAt">When the old version could go; null before the swap.</param>
public sealed record HygieneRotation(DateTimeOffset StartedAt, DateTimeOffset? RetireAt);

/// <summary>A living tool of the place.</summary>
/// <param name="Names">Placeholders and attached credentials by place; a field only where one is written.</param>
/// <param name="LooksLike">Places that hold something that looks like a secret, and what it looks like.</param>
public sealed record HygieneTool(Guid Id, string Name, IReadOnlyList<(string Place, string Credential, string? Field)> Names, IReadOnlyList<(string Place, string Called)> LooksLike)
{
    /// <summary>Whether what stands at the place becomes part of the address, which ends up in logs.</summary>
    public static bool IsAddress(string place) => place == "base_url" || place.StartsWith("query.", StringComparison.Ordinal);
}
