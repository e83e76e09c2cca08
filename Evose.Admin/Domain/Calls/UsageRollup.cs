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

/// <summary>Calls of one credential from one source on one day.</summary>
public sealed class UsageSource
{
    public Guid CredentialId { get; init; }

    /// <summary>Days since 1970-01-01.</summary>
    public int Day { get; init; }

    /// <summary>The source's parts joined by U+001F: tool, agent, workflow, user, API key.</summary>
    public string Source { get; init; } = "";

    public long Calls { get; init; }

    public long Errors { get; init; }

    public DateTimeOffset LastAt { get; init; }
}

/// <summary>When a credential was last used, and how often ever.</summary>
public sealed class CredentialUse
{
    public Guid CredentialId { get; init; }

    public DateTimeOffset LastUsedAt { get; init; }

    public long Calls { get; init; }
}
