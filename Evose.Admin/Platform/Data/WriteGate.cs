namespace Evose.Admin.Platform.Data;

/// <summary>
/// One writer of this process at a time, in order of arrival; on PostgreSQL an advisory lock keeps out those of other nodes besides. SQLite has one writer anyway; without the gate its waiters poll every 150 ms and the unlucky ones wait seconds.
/// Danger: a write transaction that starts another one on a second context waits for itself; after 10 s that is an exception, not a hang.
/// </summary>
public sealed class WriteGate : IDisposable
{
    private readonly SemaphoreSlim _one = new(1, 1);

    public async Task EnterAsync(CancellationToken ct)
    {
        if (!await _one.WaitAsync(TimeSpan.FromSeconds(10), ct)) throw new TimeoutException("the database's writer is busy");
    }

    public Task<bool> TryEnterAsync(TimeSpan wait, CancellationToken ct) => _one.WaitAsync(wait, ct);

    public void Leave() => _one.Release();

    public void Dispose() => _one.Dispose();
}

/// <summary>The newest stamp this process has seen committed; a catalogue that is older must refresh before it decides.</summary>
public sealed class CatalogStamp
{
    /// <summary>How long a node may go on deciding after it last heard from a database that other nodes write to as well.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private long _latest;

    // long.MaxValue: nobody else writes, so what this process has seen is always the newest.
    private long _confirmed = long.MaxValue;

    public long Latest => Volatile.Read(ref _latest);

    /// <summary>False when another node may have changed something and this one would not know: then nothing may be decided.</summary>
    public bool IsCurrent => Volatile.Read(ref _confirmed) is var at && (at == long.MaxValue || Since(at) < Patience);

    /// <summary>At <paramref name="asked"/> the stamp was compared with the database. From the first time on it must be done again and again.</summary>
    public void Confirm(long asked) => Volatile.Write(ref _confirmed, asked);

    // Real time, whatever the clock says: how long a connection has been silent does not depend on what day it is.
    internal static long Now => TimeProvider.System.GetTimestamp();

    internal static TimeSpan Since(long then) => TimeProvider.System.GetElapsedTime(then);

    public void Advance(long stamp)
    {
        var seen = Volatile.Read(ref _latest);
        while (stamp > seen)
        {
            var was = Interlocked.CompareExchange(ref _latest, stamp, seen);
            if (was == seen) return;
            seen = was;
        }
    }
}
