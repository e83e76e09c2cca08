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

/// <summary>
/// Tells people of every credential that nears or is past its expiry date: once per step of its ladder and date, the nearest step only when several were missed; and once when its workspace begins to refuse calls with it.
/// The ladder is the credential's own, or its workspace's, or the installation's.
/// </summary>
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
        var settings = await db.NotificationSettings.AsNoTracking().ToDictionaryAsync(s => s.WorkspaceId, ct);
        var horizon = now + TimeSpan.FromDays(settings.Values.SelectMany(s => new[] { s.Ladder?[0] ?? 0, s.BlockFromDay ?? 0 }).Append(options.Value.Steps[0]).Max());
        var farthest = now + TimeSpan.FromDays(ForcedUpdate.MostDays);
        var near = await (from c in db.Credentials.AsNoTracking()
                          where c.ArchivedAt == null && c.ExpiresAt != null && (c.ExpiresAt <= horizon || (c.Ladder != null && c.ExpiresAt <= farthest))
                          // What the site itself prolongs with every use is told of only when that has ended.
                          && (c.ExpiresAt <= now || !c.Versions.Any(v => v.State == VersionState.Active && v.IsRolled && v.ExpiresAt == c.ExpiresAt))
                          join w in db.Workspaces.AsNoTracking() on c.WorkspaceId equals w.Id
                          orderby c.ExpiresAt, c.Name
                          select new { c.Id, c.WorkspaceId, c.Name, c.Ladder, ExpiresAt = c.ExpiresAt!.Value, w.Slug }).ToListAsync(ct);
        var due = new List<Notification>();
        foreach (var c in near)
        {
            var policy = settings.GetValueOrDefault(c.WorkspaceId);
            var blockedFrom = policy?.BlockFromDay is { } day ? ForcedUpdate.From(c.ExpiresAt, day) : (DateTimeOffset?)null;
            if (ExpiryPolicy.DueStep(c.ExpiresAt, c.Ladder ?? policy?.Ladder ?? options.Value.Steps, now) is { } step)
            {
                due.Add(Raise(c.ExpiresAt <= now ? NotificationKind.Expired : NotificationKind.ExpirySoon, ExpiryPolicy.Key(c.Id, c.ExpiresAt, step),
                    Title(c.Name, c.ExpiresAt - now), Body(c.ExpiresAt, c.ExpiresAt <= now, blockedFrom, now)));
            }
            if (blockedFrom <= now)
            {
                due.Add(Raise(NotificationKind.UpdateForced, $"blocked:{c.Id:N}:{c.ExpiresAt.UtcTicks}:{policy!.BlockFromDay}",
                    $"Calls that use {c.Name} are refused", "It was not updated in time, and the workspace's policy refuses calls from then on. Its owner or a workspace admin can fix this: rotate it, or correct its expiry date if the provider extended it."));
            }

            Notification Raise(NotificationKind kind, string key, string title, string body)
            {
                var facts = new Dictionary<string, string>
                {
                    [NotificationTexts.Name] = c.Name,
                    [NotificationTexts.Days] = Days(c.ExpiresAt - now).ToString(CultureInfo.InvariantCulture),
                    [NotificationTexts.Date] = NotificationTexts.At(c.ExpiresAt),
                };
                if (blockedFrom is { } at) facts[NotificationTexts.Block] = NotificationTexts.At(at);
                return new Notification
                {
                    Id = Guid.CreateVersion7(now),
                    WorkspaceId = c.WorkspaceId,
                    CredentialId = c.Id,
                    Kind = kind,
                    Key = key,
                    Title = title,
                    Body = body,
                    Url = Urls.Rotate(c.Slug, c.Name),
                    CreatedAt = now,
                    Facts = facts,
                };
            }
        }
        // In one question: what has expired stays due for ever.
        var ids = due.ConvertAll(n => n.CredentialId).Distinct().ToList();
        var told = (await db.Notifications.AsNoTracking().Where(n => ids.Contains(n.CredentialId) && (n.Kind == NotificationKind.ExpirySoon || n.Kind == NotificationKind.Expired || n.Kind == NotificationKind.UpdateForced)).Select(n => n.Key).ToListAsync(ct)).ToHashSet(StringComparer.Ordinal);
        // A step is over once a nearer one was told, also when the clock was put back meanwhile.
        var nearest = told.Select(Step).GroupBy(t => t.Date, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Min(t => t.Step), StringComparer.Ordinal);
        due.RemoveAll(n => told.Contains(n.Key) || (n.Kind != NotificationKind.UpdateForced && Step(n.Key) is var (date, step) && nearest.TryGetValue(date, out var nearer) && nearer < step));
        return due;
    }

    private static (string Date, int Step) Step(string key)
    {
        var cut = key.LastIndexOf(':') + 1;
        return (key[..cut], int.TryParse(key.AsSpan(cut), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var step) ? step : 0);
    }

    // Less than a day is none.
    private static int Days(TimeSpan left) => left.TotalDays < 1 ? 0 : (int)Math.Ceiling(left.TotalDays);

    private static string Title(string name, TimeSpan left) => left.TotalDays switch
    {
        <= 0 => $"{name} has expired",
        < 1 => $"{name} expires in less than a day",
        1 => $"{name} expires in 1 day",
        _ => $"{name} expires in {Days(left)} days",
    };

    private static string Body(DateTimeOffset at, bool expired, DateTimeOffset? blockedFrom, DateTimeOffset now)
    {
        var date = NotificationTexts.At(at) + " UTC";
        var text = expired
            ? $"It expired on {date}: calls that use it are likely to fail. Rotate it now, or correct the date if the provider has extended it."
            : $"It expires on {date}. Get a new value from the provider and rotate before then: old and new live side by side, so no call fails. If the provider extended it, correct the date.";
        if (blockedFrom is not { } from) return text;
        return from <= now ? text + " Calls that use it are refused now." : text + $" From {NotificationTexts.At(from)} UTC on calls that use it are refused unless it is updated.";
    }
}
