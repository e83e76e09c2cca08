using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Channels;

/// <summary>
/// Sends what waits, channel by channel and in order. A channel is leased to one run at a time, on whichever node, so nothing is sent twice at once; an attempt is counted before it is made, so one that is cut off is
/// tried again on the schedule and not at once. Receivers that are slow or down hold up nobody but themselves.
/// </summary>
public sealed class DeliverNotificationsJob(IDbContextFactory<AdminDb> dbs, ChannelSender sender, ChannelSeals seals, NoticeWriter notices, TimeProvider clock) : IJob
{
    /// <summary>How long deliveries stay in the log.</summary>
    public static readonly TimeSpan LogLife = TimeSpan.FromDays(90);

    private const int ChannelsAtOnce = 4;

    public static string Name => "deliver-notifications";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        // What waits is sealed too.
        if (seals.IsSealed) return 0;
        var now = clock.GetUtcNow();
        List<Guid> channels;
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            var ahead = now + DeliveryPolicy.ClockSlack;
            channels = await db.Deliveries.Where(d => d.State == DeliveryState.Pending && d.NotificationId != null && (d.NextAttemptAt <= now || d.NextAttemptAt > ahead)).Select(d => d.ChannelId).Distinct().ToListAsync(ct);
            var old = now - LogLife;
            if (await db.Deliveries.AnyAsync(d => d.FinishedAt < old, ct)) await ForgetAsync(db, old, ct);
        }
        var sent = 0;
        await Parallel.ForEachAsync(channels.Order(), new ParallelOptions { MaxDegreeOfParallelism = ChannelsAtOnce, CancellationToken = ct },
            async (channel, token) => Interlocked.Add(ref sent, await DrainAsync(channel, token)));
        return sent;
    }

    private async Task<int> DrainAsync(Guid channelId, CancellationToken ct)
    {
        var run = Guid.CreateVersion7(clock.GetUtcNow());
        var sent = 0;
        while (await TakeAsync(channelId, run, ct) is { } batch)
        {
            var result = await sender.SendAsync(batch.Channel, batch.Message, batch.Recipients, ct);
            // What was sent is noted even when the app is asked to stop meanwhile.
            if (!await KeepAsync(batch, run, result, CancellationToken.None)) return sent;
            if (result.Verdict == SendVerdict.Delivered) sent += batch.Deliveries.Count;
        }
        return sent;
    }

    private sealed record Batch(NotificationChannel Channel, IReadOnlyList<Guid> Deliveries, ChannelMessage Message, IReadOnlyList<string> Recipients);

    // Decides what goes out next and counts the attempt, in one transaction; null when nothing is due or another run has the channel.
    private async Task<Batch?> TakeAsync(Guid channelId, Guid run, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var channel = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == channelId, ct);
        if (channel is null || channel.DisabledAt is not null || !channel.IsFree(run, now)) return null;
        var (since, until) = (now - TimeSpan.FromMinutes(1), now + TimeSpan.FromMinutes(1));
        var lately = await db.Deliveries.Where(d => d.ChannelId == channelId && d.LastAttemptAt > since && d.LastAttemptAt < until).Select(d => d.DigestId ?? d.Id).Distinct().CountAsync(ct);
        var queue = await db.Deliveries.Where(d => d.ChannelId == channelId && d.State == DeliveryState.Pending && d.NotificationId != null).OrderBy(d => d.Number).Take(DeliveryPolicy.MaxDigest).ToListAsync(ct);
        var next = DeliveryPolicy.Next(channel.Kind, queue, lately, now);
        if (next.Count == 0)
        {
            channel.Release(run);
            await write.CommitAsync(ct);
            return null;
        }
        channel.Lease(run, now);
        Guid? digest = next.Count > 1 ? Guid.CreateVersion7(now) : null;
        foreach (var delivery in next) delivery.Begin(digest, now);
        var message = new ChannelMessage(digest ?? next[0].Id, channel.Language, await notices.WriteAsync(db, next, channel.Language, ct));
        var recipients = channel.Kind == ChannelKind.Email ? await notices.RecipientsAsync(db, channel, next, ct) : [];
        await write.CommitAsync(ct);
        return new Batch(channel, [.. next.Select(d => d.Id)], message, recipients);
    }

    // True while the run may go on with the channel.
    private async Task<bool> KeepAsync(Batch batch, Guid run, SendResult result, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var channel = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == batch.Channel.Id, ct);
        // Removed meanwhile, and its deliveries with it.
        if (channel is null) return false;
        foreach (var delivery in await db.Deliveries.Where(d => batch.Deliveries.Contains(d.Id) && d.State == DeliveryState.Pending).ToListAsync(ct)) delivery.End(result.Verdict, result.Status, result.Answer, now);
        var goesOn = result.Verdict is SendVerdict.Delivered or SendVerdict.Refused;
        if (result.Verdict == SendVerdict.Gone && channel.DisabledAt is null) await ShutAsync(db, channel, result, now, ct);
        if (!goesOn) channel.Release(run);
        await write.CommitAsync(ct);
        return goesOn;
    }

    private static async Task ShutAsync(AdminDb db, NotificationChannel channel, SendResult result, DateTimeOffset now, CancellationToken ct)
    {
        channel.Disable(result.Status == 410 ? "The receiver answered 410: this address does not exist any more." : result.Answer, now);
        foreach (var waiting in await db.Deliveries.Where(d => d.ChannelId == channel.Id && d.State == DeliveryState.Pending).ToListAsync(ct))
            if (waiting.State == DeliveryState.Pending) waiting.GiveUp("The channel was disabled before it was sent.", now);
        AuditTrail.Append(db, now, Actor.Job(Name), AuditAction.ChannelDisabled, new AuditSubject(channel.WorkspaceId, channel.Name, channel.Id), channel.DisabledWhy, AuditOutcome.Failed);
        var slug = channel.WorkspaceId is { } id ? await db.Workspaces.Where(w => w.Id == id).Select(w => w.Slug).SingleAsync(ct) : Workspace.OrganizationSlug;
        // Saved first, so that the channel is not told of its own end.
        await db.SaveChangesAsync(ct);
        await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now),
            WorkspaceId = channel.WorkspaceId,
            Kind = NotificationKind.ChannelDisabled,
            Key = $"channel:{channel.Id:N}:{now.UtcTicks}",
            Title = $"The channel {channel.Name} was disabled",
            Body = $"{channel.DisabledWhy} Nothing is sent there any more. Correct the address and enable it again, or remove it.",
            Url = Urls.Channel(slug, channel.Id),
            CreatedAt = now,
            Facts = new Dictionary<string, string> { [NotificationTexts.Name] = channel.Name },
        }, ct);
    }

    private static async Task ForgetAsync(AdminDb db, DateTimeOffset old, CancellationToken ct)
    {
        await using var write = await db.BeginWriteAsync(ct);
        await db.Deliveries.Where(d => d.FinishedAt < old).ExecuteDeleteAsync(ct);
        await write.CommitAsync(ct);
    }
}
