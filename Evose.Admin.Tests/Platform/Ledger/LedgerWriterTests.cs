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
        _ledger = Ledger(_store, TimeProvider.System);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        // A test that failed in the middle must not hang its end.
        _store.Broken = false;
        _store.Hangs?.TrySetResult();
        await _ledger.StopAsync(CancellationToken.None).WaitAsync(Soon);
        _ledger.Dispose();
        await _app.DisposeAsync();
    }

    [Theory]
    [InlineData(1, 4000, false)]
    [InlineData(1, 4000, true)]
    [InlineData(2, 4000, false)]
    [InlineData(2, 4000, true)]
    [InlineData(32, 200, false)]
    [InlineData(32, 200, true)]
    public async Task Calls_that_come_at_once_and_one_by_one_are_all_answered_and_never_two_groups_are_written_together(int callers, int each, bool waits)
    {
        // Nobody is given up, so that one who is forgotten is seen. One or two callers: nobody else comes who would start the writer for them.
        var store = new CountingStore { Waits = waits };
        using var ledger = Ledger(store, new PatientClock());
        await ledger.StartAsync(CancellationToken.None);
        await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < each; i++)
            {
                var entry = Entry();
                var answer = await ledger.AuthorizeAsync(entry);
                Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
                ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
                if ((i + caller) % 7 == 0) await Task.Yield();
                if ((i + caller) % 200 == 0) await Task.Delay(1);
            }
        }))).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.True(await ledger.CaughtUpAsync(CancellationToken.None));
        await ledger.StopAsync(CancellationToken.None).WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.Equal((callers * each, callers * each, 1), (store.Calls, store.Completions, store.MostAtOnce));
    }

    [Fact]
    public async Task However_a_stop_meets_the_writer_it_ends_and_the_last_completion_is_written()
    {
        for (var i = 0; i < 3000; i++)
        {
            var store = new CountingStore();
            using var ledger = Ledger(store, new PatientClock());
            await ledger.StartAsync(CancellationToken.None);
            var entry = Entry();
            var answer = await ledger.AuthorizeAsync(entry);
            ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
            // The writer falls idle just now.
            var late = i % 2 == 0 ? ledger.AuthorizeAsync(Entry()).AsTask() : null;
            await ledger.StopAsync(CancellationToken.None).WaitAsync(Soon, TestContext.Current.CancellationToken);
            if (late is not null) Assert.Equal(LedgerVerdict.Recorded, (await late.WaitAsync(Soon, TestContext.Current.CancellationToken)).Verdict);
            Assert.Equal(1, store.Completions);
        }
    }

    [Fact]
    public async Task Completions_without_calls_are_each_written_by_the_timer()
    {
        await _ledger.StartAsync(CancellationToken.None);
        for (var i = 1; i <= 60; i++)
        {
            var entry = Entry();
            _ledger.Complete(entry, i, 200, 1, CallOutcome.Succeeded, null);
            var expected = i;
            await Given.UntilAsync(() => Task.FromResult(_store.Completions == expected));
            // Some come while the timer is just firing.
            if (i % 3 == 0) await Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task All_that_is_owed_is_written_when_the_store_is_back_however_much_it_is(bool stops)
    {
        const int many = 1300;
        var store = new CountingStore { Broken = true };
        using var ledger = Ledger(store, TimeProvider.System);
        await ledger.StartAsync(CancellationToken.None);
        for (var i = 0; i < many; i++) ledger.Complete(Entry(), i, 200, 1, CallOutcome.Succeeded, null);
        await Given.UntilAsync(() => Task.FromResult(store.Failures > 0));
        // Whoever wants to see everything is told that not all is there.
        Assert.False(await ledger.CaughtUpAsync(CancellationToken.None));
        store.Broken = false;
        if (stops) await ledger.StopAsync(CancellationToken.None).WaitAsync(Soon, TestContext.Current.CancellationToken);
        else Assert.True(await ledger.CaughtUpAsync(CancellationToken.None));
        Assert.Equal(many, store.Completions);
        await ledger.StopAsync(CancellationToken.None).WaitAsync(Soon, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_store_that_is_gone_does_not_keep_the_end()
    {
        var store = new CountingStore { Broken = true };
        using var ledger = Ledger(store, TimeProvider.System);
        await ledger.StartAsync(CancellationToken.None);
        ledger.Complete(Entry(), 1, 200, 1, CallOutcome.Succeeded, null);
        await ledger.StopAsync(CancellationToken.None).WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.InRange(store.Failures, 2, 10);
        // And whoever comes after it is told so.
        Assert.Equal(LedgerVerdict.Unavailable, (await ledger.AuthorizeAsync(Entry())).Verdict);
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_caller_that_does_not_let_go_of_its_thread_holds_up_nobodys_record(bool waits)
    {
        _store.Waits = waits;
        await _ledger.StartAsync(CancellationToken.None);
        using var gate = new ManualResetEventSlim();
        var recorded = 0;
        var slow = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            await _ledger.AuthorizeAsync(Entry());
            Interlocked.Increment(ref recorded);
            // It goes on where it was answered, and stays there.
            Assert.True(gate.Wait(Soon));
        })).ToList();
        await Given.UntilAsync(() => Task.FromResult(Volatile.Read(ref recorded) == slow.Count));
        var entry = Entry();
        var answer = await _ledger.AuthorizeAsync(entry).AsTask().WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
        _ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        await Given.UntilAsync(() => Task.FromResult(_store.Completions == 1));
        gate.Set();
        await Task.WhenAll(slow).WaitAsync(Soon, TestContext.Current.CancellationToken);
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

    private UsageLedger Ledger(ILedgerStore store, TimeProvider clock) => new(store, _app.Get<InFlightCalls>(), _app.Get<SecretVault>(), clock, _app.Get<LedgerMode>(), NullLogger<UsageLedger>.Instance);

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

        public int Failures { get; private set; }

        public string? LastReason { get; private set; }

        public ValueTask OpenAsync(CancellationToken ct) => default;

        public async ValueTask WriteAsync(IReadOnlyList<LedgerItem> group)
        {
            var now = Interlocked.Increment(ref _now);
            MostAtOnce = Math.Max(MostAtOnce, now);
            try
            {
                if (Broken)
                {
                    Failures++;
                    throw new IOException("the disk is gone");
                }
                if (Hangs is { } hangs) await hangs.Task;
                if (Waits) await Task.Yield();
                foreach (var item in group)
                {
                    if (item.Completion is null) Calls++;
                    else (LastReason, Completions) = (item.Completion.Reason, Completions + 1);
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

    /// <summary>Nobody's patience ends: its time stands still, its timers come.</summary>
    private sealed class PatientClock : TimeProvider
    {
        public override long GetTimestamp() => 1;
    }
}
