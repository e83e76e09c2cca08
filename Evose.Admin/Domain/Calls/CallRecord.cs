namespace Evose.Admin.Domain.Calls;

/// <summary>One use of one credential by one call: written, durable, before the value leaves. Append-only and chained. Says what happened, never what was said.</summary>
public sealed class CallRecord
{
    /// <summary>The row's number; see <see cref="CallNumber"/>.</summary>
    public long Seq { get; init; }

    /// <summary>Whose chain it stands in: each writer has a lane of its own.</summary>
    public int Lane { get; init; }

    /// <summary>Place in the lane's chain, shared with <see cref="CallCompletion"/>, from 1, without gaps.</summary>
    public long Position { get; init; }

    public Guid Id { get; init; }

    public DateTimeOffset At { get; init; }

    public Guid? WorkspaceId { get; init; }

    public Guid? ToolId { get; init; }

    public string? Tool { get; init; }

    public Guid? AgentId { get; init; }

    public string? Agent { get; init; }

    public Guid? WorkflowId { get; init; }

    public string? Workflow { get; init; }

    public string? RunId { get; init; }

    /// <summary>The end user the caller names: id, name and e-mail as the caller gave them.</summary>
    public string? UserId { get; init; }

    public string? UserName { get; init; }

    public string? UserEmail { get; init; }

    public Guid? ApiKeyId { get; init; }

    /// <summary>Name of the API key, or of the person when a page made the call.</summary>
    public string? ApiKey { get; init; }

    public string? Ip { get; init; }

    public Guid? CredentialId { get; init; }

    public string? Credential { get; init; }

    public int? Version { get; init; }

    public string Method { get; init; } = "";

    public string? Host { get; init; }

    /// <summary>Path of the upstream address; never the query.</summary>
    public string? Path { get; init; }

    /// <summary>True when the call was refused and nothing left.</summary>
    public bool Refused { get; init; }

    /// <summary>The rule that allowed or refused it.</summary>
    public string Rule { get; init; } = "";

    public string RequestId { get; init; } = "";

    public byte[] Link { get; init; } = [];
}

/// <summary>How a recorded call ended. A call without one is shown as outcome unknown.</summary>
public sealed class CallCompletion
{
    /// <summary>The row this completes.</summary>
    public long CallSeq { get; init; }

    /// <summary>Lane of who wrote the completion; not always the call's.</summary>
    public int Lane { get; init; }

    /// <summary>Place in the lane's chain.</summary>
    public long Position { get; init; }

    public DateTimeOffset At { get; init; }

    /// <summary>HTTP status of the upstream; null when it gave none.</summary>
    public int? Status { get; init; }

    /// <summary>Microseconds from recording to the end of the answer.</summary>
    public long DurationUs { get; init; }

    public CallOutcome Outcome { get; init; }

    /// <summary>Why it failed, one word, such as <c>timeout</c>; null when it did not.</summary>
    public string? Reason { get; init; }

    public byte[] Link { get; init; } = [];
}

/// <summary>How a call ended.</summary>
public enum CallOutcome
{
    /// <summary>The upstream answered below 400.</summary>
    Succeeded = 1,

    /// <summary>The upstream answered 400 or above.</summary>
    UpstreamError = 2,

    /// <summary>No answer, or it broke off.</summary>
    Failed = 3,

    /// <summary>We refused it; nothing left.</summary>
    Refused = 4,

    /// <summary>Recorded, and nothing is known of its end.</summary>
    Unknown = 5,
}

public static class CallOutcomes
{
    public static string Wire(this CallOutcome outcome) => outcome switch
    {
        CallOutcome.Succeeded => "succeeded",
        CallOutcome.UpstreamError => "upstream_error",
        CallOutcome.Failed => "failed",
        CallOutcome.Refused => "refused",
        CallOutcome.Unknown => "unknown",
    };
}
