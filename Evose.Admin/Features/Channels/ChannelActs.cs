using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Channels;

/// <summary>Removes a channel with its address, its secret and its log.</summary>
public sealed class RemoveChannel(IDbContextFactory<AdminDb> dbs, ChannelGate gate, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Guid id, CancellationToken ct)
    {
        if ((await gate.OfAsync(actor, id, Permission.ManageNotifications, ct)).Failed(out var refused)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var channel = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == id, ct);
        if (channel is null) return Problem.NotFound("channel");
        var log = await db.Deliveries.Where(d => d.ChannelId == id).ToListAsync(ct);
        db.Deliveries.RemoveRange(log);
        db.NotificationChannels.Remove(channel);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.ChannelRemoved, new AuditSubject(channel.WorkspaceId, channel.Name, channel.Id), $"{log.Count(d => d.State == DeliveryState.Pending)} deliveries were still waiting.");
        await write.CommitAsync(ct);
        return Done.It;
    }
}

/// <summary>Takes a channel out of use, or into use again. What was waiting when it was taken out is given up.</summary>
public sealed class SwitchChannel(IDbContextFactory<AdminDb> dbs, ChannelGate gate, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Guid id, bool on, CancellationToken ct)
    {
        if ((await gate.OfAsync(actor, id, Permission.ManageNotifications, ct)).Failed(out var refused)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var channel = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == id, ct);
        if (channel is null) return Problem.NotFound("channel");
        if (channel.DisabledAt is null == on) return Done.It;
        var now = clock.GetUtcNow();
        if (on) channel.Enable();
        else
        {
            channel.Disable($"Disabled by {actor.Name}.", now);
            foreach (var waiting in await db.Deliveries.Where(d => d.ChannelId == id && d.State == DeliveryState.Pending).ToListAsync(ct)) waiting.GiveUp("The channel was disabled before it was sent.", now);
        }
        channel.Revision++;
        AuditTrail.Append(db, now, actor, on ? AuditAction.ChannelChanged : AuditAction.ChannelDisabled, new AuditSubject(channel.WorkspaceId, channel.Name, channel.Id), on ? "enabled" : "disabled by hand");
        await write.CommitAsync(ct);
        return Done.It;
    }
}

/// <summary>Sends a test through a channel at once and says what came back. On record before it is sent; it is in the log and in nobody's inbox.</summary>
public sealed class TestChannel(IDbContextFactory<AdminDb> dbs, ChannelGate gate, ChannelSender sender, NoticeWriter notices, TimeProvider clock)
{
    /// <summary>Tests a minute; a receiver's limit is for what matters.</summary>
    private const int PerMinute = 5;

    public sealed record Tested(Guid DeliveryId, bool Delivered, int? Status, string Answer);

    public async Task<Outcome<Tested>> ExecuteAsync(Actor actor, Guid id, CancellationToken ct)
    {
        if ((await gate.OfAsync(actor, id, Permission.ManageNotifications, ct)).Failed(out var refused, out var workspace)) return refused;
        NotificationChannel channel;
        Delivery delivery;
        ChannelMessage message;
        IReadOnlyList<string> recipients;
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            var found = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == id, ct);
            if (found is null) return Problem.NotFound("channel");
            var now = clock.GetUtcNow();
            var since = now - TimeSpan.FromMinutes(1);
            if (await db.Deliveries.CountAsync(d => d.ChannelId == id && d.NotificationId == null && d.CreatedAt > since, ct) >= PerMinute) return Problem.RateLimited("Enough tests for this minute: wait a little, the receiver counts them too.", 60);
            (channel, delivery) = (found, Delivery.Of(Guid.CreateVersion7(now), id, null, await NotificationOutbox.NextNumberAsync(db, id, ct), now));
            delivery.Begin(null, now);
            db.Deliveries.Add(delivery);
            message = new ChannelMessage(delivery.Id, channel.Language, [ChannelNotice.Test(channel.Language, workspace.IsOrganization ? null : workspace.Slug, now)]);
            recipients = channel.Kind == ChannelKind.Email ? await notices.RecipientsAsync(db, channel, [], ct) : [];
            AuditTrail.Append(db, now, actor, AuditAction.ChannelTested, new AuditSubject(channel.WorkspaceId, channel.Name, channel.Id));
            await write.CommitAsync(ct);
        }
        var result = await sender.SendAsync(channel, message, recipients, ct);
        await using (var db = await dbs.CreateDbContextAsync(CancellationToken.None))
        {
            await using var write = await db.BeginWriteAsync(CancellationToken.None);
            var row = await db.Deliveries.SingleOrDefaultAsync(d => d.Id == delivery.Id, CancellationToken.None);
            // A test is tried once, whatever the answer.
            row?.End(result.Verdict == SendVerdict.Retry ? SendVerdict.Refused : result.Verdict, result.Status, result.Answer, clock.GetUtcNow());
            await write.CommitAsync(CancellationToken.None);
        }
        return new Tested(delivery.Id, result.Verdict == SendVerdict.Delivered, result.Status, result.Answer);
    }
}

/// <summary>Puts a finished delivery at the end of its channel's queue once more, with the whole schedule before it. The next sweep, seconds later, finds it there.</summary>
public sealed class ResendDelivery(IDbContextFactory<AdminDb> dbs, ChannelGate gate, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Guid channelId, Guid deliveryId, CancellationToken ct)
    {
        if ((await gate.OfAsync(actor, channelId, Permission.ManageNotifications, ct)).Failed(out var refused)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var channel = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == channelId, ct);
        var delivery = await db.Deliveries.SingleOrDefaultAsync(d => d.Id == deliveryId && d.ChannelId == channelId, ct);
        if (channel is null || delivery is null) return Problem.NotFound("delivery");
        if (delivery.NotificationId is null) return Problem.Conflict("This was a test. Send another one instead.", "test");
        if (channel.DisabledAt is not null) return Problem.Conflict("The channel is disabled. Enable it first.", "disabled");
        if (delivery.State == DeliveryState.Pending) return Problem.Conflict("It is still waiting and will be tried by itself.", "pending");
        var now = clock.GetUtcNow();
        delivery.Again(await NotificationOutbox.NextNumberAsync(db, channelId, ct), now);
        AuditTrail.Append(db, now, actor, AuditAction.DeliveryResent, new AuditSubject(channel.WorkspaceId, channel.Name, channel.Id), $"delivery {delivery.Id}");
        await write.CommitAsync(ct);
        return Done.It;
    }
}
