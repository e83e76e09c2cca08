using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Data;

namespace Evose.Admin.Platform.Audit;

/// <summary>The append-only door to the audit trail: the event is saved in the same transaction as the change it tells of.</summary>
public static class AuditTrail
{
    public static void Append(AdminDb db, DateTimeOffset now, Actor actor, AuditAction action, AuditSubject subject = default, string? detail = null,
        AuditOutcome outcome = AuditOutcome.Succeeded) => db.AuditEvents.Add(new AuditEvent
    {
        // Unique while tracked; the chain gives the real number on save.
        Seq = -1 - db.ChangeTracker.Entries<AuditEvent>().Count(e => e.Entity.Seq < 0),
        At = now,
        WorkspaceId = subject.WorkspaceId,
        ActorKind = actor.Kind,
        ActorId = actor.Id,
        ActorName = actor.Name,
        Ip = actor.Ip,
        RequestId = actor.RequestId,
        Action = action,
        Outcome = outcome,
        Subject = subject.Name,
        SubjectId = subject.Id,
        CredentialId = subject.CredentialId,
        PolicyVersion = subject.PolicyVersion,
        Detail = detail is { Length: > 1000 } ? detail[..1000] : detail,
    });
}

/// <summary>What an audit event is about.</summary>
/// <param name="PolicyVersion">Set when the act changed what the data plane obeys: the sealed policy's new number.</param>
public readonly record struct AuditSubject(Guid? WorkspaceId, string? Name, Guid? Id = null, Guid? CredentialId = null, int? PolicyVersion = null)
{
    public static AuditSubject Credential(Domain.Credentials.Credential c, bool policy = false) => new(c.WorkspaceId, c.Name, c.Id, c.Id, policy ? c.PolicyVersion : null);

    public static AuditSubject Consumer(Domain.Consumers.Consumer c, bool policy = false) => new(c.WorkspaceId, c.Name, c.Id, null, policy ? c.Revision : null);
}
