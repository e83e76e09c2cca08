using System.Globalization;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Notifications;

/// <summary>When nobody acknowledges a credential's reminders and nobody updates it: tells the workspace's admins, and when they are silent too, the organization's. Once each per date.</summary>
public sealed class EscalateJob(IDbContextFactory<AdminDb> dbs, TimeProvider clock) : IJob
{
    public static string Name => "escalate-notifications";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        if ((await DueAsync(db, now, ct)).Count == 0) return 0;
        await using var write = await db.BeginWriteAsync(ct);
        var raised = 0;
        foreach (var due in await DueAsync(db, now, ct))
            if (await NotificationOutbox.RaiseAsync(db, due, ct)) raised++;
        await write.CommitAsync(ct);
        return raised;
    }

    private static async Task<IReadOnlyList<Notification>> DueAsync(AdminDb db, DateTimeOffset now, CancellationToken ct)
    {
        var soon = now + TimeSpan.FromDays(EscalationPolicy.FromDay);
        // An update changes the date, and what is gone needs none: both take it out of here.
        var late = await (from c in db.Credentials.AsNoTracking()
                          where c.ArchivedAt == null && c.ExpiresAt != null && c.ExpiresAt <= soon
                          && db.Notifications.Any(n => n.CredentialId == c.Id && n.AcknowledgedAt == null && (n.Kind == NotificationKind.ExpirySoon || n.Kind == NotificationKind.Expired))
                          join w in db.Workspaces.AsNoTracking() on c.WorkspaceId equals w.Id
                          orderby c.ExpiresAt, c.Name
                          select new { c.Id, c.WorkspaceId, c.Name, ExpiresAt = c.ExpiresAt!.Value, w.Slug }).ToListAsync(ct);
        if (late.Count == 0) return [];
        var settings = await db.NotificationSettings.AsNoTracking().ToDictionaryAsync(s => s.WorkspaceId, ct);
        var due = new List<Notification>();
        foreach (var c in late)
        {
            var policy = settings.GetValueOrDefault(c.WorkspaceId) ?? NotificationSettings.Usual(c.WorkspaceId);
            if (policy.EscalateAfterDays == 0) continue;
            var after = TimeSpan.FromDays(policy.EscalateAfterDays);
            var (reminders, first, second) = (ExpiryPolicy.Keys(c.Id, c.ExpiresAt), Key(c.Id, c.ExpiresAt, 1), Key(c.Id, c.ExpiresAt, 2));
            var told = await db.Notifications.AsNoTracking().Where(n => n.CredentialId == c.Id && (n.Key.StartsWith(reminders) || n.Key == first || n.Key == second)).ToListAsync(ct);
            var ofOrganization = c.WorkspaceId == Domain.Workspaces.Workspace.OrganizationId;
            if (told.Exists(n => n.Key == second)) continue;
            var (level, since) = told.Find(n => n.Key == first) is { } raised
                // From the first escalation on it is that one which nobody answers; an answer to any of them is an answer.
                ? (2, told.Where(n => n.Key == first || n.CreatedAt > raised.CreatedAt || n.AcknowledgedAt > raised.CreatedAt).ToList())
                : (1, told);
            // Above the organization's admins there is nobody.
            if (level == 2 && ofOrganization) continue;
            if (!EscalationPolicy.IsDue([.. since.Select(n => new EscalationPolicy.Told(n.CreatedAt, n.AcknowledgedAt, n.SnoozedUntil))], c.ExpiresAt, after, now)) continue;
            var facts = new Dictionary<string, string>
            {
                [NotificationTexts.Name] = c.Name, [NotificationTexts.Days] = policy.EscalateAfterDays.ToString(CultureInfo.InvariantCulture), [NotificationTexts.Date] = NotificationTexts.At(c.ExpiresAt),
            };
            if (policy.BlockFromDay is { } day) facts[NotificationTexts.Block] = NotificationTexts.At(ForcedUpdate.From(c.ExpiresAt, day));
            due.Add(new Notification
            {
                Id = Guid.CreateVersion7(now),
                WorkspaceId = level == 2 ? null : c.WorkspaceId,
                CredentialId = c.Id,
                Kind = NotificationKind.Escalated,
                Key = level == 1 ? first : second,
                Title = level == 1 ? $"Nobody looks after {c.Name}" : $"Nobody looks after {c.Name} in {c.Slug}",
                Body = $"Its expiry date is {NotificationTexts.At(c.ExpiresAt)} UTC. For {(policy.EscalateAfterDays == 1 ? "a day" : $"{policy.EscalateAfterDays} days")} nobody {(level == 1 ? "has acknowledged a reminder" : "in the workspace has answered")} or updated it. Rotate it, or find out who does."
                    + (facts.TryGetValue(NotificationTexts.Block, out var block) ? $" From {block} UTC on calls that use it are refused." : ""),
                Url = Urls.Rotate(c.Slug, c.Name),
                CreatedAt = now,
                Facts = facts,
            });
        }
        return due;
    }

    private static string Key(Guid credential, DateTimeOffset expiresAt, int level) => $"escalated:{credential:N}:{expiresAt.UtcTicks}:{level}";
}
