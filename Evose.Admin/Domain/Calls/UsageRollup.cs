namespace Evose.Admin.Domain.Calls;

/// <summary>Calls of one credential version in one hour; kept in the transaction that records the calls.</summary>
public sealed class UsageHour
{
    public Guid CredentialId { get; init; }

    /// <summary>Hours since 1970-01-01T00:00Z.</summary>
    public int Hour { get; init; }

    public int Version { get; init; }

    public long Calls { get; init; }

    /// <summary>Completed with upstream_error or failed.</summary>
    public long Errors { get; init; }

    /// <summary>Completed with what speaks against the key or the upstream: 401, 403, 5xx or no answer.</summary>
    public long KeyErrors { get; init; }

    /// <summary>Sum over completed calls.</summary>
    public long DurationUs { get; init; }
}

/// <summary>Calls of one credential version on one day; the same sums as <see cref="UsageHour"/>, for spans that are long.</summary>
public sealed class UsageDay
{
    public Guid CredentialId { get; init; }

    /// <summary>Days since 1970-01-01.</summary>
    public int Day { get; init; }

    public int Version { get; init; }

    public long Calls { get; init; }

    /// <inheritdoc cref="UsageHour.Errors"/>
    public long Errors { get; init; }

    /// <inheritdoc cref="UsageHour.KeyErrors"/>
    public long KeyErrors { get; init; }

    public long DurationUs { get; init; }
}

/// <summary>Calls of one credential by one tool, agent, workflow, end user or API key on one day. A call counts once for each of them that it names.</summary>
public sealed class UsageSource
{
    /// <summary>Days since 1970-01-01. First in the key: what is written together lies together, and old days are a range.</summary>
    public int Day { get; init; }

    public Guid CredentialId { get; init; }

    public SourceKind Kind { get; init; }

    public string Name { get; init; } = "";

    public long Calls { get; init; }

    public long Errors { get; init; }

    public DateTimeOffset LastAt { get; init; }
}

/// <summary>What kind of source a name is; the first three are the kinds of consumers.</summary>
public enum SourceKind
{
    Tool = 0,
    Agent = 1,
    Workflow = 2,

    /// <summary>The end user's id as the caller gave it.</summary>
    User = 3,

    ApiKey = 4,
}

/// <summary>A person or API key as calls have named it, once. A search for a part of a name finds here whose calls to look for.</summary>
public sealed class CallName
{
    /// <summary><see cref="SourceKind.User"/> or <see cref="SourceKind.ApiKey"/>.</summary>
    public SourceKind Kind { get; init; }

    /// <summary>The end user's id, or the API key's name.</summary>
    public string Id { get; init; } = "";

    public string Name { get; init; } = "";

    public string Email { get; init; } = "";
}

/// <summary>When a credential was last used, and how often ever.</summary>
public sealed class CredentialUse
{
    public Guid CredentialId { get; init; }

    public DateTimeOffset LastUsedAt { get; init; }

    public long Calls { get; init; }
}
