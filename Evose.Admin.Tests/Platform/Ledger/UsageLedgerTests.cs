using System.Net;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Tests.Features.Broker;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class UsageLedgerTests
{
    [Fact]
    public async Task When_the_ledger_cannot_be_written_every_call_is_refused_within_two_seconds_and_recovery_is_by_itself()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        await using (var db = await world.DbAsync())
            await db.Database.ExecuteSqlRawAsync("CREATE TRIGGER full BEFORE INSERT ON call_record BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
        for (var i = 0; i < 5; i++)
        {
            using var answer = await caller.GetAsync("/broker/cs/gpt-call/x").WaitAsync(TimeSpan.FromSeconds(4));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.Contains("AUDIT_UNAVAILABLE", await answer.Content.ReadAsStringAsync());
        }
        Assert.Empty(world.Upstream.Requests);
        await using (var db = await world.DbAsync()) await db.Database.ExecuteSqlRawAsync("DROP TRIGGER full");
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        Assert.Single(world.Upstream.Requests);
    }

    [Fact]
    public async Task When_another_process_holds_the_database_calls_are_refused_not_kept_waiting_and_nothing_leaves()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        await using (var hold = new SqliteConnection($"Data Source={world.App.DataDirectory}/evose.db;Pooling=False"))
        {
            await hold.OpenAsync();
            var command = hold.CreateCommand();
            command.CommandText = "BEGIN IMMEDIATE";
            await command.ExecuteNonQueryAsync();
            var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => caller.GetAsync("/broker/cs/gpt-call/x"))).WaitAsync(TimeSpan.FromSeconds(5));
            Assert.All(answers, a => Assert.Equal(HttpStatusCode.ServiceUnavailable, a.StatusCode));
            command.CommandText = "ROLLBACK";
            await command.ExecuteNonQueryAsync();
        }
        Assert.Empty(world.Upstream.Requests);
        var deadline = TimeProvider.System.GetTimestamp();
        while ((await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode != HttpStatusCode.OK)
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(10), "it did not recover");
        // What was written although nobody waited any more is completed as never sent.
        await using var db = await world.DbAsync();
        var calls = await world.CallsAsync(1);
        Assert.All(calls, c => Assert.True(c.End!.Outcome == CallOutcome.Succeeded || c.End.Reason == "not_sent"));
    }

    [Fact]
    public async Task A_completion_that_could_not_be_written_is_written_later()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        await using (var db = await world.DbAsync())
            await db.Database.ExecuteSqlRawAsync("CREATE TRIGGER full BEFORE INSERT ON call_completion BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        await using (var db = await world.DbAsync())
        {
            Assert.Equal(1, await db.Calls.CountAsync());
            Assert.Equal(0, await db.CallCompletions.CountAsync());
            await db.Database.ExecuteSqlRawAsync("DROP TRIGGER full");
        }
        Assert.Equal(CallOutcome.Succeeded, (await world.CallsAsync(1))[0].End!.Outcome);
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
        Assert.Equal((60, 20), (sources.Sum(s => s.Calls), sources.Sum(s => s.Errors)));
        Assert.Equal(60, (await db.CredentialUses.SingleAsync()).Calls);
        Assert.All(hours, h => Assert.Equal(1, h.Version));
    }
}
