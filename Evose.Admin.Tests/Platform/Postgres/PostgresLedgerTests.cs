using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Support;
using Npgsql;

namespace Evose.Admin.Tests.Platform.Postgres;

/// <summary>A group is sent in the belief that stamp and head are what the last one left: what changed meanwhile is noticed before anything of it counts.</summary>
public sealed class PostgresLedgerTests : IAsyncLifetime
{
    private string _database = "";
    private AdminApp _app = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await PostgresServer.NewDatabaseAsync();
        _app = new AdminApp(Nodes.Settings(_database));
    }

    [Fact]
    public async Task A_stamp_that_grew_between_two_groups_is_noticed_by_the_very_next_call()
    {
        var stamp = (long)(await SqlAsync("SELECT stamp FROM installation"))!;
        for (var i = 0; i < 3; i++) Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp));
        // Another node's change: nobody here has heard of it.
        await SqlAsync("UPDATE installation SET stamp = stamp + 1");
        Assert.Equal(LedgerVerdict.Stale, await RecordAsync(stamp));
        Assert.Equal(stamp + 1, _app.Get<CatalogStamp>().Latest);
        Assert.Equal(LedgerVerdict.Stale, await RecordAsync(stamp));
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp + 1));
        // And one that this node was told of before its ledger.
        await SqlAsync("UPDATE installation SET stamp = stamp + 1");
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp + 2));
        Assert.Equal(LedgerVerdict.Stale, await RecordAsync(stamp + 1));
        // A refusal changes nothing and is recorded whatever it was decided by.
        await SqlAsync("UPDATE installation SET stamp = stamp + 1");
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp, refused: true));
        await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
        Assert.Equal(6L, await SqlAsync("SELECT count(*) FROM call_record"));
        Assert.True((await Nodes.VerifyAsync(_app)).Verified);
    }

    [Fact]
    public async Task A_call_decided_by_a_stamp_that_the_database_never_had_is_not_recorded_as_current()
    {
        var stamp = (long)(await SqlAsync("SELECT stamp FROM installation"))!;
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp));
        Assert.Equal(LedgerVerdict.Stale, await RecordAsync(stamp + 7));
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp));
        Assert.True((await Nodes.VerifyAsync(_app)).Verified);
    }

    [Theory]
    [InlineData("UPDATE chain_head SET seq = seq + 1 WHERE lane LIKE 'calls%'")]
    [InlineData("UPDATE chain_head SET link = sha256('other') WHERE lane LIKE 'calls%'")]
    [InlineData("UPDATE chain_head SET mac = sha256('other') WHERE lane LIKE 'calls%'")]
    public async Task A_head_that_was_changed_behind_its_back_is_not_signed_over(string sql)
    {
        var stamp = (long)(await SqlAsync("SELECT stamp FROM installation"))!;
        for (var i = 0; i < 3; i++) Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp));
        Assert.True((await Nodes.VerifyAsync(_app)).Verified);
        await SqlAsync(sql);
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp));
        Assert.False((await Nodes.VerifyAsync(_app)).Verified);
        Assert.Equal(LedgerVerdict.Recorded, await RecordAsync(stamp));
        Assert.False((await Nodes.VerifyAsync(_app)).Verified);
    }

    [Fact]
    public async Task Many_calls_and_changes_at_once_leave_one_chain_and_no_call_by_an_old_stamp()
    {
        var first = (long)(await SqlAsync("SELECT stamp FROM installation"))!;
        using var stop = new CancellationTokenSource();
        var changes = Task.Run(async () =>
        {
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                // As every change does it: alone, so groups that are under way end first.
                await SqlAsync($"BEGIN; SELECT pg_advisory_xact_lock({(long)AdvisoryLock.Stamp}); UPDATE installation SET stamp = stamp + 1; COMMIT");
                await Task.Delay(5);
            }
        });
        var verdicts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var counts = new Dictionary<LedgerVerdict, int>();
            for (var i = 0; i < 200; i++)
            {
                var verdict = await RecordAsync(Math.Max(first, _app.Get<CatalogStamp>().Latest));
                counts[verdict] = counts.GetValueOrDefault(verdict) + 1;
            }
            return counts;
        })));
        await stop.CancelAsync();
        await changes;
        var recorded = verdicts.Sum(v => v.GetValueOrDefault(LedgerVerdict.Recorded));
        Assert.True(recorded > 0, string.Join(' ', verdicts.SelectMany(v => v).GroupBy(v => v.Key).Select(g => $"{g.Key} {g.Sum(v => v.Value)}")));
        Assert.True(verdicts.Sum(v => v.GetValueOrDefault(LedgerVerdict.Stale)) > 0, "no change came between");
        await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
        // One that was given up on a busy machine may have been written after all.
        Assert.InRange((long)(await SqlAsync("SELECT count(*) FROM call_record"))!, recorded, recorded + verdicts.Sum(v => v.GetValueOrDefault(LedgerVerdict.Unavailable)));
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    private async Task<LedgerVerdict> RecordAsync(long stamp, bool refused = false)
    {
        var now = TimeProvider.System.GetUtcNow();
        var entry = new CallEntry { Id = CallId.Next(now), At = now, Stamp = stamp, Method = "GET", Refused = refused, Rule = "test", RequestId = "test", Uses = [] };
        var ledger = _app.Get<UsageLedger>();
        var answer = await ledger.AuthorizeAsync(entry);
        if (answer.Verdict == LedgerVerdict.Recorded && !refused) ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        return answer.Verdict;
    }

    private async Task<object?> SqlAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await PostgresServer.DropAsync(_database);
    }
}
