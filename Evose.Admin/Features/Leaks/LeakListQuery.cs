using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>A workspace's reports of leaks, newest first.</summary>
public sealed class LeakListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    public const int MaxLimit = 100;

    /// <param name="State"><c>open</c>, <c>contained</c>, <c>closed</c>; null is all.</param>
    public sealed record Filter(string? State = null, string? Credential = null, int? Limit = null, string? Cursor = null);

    public sealed record Row(Guid Id, LeakState State, LeakSource Source, string? Credential, int? Version, string? Place, string? Note, string ReportedBy, DateTimeOffset ReportedAt, DateTimeOffset SuspectedSince,
        int Seen, DateTimeOffset LastSeenAt, LeakResolution? Resolution, DateTimeOffset? ClosedAt);

    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string ws, Filter filter, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (filter.Limit is < 1 or > MaxLimit) return Problem.Malformed($"limit must be 1 to {MaxLimit}.");
        if (Cursors.Decode(filter.Cursor).Failed(out var badCursor, out var cursor)) return badCursor;
        var after = Guid.Empty;
        if (cursor is not null && !Guid.TryParse(cursor, out after)) return Problem.Malformed("The cursor is not one of this list. Start again without it.");
        LeakState? state = null;
        if (!string.IsNullOrEmpty(filter.State))
        {
            state = Enum.GetValues<LeakState>().Cast<LeakState?>().FirstOrDefault(s => s!.Value.Wire() == filter.State);
            if (state is null) return Problem.Invalid("state", "The state is one of: open, contained, closed.");
        }
        var limit = filter.Limit ?? 20;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = db.LeakReports.AsNoTracking().Where(r => r.WorkspaceId == workspace.Id);
        if (state is not null) rows = rows.Where(r => r.State == state);
        if (!string.IsNullOrWhiteSpace(filter.Credential)) rows = rows.Where(r => r.Credential == filter.Credential);
        // Ids grow with time.
        if (cursor is not null) rows = rows.Where(r => r.Id < after);
        var found = await rows.OrderByDescending(r => r.Id).Take(limit + 1).ToListAsync(ct);
        return Page<Row>.Of(found.ConvertAll(Of), limit, r => r.Id.ToString());
    }

    internal static Row Of(LeakReport r) =>
        new(r.Id, r.State, r.Source, r.Credential, r.Version, r.Place, r.Note, r.ReportedBy, r.ReportedAt, r.SuspectedSince, r.Seen, r.LastSeenAt, r.Resolution, r.ClosedAt);
}
