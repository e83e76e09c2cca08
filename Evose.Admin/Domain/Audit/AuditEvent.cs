namespace Evose.Admin.Domain.Audit;

/// <summary>Who did what to which thing, when. Chained: each row's link covers the one before it.</summary>
public sealed class AuditEvent
{
    /// <summary>Position in the chain of administrative acts, from 1, without gaps; set on save.</summary>
    public long Seq { get; set; }

    public DateTimeOffset At { get; init; }

    public Guid? WorkspaceId { get; init; }

    public ActorKind ActorKind { get; init; }

    public Guid ActorId { get; init; }

    public string ActorName { get; init; } = "";

    public string? Ip { get; init; }

    public string? RequestId { get; init; }

    public AuditAction Action { get; init; }

    public AuditOutcome Outcome { get; init; }

    /// <summary>Name of the thing acted on, as it was then.</summary>
    public string? Subject { get; init; }

    public Guid? SubjectId { get; init; }

    /// <summary>The credential concerned, when one is.</summary>
    public Guid? CredentialId { get; init; }

    /// <summary>The policy version that this event set, when it set one.</summary>
    public int? PolicyVersion { get; init; }

    /// <summary>What changed, for a person: names and dates, never values.</summary>
    public string? Detail { get; init; }

    public byte[] Link { get; set; } = [];
}

/// <summary>How the act ended.</summary>
public enum AuditOutcome
{
    Succeeded,
    Refused,
    Failed,
}
