using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Features.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Audit;

[Trait("Database", "Sqlite")]
public sealed class AuditAnchorTests
{
    [Fact]
    public async Task A_deleted_anchor_line_is_missed_by_the_running_app_and_after_its_restart()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using (var app = new AdminApp(dataDirectory: directory))
        {
            var ws = await app.WorkspaceAsync("cs");
            await app.Get<AuditAnchor>().AnchorAsync(CancellationToken.None);
            Assert.True((await app.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)).Verified);

            var path = app.Get<DataDirectory>().AuditAnchor;
            var lines = await File.ReadAllLinesAsync(path);
            await File.WriteAllTextAsync(path, string.Concat(lines[..^1].Select(l => l + "\n")));
            Assert.Equal(new ChainBreak("anchor", lines.Length, $"Line {lines.Length} of the anchor file is missing: the app has written {lines.Length}."),
                (await app.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)).FirstBreak);
            await app.ActsAsync(ws.Id, 1);
        }
        await using (var again = new AdminApp(dataDirectory: directory))
        {
            var report = await again.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);
            Assert.Equal("anchor", report.FirstBreak?.Lane);
            Assert.Contains("is missing or was moved", report.FirstBreak!.Reason);
        }
    }

    [Fact]
    public async Task The_last_rows_are_anchored_when_the_app_stops()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using (var app = new AdminApp(dataDirectory: directory))
        {
            var ws = await app.WorkspaceAsync("cs");
            await app.CallsAsync(ws.Id, 5);
        }
        var lines = (await File.ReadAllLinesAsync(Path.Combine(directory, "audit-anchor.jsonl"))).Select(l => AnchorLine.Parse(l)!).ToList();
        // 5 calls, 5 completions and the row that waited for them.
        Assert.Equal(10, lines.Last(l => l.Lane == Chain.CallLane).Seq);
        Assert.Equal([.. Enumerable.Range(1, lines.Count).Select(n => (long)n)], lines.Select(l => l.Number));
        await using var again = new AdminApp(dataDirectory: directory);
        Assert.True((await again.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)).Verified);
    }

    [Theory]
    [InlineData("audit_event", Chain.AuditLane)]
    [InlineData("call_record", Chain.CallLane)]
    public async Task A_forged_head_is_neither_anchored_nor_made_genuine_by_the_next_row(string table, string lane)
    {
        await using var app = new AdminApp();
        var ws = await app.WorkspaceAsync("cs");
        await app.CallsAsync(ws.Id, 3, complete: false);
        await app.ActsAsync(ws.Id, 3);
        var seq = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContext().ChainHeads.Where(h => h.Lane == lane).Select(h => h.Seq).SingleAsync();
        var place = lane == Chain.CallLane ? "position" : "seq";
        // The last row is changed and the chain mended as far as it goes without the key.
        AuditWorld.Sql(Path.Combine(app.DataDirectory, "evose.db"), $"UPDATE {table} SET link = randomblob(32) WHERE {place} = {seq}; UPDATE chain_head SET link = (SELECT link FROM {table} WHERE {place} = {seq}) WHERE lane = '{lane}'");
        var anchored = app.Get<AuditAnchor>().Lines;
        await app.ActsAsync(ws.Id, 1);
        await app.CallsAsync(ws.Id, 1);
        await app.Get<AuditAnchor>().AnchorAsync(CancellationToken.None);
        Assert.DoesNotContain(await File.ReadAllLinesAsync(app.Get<DataDirectory>().AuditAnchor), l => AnchorLine.Parse(l) is { } line && line.Number > anchored && line.Lane == lane);
        Assert.Equal((lane, seq), (await app.Get<ChainVerifier>().VerifyAsync(CancellationToken.None)) is { FirstBreak: { } b } ? (b.Lane, b.Seq) : default);
    }

    [Fact]
    public async Task The_nightly_job_tells_the_organization_of_a_break_once_a_day()
    {
        await using var app = new AdminApp();
        var ws = await app.WorkspaceAsync("cs");
        await app.ActsAsync(ws.Id, 5);
        var job = app.Get<VerifyChainJob>();
        Assert.Equal(0, await job.RunAsync(CancellationToken.None));
        AuditWorld.Sql(Path.Combine(app.DataDirectory, "evose.db"), "UPDATE audit_event SET detail = 'nothing' WHERE seq = 4");
        Assert.Equal((1, 0), (await job.RunAsync(CancellationToken.None), await job.RunAsync(CancellationToken.None)));
        await using var db = await app.Dbs().CreateDbContextAsync();
        var told = await db.Notifications.SingleAsync(n => n.Kind == NotificationKind.IntegrityViolation);
        Assert.Null(told.WorkspaceId);
        Assert.Contains("audit 4", told.Title);
        Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.IntegrityViolation));
    }

    [Fact]
    public async Task The_verb_says_verified_or_why_not()
    {
        await using var app = new AdminApp();
        var ws = await app.WorkspaceAsync("cs");
        await app.ActsAsync(ws.Id, 5);
        using StringWriter output = new(), error = new();
        Assert.Equal(0, await AuditVerb.VerifyAsync(app.Services, output, error, CancellationToken.None));
        Assert.StartsWith("Verified: ", output.ToString());
        AuditWorld.Sql(Path.Combine(app.DataDirectory, "evose.db"), "DELETE FROM audit_event WHERE seq = 3");
        Assert.Equal(1, await AuditVerb.VerifyAsync(app.Services, output, error, CancellationToken.None));
        Assert.StartsWith("BROKEN at audit 3: Row 3 is missing.", error.ToString());
    }
}
