using Evose.Admin.Domain;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Notifications;

/// <summary>What a workspace's policy says must be updated now: for the banner that nobody can dismiss.</summary>
public sealed class ForcedUpdateQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    private const int MostNamed = 3;

    /// <param name="Blocked">Calls that use it are refused already.</param>
    public sealed record Due(string Name, DateTimeOffset ExpiresAt, bool Blocked);

    /// <param name="Named">The most pressing ones.</param>
    public sealed record View(string Workspace, int Count, int Blocked, IReadOnlyList<Due> Named, bool CanRotate);

    /// <summary>Null when there is nothing to show, or nothing for this reader.</summary>
    public async Task<View?> RunAsync(Actor actor, string ws, CancellationToken ct)
    {
        var rights = await authorizer.RightsAsync(actor, ws, ct);
        if (!rights.Allows(Permission.View)) return null;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var workspace = await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync(ct);
        var policy = await db.NotificationSettings.AsNoTracking().SingleOrDefaultAsync(s => s.WorkspaceId == workspace, ct) ?? NotificationSettings.Usual(workspace);
        // The earlier of the two: what is refused is shown whatever the banner's day is.
        var days = new[] { policy.BannerFromDay, policy.BlockFromDay }.Max();
        if (days is not { } from) return null;
        var until = now + TimeSpan.FromDays(from);
        var late = await db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspace && c.ArchivedAt == null && c.ActiveVersion != null && c.ExpiresAt != null && c.ExpiresAt <= until
                // A session that its site prolongs is not somebody's to update before it has ended.
                && (c.ExpiresAt <= now || !c.Versions.Any(v => v.State == Domain.Credentials.VersionState.Active && v.IsRolled && v.ExpiresAt == c.ExpiresAt)))
            .OrderBy(c => c.ExpiresAt).ThenBy(c => c.Name).Select(c => new { c.Name, ExpiresAt = c.ExpiresAt!.Value }).ToListAsync(ct);
        if (late.Count == 0) return null;
        var due = late.ConvertAll(c => new Due(c.Name, c.ExpiresAt, ForcedUpdate.IsDue(c.ExpiresAt, policy.BlockFromDay, now)));
        return new View(ws, due.Count, due.Count(d => d.Blocked), [.. due.Take(MostNamed)], rights.Allows(Permission.ManageCredentials));
    }
}
