using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Jobs;

/// <summary>Deletes what has served its time: staged values that nobody used, kept answers, old job history. Makes room for the calls of the next months.</summary>
public sealed class HousekeepingJob(IDbContextFactory<AdminDb> dbs, TimeProvider clock) : IJob
{
    public static readonly TimeSpan HistoryKept = TimeSpan.FromDays(30);

    /// <summary>Pages tell who used a credential in the last 30 days.</summary>
    public static readonly TimeSpan SourcesKept = TimeSpan.FromDays(40);

    public static string Name => "housekeeping";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (answers, history) = (now - Idempotency.Kept, now - HistoryKept);
        var sources = (int)((now - SourcesKept).ToUnixTimeSeconds() / 86_400);
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var deleted = await db.StagedValues.Where(s => s.ExpiresAt <= now).ExecuteDeleteAsync(ct)
            + await db.IdempotencyRecords.Where(r => r.CreatedAt <= answers).ExecuteDeleteAsync(ct)
            + await db.UsageSources.Where(s => s.Day < sources).ExecuteDeleteAsync(ct)
            + await db.JobRuns.Where(r => r.StartedAt <= history).ExecuteDeleteAsync(ct);
        await write.CommitAsync(ct);
        if (db.Database.IsNpgsql()) await Partitions.PrepareAsync(db, now, ct);
        return deleted;
    }
}
