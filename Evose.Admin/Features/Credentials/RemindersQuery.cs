using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Credentials;

/// <summary>When people are told that a credential expires, what they were told of the present date, and from when on its workspace's policy bites.</summary>
public sealed class RemindersQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, IOptions<NotificationOptions> options, TimeProvider clock)
{
    /// <param name="Channels">Channels that have delivered it.</param>
    /// <param name="Waiting">Channels that have not yet.</param>
    /// <param name="Passed">Its time is over; without <paramref name="ToldAt"/> a nearer one was told, or is told with the next sweep.</param>
    public sealed record Step(int Days, DateTimeOffset At, DateTimeOffset? ToldAt, int Channels, int Waiting, string? AcknowledgedBy, bool Passed);

    /// <param name="From">Whose ladder it is: <c>credential</c>, <c>workspace</c> or <c>installation</c>.</param>
    /// <param name="Steps">Empty without an expiry date.</param>
    public sealed record View(IReadOnlyList<int> Ladder, string From, DateTimeOffset? ExpiresAt, IReadOnlyList<Step> Steps, DateTimeOffset? BannerFrom, DateTimeOffset? BlockedFrom, bool IsBlocked);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, string name, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.View, ct)).Failed(out var problem, out var workspace)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await CredentialRows.IdAsync(db, workspace.Id, name, ct) is not { } id) return Problem.NotFound("credential");
        var c = await db.Credentials.AsNoTracking().Where(c => c.Id == id).Select(c => new { c.WorkspaceId, c.Ladder, c.ExpiresAt }).SingleAsync(ct);
        var policy = await db.NotificationSettings.AsNoTracking().SingleOrDefaultAsync(s => s.WorkspaceId == c.WorkspaceId, ct);
        var (ladder, from) = c.Ladder is { } own ? (own, "credential") : policy?.Ladder is { } shared ? (shared, "workspace") : (options.Value.Steps, "installation");
        if (c.ExpiresAt is not { } end) return new View(ladder, from, null, [], null, null, false);

        var keys = ExpiryPolicy.Keys(id, end);
        var told = await (from n in db.Notifications.AsNoTracking()
                          where n.CredentialId == id && n.Key.StartsWith(keys)
                          select new
                          {
                              n.Key, n.CreatedAt, n.AcknowledgedBy,
                              Delivered = db.Deliveries.Count(d => d.NotificationId == n.Id && d.State == DeliveryState.Delivered),
                              Waiting = db.Deliveries.Count(d => d.NotificationId == n.Id && d.State == DeliveryState.Pending),
                          }).ToDictionaryAsync(n => n.Key, ct);
        var steps = ladder.Select(days => told.GetValueOrDefault(ExpiryPolicy.Key(id, end, days)) is { } n
            ? new Step(days, end - TimeSpan.FromDays(days), n.CreatedAt, n.Delivered, n.Waiting, n.AcknowledgedBy, true) : new Step(days, end - TimeSpan.FromDays(days), null, 0, 0, null, end - TimeSpan.FromDays(days) <= clock.GetUtcNow())).ToList();
        var usual = policy ?? NotificationSettings.Usual(c.WorkspaceId);
        return new View(ladder, from, end, steps, usual.BannerFromDay is { } banner ? ForcedUpdate.From(end, banner) : null, usual.BlockFromDay is { } block ? ForcedUpdate.From(end, block) : null,
            ForcedUpdate.IsDue(end, usual.BlockFromDay, clock.GetUtcNow()));
    }
}
