using System.Globalization;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Notifications;

/// <summary>Tells people of every credential that nears or is past its expiry date: once per step of the ladder and date, the nearest step only when several were missed.</summary>
public sealed class ScanExpiryJob(IDbContextFactory<AdminDb> dbs, IOptions<NotificationOptions> options, TimeProvider clock) : IJob
{
    public static string Name => "scan-expiry";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        // Mostly nothing is due: then the writer is left alone.
        if ((await DueAsync(db, now, ct)).Count == 0) return 0;
        await using var write = await db.BeginWriteAsync(ct);
        var raised = 0;
        foreach (var due in await DueAsync(db, now, ct))
            if (await NotificationOutbox.RaiseAsync(db, due, ct)) raised++;
        await write.CommitAsync(ct);
        return raised;
    }

    private async Task<IReadOnlyList<Notification>> DueAsync(AdminDb db, DateTimeOffset now, CancellationToken ct)
    {
        var steps = options.Value.Steps;
        var horizon = now + TimeSpan.FromDays(steps[0]);
        var near = await (from c in db.Credentials.AsNoTracking()
                          where c.ArchivedAt == null && c.ExpiresAt != null && c.ExpiresAt <= horizon
                          // What the site itself prolongs with every use is told of only when that has ended.
                          && (c.ExpiresAt <= now || !c.Versions.Any(v => v.State == VersionState.Active && v.IsRolled && v.ExpiresAt == c.ExpiresAt))
                          join w in db.Workspaces.AsNoTracking() on c.WorkspaceId equals w.Id
                          orderby c.ExpiresAt, c.Name
                          select new { c.Id, c.WorkspaceId, c.Name, ExpiresAt = c.ExpiresAt!.Value, w.Slug }).ToListAsync(ct);
        var due = new List<Notification>();
        foreach (var c in near)
        {
            if (ExpiryPolicy.DueStep(c.ExpiresAt, steps, now) is not { } step) continue;
            var key = ExpiryPolicy.Key(c.Id, c.ExpiresAt, step);
            if (await db.Notifications.AnyAsync(n => n.Key == key, ct)) continue;
            due.Add(new Notification
            {
                Id = Guid.CreateVersion7(now),
                WorkspaceId = c.WorkspaceId,
                CredentialId = c.Id,
                Kind = c.ExpiresAt <= now ? NotificationKind.Expired : NotificationKind.ExpirySoon,
                Key = key,
                Title = Title(c.Name, c.ExpiresAt - now),
                Body = Body(c.ExpiresAt, c.ExpiresAt <= now),
                Url = Urls.Rotate(c.Slug, c.Name),
                CreatedAt = now,
            });
        }
        return due;
    }

    private static string Title(string name, TimeSpan left) => left.TotalDays switch
    {
        <= 0 => $"{name} has expired",
        < 1 => $"{name} expires in less than a day",
        1 => $"{name} expires in 1 day",
        var days => $"{name} expires in {(int)Math.Ceiling(days)} days",
    };

    private static string Body(DateTimeOffset at, bool expired)
    {
        var date = at.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) + " UTC";
        return expired
            ? $"It expired on {date}: calls that use it are likely to fail. Rotate it now, or correct the date if the provider has extended it."
            : $"It expires on {date}. Get a new value from the provider and rotate before then: old and new live side by side, so no call fails. If the provider extended it, correct the date.";
    }
}
