using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using Evose.Admin.Domain.Audit;
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
        var next = Frame(frames, Call());
        // Shorter than a frame's head.
        await InsertAsync([1, 2, 3], frames.Position + 1);
        await InsertAsync(next, frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 1);
        Assert.Equal(2L, await SqlAsync("SELECT count(*) FROM call_frame"));
        await BreaksAsync(1, "not as the app wrote it");
    }

    [Fact]
    public async Task A_frame_whose_rows_cannot_be_read_stays_where_it_is_and_holds_up_none()
    {
        var frames = Frames();
        var good = Frame(frames, Call());
        var place = frames.Place;
        // A right checksum and a right MAC around bytes that begin as a call and are none.
        var bytes = new ArrayBufferWriter<byte>();
        JournalFrame.Begin(bytes);
        JournalFrame.Add(bytes, completion: false, 2, 7, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3], [], place.Link);
        JournalFrame.End(bytes, 1, _app.Get<SecretVault>().AuditMac(Chain.HeadBytes(CallNumber.ChainOf(Left), 2, place.Link)));
        frames.Place = place with { Position = 2 };
        var last = Frame(frames, Call());
        await InsertAsync(good, 1);
        await InsertAsync(Sealed(bytes.WrittenSpan.ToArray()), 2);
        await InsertAsync(last, 3);
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 2);
        Assert.Equal(2L, await SqlAsync("SELECT position FROM call_frame"));
        await BreaksAsync(2, "lies behind the copy");
    }

    [Fact]
    public async Task A_frame_whose_rows_were_moved_under_a_right_checksum_takes_no_place_from_what_the_app_records()
    {
        var frames = Frames();
        var bytes = Frame(frames, Call(), Call());
        // The first row's place; the last row and the MAC stay as they are.
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(JournalFrame.HeadLength + 1), long.MaxValue);
        await InsertAsync(Sealed(bytes), frames.Position);
        var call = Call();
        var numbered = Frame(frames, call);
        // The same of a row's number.
        BinaryPrimitives.WriteInt64LittleEndian(numbered.AsSpan(JournalFrame.HeadLength + 1 + 8), 1L << 62);
        await InsertAsync(Sealed(numbered), frames.Position);
        await InsertAsync(Frame(frames, Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 1);
        Assert.Equal(2L, await SqlAsync("SELECT count(*) FROM call_frame"));
        await BreaksAsync(2, "not as the app wrote it");
        Assert.Equal(4L, await SqlAsync($"SELECT seq FROM chain_head WHERE lane = 'calls/{Left}'"));
    }

    [Fact]
    public async Task Verification_tells_of_a_frame_in_a_lane_that_there_is_not()
    {
        await InsertAsync([1, 2, 3], 1, lane: 500);
        Assert.Equal("calls/500", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
        await SqlAsync("UPDATE call_frame SET lane = -500");
        Assert.Equal("calls/-500", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_committed_and_never_answered_is_not_written_again(bool copied)
    {
        await using var relay = new TcpRelay(new NpgsqlConnectionStringBuilder(_database).Port);
        await using var node = new AdminApp(Nodes.Settings(new NpgsqlConnectionStringBuilder(_database) { Host = "127.0.0.1", Port = relay.Port }.ConnectionString));
        var ledger = node.Get<UsageLedger>();
        var entries = Enumerable.Range(0, 10).Select(_ => Call().Entry!).ToList();
        var answers = new List<long>();
        foreach (var entry in entries) answers.Add((await ledger.AuthorizeAsync(entry)).FirstSeq);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        await using var connection = await OpenAsync();
        await using var transaction = copied ? null : await LockAsync(connection, "call_completion");
        relay.IsMute = true;
        for (var i = 0; i < entries.Count; i++) ledger.Complete(entries[i], answers[i], 200, 1, CallOutcome.Succeeded, null);
        Assert.Equal(LedgerVerdict.Unavailable, (await ledger.AuthorizeAsync(Call().Entry!)).Verdict);
        // By the other node, which hears everything.
        if (copied) await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_completion"))! == entries.Count);
        else Assert.NotEqual(0L, await SqlAsync("SELECT count(*) FROM call_frame"));
        relay.IsMute = false;
        await UntilAsync(async () => (await ledger.AuthorizeAsync(Call().Entry!)).Verdict == LedgerVerdict.Recorded);
        if (transaction is not null) await transaction.RollbackAsync();
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        Assert.Equal((long)entries.Count, await SqlAsync("SELECT count(*) FROM call_completion"));
        // A second row of a completion would have been refused its place, and be missing from the chain.
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task A_frame_that_somebody_puts_far_ahead_takes_no_place_from_what_the_app_records()
    {
        var frames = Frames();
        var first = Frame(frames, Call());
        using var others = new FrameWriter(Left, _app.Get<SecretVault>()) { Place = (1_000_000, Chain.Origin, 0) };
        var planted = Frame(others, Call());
        planted[^1] ^= 1;
        await InsertAsync(Sealed(planted), others.Position);
        // One of the app's own, from elsewhere.
        await InsertAsync(first, 2_000_000);
        await InsertAsync(first, frames.Position);
        await InsertAsync(Frame(frames, Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 2);
        Assert.Equal(2L, await SqlAsync("SELECT count(*) FROM call_frame"));
        await BreaksAsync(1_000_001, "not as the app wrote it");
    }

    [Fact]
    public async Task Verification_tells_of_a_frame_that_was_put_behind_the_copy()
    {
        var frames = Frames();
        var bytes = Frame(frames, Call());
        await InsertAsync(bytes, frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0);
        await InsertAsync(bytes, frames.Position);
        await BreaksAsync(1, "lies behind the copy");
    }

    [Fact]
    public async Task What_waits_to_be_copied_is_proven_as_well_as_what_was()
    {
        await RecordAsync(Call());
        await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
        await using var connection = await OpenAsync();
        await using (var locked = await LockAsync(connection, "call_record", "EXCLUSIVE"))
        {
            for (var i = 0; i < 10; i++) await RecordAsync(Call());
            await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! > 0);
            // Reading waits for nobody, so this asks for the moment as it is.
            var report = await _app.Get<ChainVerifier>().VerifyAsync(TestContext.Current.CancellationToken);
            Assert.True(report.Verified, report.FirstBreak?.ToString());
            Assert.InRange(report.CallSeq, 2 + 10, 2 + 20);
            // A row of it that is changed, under a right checksum.
            var (position, frame) = ((long)(await SqlAsync("SELECT max(position) FROM call_frame"))!, (byte[])(await SqlAsync("SELECT frame FROM call_frame ORDER BY position DESC LIMIT 1"))!);
            frame[60] ^= 1;
            await SqlAsync($"UPDATE call_frame SET frame = '\\x{Convert.ToHexString(Sealed(frame, lane: 1))}' WHERE position = {position}");
            var broken = (await _app.Get<ChainVerifier>().VerifyAsync(TestContext.Current.CancellationToken)).FirstBreak;
            Assert.Equal("calls/1", broken?.Lane);
            await locked.RollbackAsync();
        }
    }

    [Fact]
    public async Task A_writer_that_loses_its_connection_while_nothing_can_be_copied_goes_on_behind_what_waits()
    {
        var recorded = new HashSet<long> { await RecordAsync(Call()) };
        await _app.Get<UsageLedger>().CaughtUpAsync(TestContext.Current.CancellationToken);
        await using var connection = await OpenAsync();
        await using (var locked = await LockAsync(connection, "call_record"))
        {
            // More groups than are looked at when the lane is taken again.
            for (var i = 0; i < 80; i++) recorded.Add(await RecordAsync(Call()));
            for (var kills = 0; kills < 3; kills++)
            {
                var writer = $"FROM pg_locks WHERE locktype = 'advisory' AND classid = {(int)AdvisoryLock.Lane} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
                Assert.Equal(1L, await SqlAsync("SELECT count(pg_terminate_backend(pid)) " + writer));
                await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) " + writer))! == 0);
                // The call that finds the connection gone is refused, and no other.
                recorded.Add(await TryRecordAsync(Call()) ?? await RecordAsync(Call()));
                for (var i = 0; i < 10; i++) recorded.Add(await RecordAsync(Call()));
            }
            await locked.RollbackAsync();
        }
        Assert.Equal(80 + 3 * 11 + 1, recorded.Count);
        await UntilAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM call_frame"))! == 0 && (long)(await SqlAsync("SELECT count(*) FROM call_completion"))! >= recorded.Count);
        Assert.Equal((long)recorded.Count, await SqlAsync($"SELECT count(*) FROM call_record WHERE seq IN ({string.Join(',', recorded)})"));
        Assert.Equal(await SqlAsync("SELECT count(*) FROM call_record"), await SqlAsync("SELECT count(DISTINCT call_seq) FROM call_completion"));
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task A_node_that_stands_still_in_the_middle_of_a_copy_holds_up_the_others_for_seconds_only()
    {
        var credential = CallId.Next(TimeProvider.System.GetUtcNow());
        var use = new VersionUse(credential, "main", 1);
        await RecordAsync(Call(uses: use));
        await UntilAsync(async () => await SqlAsync("SELECT calls FROM credential_use") is 1L);
        // Such a node's session, with what it holds: its lane, and the sums that others count too.
        await using var still = await OpenAsync();
        await ExecuteAsync(still, $"BEGIN; SELECT pg_advisory_xact_lock({(int)AdvisoryLock.Copy}, {Left}); UPDATE credential_use SET calls = calls");
        var frames = Frames();
        await InsertAsync(Frame(frames, Call()), frames.Position);
        var apart = await RecordAsync(Call());
        // Nothing that it holds is needed for a call without a credential.
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE seq = {apart}"))! == 1);
        Assert.Equal(1L, await SqlAsync($"SELECT count(*) FROM call_frame WHERE lane = {Left}"));
        // From here on the server counts.
        await ExecuteAsync(still, PostgresImport.Timeouts);
        await RecordAsync(Call(uses: use));
        await UntilAsync(async () => (long)(await SqlAsync("SELECT calls FROM credential_use"))! == 2 && (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 1);
        await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(still, "COMMIT"));
        var report = await Nodes.VerifyAsync(_app);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task The_next_writer_of_a_lane_does_not_take_the_place_of_a_damaged_frame()
    {
        // The first free lane is the one that this node takes with its first call.
        await InsertAsync(Frame(Frames(), Call()), 1, lane: 1);
        await RecordAsync(Call());
        // Not before it is sure that the frame is nobody's.
        await UntilAsync(async () => await SqlAsync("SELECT position FROM call_record WHERE lane = 1") is 2L);
        Assert.Equal("calls/1", (await Nodes.VerifyAsync(_app)).FirstBreak?.Lane);
    }

    [Fact]
    public async Task A_frame_that_was_changed_and_given_a_right_checksum_does_not_pass_verification()
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
    public async Task A_frame_under_a_mac_of_somebody_else_stays_where_it_is_and_verification_tells()
    {
        var frames = Frames();
        var bytes = Frame(frames, Call());
        bytes[^1] ^= 1;
        await InsertAsync(Sealed(bytes), frames.Position);
        await InsertAsync(Frame(frames, Call()), frames.Position);
        await UntilAsync(async () => (long)(await SqlAsync($"SELECT count(*) FROM call_record WHERE lane = {Left}"))! == 1);
        Assert.Equal(1L, await SqlAsync("SELECT position FROM call_frame"));
        await BreaksAsync(1, "not as the app wrote it");
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
            await using var locked = await LockAsync(connection, "call_record");
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

    private LedgerItem Call(bool refused = false, params IReadOnlyList<VersionUse> uses)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new LedgerItem(new CallEntry { Id = CallId.Next(now), At = now, Stamp = _stamp, Method = "GET", Refused = refused, Rule = "test", RequestId = "r", Uses = uses }, 0);
    }

    private static byte[] Frame(FrameWriter frames, params LedgerItem[] calls)
    {
        frames.Begin();
        foreach (var call in calls) frames.Add(call, latest: call.Entry!.Stamp, TimeProvider.System.GetUtcNow());
        return Sealed(frames.End().WrittenSpan.ToArray());
    }

    private static byte[] Sealed(byte[] frame, int lane = Left)
    {
        var writer = new ArrayBufferWriter<byte>(frame.Length);
        writer.Write(frame);
        JournalFrame.Seal(writer, lane);
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
        var seq = await TryRecordAsync(entry);
        Assert.NotNull(seq);
        return seq.Value;
    }

    private Task<long?> TryRecordAsync(LedgerItem item) => TryRecordAsync(item.Entry!);

    private async Task<long?> TryRecordAsync(CallEntry entry)
    {
        var ledger = _app.Get<UsageLedger>();
        var answer = await ledger.AuthorizeAsync(entry);
        if (answer.Verdict != LedgerVerdict.Recorded) return null;
        if (!entry.Refused) ledger.Complete(entry, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
        return answer.FirstSeq;
    }

    private async Task BreaksAsync(long row, string reason)
    {
        var found = (await Nodes.VerifyAsync(_app)).FirstBreak;
        Assert.Equal(($"calls/{Left}", row), (found?.Lane, found?.Seq ?? 0));
        Assert.Contains(reason, found!.Reason, StringComparison.Ordinal);
    }

    private static async Task<NpgsqlTransaction> LockAsync(NpgsqlConnection connection, string table, string mode = "ACCESS EXCLUSIVE")
    {
        var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(connection, $"LOCK TABLE {table} IN {mode} MODE");
        return transaction;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
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
