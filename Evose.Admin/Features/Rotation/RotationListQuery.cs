using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>The rotations of a workspace, newest first: open, held or done.</summary>
public sealed class RotationListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public const int PageSize = 50;

    /// <summary>What is listed.</summary>
    public enum Filter
    {
        /// <summary>Every rotation.</summary>
        All,

        /// <summary>A new value waits, or a grace period runs.</summary>
        Open,

        /// <summary>Due, and something stands against it.</summary>
        Held,

        /// <summary>Retired, rolled back or discarded.</summary>
        Done,
    }

    /// <param name="Held">True when the retirement is due and was held when it was last tried.</param>
    public sealed record Row(Guid Id, string Credential, bool CredentialLives, RotationState State, int Step, int? OldVersion, int NewVersion, string StartedBy, DateTimeOffset StartedAt,
        DateTimeOffset? RetireAt, DateTimeOffset? EndedAt, bool Held, string? Holds);

    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string ws, Filter filter, string? text, string? cursor, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        if (Cursors.Decode(cursor).Failed(out var problem, out var after)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var rotations = db.Rotations.AsNoTracking().Where(r => r.WorkspaceId == workspace.Id);
        rotations = filter switch
        {
            Filter.Open => rotations.Where(r => r.State == RotationState.Pending || r.State == RotationState.Grace),
            Filter.Held => rotations.Where(r => r.State == RotationState.Grace && r.LastHolds != null && r.RetireAt <= now),
            Filter.Done => rotations.Where(r => r.State != RotationState.Pending && r.State != RotationState.Grace),
            Filter.All => rotations,
        };
        if (long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTimeOffset.MaxValue.Ticks)
        {
            var before = new DateTimeOffset(ticks, TimeSpan.Zero);
            rotations = rotations.Where(r => r.StartedAt < before);
        }
        var joined = from r in rotations join c in db.Credentials.AsNoTracking() on r.CredentialId equals c.Id select new { r, c };
        if (!string.IsNullOrWhiteSpace(text))
        {
            var wanted = text.Trim().ToLowerInvariant();
            joined = joined.Where(x => x.c.Name.Contains(wanted));
        }
        var rows = await joined.OrderByDescending(x => x.r.StartedAt).Take(PageSize + 1)
            .Select(x => new { Rotation = x.r, x.c.Name, Lives = x.c.ArchivedAt == null, Verified = x.c.Versions.Where(v => v.Number == x.r.PendingVersion).Select(v => v.Verified).FirstOrDefault() }).ToListAsync(ct);
        return Page<Row>.Of([.. rows.Select(x => new Row(x.Rotation.Id, x.Name, x.Lives, x.Rotation.State, x.Rotation.Step(x.Verified), x.Rotation.OldVersion, x.Rotation.PendingVersion, x.Rotation.StartedBy, x.Rotation.StartedAt,
            x.Rotation.RetireAt, x.Rotation.EndedAt, x.Rotation.State == RotationState.Grace && x.Rotation.LastHolds is not null && x.Rotation.RetireAt <= now, x.Rotation.LastHolds))],
            PageSize, r => r.StartedAt.UtcTicks.ToString(CultureInfo.InvariantCulture));
    }
}
