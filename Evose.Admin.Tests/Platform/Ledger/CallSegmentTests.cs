using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Features.Audit;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Tests.Platform.Ledger;

/// <summary>The record of calls in several files: nothing lost, nothing twice, found by every page, proven as one chain, and dropped in whole files.</summary>
public sealed class CallSegmentTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("evose-test-").FullName;
    private readonly MovedClock _clock = new();
    private AdminApp _app;

    public CallSegmentTests() => _app = Open();

    [Fact]
    public async Task A_page_finds_every_call_once_however_many_files_they_lie_in()
    {
        var ws = await _app.WorkspaceAsync("cs");
        await FillAsync(ws.Id, 3);
        Assert.True(Segments.Count >= 4, $"{Segments.Count} segments");
        var admin = await _app.AdminAsync();
        var query = _app.Get<AuditQuery>();
        foreach (var filter in new[] { new AuditFilter(Action: AuditFilter.UseAction), new AuditFilter(Action: AuditFilter.UseAction, Workspace: "cs", Tool: "crm"), new AuditFilter(Action: AuditFilter.UseAction, Actor: "Ada"), new AuditFilter(Action: AuditFilter.UseAction, Actor: "backend") })
        {
            var seen = new List<string>();
            string? cursor = null;
            do
            {
                var page = (await query.RunAsync(admin, filter, 100, cursor, default)).Value!;
                seen.AddRange(page.Data.Select(r => r.Id));
                cursor = page.NextCursor;
            }
            while (cursor is not null);
            Assert.Equal((Total, Total), (seen.Count, seen.Distinct().Count()));
        }
        var report = await VerifyAsync();
        Assert.Null(report.FirstBreak);
        Assert.Equal(2 * Total, report.CallSeq);
        await SumsAgreeAsync();
    }

    [Fact]
    public async Task A_call_that_ends_when_the_next_file_has_begun_is_shown_with_its_end_and_counted_once()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "used_prod");
        var id = (await _app.Get<CredentialDetailQuery>().RunAsync(await _app.AdminAsync(), ws, "used_prod", default)).Value!.Id;
        var entry = Entry(id);
        var answer = await _app.Get<UsageLedger>().AuthorizeAsync(entry);
        await FillAsync(null, 1);
        _app.Get<UsageLedger>().Complete(entry, answer.FirstSeq, 502, 77, CallOutcome.UpstreamError, null);
        await _app.SettledAsync();
        Assert.True(answer.FirstSeq < Segments[0].FirstSeq);
        var calls = (await _app.Get<RecentCallsQuery>().RunAsync(await _app.AdminAsync(), ws, "used_prod", new RecentCallsQuery.Filter("upstream_error"), default)).Value!;
        Assert.Equal([502], calls.Data.Select(c => c.Status));
        await using (var db = await _app.DbAsync())
        {
            var sum = await db.UsageHours.SingleAsync(h => h.CredentialId == id);
            Assert.Equal((1, 1), (sum.Calls, sum.Errors));
        }
        Assert.Null((await VerifyAsync()).FirstBreak);
        // The copy beside the call is checked like the row itself.
        AuditWorld.Sql(Path.Combine(_directory, "evose.db"), $"UPDATE call_completion SET status = 200, outcome = 1 WHERE call_seq = {answer.FirstSeq}");
        Assert.Equal(Chain.CallLane, (await VerifyAsync()).FirstBreak?.Lane);
    }

    // The second fills the file: the next one begins behind what is there already.
    [Theory]
    [InlineData(7)]
    [InlineData(130)]
    public async Task A_crash_between_the_rows_and_the_head_repeats_no_row_and_no_sum(int calls)
    {
        await FillAsync(null, 1);
        Assert.True(Segments.Count >= 2);
        await CloseAsync();
        var main = Path.Combine(_directory, "evose.db");
        File.Copy(main, main + ".before");
        _app = Open();
        await _app.CallsAsync(null, calls);
        Total += calls;
        await CloseAsync();
        // The rows are in the segment, and the database is as it was before them.
        File.Move(main + ".before", main, overwrite: true);
        _app = Open();
        await _app.CallsAsync(null, 3);
        Total += 3;
        Assert.Null((await VerifyAsync()).FirstBreak);
        await SumsAgreeAsync();
        Assert.DoesNotContain(_app.Log.Lines, l => l.StartsWith("Critical", StringComparison.Ordinal) && l.Contains("taken", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("DELETE FROM call_segment WHERE number = 1")]
    [InlineData("UPDATE call_segment SET last_seq = first_seq WHERE number = 1")]
    [InlineData("UPDATE call_segment SET last_position = last_position - 1 WHERE number = 1")]
    [InlineData("INSERT INTO retired_calls (lane, position, first_position, link, at, before, mac) SELECT 'calls', last_position, 1, link, 0, 0, mac FROM call_segment WHERE number = 0; DELETE FROM call_record; DELETE FROM call_completion; DELETE FROM call_segment WHERE number = 0")]
    public async Task Whoever_changes_the_list_of_files_is_found(string sql)
    {
        await FillAsync(null, 2);
        Assert.Null((await VerifyAsync()).FirstBreak);
        AuditWorld.Sql(Path.Combine(_directory, "evose.db"), sql);
        _app.Get<CallSegments>().Forget();
        Assert.Equal(Chain.CallLane, (await VerifyAsync()).FirstBreak?.Lane);
    }

    [Fact]
    public async Task Whoever_changes_a_row_in_a_closed_file_is_found()
    {
        await FillAsync(null, 2);
        var file = Path.Combine(_directory, "calls", "000001.db");
        AuditWorld.Sql(file, "UPDATE call_record SET user_id = 'somebody' WHERE seq = (SELECT min(seq) FROM call_record)");
        Assert.Equal(Segments.Single(s => s.Number == 1).AfterPosition + 1, (await VerifyAsync()).FirstBreak!.Seq - await CompletionsBeforeFirstCallAsync(file));
    }

    [Fact]
    public async Task Files_whose_calls_are_over_are_dropped_and_the_rest_is_still_proven()
    {
        await FillAsync(null, 2);
        var old = Total;
        _clock.By = TimeSpan.FromDays(40);
        await _app.CallsAsync(null, 5);
        var before = Segments;
        Assert.True(before.Count >= 4);
        Assert.Equal(0, await RunAsync("keep"));
        Assert.Equal(0, await RunAsync("90"));
        Assert.Equal(before.Count - 1, await RunAsync("30"));
        Assert.Equal(0, await RunAsync("30"));

        Assert.Single(Segments);
        Assert.Single(Directory.GetFiles(Path.Combine(_directory, "calls"), "*.db"));
        var report = await VerifyAsync();
        Assert.Null(report.FirstBreak);
        Assert.Equal((2L * old, 10L), (report.Retired, report.CallSeq));
        await using (var db = await _app.DbAsync())
        {
            Assert.Equal(0, await db.Calls.CountAsync());
            Assert.Equal("calls", (await db.AuditEvents.SingleAsync(e => e.Action == AuditAction.CallsRetired)).Subject);
            Assert.Equal(old + 5, await db.UsageDays.SumAsync(d => d.Calls));
        }
        // After a restart calls go on as before.
        await CloseAsync();
        _app = Open();
        await _app.CallsAsync(null, 2);
        report = await VerifyAsync();
        Assert.Null(report.FirstBreak);
        Assert.Equal(14, report.CallSeq);
        // A note that is not ours, or that is missing, is a break.
        var file = Path.Combine(_directory, "evose.db");
        AuditWorld.Sql(file, "UPDATE retired_calls SET position = position + 1");
        Assert.NotNull((await VerifyAsync()).FirstBreak);
        AuditWorld.Sql(file, "DELETE FROM retired_calls");
        Assert.Equal((Chain.CallLane, 1L), ((await VerifyAsync()).FirstBreak!.Lane, (await VerifyAsync()).FirstBreak!.Seq));
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        DataFolder.Delete(_directory);
    }

    private int Total { get; set; }

    private IReadOnlyList<CallSegment> Segments => _app.Get<CallSegments>().All;

    private AdminApp Open() => new(new() { ["Retention:SegmentCalls"] = "100" }, _directory, services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(_clock)), postgres: null);

    private async Task CloseAsync()
    {
        await _app.DisposeAsync();
        SqliteConnection.ClearAllPools();
    }

    // Calls until so many more files have begun. A group of calls is copied whole, so a file may hold a few more than it should.
    private async Task FillAsync(Guid? workspace, int files)
    {
        for (var until = Segments[0].Number + files; Segments[0].Number < until || Total % 40 != 0;)
        {
            await _app.CallsAsync(workspace, 40);
            Total += 40;
            Assert.True(Total < 2000, "no file has begun");
        }
    }

    private CallEntry Entry(Guid credential) => new()
    {
        Id = Guid.CreateVersion7(_clock.GetUtcNow()), At = _clock.GetUtcNow(), Stamp = _app.Get<CatalogStamp>().Latest, Tool = "crm", UserId = "u-late", Method = "GET", Rule = "scope:tool", RequestId = "late",
        Uses = [new VersionUse(credential, "used_prod", 1)],
    };

    private Task<ChainReport> VerifyAsync() => _app.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);

    private async Task<int> RunAsync(string keep)
    {
        var job = ActivatorUtilities.CreateInstance<RetireCallsJob>(_app.Services, Options.Create(new RetentionOptions { Calls = keep }));
        return await job.RunAsync(CancellationToken.None);
    }

    private async Task SumsAgreeAsync()
    {
        await _app.SettledAsync();
        await using var db = await _app.DbAsync();
        Assert.Equal((Total, Total), (await db.UsageHours.SumAsync(h => h.Calls), await db.UsageDays.SumAsync(d => d.Calls)));
        foreach (var kind in new[] { SourceKind.Tool, SourceKind.Agent, SourceKind.User, SourceKind.ApiKey }) Assert.Equal(Total, await db.UsageSources.Where(s => s.Kind == kind).SumAsync(s => s.Calls));
        Assert.Equal(Total, await db.CredentialUses.SumAsync(u => u.Calls));
        await using var snapshot = await _app.Get<CallLog>().SnapshotAsync(CancellationToken.None);
        var rows = 0;
        foreach (var (_, part) in snapshot.Parts) rows += await part.Calls.CountAsync();
        Assert.Equal(Total, rows);
    }

    private static async Task<long> CompletionsBeforeFirstCallAsync(string file)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM call_completion WHERE position < (SELECT min(position) FROM call_record)";
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The system's clock, moved.</summary>
    private sealed class MovedClock : TimeProvider
    {
        public TimeSpan By { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + By;
    }
}
