using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>When this process began: a call recorded before and not completed never will be.</summary>
public sealed class AppStart(TimeProvider clock) : IHostedService
{
    public DateTimeOffset At { get; } = clock.GetUtcNow();

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>The newest calls of a credential. Each page looks at a bounded stretch of the record, so a rare outcome makes pages short, never slow.</summary>
public sealed class RecentCallsQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, AppStart start, UsageLedger usageLedger, TimeProvider clock)
{
    public const int MaxLimit = 500;

    /// <summary>How many calls a page looks at to find those with a wanted outcome.</summary>
    public const int Stretch = 1000;

    /// <summary>How long a call may be without an end before that end is called unknown.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <param name="Outcome">A word of <see cref="CallOutcome"/>; null is all.</param>
    /// <param name="Limit">1 to 500; 25 when not given.</param>
    public sealed record Filter(string? Outcome = null, int? Limit = null, string? Cursor = null);

    /// <param name="Outcome">Null while the call is under way.</param>
    public sealed record Row([property: System.Text.Json.Serialization.JsonIgnore] long Seq, Guid Id, DateTimeOffset At, string Workspace, string? Tool, string? Agent, string? Workflow, string? RunId, string? UserId, string? UserName, string? ApiKey, string? Credential, int? Version,
        string Method, string? Host, string? Path, int? Status, double? DurationMs, CallOutcome? Outcome, string? Reason, string Rule, string RequestId);

    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string workspaceSlug, string name, Filter filter, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (filter.Limit is < 1 or > MaxLimit) return Problem.Malformed($"limit must be 1 to {MaxLimit}.");
        if (Cursors.Decode(filter.Cursor).Failed(out var badCursor, out var cursor)) return badCursor;
        var before = long.MaxValue;
        if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out before)) return Problem.Malformed("The cursor is not one of this list. Start again without it.");
        CallOutcome? wanted = null;
        if (!string.IsNullOrEmpty(filter.Outcome))
        {
            wanted = Enum.GetValues<CallOutcome>().Cast<CallOutcome?>().FirstOrDefault(o => o!.Value.Wire() == filter.Outcome);
            if (wanted is null) return Problem.Invalid("outcome", "The outcome is one of: succeeded, upstream_error, failed, refused, unknown.");
        }

        var limit = filter.Limit ?? 25;
        if (await CredentialRows.FindAsync(db, workspace.Id, name, ct) is not var (id, own)) return Problem.NotFound("credential");
        // The stretch ends here; 0 when fewer calls are left. Read from the index alone.
        var floor = wanted is null && own ? 0 : (await callLog.NewestAsync(0, before, Stretch, from => Of(from, id, before).OrderByDescending(c => c.Seq).Select(c => c.Seq), ct)).ElementAtOrDefault(Stretch - 1);
        var now = clock.GetUtcNow();
        var lost = now - Patience > start.At ? now - Patience : start.At;
        // Of a credential that it only has from the organization, a workspace sees its own calls.
        var place = workspace.Id;
        var found = wanted is null && own ? await callLog.NewestAsync(0, before, limit + 1, (from, take) => OwnNewest.On(from)(from, id, before, take), ct)
            : await callLog.NewestAsync(floor, before, limit + 1, from => Joined(from, Of(from, id, before).Where(c => c.Seq >= floor && (own || c.WorkspaceId == place)), wanted, lost), ct);
        var slugs = workspace.IsOrganization ? await SlugsAsync(db, [.. found.Select(j => j.Call.WorkspaceId).OfType<Guid>().Distinct()], ct) : [];
        var rows = found.ConvertAll(j => Shape(j.Call, j.Completion, j.Call.WorkspaceId is { } w ? slugs.GetValueOrDefault(w, workspace.Slug) : workspace.Slug, lost));
        var page = Page<Row>.Of(rows, limit, r => r.Seq.ToString(CultureInfo.InvariantCulture));
        return page.HasMore || floor == 0 ? page : new Page<Row>(page.Data, Cursors.Encode(floor.ToString(CultureInfo.InvariantCulture)), true);
    }

    private static IQueryable<CallRecord> Of(AdminDb db, Guid credential, long before) => db.Calls.AsNoTracking().Where(c => c.CredentialId == credential && c.Seq < before);

    // What a page shows that nobody filtered.
    private static readonly CompiledQuery<Func<AdminDb, Guid, long, int, IAsyncEnumerable<Use>>> OwnNewest = new(() => EF.CompileAsyncQuery((AdminDb db, Guid credential, long before, int take) =>
        (from c in db.Calls.AsNoTracking()
         where c.CredentialId == credential && c.Seq < before
         join d in db.CallCompletions.AsNoTracking() on c.Seq equals d.CallSeq into ends
         from d in ends.DefaultIfEmpty()
         orderby c.Seq descending
         select new Use(c, d)).Take(take)));

    private sealed record Use(CallRecord Call, CallCompletion? Completion);

    private static IQueryable<Use> Joined(AdminDb db, IQueryable<CallRecord> calls, CallOutcome? wanted, DateTimeOffset lost)
    {
        var joined = from c in calls
                     join d in db.CallCompletions.AsNoTracking() on c.Seq equals d.CallSeq into ends
                     from d in ends.DefaultIfEmpty()
                     select new { Call = c, End = d };
        joined = wanted switch
        {
            null => joined,
            CallOutcome.Refused => joined.Where(j => j.Call.Refused),
            CallOutcome.Unknown => joined.Where(j => !j.Call.Refused && j.End == null && j.Call.At < lost),
            { } outcome => joined.Where(j => !j.Call.Refused && j.End != null && j.End.Outcome == outcome),
        };
        return joined.OrderByDescending(j => j.Call.Seq).Select(j => new Use(j.Call, j.End));
    }

    private static async Task<Dictionary<Guid, string>> SlugsAsync(AdminDb db, List<Guid> ids, CancellationToken ct) =>
        await db.Workspaces.AsNoTracking().Where(w => ids.Contains(w.Id)).ToDictionaryAsync(w => w.Id, w => w.Slug, ct);

    private static Row Shape(CallRecord c, CallCompletion? end, string workspace, DateTimeOffset lost) => new(
        c.Seq, c.Id, c.At, workspace, c.Tool, c.Agent, c.Workflow, c.RunId, c.UserId, c.UserName, c.ApiKey, c.Credential, c.Version, c.Method, c.Host, c.Path,
        end?.Status, end is null ? null : Math.Round(end.DurationUs / 1000.0, 1),
        c.Refused ? CallOutcome.Refused : end?.Outcome ?? (c.At < lost ? CallOutcome.Unknown : null), end?.Reason, c.Rule, c.RequestId);
}
