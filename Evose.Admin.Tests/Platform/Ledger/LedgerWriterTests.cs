using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Evose.Admin.Tests.Platform.Ledger;

/// <summary>The writer of the record before a store that is slow, fails, or only counts: one group at a time, nobody forgotten.</summary>
public sealed class LedgerWriterTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private readonly AdminApp _app = new();
    private readonly CountingStore _store = new();
    private UsageLedger _ledger = null!;

    public ValueTask InitializeAsync()
    {
        _ledger = new UsageLedger(_store, _app.Get<InFlightCalls>(), _app.Get<SecretVault>(), TimeProvider.System, _app.Get<LedgerMode>(), NullLogger<UsageLedger>.Instance);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _ledger.StopAsync(CancellationToken.None);
        _ledger.Dispose();
        await _app.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Calls_that_come_at_once_and_one_by_one_are_all_answered_and_never_two_groups_are_written_together(bool waits)
    {
        _store.Waits = waits;
        await _ledger.StartAsync(CancellationToken.None);
        const int callers = 32, each = 200;
        // Some go on at once, some stand still for a moment: the writer falls idle and is started again all the time.
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < each; i++)
            {
                var entry = Entry();
                var answer = await _ledger.AuthorizeAsync(entry);
                Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
                _ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
                if ((i + caller) % 7 == 0) await Task.Yield();
                if ((i + caller) % 50 == 0) await Task.Delay(1);
            }
        }))).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.True(await _ledger.CaughtUpAsync(CancellationToken.None));
        Assert.Equal((callers * each, callers * each, 1), (_store.Calls, _store.Completions, _store.MostAtOnce));
    }

    [Fact]
    public async Task A_completion_that_no_call_follows_is_written_by_itself()
    {
        await _ledger.StartAsync(CancellationToken.None);
        var entry = Entry();
        var answer = await _ledger.AuthorizeAsync(entry);
        _ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        await Given.UntilAsync(() => Task.FromResult(_store.Completions == 1));
    }

    [Fact]
    public async Task What_comes_before_the_start_is_written_after_it()
    {
        var early = _ledger.AuthorizeAsync(Entry());
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(0, _store.Calls);
        await _ledger.StartAsync(CancellationToken.None);
        Assert.Equal(LedgerVerdict.Recorded, (await early).Verdict);
    }

    [Fact]
    public async Task A_store_that_fails_even_to_be_reset_refuses_calls_and_is_tried_again()
    {
        await _ledger.StartAsync(CancellationToken.None);
        var entry = Entry();
        var answer = await _ledger.AuthorizeAsync(entry);
        _store.Broken = true;
        Assert.Equal(LedgerVerdict.Unavailable, (await _ledger.AuthorizeAsync(Entry())).Verdict);
        // Its completion is owed: it waits for the store.
        _ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        Assert.Equal(LedgerVerdict.Unavailable, (await _ledger.AuthorizeAsync(Entry())).Verdict);
        _store.Broken = false;
        Assert.Equal(LedgerVerdict.Recorded, (await _ledger.AuthorizeAsync(Entry())).Verdict);
        await Given.UntilAsync(() => Task.FromResult(_store.Completions == 1));
        Assert.Equal(2, _store.Calls);
    }

    [Fact]
    public async Task A_store_that_hangs_keeps_no_call_waiting_and_what_it_wrote_after_all_is_completed_as_not_sent()
    {
        await _ledger.StartAsync(CancellationToken.None);
        var credential = Guid.CreateVersion7();
        var entry = Entry(new VersionUse(credential, "openai_prod", 1));
        _store.Hangs = new TaskCompletionSource();
        Assert.Equal(LedgerVerdict.Unavailable, (await _ledger.AuthorizeAsync(entry)).Verdict);
        Assert.Equal(LedgerVerdict.Unavailable, (await _ledger.AuthorizeAsync(Entry())).Verdict);
        _store.Hangs.SetResult();
        await Given.UntilAsync(() => Task.FromResult(_store.Completions == 1));
        Assert.Equal("not_sent", _store.LastReason);
        // The second was never in the writer's hand, so there is nothing of it.
        Assert.Equal(1, _store.Calls);
    }

    [Fact]
    public async Task The_end_waits_for_what_is_under_way_and_writes_the_last_completions()
    {
        await _ledger.StartAsync(CancellationToken.None);
        var entry = Entry();
        var answer = await _ledger.AuthorizeAsync(entry);
        _store.Hangs = new TaskCompletionSource();
        var late = _ledger.AuthorizeAsync(Entry());
        _ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        var end = _ledger.StopAsync(CancellationToken.None);
        Assert.False(end.IsCompleted);
        Assert.Equal(LedgerVerdict.Unavailable, (await _ledger.AuthorizeAsync(Entry())).Verdict);
        _store.Hangs.SetResult();
        Assert.Equal(LedgerVerdict.Recorded, (await late).Verdict);
        await end.WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.Equal((2, 1), (_store.Calls, _store.Completions));
    }

    private static CallEntry Entry(params VersionUse[] uses)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new CallEntry { Id = CallId.Next(now), At = now, Stamp = 0, Method = "GET", Refused = uses.Length == 0, Rule = "test", RequestId = "test", Uses = uses };
    }

    private sealed class CountingStore : ILedgerStore
    {
        private int _now;

        public bool Waits { get; set; }

        public bool Broken { get; set; }

        public TaskCompletionSource? Hangs { get; set; }

        public int Calls { get; private set; }

        public int Completions { get; private set; }

        public int MostAtOnce { get; private set; }

        public string? LastReason { get; private set; }

        public ValueTask OpenAsync(CancellationToken ct) => default;

        public async ValueTask WriteAsync(IReadOnlyList<LedgerItem> group)
        {
            var now = Interlocked.Increment(ref _now);
            MostAtOnce = Math.Max(MostAtOnce, now);
            try
            {
                if (Broken) throw new IOException("the disk is gone");
                if (Hangs is { } hangs) await hangs.Task;
                if (Waits) await Task.Yield();
                foreach (var item in group)
                {
                    if (item.Completion is null) Calls++;
                    else (Completions, LastReason) = (Completions + 1, item.Completion.Reason);
                }
            }
            finally
            {
                Interlocked.Decrement(ref _now);
            }
        }

        public void Reset()
        {
            if (Broken) throw new InvalidOperationException("and so is its handle");
        }

        public ValueTask<bool> CaughtUpAsync(CancellationToken ct) => new(true);

        public ValueTask FlushAsync() => default;

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}
