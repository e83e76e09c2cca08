using System.Buffers;
using System.Diagnostics;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Features.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Evose.Admin.Tests.Platform.Postgres;

/// <summary>From the commit of a group to its rows in the tables: whoever copies them, whatever was done to them on the way, nothing is lost and nothing is signed that the app did not write.</summary>
public sealed class PostgresImportTests : IAsyncLifetime
{
    // A lane that no node of a test takes.
    private const int Left = 99;

    private string _database = "";
    private AdminApp _app = null!;
    private long _stamp;

    public async ValueTask InitializeAsync()
    {
        _database = await PostgresServer.NewDatabaseAsync();
        _app = new AdminApp(Nodes.Settings(_database));
        _stamp = (long)(await SqlAsync("SELECT stamp FROM installation"))!;
    }

    [Fact]
    public async Task What_a_node_has_left_behind_is_copied_by_another_without_being_asked()
    {
        var frames = Frames();
        await InsertAsync(Frame(frames, Call(), Call()), frames.Position);
        await InsertAsync(Frame(frames, Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal(3L, await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"));
        Assert.Equal(3L, await SqlAsync($"SELECT seq FROM chain_head WHERE lane = 'calls/{Left}'"));
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task What_one_node_has_recorded_the_other_finds_at_once()
    {
        await using var other = new AdminApp(Nodes.Settings(_database));
        for (var i = 1; i <= 5; i++)
        {
            for (var n = 0; n < 10; n++) await RecordAsync(Call());
            await other.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
            Assert.Equal(i * 10L, await SqlAsync("SELECT count(*) FROM call_record"));
        }
    }

    [Fact]
    public async Task Every_field_comes_through_as_it_was_given()
    {
        var now = TimeProvider.System.GetUtcNow();
        var (credential, second) = (CallId.Next(now), CallId.Next(now));
        var entry = new CallEntry
        {
            Id = CallId.Next(now), At = now, Stamp = _stamp, WorkspaceId = CallId.Next(now), ToolId = CallId.Next(now), Tool = "köln-ツール 🔑", AgentId = CallId.Next(now), Agent = "", WorkflowId = CallId.Next(now),
            Workflow = "nightly\t'; DROP TABLE call_record; --\\N", RunId = "run", UserId = "u-1", UserName = "Ada \"L\"\r\n", UserEmail = "ada@example.com", ApiKeyId = CallId.Next(now), ApiKey = "worker", Ip = "2001:db8::1", Method = "POST",
            Host = "api.example.com", Path = "/" + new string('ß', 200_000), Refused = false, Rule = "allowed", RequestId = "r\ud800x",
            Uses = [new VersionUse(credential, "main", 7), new VersionUse(second, "", 0)],
        };
        var bare = Call(refused: true).Entry!;
        var first = await RecordAsync(entry);
        var last = await RecordAsync(bare);
        await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);

        await using var db = await _app.DbAsync();
        var rows = await db.Calls.AsNoTracking().Where(c => c.Seq >= first && c.Seq <= last).OrderBy(c => c.Seq).ToListAsync();
        Assert.Equal(3, rows.Count);
        Assert.Equal((credential, "main", 7), (rows[0].CredentialId, rows[0].Credential, rows[0].Version));
        Assert.Equal((second, "", (int?)null), (rows[1].CredentialId, rows[1].Credential, rows[1].Version));
        foreach (var row in rows[..2])
        {
            Assert.Equal((entry.Id, entry.At, entry.WorkspaceId, entry.ToolId, entry.Tool, entry.AgentId, entry.Agent), (row.Id, row.At, row.WorkspaceId, row.ToolId, row.Tool, row.AgentId, row.Agent));
            Assert.Equal((entry.WorkflowId, entry.Workflow, entry.RunId, entry.UserId, entry.UserName, entry.UserEmail), (row.WorkflowId, row.Workflow, row.RunId, row.UserId, row.UserName, row.UserEmail));
            Assert.Equal((entry.ApiKeyId, entry.ApiKey, entry.Ip, entry.Method, entry.Host, entry.Path, false, entry.Rule), (row.ApiKeyId, row.ApiKey, row.Ip, row.Method, row.Host, row.Path, row.Refused, row.Rule));
            // Half a pair cannot be written down.
            Assert.Equal("r\ufffdx", row.RequestId);
        }
        Assert.Equal((bare.Id, true, null, null, null, null), (rows[2].Id, rows[2].Refused, rows[2].WorkspaceId, rows[2].Tool, rows[2].CredentialId, rows[2].Version));
        var completed = await db.CallCompletions.AsNoTracking().Where(c => c.CallSeq >= first).OrderBy(c => c.CallSeq).ToListAsync();
        Assert.Equal([(first, 200, CallOutcome.Succeeded, null), (first + 1, 200, CallOutcome.Succeeded, null)], completed.Select(c => (c.CallSeq, c.Status!.Value, c.Outcome, c.Reason)));
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task A_damaged_frame_stays_where_it_is_and_verification_tells()
    {
        var frames = Frames();
        var bytes = Frame(frames, Call());
        bytes[60] ^= 1;
        await InsertAsync(bytes, frames.Position);
        await InsertAsync(Frame(frames, Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 1);
        Assert.Equal(1L, await SqlAsync("SELECT count(*) FROM call_frame"));
        Assert.Equal($"calls/{Left}", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
    }

    [Fact]
    public async Task The_next_writer_of_a_lane_does_not_take_the_place_of_a_damaged_frame()
    {
        // The first free lane is the one that this node takes with its first call.
        await InsertAsync(Frame(Frames(), Call()), 1, lane: 1);
        await RecordAsync(Call());
        Assert.Equal("calls/1", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
        Assert.Equal(2L, await SqlAsync("SELECT position FROM call_record WHERE lane = 1"));
    }

    [Fact]
    public async Task A_frame_that_was_changed_and_given_a_right_checksum_is_copied_and_never_signed()
    {
        var frames = Frames();
        var bytes = Frame(frames, Call());
        "TEST"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf("test"u8)));
        await InsertAsync(Sealed(bytes), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal("TEST", await SqlAsync($"SELECT rule FROM call_record WHERE lane = {Left}"));
        Assert.Equal($"calls/{Left}", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
        // And what comes behind it makes it no better.
        await InsertAsync(Frame(frames, Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal($"calls/{Left}", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
    }

    [Fact]
    public async Task A_frame_under_a_mac_of_somebody_else_is_copied_and_never_signed()
    {
        var frames = Frames();
        var bytes = Frame(frames, Call());
        bytes[^1] ^= 1;
        await InsertAsync(Sealed(bytes), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal($"calls/{Left}", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
    }

    [Fact]
    public async Task A_row_whose_place_is_taken_holds_up_none_of_the_others()
    {
        var frames = Frames();
        LedgerItem[] items = [Call(), Call(), Call()];
        var bytes = Frame(frames, items);
        await SqlAsync($"INSERT INTO call_record (seq, lane, position, id, at, method, refused, rule, request_id, link) VALUES ({items[1].FirstSeq}, 98, 1, '\\x00', 1, 'GET', false, 'planted', '', '\\x00')");
        await InsertAsync(bytes, frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal(2L, await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"));
        Assert.False((await Nodes.VerifyAsync(_app)).Verified);
    }

    [Fact]
    public async Task A_head_that_was_taken_away_is_not_made_anew()
    {
        var frames = Frames();
        await InsertAsync(Frame(frames, Call(), Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        // The newest row and the head that tells of it.
        await SqlAsync($"DELETE FROM call_record WHERE lane = {Left} AND position = 2; DELETE FROM chain_head WHERE lane = 'calls/{Left}'");
        var shorter = Frames();
        shorter.Place = (1, (byte[])(await SqlAsync($"SELECT link FROM call_record WHERE lane = {Left}"))!, 0);
        await InsertAsync(Frame(shorter, Call()), shorter.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal($"calls/{Left}", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
    }

    [Fact]
    public async Task Calls_go_on_while_the_tables_cannot_be_written_and_are_in_them_afterwards()
    {
        await RecordAsync(Call());
        await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
        await using (var connection = await OpenAsync())
        {
            await using var locked = await connection.BeginTransactionAsync();
            await using (var command = new NpgsqlCommand("LOCK TABLE call_record IN ACCESS EXCLUSIVE MODE", connection)) await command.ExecuteNonQueryAsync();
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < 20; i++) await RecordAsync(Call());
            // A page waits its time and shows what there is.
            await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
            Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, PostgresImport.Patience.TotalSeconds * 0.9, 20);
            await locked.RollbackAsync();
        }
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_record"))! == 21 && (long)(await SqlAsync("SELECT count(*) FROM call_completion"))! == 21);
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task Completions_whose_commit_was_not_answered_are_written_once()
    {
        var ledger = _app.Get<UsageLedger>();
        var entries = Enumerable.Range(0, 10).Select(_ => Call()).ToList();
        var answers = new List<long>();
        foreach (var entry in entries) answers.Add((await ledger.AuthorizeAsync(entry.Entry!)).FirstSeq);
        await using (var connection = await OpenAsync())
        {
            // As a change of the catalogue holds it: groups wait behind it, for as long as they have patience.
            await using var changing = await connection.BeginTransactionAsync();
            await using (var command = new NpgsqlCommand($"SELECT pg_advisory_xact_lock({(long)AdvisoryLock.Stamp})", connection)) await command.ExecuteNonQueryAsync();
            for (var i = 0; i < entries.Count; i++) ledger.Complete(entries[i].Entry!, answers[i], 200, 1, CallOutcome.Succeeded, null);
            Assert.Equal(LedgerVerdict.Unavailable, (await ledger.AuthorizeAsync(Call().Entry!)).Verdict);
            await changing.RollbackAsync();
        }
        await UntilAsync(async () => (await ledger.AuthorizeAsync(Call(refused: true).Entry!)).Verdict == LedgerVerdict.Recorded);
        await UntilAsync(async () =>
        {
            await ledger.CaughtUpAsync(TestContext.Current.CancellationToken);
            return (long)(await SqlAsync("SELECT count(*) FROM call_completion"))! >= entries.Count;
        });
        Assert.Equal((long)entries.Count, await SqlAsync($"SELECT count(*) FROM call_completion WHERE call_seq IN ({string.Join(',', answers)})"));
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    private FrameWriter Frames() => new(Left, _app.Get<SecretVault>());

    private LedgerItem Call(bool refused = false)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new LedgerItem(new CallEntry { Id = CallId.Next(now), At = now, Stamp = _stamp, Method = "GET", Refused = refused, Rule = "test", RequestId = "r", Uses = [] }, 0);
    }

    private static byte[] Frame(FrameWriter frames, params LedgerItem[] calls)
    {
        frames.Begin();
        foreach (var call in calls) frames.Add(call, latest: call.Entry!.Stamp, TimeProvider.System.GetUtcNow());
        return Sealed(frames.End().WrittenSpan.ToArray());
    }

    private static byte[] Sealed(byte[] frame)
    {
        var writer = new ArrayBufferWriter<byte>(frame.Length);
        writer.Write(frame);
        JournalFrame.Seal(writer, Left);
        return writer.WrittenSpan.ToArray();
    }

    private async Task InsertAsync(byte[] frame, long position, int lane = Left)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand("INSERT INTO call_frame (lane, position, frame) VALUES ($1, $2, $3)", connection)
        {
            Parameters = { new() { Value = lane }, new() { Value = position }, new() { Value = frame, NpgsqlDbType = NpgsqlDbType.Bytea } },
        };
        await command.ExecuteNonQueryAsync();
    }

    private async Task<long> RecordAsync(LedgerItem item) => await RecordAsync(item.Entry!);

    private async Task<long> RecordAsync(CallEntry entry)
    {
        var ledger = _app.Get<UsageLedger>();
        var answer = await ledger.AuthorizeAsync(entry);
        Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
        if (!entry.Refused) ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        return answer.FirstSeq;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began).TotalSeconds < 30, "not within 30 s");
            await Task.Delay(20);
        }
    }

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    private async Task<object?> SqlAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await PostgresServer.DropAsync(_database);
    }
}
