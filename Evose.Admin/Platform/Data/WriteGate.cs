namespace Evose.Admin.Platform.Data;

/// <summary>
/// One writer at a time, in order of arrival. SQLite has one writer anyway; without the gate its waiters poll every 150 ms and the unlucky ones wait seconds.
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
    private long _latest;

    public long Latest => Volatile.Read(ref _latest);

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
