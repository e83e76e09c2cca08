namespace Evose.Admin.Domain;

/// <summary>The kinds of expected failure; each has one HTTP status.</summary>
public enum ProblemKind
{
    /// <summary>400: the request could not be read.</summary>
    Malformed,

    /// <summary>401: nobody is signed in, or the key is not known.</summary>
    Unauthorized,

    /// <summary>403: known, but not allowed.</summary>
    Forbidden,

    /// <summary>404: no such thing, or it belongs to another workspace.</summary>
    NotFound,

    /// <summary>409: the thing is in a state that does not allow this.</summary>
    Conflict,

    /// <summary>422: a value is not acceptable.</summary>
    Invalid,

    /// <summary>429: too many attempts.</summary>
    RateLimited,

    /// <summary>502: the upstream could not be reached or answered nonsense.</summary>
    UpstreamFailed,

    /// <summary>503: the app cannot do this now.</summary>
    Unavailable,

    /// <summary>500: a defect of ours.</summary>
    Bug,
}

/// <summary>An expected failure: a stable code and a sentence for a person. The sentence never quotes a secret value.</summary>
/// <param name="Code">UPPER_SNAKE code of the HTTP surface.</param>
/// <param name="Message">What is wrong and what to do.</param>
/// <param name="Details">Machine-readable facts, snake_case names.</param>
public sealed record Problem(ProblemKind Kind, string Code, string Message, IReadOnlyDictionary<string, object?>? Details = null)
{
    public static Problem Malformed(string message) => new(ProblemKind.Malformed, "INVALID_REQUEST", message);

    public static Problem Invalid(string field, string message) =>
        new(ProblemKind.Invalid, "INVALID_REQUEST", message, new Dictionary<string, object?> { ["field"] = field });

    public static Problem NotFound(string what) => new(ProblemKind.NotFound, "RESOURCE_NOT_FOUND", $"There is no such {what} here.");

    public static Problem Forbidden(string rule, string message) =>
        new(ProblemKind.Forbidden, "FORBIDDEN", message, new Dictionary<string, object?> { ["rule"] = rule });

    public static Problem Unauthorized(string message) => new(ProblemKind.Unauthorized, "UNAUTHORIZED", message);

    public static Problem Conflict(string message, string? state = null) =>
        new(ProblemKind.Conflict, "CONFLICT", message, state is null ? null : new Dictionary<string, object?> { ["state"] = state });

    public static Problem CredentialUnavailable(string message) => new(ProblemKind.Conflict, "CREDENTIAL_UNAVAILABLE", message);

    /// <param name="retryAfter">Seconds after which it may work, when that is known.</param>
    public static Problem RateLimited(string message, int? retryAfter = null) =>
        new(ProblemKind.RateLimited, "RATE_LIMITED", message, retryAfter is null ? null : new Dictionary<string, object?> { ["retry_after"] = retryAfter });

    public static Problem UpstreamFailed(string message, string reason) =>
        new(ProblemKind.UpstreamFailed, "TOOL_INVOCATION_FAILED", message, new Dictionary<string, object?> { ["reason"] = reason });

    public static readonly Problem Sealed =
        new(ProblemKind.Unavailable, "SEALED", "The vault is sealed: its root key is missing or wrong. An operator must restore it or enter the recovery key.");

    public static readonly Problem Internal = new(ProblemKind.Bug, "INTERNAL_ERROR", "Something failed here. The request id tells us where to look.");

    public static readonly Problem AuditUnavailable =
        new(ProblemKind.Unavailable, "AUDIT_UNAVAILABLE", "The use could not be recorded, so it did not happen. Try again shortly.");

    /// <summary>The same for what changes or reads our own data.</summary>
    public static readonly Problem DatabaseUnavailable =
        new(ProblemKind.Unavailable, "AUDIT_UNAVAILABLE", "The database does not answer or has no room left, so nothing was done. Try again shortly.");
}
