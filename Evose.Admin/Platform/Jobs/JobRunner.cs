using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Jobs;

/// <summary>One thing the clock does. Idempotent: it may run twice at once, or be killed in the middle and run again.</summary>
public interface IJob
{
    /// <summary>Stable name, shown on the jobs page.</summary>
    static abstract string Name { get; }

    /// <summary>Does what is due now; how many things it changed.</summary>
    Task<int> RunAsync(CancellationToken ct);
}

/// <summary>Runs a job, on one node at a time, and writes its history: our table, not Hangfire's memory, is what the jobs page shows.</summary>
public sealed class JobRunner<TJob>(TJob job, IDbContextFactory<AdminDb> dbs, TimeProvider clock, Postgres? postgres = null)
    where TJob : IJob
{
    public async Task RunAsync(CancellationToken ct)
    {
        if (postgres is null)
        {
            await RunAloneAsync(ct);
            return;
        }
        // Where another node runs it at this moment, its run is the run.
        await using var held = await postgres.TryLockAsync(AdvisoryLock.Job, TJob.Name, ct);
        if (held is not null) await RunAloneAsync(ct);
    }

    private async Task RunAloneAsync(CancellationToken ct)
    {
        var run = new JobRun { Id = Guid.CreateVersion7(clock.GetUtcNow()), Name = TJob.Name, StartedAt = clock.GetUtcNow() };
        try
        {
            run.Items = await job.RunAsync(ct);
        }
        catch (Exception e)
        {
            // The type says what to look for in the log; a text could quote what it must not.
            run.Error = e.GetType().Name;
            throw;
        }
        finally
        {
            run.FinishedAt = clock.GetUtcNow();
            await KeepAsync(run);
        }
    }

    // A sweep that ran often and found nothing is one row that moves, not thousands.
    private async Task KeepAsync(JobRun run)
    {
        await using var db = await dbs.CreateDbContextAsync(CancellationToken.None);
        await using var write = await db.BeginWriteAsync(CancellationToken.None);
        var last = await db.JobRuns.Where(r => r.Name == run.Name).OrderByDescending(r => r.StartedAt).FirstOrDefaultAsync();
        if (last is { Items: 0, Error: null } && run is { Items: 0, Error: null }) db.JobRuns.Remove(last);
        db.JobRuns.Add(run);
        if (run.Error is not null)
        {
            await NotificationOutbox.RaiseAsync(db, new Notification
            {
                Id = Guid.CreateVersion7(run.StartedAt),
                Kind = NotificationKind.JobFailed,
                Key = $"job:{run.Name}:{run.StartedAt:yyyyMMdd}",
                Title = $"The job {run.Name} failed",
                Body = "It will run again by itself. If this stays, look at the log of the app.",
                Url = "/system/jobs",
                CreatedAt = run.StartedAt,
                Facts = new Dictionary<string, string> { [NotificationTexts.Job] = run.Name },
            }, CancellationToken.None);
        }
        await write.CommitAsync(CancellationToken.None);
    }
}
