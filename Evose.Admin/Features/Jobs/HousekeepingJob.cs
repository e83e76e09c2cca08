using Evose.Admin.Domain.Calls;
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

    /// <summary>Whether a scope is wider than its use is judged by 90 days; tools, agents and workflows are few.</summary>
    public static readonly TimeSpan ConsumersKept = TimeSpan.FromDays(100);

    public static string Name => "housekeeping";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var (answers, history) = (now - Idempotency.Kept, now - HistoryKept);
        var (sources, consumers) = (Day(now - SourcesKept), Day(now - ConsumersKept));
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var deleted = await db.StagedValues.Where(s => s.ExpiresAt <= now).ExecuteDeleteAsync(ct)
            + await db.IdempotencyRecords.Where(r => r.CreatedAt <= answers).ExecuteDeleteAsync(ct)
            + await db.UsageSources.Where(s => s.Day < consumers || (s.Day < sources && s.Kind > SourceKind.Workflow)).ExecuteDeleteAsync(ct)
            + await db.JobRuns.Where(r => r.StartedAt <= history).ExecuteDeleteAsync(ct);
        await write.CommitAsync(ct);
        if (db.Database.IsNpgsql()) await Partitions.PrepareAsync(db, now, ct);
        return deleted;
    }

    private static int Day(DateTimeOffset at) => (int)(at.ToUnixTimeSeconds() / 86_400);
}
