using System.Collections.Concurrent;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Notifications;

/// <summary>Tells of a row that is not as the app wrote it: an audit event and a notification, once per thing and day.</summary>
public sealed class IntegrityAlarm(IDbContextFactory<AdminDb> dbs, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, bool> _told = new();

    public async Task RaiseAsync(Guid workspaceId, Guid? credentialId, string subject, string what, CancellationToken ct)
    {
        // Every call that needs the row comes by here; the first one tells.
        if (!_told.TryAdd($"{workspaceId:N}:{subject}:{clock.GetUtcNow():yyyyMMdd}", true)) return;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var raised = await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now),
            WorkspaceId = workspaceId,
            Kind = NotificationKind.IntegrityViolation,
            Key = $"integrity:{workspaceId:N}:{subject}:{now:yyyyMMdd}",
            CredentialId = credentialId,
            Title = $"{subject} was changed behind the app's back",
            Body = $"{what} Calls that need it are refused. Find out who can write to the database, then register it anew.",
            CreatedAt = now,
            Facts = new Dictionary<string, string> { [NotificationTexts.Name] = subject },
        }, ct);
        if (!raised) return;
        AuditTrail.Append(db, now, Actor.Job("integrity-check"), AuditAction.IntegrityViolation, new AuditSubject(workspaceId, subject, credentialId, credentialId), what, AuditOutcome.Failed);
        await write.CommitAsync(ct);
    }
}
