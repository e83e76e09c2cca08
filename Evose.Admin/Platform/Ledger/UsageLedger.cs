using System.Collections.Concurrent;
using System.Data.Common;
using System.Threading.Tasks.Sources;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// The write-ahead record of uses: a use is durable before the value leaves, its completion follows. One writer at a time makes what has arrived durable as one group; it is a piece of work of the
/// thread pool, started by the first that arrives, so the calls that it answers go on where they were answered.
/// When it cannot be written within 2 s the call is refused. Nothing is dropped: a record nobody waits for any more is completed as not sent, a completion that fails is kept and tried again.
/// </summary>
public sealed partial class UsageLedger : IHostedService, IThreadPoolWorkItem, IDisposable
{
    /// <summary>How long a call waits for its record.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int MaxGroup = 512;
    private const int MaxWaiting = 8192;

    // How often what is owed is tried again at the end.
    private const int LastTries = 3;

    // A completion alone is no reason to sync a disk: it goes with the next call, or soon without one.
    private static readonly TimeSpan Lag = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly ILedgerStore _store;
    private readonly InFlightCalls _inFlight;
    private readonly SecretVault _vault;
    private readonly TimeProvider _clock;
    private readonly LedgerMode _mode;
    private readonly ILogger<UsageLedger> _log;
    private readonly ConcurrentQueue<LedgerItem> _calls = new();
    private readonly ConcurrentQueue<LedgerItem> _ends = new();
    private readonly ConcurrentQueue<LedgerItem> _watched = new();
    private readonly Lock _watching = new();
    private readonly List<LedgerItem> _group = new(MaxGroup);
    private readonly List<LedgerItem> _barriers = [];
    private readonly Queue<LedgerItem> _owed = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _lag;
    private readonly ITimer _watch;
    private bool _started;
    private int _untold;
    private long _toldAt;
    private long _collectedAt;
    private LedgerItem? _oldest;

    // Recorded and not answered yet: the group's last, which goes on in the writer's thread.
    private LedgerItem? _last;
    private Task? _stopped;
    private int _waiting;

    // A writer is at work or about to be; until the start too, so that nobody opens the record while the start does.
    private int _awake = 1;
    private int _lagging;
    private volatile bool _endsDue;
    private volatile bool _stopping;
    private volatile bool _over;
    private int _lastTries;

    public UsageLedger(ILedgerStore store, InFlightCalls inFlight, SecretVault vault, TimeProvider clock, LedgerMode mode, ILogger<UsageLedger> log)
    {
        (_store, _inFlight, _vault, _clock, _mode, _log) = (store, inFlight, vault, clock, mode, log);
        _lag = clock.CreateTimer(_ => EndsAreDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _watch = clock.CreateTimer(_ => GiveUp(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Records a call. When the answer is <see cref="LedgerVerdict.Recorded"/> the caller owes exactly one <see cref="Complete"/>.</summary>
    public ValueTask<LedgerAnswer> AuthorizeAsync(CallEntry entry)
    {
        if (!_mode.Durable) return new(new LedgerAnswer(LedgerVerdict.Recorded, 0));
        if (_stopping || Volatile.Read(ref _waiting) > MaxWaiting) return new(new LedgerAnswer(LedgerVerdict.Unavailable, 0));
        var item = new LedgerItem(entry, _clock.GetTimestamp());
        Interlocked.Increment(ref _waiting);
        _watched.Enqueue(item);
        _calls.Enqueue(item);
        Wake();
        // Whoever comes past the end is not kept waiting.
        if (_over) GiveUp(all: true);
        return item.Answer;
    }

    /// <summary>Records how a recorded call ended; returns at once.</summary>
    public void Complete(CallEntry entry, long firstSeq, int? status, long durationUs, CallOutcome outcome, string? reason)
    {
        if (!_mode.Durable) return;
        _inFlight.End(entry.Uses);
        _ends.Enqueue(new LedgerItem(entry, firstSeq, new Completion(_clock.GetUtcNow(), status, durationUs, outcome, reason)));
        if (Volatile.Read(ref _awake) == 0) SetLag();
    }

    /// <summary>Returns when everything recorded before the call can be queried; after 2 s in any case, and then false.</summary>
    public async ValueTask<bool> CaughtUpAsync(CancellationToken ct)
    {
        if (!_started || _stopping) return true;
        var barrier = new LedgerItem(_clock.GetTimestamp());
        _watched.Enqueue(barrier);
        _calls.Enqueue(barrier);
        Wake();
        if (_over) GiveUp(all: true);
        return (await barrier.Answer).Verdict == LedgerVerdict.Recorded && await _store.CaughtUpAsync(ct);
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // A sealed vault cannot check where the record stands; the first call after it was opened does.
        if (!_vault.IsSealed && _mode.Durable) await _store.OpenAsync(cancellationToken);
        _watch.Change(Tick, Tick);
        _started = true;
        Interlocked.Exchange(ref _awake, 0);
        if (!_calls.IsEmpty || _stopping) Wake();
    }

    /// <summary>Ends once everything can be queried, also for one who asks a second time: what comes after it takes the files away.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_watching) return _stopped ??= !_started ? Task.CompletedTask : EndAsync();
    }

    private async Task EndAsync()
    {
        _stopping = true;
        Interlocked.MemoryBarrier();
        Wake();
        await _ended.Task;
        await _store.FlushAsync();
        _store.Dispose();
        _over = true;
        GiveUp(all: true);
    }

    public void Dispose()
    {
        _lag.Dispose();
        _watch.Dispose();
    }

    // Only the first to arrive starts the writer, behind the work that stands in the pool. Under load that is calls, and they come into the same group. Without load nothing stands there.
    // Danger: what the writer is to see must be visible before this looks. Entering a queue is a full fence; a flag needs one of its own.
    private void Wake()
    {
        if (Volatile.Read(ref _awake) == 0 && Interlocked.Exchange(ref _awake, 1) == 0) ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    // One group. It waits for the disk in the place of a call: a thread of its own would have to be woken for each group, and then the calls' threads by it.
    async void IThreadPoolWorkItem.Execute()
    {
        Collect();
        var written = _group.Count == 0 || await WriteAsync();
        var last = _last;
        _last = null;
        Release(written);
        // The last of the group goes on in this thread, which has nothing else to do: a call that is alone need not wait for another thread to wake.
        last?.Continue();
    }

    // The next group, or idle.
    private void Release(bool written)
    {
        // What stands for everything before it waits for what is still owed, or until it is given up.
        if (_owed.Count == 0)
        {
            foreach (var barrier in _barriers) barrier.Settle(new LedgerAnswer(LedgerVerdict.Recorded, 0));
            _barriers.Clear();
        }
        else
        {
            _barriers.RemoveAll(b => b.IsSettled);
        }
        if (!_calls.IsEmpty || (written && _owed.Count > 0) || (_stopping && (!_ends.IsEmpty || MayTryAgain())))
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }
        if (_stopping)
        {
            _ended.TrySetResult();
            return;
        }
        // Idle first, then a last look: whoever comes in between starts it anew.
        Interlocked.Exchange(ref _awake, 0);
        if (!_calls.IsEmpty || _endsDue || _stopping) Wake();
        else if (!_ends.IsEmpty) SetLag();
    }

    // At the end, a store that has just lost its connection is asked again; one that is gone does not keep the app.
    private bool MayTryAgain() => _owed.Count > 0 && _lastTries++ < LastTries;

    // One timer for all completions of that time; as long as calls come, they take the completions with them.
    private void EndsAreDue()
    {
        Volatile.Write(ref _lagging, 0);
        if (_clock.GetElapsedTime(Volatile.Read(ref _collectedAt)) < Lag)
        {
            SetLag();
            return;
        }
        _endsDue = true;
        Interlocked.MemoryBarrier();
        Wake();
    }

    private void SetLag()
    {
        if (Volatile.Read(ref _lagging) == 0 && Interlocked.Exchange(ref _lagging, 1) == 0) _lag.Change(Lag, Timeout.InfiniteTimeSpan);
    }

    private void Collect()
    {
        Volatile.Write(ref _collectedAt, _clock.GetTimestamp());
        _endsDue = false;
        _group.Clear();
        while (_group.Count < MaxGroup / 2 && _owed.TryDequeue(out var owed)) _group.Add(owed);
        while (_group.Count < MaxGroup && _calls.TryDequeue(out var item))
        {
            if (item.IsBarrier)
            {
                _barriers.Add(item);
                continue;
            }
            Interlocked.Decrement(ref _waiting);
            if (item.TryTake()) _group.Add(item);
        }
        // A barrier stands for everything before it, so it waits for all completions.
        while ((_group.Count < MaxGroup || _barriers.Count > 0) && _ends.TryDequeue(out var end)) _group.Add(end);
    }

    private async ValueTask<bool> WriteAsync()
    {
        try
        {
            await _store.WriteAsync(_group);
            foreach (var item in _group) Settle(item);
            Forget();
            return true;
        }
        // Whatever it is: the writer must live, or nothing is recorded and nothing answered any more. The driver has been seen to throw ArgumentException at a connection out of step.
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Tell(e);
            Reset();
            foreach (var item in _group)
                if (item.Completion is null) item.Settle(new LedgerAnswer(LedgerVerdict.Unavailable, 0));
                else _owed.Enqueue(item);
            // What is owed is tried again with the next call, or soon without one.
            if (_owed.Count > 0 && !_stopping) _lag.Change(Pause, Timeout.InfiniteTimeSpan);
            return false;
        }
    }

    private void Reset()
    {
        try
        {
            _store.Reset();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Tell(e);
        }
    }

    private void Settle(LedgerItem item)
    {
        if (item.Completion is not null) return;
        if (item.Stale)
        {
            item.Settle(new LedgerAnswer(LedgerVerdict.Stale, 0));
            return;
        }
        // Before the answer: whoever retires a version must see the call, recorded or under way.
        if (!item.Entry!.Refused) _inFlight.Begin(item.Entry.Uses);
        if (item.TrySettle())
        {
            _last?.Answered();
            _last = item;
        }
        // Nobody waits any more: what was written after all is completed as never sent.
        else if (!item.Entry.Refused)
        {
            Complete(item.Entry, item.FirstSeq, null, 0, CallOutcome.Failed, "not_sent");
        }
    }

    // One that the writer has in hand is answered all the same: the writer may hang.
    private void GiveUp() => GiveUp(all: false);

    private void GiveUp(bool all)
    {
        lock (_watching)
        {
            while (Oldest() is { } item)
            {
                if (!all && _clock.GetElapsedTime(item.Since) < Patience) return;
                item.TryAbandon();
                item.Settle(new LedgerAnswer(LedgerVerdict.Unavailable, 0));
            }
        }
    }

    // What was answered is let go of at once: what is held until the next tick would be kept by the garbage collector, and moved.
    private void Forget()
    {
        lock (_watching) Oldest();
    }

    // The first that waits still; they stand in the order of their coming. Taken out to be looked at: a queue that is only peeked into keeps what passes through it from then on.
    private LedgerItem? Oldest()
    {
        while (_oldest is null or { IsSettled: true })
            if (!_watched.TryDequeue(out _oldest)) return _oldest = null;
        return _oldest;
    }

    // A disk stays full for longer than a call takes, and the log is often on it: one line a second says how many it were.
    private void Tell(Exception e)
    {
        _untold += _group.Count;
        if (_toldAt != 0 && _clock.GetElapsedTime(_toldAt) < TimeSpan.FromSeconds(1)) return;
        // What the operating system says names a file of ours; what a driver says could hold a value.
        LogFailed(e is IOException ? e.Message : e.GetType().Name, (e as DbException)?.ErrorCode ?? 0, _untold);
        (_untold, _toldAt) = (0, _clock.GetTimestamp());
    }

    [LoggerMessage(LogLevel.Error, "The usage ledger could not be written ({Error} {Code}); {Count} entries were refused or kept for later")]
    private partial void LogFailed(string error, int code, int count);
}

/// <summary>Whether uses are recorded. Off only in benchmarks that measure what recording costs; no setting turns it off.</summary>
public sealed record LedgerMode
{
    internal LedgerMode(bool durable) => Durable = durable;

    internal bool Durable { get; }
}

/// <summary>How a call ended, on its way into the ledger.</summary>
public sealed record Completion(DateTimeOffset At, int? Status, long DurationUs, CallOutcome Outcome, string? Reason);

/// <summary>One entry of the writer's queue: a call to record, the completion of a recorded one, or a barrier that is answered when all before it is written.</summary>
public sealed class LedgerItem : IValueTaskSource<LedgerAnswer>
{
    private const int Waiting = 0, Taken = 1, Abandoned = 2;

    private ManualResetValueTaskSourceCore<LedgerAnswer> _answer = new() { RunContinuationsAsynchronously = true };
    private int _state;
    private int _settled;

    internal LedgerItem(CallEntry entry, long since) => (Entry, Since) = (entry, since);

    internal LedgerItem(CallEntry entry, long firstSeq, Completion completion) => (Entry, FirstSeq, Completion) = (entry, firstSeq, completion);

    /// <summary>A barrier.</summary>
    internal LedgerItem(long since) => Since = since;

    internal CallEntry? Entry { get; }

    internal long Since { get; }

    /// <summary>The first of the call's row numbers.</summary>
    internal long FirstSeq { get; set; }

    internal Completion? Completion { get; }

    internal bool Stale { get; set; }

    internal bool IsBarrier => Entry is null;

    internal bool IsSettled => Volatile.Read(ref _settled) != 0;

    internal ValueTask<LedgerAnswer> Answer => new(this, _answer.Version);

    internal bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    internal bool TryAbandon() => Interlocked.CompareExchange(ref _state, Abandoned, Waiting) == Waiting;

    /// <summary>False when somebody has answered before; who is told true owes the answer.</summary>
    internal bool TrySettle() => Interlocked.Exchange(ref _settled, 1) == 0;

    /// <summary>False when somebody has answered before.</summary>
    internal bool Settle(LedgerAnswer answer)
    {
        if (!TrySettle()) return false;
        _answer.SetResult(answer);
        return true;
    }

    /// <summary>The answer that it is recorded; the call goes on in another thread.</summary>
    internal void Answered() => _answer.SetResult(new LedgerAnswer(LedgerVerdict.Recorded, FirstSeq));

    /// <summary>The answer that it is recorded; the call goes on in this thread, before this returns.</summary>
    internal void Continue()
    {
        _answer.RunContinuationsAsynchronously = false;
        Answered();
    }

    LedgerAnswer IValueTaskSource<LedgerAnswer>.GetResult(short token) => _answer.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<LedgerAnswer>.GetStatus(short token) => _answer.GetStatus(token);

    void IValueTaskSource<LedgerAnswer>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => _answer.OnCompleted(continuation, state, token, flags);
}
