namespace Evose.Admin.Domain.Access;

/// <summary>A layer-1 key with which the outside calls in. Only a keyed hash is stored.</summary>
public sealed class ApiKey : ICataloged
{
    private DateTimeOffset? _expiresAt;

    public Guid Id { get; init; }

    /// <summary>The first 12 characters after <c>evk_</c>: safe to show, used to find the row.</summary>
    public string PublicId { get; init; } = "";

    public byte[] Hash { get; init; } = [];

    public string Name { get; init; } = "";

    /// <summary>Any of <see cref="ApiKeyScopes"/>.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>The only workspaces it reaches; null reaches all.</summary>
    public IReadOnlyList<Guid>? WorkspaceIds { get; init; }

    /// <summary>The agent that this key is, and no other; null when the caller says who acts.</summary>
    public Guid? AgentId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public string CreatedBy { get; init; } = "";

    public DateTimeOffset? ExpiresAt
    {
        get => _expiresAt;
        init => _expiresAt = value;
    }

    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>When it was last accepted, as of the last time that was written down.</summary>
    public DateTimeOffset? LastUsedAt { get; set; }

    public long Stamp { get; set; }

    public bool IsLive(DateTimeOffset now) => RevokedAt is null && (ExpiresAt is null || ExpiresAt > now);

    public ApiKeyStatus StatusAt(DateTimeOffset now) => RevokedAt is not null ? ApiKeyStatus.Revoked : IsLive(now) ? ApiKeyStatus.Live : ApiKeyStatus.Expired;

    /// <summary>Brings the end forward; it never moves it back, so a key that was to die sooner still does.</summary>
    public void EndBy(DateTimeOffset at)
    {
        if (_expiresAt is null || at < _expiresAt) _expiresAt = at;
    }

    public bool Reaches(Guid workspaceId) => WorkspaceIds is null || WorkspaceIds.Contains(workspaceId);

    public bool Has(string scope) => Scopes.Contains(scope) || Scopes.Contains(ApiKeyScopes.All);
}

/// <summary>Whether a key opens anything.</summary>
public enum ApiKeyStatus
{
    /// <summary>It is accepted.</summary>
    Live,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>Somebody ended it.</summary>
    Revoked,
}

/// <summary>The closed list of scopes.</summary>
public static class ApiKeyScopes
{
    public const string Read = "read";
    public const string ToolInvoke = "tool:invoke";
    public const string AuditRead = "audit:read";
    public const string Admin = "admin";
    public const string All = "*";

    public static readonly IReadOnlyList<string> Known = [Read, ToolInvoke, AuditRead, Admin, All];
}
