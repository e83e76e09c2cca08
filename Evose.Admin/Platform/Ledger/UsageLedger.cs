using System.Data.Common;
using System.Globalization;
using System.Threading.Channels;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Vault;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// The write-ahead record of uses: a use is durable before the value leaves, its completion follows. One writer commits what has arrived as one group.
/// When it cannot be written within 2 s the call is refused. Nothing is dropped: an abandoned record is completed as not sent, a completion that fails is kept and tried again.
/// </summary>
public sealed partial class UsageLedger(ILedgerStore store, InFlightCalls inFlight, TimeProvider clock, LedgerMode mode, ILogger<UsageLedger> log) : BackgroundService
{
    /// <summary>How long a call waits for its record.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int BatchSize = 512;

    private readonly Channel<LedgerItem> _queue = Channel.CreateBounded<LedgerItem>(new BoundedChannelOptions(8192) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly List<LedgerItem> _batch = new(BatchSize);
    private readonly Queue<LedgerItem> _owed = new();

    /// <summary>Records a call. When the answer is <see cref="LedgerVerdict.Recorded"/> the caller owes exactly one <see cref="Complete"/>.</summary>
    public async ValueTask<LedgerAnswer> AuthorizeAsync(CallEntry entry)
    {
        if (!mode.Durable) return new LedgerAnswer(LedgerVerdict.Recorded, 0);
        var item = new LedgerItem(entry);
        if (!_queue.Writer.TryWrite(item)) return new LedgerAnswer(LedgerVerdict.Unavailable, 0);
        LedgerAnswer answer;
        try
        {
            answer = await item.Answer.WaitAsync(Patience, clock);
        }
        catch (TimeoutException)
        {
            if (item.TryAbandon()) return new LedgerAnswer(LedgerVerdict.Unavailable, 0);
            // The writer has it in hand and hangs: should it be written after all, it is completed as never sent.
            _ = item.Answer.ContinueWith(
                t => { if (t.IsCompletedSuccessfully && t.Result.Verdict == LedgerVerdict.Recorded && !entry.Refused) Complete(entry, t.Result.FirstSeq, null, 0, CallOutcome.Failed, "not_sent", wasInFlight: false); },
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return new LedgerAnswer(LedgerVerdict.Unavailable, 0);
        }
        if (answer.Verdict == LedgerVerdict.Recorded && !entry.Refused) inFlight.Begin(entry.Uses);
        return answer;
    }

    /// <summary>Records how a recorded call ended; returns at once.</summary>
    public void Complete(CallEntry entry, long firstSeq, int? status, long durationUs, CallOutcome outcome, string? reason, bool wasInFlight = true)
    {
        if (!mode.Durable) return;
        if (wasInFlight) inFlight.End(entry.Uses);
        var item = new LedgerItem(entry, firstSeq, new Completion(clock.GetUtcNow(), status, durationUs, outcome, reason));
        if (_queue.Writer.TryWrite(item)) return;
        lock (_owed) _owed.Enqueue(item);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var reader = _queue.Reader;
        // Ends when the queue is completed at stop, after everything in it is written.
        while (await reader.WaitToReadAsync(CancellationToken.None))
        {
            Collect(reader);
            if (_batch.Count > 0) await WriteAsync();
        }
        Collect(reader);
        if (_batch.Count > 0) await WriteAsync();
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        await base.StopAsync(cancellationToken);
        store.Dispose();
    }

    private void Collect(ChannelReader<LedgerItem> reader)
    {
        _batch.Clear();
        lock (_owed)
            while (_batch.Count < BatchSize / 2 && _owed.TryDequeue(out var owed)) _batch.Add(owed);
        while (_batch.Count < BatchSize && reader.TryRead(out var item))
            if (item.TryTake()) _batch.Add(item);
    }

    private async Task WriteAsync()
    {
        try
        {
            await store.WriteAsync(_batch);
            foreach (var item in _batch) item.Settle();
        }
        catch (Exception e) when (e is DbException or TimeoutException or IOException or InvalidOperationException or VaultSealedException)
        {
            LogFailed(e.GetType().Name, CodeOf(e), _batch.Count);
            store.Reset();
            foreach (var item in _batch)
                if (item.Completion is null) item.Fail();
                else lock (_owed) _owed.Enqueue(item);
            // What is owed is tried again with the next call, or soon without one.
            _ = Task.Delay(TimeSpan.FromMilliseconds(250), clock).ContinueWith(_ => _queue.Writer.TryWrite(LedgerItem.Nudge()), TaskScheduler.Default);
        }
    }

    private static string CodeOf(Exception e) => e switch
    {
        SqliteException sqlite => sqlite.SqliteErrorCode.ToString(CultureInfo.InvariantCulture),
        DbException { SqlState: { } state } => state,
        _ => "-",
    };

    [LoggerMessage(LogLevel.Error, "The usage ledger could not be written ({Error} {Code}); {Count} entries were refused or kept for later")]
    private partial void LogFailed(string error, string code, int count);
}

/// <summary>Whether uses are recorded. Off only in benchmarks that measure what recording costs; no setting turns it off.</summary>
public sealed record LedgerMode
{
    internal LedgerMode(bool durable) => Durable = durable;

    internal bool Durable { get; }
}

/// <summary>How a call ended, on its way into the ledger.</summary>
public sealed record Completion(DateTimeOffset At, int? Status, long DurationUs, CallOutcome Outcome, string? Reason);

/// <summary>One entry of the writer's queue: a call to record, or the completion of a recorded one.</summary>
public sealed class LedgerItem
{
    private const int Waiting = 0, Taken = 1, Abandoned = 2;

    private readonly TaskCompletionSource<LedgerAnswer>? _answer;
    private int _state;

    internal LedgerItem(CallEntry entry) => (Entry, _answer) = (entry, new TaskCompletionSource<LedgerAnswer>(TaskCreationOptions.RunContinuationsAsynchronously));

    internal LedgerItem(CallEntry entry, long firstSeq, Completion completion) => (Entry, FirstSeq, Completion) = (entry, firstSeq, completion);

    private LedgerItem() { }

    internal CallEntry? Entry { get; }

    internal long FirstSeq { get; set; }

    internal Completion? Completion { get; }

    internal bool Stale { get; set; }

    internal Task<LedgerAnswer> Answer => _answer!.Task;

    internal static LedgerItem Nudge() => new();

    internal bool TryTake() => Entry is not null && Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;

    internal bool TryAbandon() => Interlocked.CompareExchange(ref _state, Abandoned, Waiting) == Waiting;

    internal void Settle() => _answer?.TrySetResult(Stale ? new LedgerAnswer(LedgerVerdict.Stale, 0) : new LedgerAnswer(LedgerVerdict.Recorded, FirstSeq));

    internal void Fail() => _answer?.TrySetResult(new LedgerAnswer(LedgerVerdict.Unavailable, 0));
}
