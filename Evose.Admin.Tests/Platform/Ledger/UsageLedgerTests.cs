using System.Net;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Features.Audit;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class UsageLedgerTests
{
    [Fact]
    public async Task When_the_journal_cannot_be_written_every_call_is_refused_within_two_seconds_and_recovery_is_by_itself()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        using var full = new FullDisk(world.App.DataDirectory);
        var fastest = TimeSpan.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            using var answer = await caller.GetAsync("/broker/cs/gpt-call/x").WaitAsync(TimeSpan.FromMinutes(1));
            if (TimeProvider.System.GetElapsedTime(began) is var took && took < fastest) fastest = took;
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Contains("AUDIT_UNAVAILABLE", await answer.Content.ReadAsStringAsync());
        }
        // The machine may be busy with other tests; a refusal that waited for the disk would be late each time.
        Assert.True(fastest < TimeSpan.FromSeconds(2), $"refused after {fastest}");
        Assert.Empty(world.Upstream.Requests);
        // What is recorded can still be read: pages and reads do not need the journal.
        using (var api = world.App.Api()) Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/api/v1/workspaces/cs/credentials/openai_prod/calls")).StatusCode);
        full.Empty();
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        Assert.Single(world.Upstream.Requests);
        Assert.Single(await world.CallsAsync(1));
        Assert.True((await world.App.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)).Verified);
    }

    [Fact]
    public async Task When_another_process_holds_the_database_calls_go_on_and_are_found_afterwards()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        await using (var hold = new SqliteConnection($"Data Source={world.App.DataDirectory}/evose.db;Pooling=False"))
        {
            await hold.OpenAsync();
            var command = hold.CreateCommand();
            command.CommandText = "BEGIN IMMEDIATE";
            await command.ExecuteNonQueryAsync();
            var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => caller.GetAsync("/broker/cs/gpt-call/x"))).WaitAsync(TimeSpan.FromMinutes(1));
            Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
            command.CommandText = "ROLLBACK";
            await command.ExecuteNonQueryAsync();
        }
        Assert.Equal(10, (await world.CallsAsync(10)).Count);
        Assert.True((await world.App.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)).Verified);
    }

    [Fact]
    public async Task A_row_that_the_database_would_not_take_is_copied_later()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        await using (var db = await world.DbAsync())
            await db.Database.ExecuteSqlRawAsync("CREATE TRIGGER full BEFORE INSERT ON call_completion BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        await using (var db = await world.DbAsync())
        {
            // Row and completion are copied in one transaction or not at all, so neither or the first alone is there.
            Assert.Equal(0, await db.CallCompletions.CountAsync());
            await db.Database.ExecuteSqlRawAsync("DROP TRIGGER full");
        }
        Assert.Equal(CallOutcome.Succeeded, (await world.CallsAsync(1))[0].End!.Outcome);
    }

    [Fact]
    public async Task What_was_answered_is_let_go_of_at_once_so_that_the_garbage_collector_need_not_move_it()
    {
        await using var app = new AdminApp();
        using var ledger = new UsageLedger(new ReadyStore(), app.Get<InFlightCalls>(), app.Get<SecretVault>(), new StillClock(), app.Get<LedgerMode>(), NullLogger<UsageLedger>.Instance);
        await ledger.StartAsync(CancellationToken.None);
        var entries = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => RecordAsync(ledger)));
        // The writer has the last ones in hand until the next come.
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => RecordAsync(ledger)));
        GC.Collect();
        var kept = entries.Count(e => e.IsAlive);
        await ledger.StopAsync(CancellationToken.None);
        Assert.InRange(kept, 0, 100);
    }

    [Fact]
    public async Task Stopped_twice_it_ends_once_and_both_wait_for_the_same_end()
    {
        await using var app = new AdminApp();
        var store = new ReadyStore();
        using var ledger = new UsageLedger(store, app.Get<InFlightCalls>(), app.Get<SecretVault>(), new StillClock(), app.Get<LedgerMode>(), NullLogger<UsageLedger>.Instance);
        await ledger.StartAsync(CancellationToken.None);
        await RecordAsync(ledger);
        store.Flush = new TaskCompletionSource();
        var first = ledger.StopAsync(CancellationToken.None);
        var second = ledger.StopAsync(CancellationToken.None);
        // Whoever asked second would else take the files away while they are still written.
        Assert.False(second.IsCompleted);
        store.Flush.SetResult();
        await Task.WhenAll(first, second, ledger.StopAsync(CancellationToken.None)).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(1, store.Ends);
    }

    private static async Task<WeakReference> RecordAsync(UsageLedger ledger)
    {
        var now = TimeProvider.System.GetUtcNow();
        var entry = new CallEntry { Id = CallId.Next(now), At = now, Stamp = 0, Method = "GET", Refused = true, Rule = "test", RequestId = "test", Uses = [] };
        Assert.Equal(LedgerVerdict.Recorded, (await ledger.AuthorizeAsync(entry)).Verdict);
        return new WeakReference(entry);
    }

    [Fact]
    public async Task Rollups_equal_the_rows_they_sum_up()
    {
        var n = 0;
        await using var world = await BrokerWorld.StartAsync((context, _) =>
        {
            context.Response.StatusCode = Interlocked.Increment(ref n) % 3 == 0 ? 401 : 200;
            return Task.CompletedTask;
        });
        using var caller = world.Caller();
        await Parallel.ForAsync(0, 60, async (_, ct) => await caller.GetAsync("/broker/cs/gpt-call/x", ct));
        await world.CallsAsync(60);
        await using var db = await world.DbAsync();
        var hours = await db.UsageHours.ToListAsync();
        Assert.Equal((60, 20, 20), (hours.Sum(h => h.Calls), hours.Sum(h => h.Errors), hours.Sum(h => h.KeyErrors)));
        var sources = await db.UsageSources.ToListAsync();
        Assert.All([SourceKind.Tool, SourceKind.ApiKey], kind => Assert.Equal((60, 20), (sources.Where(s => s.Kind == kind).Sum(s => s.Calls), sources.Where(s => s.Kind == kind).Sum(s => s.Errors))));
        var days = await db.UsageDays.ToListAsync();
        Assert.Equal((60, 20, 20), (days.Sum(d => d.Calls), days.Sum(d => d.Errors), days.Sum(d => d.KeyErrors)));
        Assert.Equal(60, (await db.CredentialUses.SingleAsync()).Calls);
        Assert.All(hours, h => Assert.Equal(1, h.Version));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(40)]
    public async Task A_row_whose_place_was_taken_is_missing_and_all_others_are_there(int calls)
    {
        await using var world = await BrokerWorld.StartAsync();
        await using (var db = await world.DbAsync())
            await db.Database.ExecuteSqlRawAsync("INSERT INTO call_record (seq, lane, position, id, at, method, refused, rule, request_id, link) VALUES (1, 0, 2, x'00112233445566778899aabbccddeeff', 1, 'GET', 0, 'forged', 'r', x'00')");
        var store = world.App.Get<ILedgerStore>();
        var now = TimeProvider.System.GetUtcNow();
        await store.WriteAsync([.. Enumerable.Range(0, calls).Select(i => new LedgerItem(new CallEntry
        {
            Id = Guid.CreateVersion7(now), At = now, Stamp = 0, Method = "POST", Refused = true, Rule = "refused", RequestId = "r" + i, Uses = [],
        }, 0))]);
        await store.CaughtUpAsync(CancellationToken.None);
        await using var read = await world.DbAsync();
        var stored = await read.Calls.OrderBy(c => c.Position).ToListAsync();
        Assert.Equal(Enumerable.Range(1, calls).Select(p => (long)p), stored.Select(c => c.Position));
        Assert.Equal(stored.Select(c => c.Position == 2 ? "r" : "r" + (c.Position - 1)), stored.Select(c => c.RequestId));
        Assert.False((await world.App.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)).Verified);
    }

    [Fact]
    public async Task A_second_process_on_the_same_data_directory_does_not_start_and_says_why()
    {
        await using var app = new AdminApp();
        await using var second = await AppProcess.StartAsync(app.DataDirectory, waitReady: false);
        Assert.NotEqual(0, await second.ExitCodeAsync());
        Assert.Contains("Another process of the app uses", second.Output);
    }

    private sealed class ReadyStore : ILedgerStore
    {
        public TaskCompletionSource? Flush { get; set; }

        public int Ends { get; private set; }

        public ValueTask OpenAsync(CancellationToken ct) => default;

        public ValueTask WriteAsync(IReadOnlyList<LedgerItem> group) => default;

        public void Reset() { }

        public ValueTask<bool> CaughtUpAsync(CancellationToken ct) => new(true);

        public async ValueTask FlushAsync()
        {
            if (Flush is not null) await Flush.Task;
        }

        public void Dispose() => Ends++;
    }

    /// <summary>Its timers never come.</summary>
    private sealed class StillClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new StillTimer();

        private sealed class StillTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
                // Nothing runs.
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
