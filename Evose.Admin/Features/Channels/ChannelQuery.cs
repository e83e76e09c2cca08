using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Channels;

/// <summary>Channels and their logs, as far as the reader may see them; never an address or a secret.</summary>
public sealed class ChannelQuery(IDbContextFactory<AdminDb> dbs, ChannelGate gate, Authorizer authorizer)
{
    /// <param name="Workspace">Slug; null is the organization.</param>
    /// <param name="IsSigned">A secret is kept for it.</param>
    /// <param name="Waiting">Deliveries that are not sent yet.</param>
    public sealed record Row(Guid Id, string? Workspace, string Name, ChannelKind Kind, string? Host, IReadOnlyList<NotificationKind> Kinds, NotificationSeverity MinSeverity, string Language, IReadOnlyList<string> Recipients,
        bool StandardHeaders, bool IncludesWorkspaces, bool IsSigned, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? DisabledAt, string? DisabledWhy, int Revision, int Waiting, DateTimeOffset? DeliveredAt, DeliveryState? LastState);

    /// <param name="Title">What was sent; null for a test.</param>
    /// <param name="Together">It went out in one message with others.</param>
    public sealed record LogRow(Guid Id, Guid? NotificationId, string Event, string? Title, DeliveryState State, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? LastAttemptAt, DateTimeOffset? NextAttemptAt, DateTimeOffset? DeliveredAt,
        int? Status, string? Answer, bool Together);

    /// <summary>One channel for its page.</summary>
    public sealed record View(Row Channel, Page<LogRow> Log, bool CanManage);

    /// <param name="workspace">Slug; null: all that the reader sees.</param>
    public async Task<Outcome<IReadOnlyList<Row>>> ListAsync(Actor actor, string? workspace, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = db.NotificationChannels.AsNoTracking();
        if (workspace is { Length: > 0 })
        {
            if ((await gate.PlaceAsync(actor, workspace, Permission.ViewCalls, ct)).Failed(out var problem, out var place)) return problem;
            var id = ChannelGate.IdOf(place);
            rows = rows.Where(c => c.WorkspaceId == id);
        }
        else if (await authorizer.WorkspacesAsync(actor, Permission.ViewCalls, ct) is { } visible) rows = rows.Where(c => c.WorkspaceId != null && visible.Contains(c.WorkspaceId.Value));
        return Outcome<IReadOnlyList<Row>>.Of(await ShapeAsync(db, rows, ct));
    }

    public async Task<Outcome<View>> RunAsync(Actor actor, Guid id, int? limit, string? cursor, CancellationToken ct)
    {
        if ((await gate.OfAsync(actor, id, Permission.ViewCalls, ct)).Failed(out var problem, out var workspace)) return problem;
        if (Cursors.Limit(limit).Failed(out problem, out var take)) return problem;
        if (Cursors.Decode(cursor).Failed(out problem, out var after)) return problem;
        long? below = null;
        if (after is not null)
        {
            if (!long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return Problem.Malformed("The cursor is not one of ours. Start again without it.");
            below = number;
        }
        await using var db = await dbs.CreateDbContextAsync(ct);
        if ((await ShapeAsync(db, db.NotificationChannels.AsNoTracking().Where(c => c.Id == id), ct)) is not [var row]) return Problem.NotFound("channel");
        var found = await (from d in db.Deliveries.AsNoTracking()
                           where d.ChannelId == id && (below == null || d.Number < below)
                           orderby d.Number descending
                           select new { Delivery = d, Told = db.Notifications.Where(n => n.Id == d.NotificationId).Select(n => new { n.Kind, n.Title }).SingleOrDefault() }).Take(take + 1).ToListAsync(ct);
        var log = Page<LogRow>.Of([.. found.Select(f => new LogRow(f.Delivery.Id, f.Delivery.NotificationId, f.Told is null ? "webhook.test" : EventNames.Event(f.Told.Kind), f.Told?.Title, f.Delivery.State, f.Delivery.Attempts, f.Delivery.CreatedAt,
            f.Delivery.LastAttemptAt, f.Delivery.State == DeliveryState.Pending ? f.Delivery.NextAttemptAt : null, f.Delivery.State == DeliveryState.Delivered ? f.Delivery.FinishedAt : null, f.Delivery.LastStatus, f.Delivery.LastAnswer, f.Delivery.DigestId is not null))],
            take, r => found.First(f => f.Delivery.Id == r.Id).Delivery.Number.ToString(CultureInfo.InvariantCulture));
        return new View(row, log, (await authorizer.RightsAsync(actor, workspace.Slug, ct)).Allows(Permission.ManageNotifications));
    }

    private static async Task<IReadOnlyList<Row>> ShapeAsync(AdminDb db, IQueryable<NotificationChannel> rows, CancellationToken ct)
    {
        var found = await (from c in rows
                           orderby c.Name, c.Id
                           select new
                           {
                               Channel = c,
                               Slug = db.Workspaces.Where(w => w.Id == c.WorkspaceId).Select(w => w.Slug).SingleOrDefault(),
                               Waiting = db.Deliveries.Count(d => d.ChannelId == c.Id && d.State == DeliveryState.Pending),
                               Delivered = db.Deliveries.Where(d => d.ChannelId == c.Id && d.State == DeliveryState.Delivered).Max(d => d.FinishedAt),
                               Last = db.Deliveries.Where(d => d.ChannelId == c.Id && d.LastAttemptAt != null).OrderByDescending(d => d.LastAttemptAt).Select(d => (DeliveryState?)d.State).FirstOrDefault(),
                           }).ToListAsync(ct);
        return [.. found.Select(f => new Row(f.Channel.Id, f.Slug, f.Channel.Name, f.Channel.Kind, f.Channel.Host, f.Channel.Kinds, f.Channel.MinSeverity, f.Channel.Language, f.Channel.Recipients, f.Channel.StandardHeaders,
            f.Channel.IncludesWorkspaces, f.Channel.SealedSecret is not null, f.Channel.CreatedAt, f.Channel.CreatedBy, f.Channel.DisabledAt, f.Channel.DisabledWhy, f.Channel.Revision, f.Waiting, f.Delivered, f.Last))];
    }
}
