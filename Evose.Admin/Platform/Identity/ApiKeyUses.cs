using System.Collections.Concurrent;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Identity;

/// <summary>
/// When each key was last accepted. A call only leaves a note in memory; the notes are written together, past the entity, because a use is no change that the data plane
/// must hear of.
/// </summary>
public sealed partial class ApiKeyUses(IDbContextFactory<AdminDb> dbs, TimeProvider clock, ILogger<ApiKeyUses> log) : BackgroundService
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<Guid, long> _last = new();
    private readonly ConcurrentDictionary<Guid, long> _written = new();

    /// <summary>To the second: a write takes a lock, and every call of a busy key would wait for it.</summary>
    public void Note(Guid key, DateTimeOffset at)
    {
        if (_last.TryGetValue(key, out var was) && Math.Abs(at.UtcTicks - was) < TimeSpan.TicksPerSecond) return;
        _last[key] = at.UtcTicks;
    }

    /// <summary>The later of what is stored and what this process saw.</summary>
    public DateTimeOffset? LastOf(Guid key, DateTimeOffset? stored) =>
        _last.TryGetValue(key, out var ticks) && (stored is null || ticks > stored.Value.UtcTicks) ? new DateTimeOffset(ticks, TimeSpan.Zero) : stored;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryWriteAsync();
        }
        catch (OperationCanceledException)
        {
            await TryWriteAsync();
        }
    }

    /// <summary>Stores what is not stored yet.</summary>
    public async Task WriteAsync(CancellationToken ct)
    {
        var news = _last.Where(n => !_written.TryGetValue(n.Key, out var was) || was != n.Value).ToList();
        if (news.Count == 0) return;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        foreach (var (key, ticks) in news)
        {
            var at = new DateTimeOffset(ticks, TimeSpan.Zero);
            await db.ApiKeys.Where(k => k.Id == key).ExecuteUpdateAsync(s => s.SetProperty(k => k.LastUsedAt, at), ct);
        }
        await write.CommitAsync(ct);
        foreach (var (key, ticks) in news) _written[key] = ticks;
    }

    // A busy or closing database loses nothing but freshness: the notes stay for the next time.
    private async Task TryWriteAsync()
    {
        try
        {
            await WriteAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            LogNotWritten(e.GetType().Name);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The last use of API keys could not be written ({Reason}); it is tried again.")]
    private partial void LogNotWritten(string reason);
}
