using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>Verifies the chains every night and tells the organization's admins, once per break and day, when they are not as the app wrote them.</summary>
public sealed class VerifyChainJob(ChainVerifier verifier, IDbContextFactory<AdminDb> dbs, TimeProvider clock) : IJob
{
    public static string Name => "verify-audit-chain";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        if ((await verifier.VerifyAsync(ct)).FirstBreak is not { } found) return 0;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var raised = await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now),
            Kind = NotificationKind.IntegrityViolation,
            Key = $"chain:{found.Lane}:{found.Seq}:{now:yyyyMMdd}",
            Title = $"The audit chain is broken at {found.Lane} {found.Seq}",
            Body = $"{found.Reason} Somebody or something changed it behind the app's back. Keep a copy of the data directory as it is, find out who can write to it, and compare with your newest backup.",
            Url = Urls.Audit,
            CreatedAt = now,
            Facts = new Dictionary<string, string> { [NotificationTexts.Name] = $"{found.Lane} {found.Seq}" },
        }, ct);
        if (!raised) return 0;
        AuditTrail.Append(db, now, Actor.Job(Name), AuditAction.IntegrityViolation, new AuditSubject(null, $"{found.Lane} {found.Seq}"), found.Reason, AuditOutcome.Failed);
        await write.CommitAsync(ct);
        return 1;
    }
}
