using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Jobs;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Jobs;

/// <summary>The app's jobs with their last run, and the newest runs, for organization admins and reviewers.</summary>
public sealed class JobsQuery(JobList jobs, IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public const int MostRuns = 100;

    /// <param name="State"><c>ok</c>, <c>failed</c>, <c>late</c> (no run for three intervals) or <c>waiting</c> (never run yet).</param>
    public sealed record JobRow(string Name, TimeSpan Interval, DateTimeOffset? LastRun, TimeSpan? Duration, int Items, string State, string? Error);

    public sealed record RunRow(Guid Id, string Name, DateTimeOffset StartedAt, TimeSpan? Duration, int Items, string? Error);

    public sealed record View(IReadOnlyList<JobRow> Jobs, IReadOnlyList<RunRow> Runs, bool CanRun);

    /// <param name="job">Only the runs of this one.</param>
    public async Task<Outcome<View>> RunAsync(Actor actor, string? job, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ViewAudit, ct) is { } refused) return refused;
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = new List<JobRow>();
        foreach (var entry in jobs.Entries.OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            var last = await db.JobRuns.AsNoTracking().Where(r => r.Name == entry.Name).OrderByDescending(r => r.StartedAt).FirstOrDefaultAsync(ct);
            rows.Add(new JobRow(entry.Name, entry.Interval, last?.StartedAt, last is null ? null : last.FinishedAt - last.StartedAt, last?.Items ?? 0, StateOf(last, entry.Interval, now), last?.Error));
        }
        var runs = await db.JobRuns.AsNoTracking().Where(r => job == null || r.Name == job).OrderByDescending(r => r.StartedAt).Take(MostRuns).ToListAsync(ct);
        var canRun = (await authorizer.RightsAsync(actor, null, ct)).Allows(Permission.ManageOrganization);
        return new View(rows, [.. runs.Select(r => new RunRow(r.Id, r.Name, r.StartedAt, r.FinishedAt - r.StartedAt, r.Items, r.Error))], canRun);
    }

    private static string StateOf(JobRun? last, TimeSpan interval, DateTimeOffset now) =>
        last is null ? "waiting" : last.Error is not null ? "failed" : now - last.StartedAt > interval * 3 + TimeSpan.FromMinutes(1) ? "late" : "ok";
}
