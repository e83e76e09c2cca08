using Evose.Admin.Domain.Audit;
using Evose.Admin.Features.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Audit;

/// <summary>Both chains with more than 300 rows in a copy of a real database, which is then changed behind the app's back.</summary>
[Trait("Database", "Sqlite")]
public sealed class ChainTamperTests(ChainTamperTests.World world) : IClassFixture<ChainTamperTests.World>
{
    /// <summary>One app that wrote the rows; each test works on a copy of its database and anchor file.</summary>
    public sealed class World : IAsyncLifetime
    {
        private readonly AdminApp _app = new();
        private string _source = "";

        public long AuditHead { get; private set; }

        public long CallHead { get; private set; }

        public string EarlierHeads { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            var ws = await _app.WorkspaceAsync("cs");
            await _app.ActsAsync(ws.Id, 150);
            await _app.CallsAsync(ws.Id, 90);
            EarlierHeads = Heads(await AllHeadsAsync());
            await _app.ActsAsync(ws.Id, 160);
            await _app.CallsAsync(ws.Id, 80);
            await _app.CallsAsync(ws.Id, 10, refused: true);
            Assert.Equal(2, await _app.Get<AuditAnchor>().AnchorAsync(CancellationToken.None));
            await _app.ActsAsync(ws.Id, 3);
            await _app.CallsAsync(ws.Id, 3);
            Assert.Equal(2, await _app.Get<AuditAnchor>().AnchorAsync(CancellationToken.None));
            var heads = await AllHeadsAsync();
            (AuditHead, CallHead) = (heads.Single(h => h.Lane == Chain.AuditLane).Seq, heads.Single(h => h.Lane == Chain.CallLane).Seq);
            Assert.True(AuditHead > 300 && CallHead > 300);
            _source = Path.Combine(_app.DataDirectory, "copy.db");
            AuditWorld.Sql(Path.Combine(_app.DataDirectory, "evose.db"), $"VACUUM INTO '{_source}'");
        }

        public async ValueTask DisposeAsync() => await _app.DisposeAsync();

        /// <summary>Changes a copy and verifies it.</summary>
        public async Task<ChainReport> AfterAsync(string? sql = null, Action<string>? anchor = null)
        {
            var directory = new DataDirectory(Directory.CreateTempSubdirectory("evose-tamper-").FullName);
            try
            {
                File.Copy(_source, directory.Database);
                File.Copy(_app.Get<DataDirectory>().AuditAnchor, directory.AuditAnchor);
                if (sql is not null) Assert.True(AuditWorld.Sql(directory.Database, sql) != 0, "the tampering changed nothing");
                anchor?.Invoke(directory.AuditAnchor);
                var services = new ServiceCollection();
                services.AddData(new Microsoft.Extensions.Configuration.ConfigurationBuilder().Build(), directory).AddLogging().AddSingleton(TimeProvider.System)
                    .AddSingleton(_app.Get<SecretVault>()).AddSingleton<AuditAnchor>().AddSingleton<ChainVerifier>();
                await using var provider = services.BuildServiceProvider();
                return await provider.GetRequiredService<ChainVerifier>().VerifyAsync(CancellationToken.None);
            }
            finally
            {
                SqliteConnection.ClearAllPools();
                DataFolder.Delete(directory.Path);
            }
        }

        private async Task<List<ChainHead>> AllHeadsAsync()
        {
            await using var db = await _app.Dbs().CreateDbContextAsync();
            return await db.ChainHeads.AsNoTracking().ToListAsync();
        }

        private static string Heads(List<ChainHead> heads) => string.Concat(heads.Select(h =>
            $"UPDATE chain_head SET seq = {h.Seq}, link = x'{Convert.ToHexString(h.Link)}', mac = x'{Convert.ToHexString(h.Mac)}' WHERE lane = '{h.Lane}'; "));
    }

    [Fact]
    public async Task Untouched_chains_are_verified_to_their_last_rows()
    {
        var report = await world.AfterAsync();
        Assert.Null(report.FirstBreak);
        Assert.Equal((world.AuditHead, world.CallHead, world.AuditHead + world.CallHead), (report.AuditSeq, report.CallSeq, report.Events));
    }

    [Theory]
    [InlineData("at", "at + 1")]
    [InlineData("workspace_id", "NULL")]
    [InlineData("actor_kind", "2")]
    [InlineData("actor_id", "zeroblob(16)")]
    [InlineData("actor_name", "'somebody else'")]
    [InlineData("ip", "'192.0.2.1'")]
    [InlineData("request_id", "'r'")]
    [InlineData("action", "12")]
    [InlineData("outcome", "2")]
    [InlineData("subject", "'other'")]
    [InlineData("subject_id", "NULL")]
    [InlineData("credential_id", "zeroblob(16)")]
    [InlineData("policy_version", "7")]
    [InlineData("detail", "detail || ' '")]
    [InlineData("link", "zeroblob(32)")]
    [InlineData("actor_id", "zeroblob(3)")]
    public async Task Finds_any_edit_of_an_administrative_act(string column, string value) =>
        Located(await world.AfterAsync($"UPDATE audit_event SET {column} = {value} WHERE seq = 200"), Chain.AuditLane, 200);

    [Theory]
    [InlineData("id", "zeroblob(16)")]
    [InlineData("at", "at - 1")]
    [InlineData("workspace_id", "NULL")]
    [InlineData("tool_id", "zeroblob(16)")]
    [InlineData("tool", "'x'")]
    [InlineData("agent_id", "zeroblob(16)")]
    [InlineData("agent", "'x'")]
    [InlineData("workflow_id", "zeroblob(16)")]
    [InlineData("workflow", "'x'")]
    [InlineData("run_id", "'x'")]
    [InlineData("user_id", "NULL")]
    [InlineData("user_name", "''")]
    [InlineData("user_email", "'x'")]
    [InlineData("api_key_id", "NULL")]
    [InlineData("api_key", "'x'")]
    [InlineData("ip", "'x'")]
    [InlineData("credential_id", "NULL")]
    [InlineData("credential", "'x'")]
    [InlineData("version", "2")]
    [InlineData("method", "'POST'")]
    [InlineData("host", "'x'")]
    [InlineData("path", "'x'")]
    [InlineData("refused", "1 - refused")]
    [InlineData("rule", "'x'")]
    [InlineData("request_id", "'x'")]
    [InlineData("link", "zeroblob(32)")]
    public async Task Finds_any_edit_of_a_call(string column, string value)
    {
        // The last call that has its own completion in front of the last rows, whatever its number is.
        var report = await world.AfterAsync($"UPDATE call_record SET {column} = {value} WHERE position = 1");
        Located(report, Chain.CallLane, 1);
    }

    [Theory]
    [InlineData("call_seq", "call_seq + 100000")]
    [InlineData("at", "at + 1")]
    [InlineData("status", "500")]
    [InlineData("duration_us", "0")]
    [InlineData("outcome", "3")]
    [InlineData("reason", "'x'")]
    [InlineData("link", "zeroblob(32)")]
    public async Task Finds_any_edit_of_a_completion(string column, string value)
    {
        var report = await world.AfterAsync($"UPDATE call_completion SET {column} = {value} WHERE position = (SELECT max(position) FROM call_completion)");
        Assert.Equal(Chain.CallLane, report.FirstBreak?.Lane);
        Assert.Equal(report.CallSeq + 1, report.FirstBreak?.Seq);
    }

    [Theory]
    [InlineData("DELETE FROM audit_event WHERE seq = 17", Chain.AuditLane, 17)]
    [InlineData("DELETE FROM audit_event WHERE seq = 1", Chain.AuditLane, 1)]
    [InlineData("DELETE FROM call_record WHERE position = 1", Chain.CallLane, 1)]
    [InlineData("DELETE FROM audit_event WHERE seq BETWEEN 20 AND 40; UPDATE audit_event SET seq = seq - 21 WHERE seq > 40", Chain.AuditLane, 20)]
    [InlineData("UPDATE audit_event SET seq = -50 WHERE seq = 50; UPDATE audit_event SET seq = 50 WHERE seq = 51; UPDATE audit_event SET seq = 51 WHERE seq = -50", Chain.AuditLane, 50)]
    [InlineData("DELETE FROM audit_event", Chain.AuditLane, 1)]
    [InlineData("DELETE FROM chain_head; DELETE FROM audit_event", Chain.AuditLane, 1)]
    [InlineData("DELETE FROM call_record; DELETE FROM call_completion; DELETE FROM chain_head WHERE lane = 'calls'", Chain.CallLane, 1)]
    public async Task Finds_deleted_and_moved_rows(string sql, string lane, long seq) => Located(await world.AfterAsync(sql), lane, seq);

    [Fact]
    public async Task Finds_a_row_put_in_behind_the_head_or_in_the_middle()
    {
        const string columns = "at, workspace_id, actor_kind, actor_id, actor_name, ip, request_id, action, outcome, subject, subject_id, credential_id, policy_version, detail, link";
        Located(await world.AfterAsync($"INSERT INTO audit_event (seq, {columns}) SELECT {world.AuditHead + 1}, {columns} FROM audit_event WHERE seq = 9"), Chain.AuditLane, world.AuditHead + 1);
        Located(await world.AfterAsync($"UPDATE audit_event SET seq = -seq - 1 WHERE seq >= 60; UPDATE audit_event SET seq = -seq WHERE seq < 0; INSERT INTO audit_event (seq, {columns}) SELECT 60, {columns} FROM audit_event WHERE seq = 59"), Chain.AuditLane, 60);
        Located(await world.AfterAsync("UPDATE call_completion SET position = 1 WHERE position = (SELECT min(position) FROM call_completion)"), Chain.CallLane, 1);
    }

    [Fact]
    public async Task Finds_a_tail_that_was_cut_off()
    {
        Located(await world.AfterAsync($"DELETE FROM audit_event WHERE seq > {world.AuditHead - 5}"), Chain.AuditLane, world.AuditHead - 4);
        Located(await world.AfterAsync($"DELETE FROM call_record WHERE position > {world.CallHead - 5}; DELETE FROM call_completion WHERE position > {world.CallHead - 5}"), Chain.CallLane, world.CallHead - 4);
    }

    [Fact]
    public async Task Finds_a_cut_tail_whose_head_was_rewritten_without_the_key()
    {
        var kept = world.AuditHead - 40;
        Located(await world.AfterAsync($"DELETE FROM audit_event WHERE seq > {kept}; UPDATE chain_head SET seq = {kept}, link = (SELECT link FROM audit_event WHERE seq = {kept}) WHERE lane = 'audit'"), Chain.AuditLane, kept + 1);
        // Without any anchor, the head's MAC alone says so.
        Located(await world.AfterAsync($"DELETE FROM audit_event WHERE seq > {kept}; UPDATE chain_head SET seq = {kept}, link = (SELECT link FROM audit_event WHERE seq = {kept}) WHERE lane = 'audit'", File.Delete), Chain.AuditLane, kept);
    }

    [Fact]
    public async Task Finds_an_older_genuine_head_that_was_put_back_with_its_rows()
    {
        var report = await world.AfterAsync(world.EarlierHeads
            + "DELETE FROM audit_event WHERE seq > (SELECT seq FROM chain_head WHERE lane = 'audit'); DELETE FROM call_record WHERE position > (SELECT seq FROM chain_head WHERE lane = 'calls'); "
            + "DELETE FROM call_completion WHERE position > (SELECT seq FROM chain_head WHERE lane = 'calls')");
        Located(report, Chain.AuditLane, report.AuditSeq + 1);
        Assert.Contains("older database was put back", report.FirstBreak!.Reason);
    }

    [Fact]
    public async Task Finds_a_head_that_was_removed_or_changed()
    {
        Located(await world.AfterAsync("DELETE FROM chain_head WHERE lane = 'audit'"), Chain.AuditLane, world.AuditHead);
        Located(await world.AfterAsync("UPDATE chain_head SET mac = zeroblob(32) WHERE lane = 'calls'"), Chain.CallLane, world.CallHead);
        Located(await world.AfterAsync("UPDATE chain_head SET mac = (SELECT mac FROM chain_head WHERE lane = 'audit') WHERE lane = 'calls'"), Chain.CallLane, world.CallHead);
    }

    [Fact]
    public async Task Finds_what_was_done_to_the_anchor_file()
    {
        Located(await world.AfterAsync(anchor: File.Delete), "anchor", 1);
        Located(await world.AfterAsync(anchor: Lines(l => [.. l.Skip(1)])), "anchor", 1);
        Located(await world.AfterAsync(anchor: Lines(l => [.. l.Take(2), .. l.Skip(3)])), "anchor", 3);
        Located(await world.AfterAsync(anchor: Lines(l => [l[0], l[1], l[2].Replace("\"seq\":", "\"seq\":1", StringComparison.Ordinal), .. l.Skip(3)])), "anchor", 3);
        Located(await world.AfterAsync(anchor: Lines(l => [.. l, l[2]])), "anchor", 7);
        Located(await world.AfterAsync(anchor: Lines(l => [.. l, "{}"])), "anchor", 7);
    }

    [Fact]
    public async Task A_half_written_last_line_of_the_anchor_file_is_no_tampering() =>
        Assert.True((await world.AfterAsync(anchor: path => File.AppendAllText(path, "{\"n\":7,\"at\":\"20"))).Verified);

    private static Action<string> Lines(Func<string[], string[]> change) => path =>
    {
        var before = File.ReadAllLines(path);
        Assert.Equal(6, before.Length);
        File.WriteAllText(path, string.Concat(change(before).Select(l => l + "\n")));
    };

    private static void Located(ChainReport report, string lane, long seq)
    {
        Assert.False(report.Verified);
        Assert.Equal((lane, seq), (report.FirstBreak!.Lane, report.FirstBreak.Seq));
        Assert.NotEmpty(report.FirstBreak.Reason);
    }
}
