using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Evose.Admin.Tests.Features.Credentials;

public sealed partial class CredentialUsageTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    [Fact]
    public async Task Counts_calls_and_errors_per_span_version_and_source()
    {
        var (ws, id) = await UsedAsync();
        var now = TimeProvider.System.GetUtcNow();
        await Given.CallAsync(_app, ws, id, "used_prod", now, agent: "helper", user: "u1");
        await Given.CallAsync(_app, ws, id, "used_prod", now, CallOutcome.UpstreamError, status: 500, user: "u2");
        await Given.CallAsync(_app, ws, id, "used_prod", now.AddDays(-3), CallOutcome.Failed, version: 2, status: null, tool: "mail");
        await Given.CallAsync(_app, ws, id, "used_prod", now.AddDays(-20), tool: "mail");
        await Given.CallAsync(_app, ws, id, "used_prod", now.AddDays(-40));
        await Given.CallAsync(_app, ws, id, "used_prod", now, CallOutcome.Refused);
        var admin = await _app.AdminAsync();

        var usage = (await _app.Get<UsageQuery>().RunAsync(admin, ws, "used_prod", UsageRange.Week, default)).Value!;
        Assert.Equal((new UsageQuery.Counts(2, 1), new UsageQuery.Counts(3, 2), new UsageQuery.Counts(4, 2)), (usage.Last24h, usage.Last7d, usage.Last30d));
        Assert.Equal(28, usage.Series.Count);
        Assert.Equal((3, 2), (usage.Series.Sum(b => b.Calls), usage.Series.Sum(b => b.Errors)));
        Assert.Equal([1, 2], usage.Series.SelectMany(b => b.Versions).Select(v => v.Version).Distinct().Order());
        Assert.All(usage.Series.Zip(usage.Series.Skip(1)), p => Assert.Equal(TimeSpan.FromHours(6), p.Second.At - p.First.At));

        var sources = (await _app.Get<SourcesQuery>().RunAsync(admin, ws, "used_prod", default)).Value!;
        Assert.Equal([("crm", 2, 1), ("mail", 2, 1)], sources.Tools.Select(s => (s.Name, s.Calls, s.Errors)).Order());
        Assert.Equal(["u1", "u2"], sources.Users.Select(s => s.Name).Order());
        Assert.Equal((ws, 4L), (sources.Workspaces[0].Name, sources.Workspaces[0].Calls));

        var row = (await _app.Get<CredentialListQuery>().RunAsync(admin, ws, new CredentialListQuery.Filter(Sort: "-last_used_at"), default)).Value!.Data.Single();
        Assert.Equal((3, 2), (row.Calls, row.Errors));
        Assert.NotNull(row.LastUsedAt);
        using var api = _app.Api();
        var json = JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/used_prod/usage")).RootElement;
        Assert.Equal("{\"calls\":2,\"errors\":1}", json.GetProperty("last_24h").GetRawText());
        Assert.Equal(["last_24h", "last_7d", "last_30d", "series"], json.EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public async Task Shows_recent_calls_with_their_outcome_and_pages_by_position()
    {
        var (ws, id) = await UsedAsync();
        var now = TimeProvider.System.GetUtcNow();
        await Given.CallAsync(_app, ws, id, "used_prod", now.AddHours(-1), outcome: null);
        await Given.CallAsync(_app, ws, id, "used_prod", now, CallOutcome.Refused);
        await Given.CallAsync(_app, ws, id, "used_prod", now, CallOutcome.UpstreamError, status: 429);
        await Given.CallAsync(_app, ws, id, "used_prod", now, agent: "helper", user: "u1");
        await Given.CallAsync(_app, ws, id, "used_prod", now, outcome: null);
        var admin = await _app.AdminAsync();
        var calls = _app.Get<RecentCallsQuery>();
        var all = (await calls.RunAsync(admin, ws, "used_prod", new RecentCallsQuery.Filter(), default)).Value!;
        Assert.Equal([null, CallOutcome.Succeeded, CallOutcome.UpstreamError, CallOutcome.Refused, CallOutcome.Unknown], all.Data.Select(c => c.Outcome));
        Assert.Equal((200, 12.3, "helper", 1), (all.Data[1].Status, all.Data[1].DurationMs, all.Data[1].Agent, all.Data[1].Version));
        foreach (var outcome in Enum.GetValues<CallOutcome>().Where(o => o != CallOutcome.Failed))
            Assert.Equal([outcome], (await calls.RunAsync(admin, ws, "used_prod", new RecentCallsQuery.Filter(outcome.Wire()), default)).Value!.Data.Select(c => c.Outcome));
        var seen = new List<long>();
        string? cursor = null;
        do
        {
            var page = (await calls.RunAsync(admin, ws, "used_prod", new RecentCallsQuery.Filter(Limit: 2, Cursor: cursor), default)).Value!;
            seen.AddRange(page.Data.Select(c => c.Seq));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        Assert.Equal(all.Data.Select(c => c.Seq), seen);
        using var api = _app.Api();
        var first = JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/used_prod/calls?limit=1")).RootElement.GetProperty("data")[0];
        Assert.Equal(["id", "created_at", "workspace", "tool", "agent", "workflow", "run_id", "user_id", "api_key", "credential", "version", "method", "host", "path", "status", "duration_ms", "outcome", "rule", "request_id"],
            first.EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task No_query_scans_the_record_of_calls_or_its_counts()
    {
        var (ws, id) = await UsedAsync();
        await Given.CallAsync(_app, ws, id, "used_prod", TimeProvider.System.GetUtcNow());
        var admin = await _app.AdminAsync();
        var commands = new Commands();
        using (DiagnosticListener.AllListeners.Subscribe(commands))
        {
            commands.Listen();
            foreach (var sort in CredentialListQuery.Sorts) await _app.Get<CredentialListQuery>().RunAsync(admin, ws, new CredentialListQuery.Filter("used", "active", "prod", sort), default);
            await _app.Get<CredentialListQuery>().ViewsAsync(admin, ws, new CredentialListQuery.Filter(), default);
            await _app.Get<CredentialDetailQuery>().RunAsync(admin, ws, "used_prod", default);
            await _app.Get<ReferencesQuery>().RunAsync(admin, ws, "used_prod", default);
            await _app.Get<UsageQuery>().RunAsync(admin, ws, "used_prod", UsageRange.Month, default);
            await _app.Get<SourcesQuery>().RunAsync(admin, ws, "used_prod", default);
            foreach (var outcome in Enum.GetValues<CallOutcome>().Select(o => (string?)o.Wire()).Append(null)) await _app.Get<RecentCallsQuery>().RunAsync(admin, ws, "used_prod", new RecentCallsQuery.Filter(outcome), default);
        }
        Assert.Contains(commands.Seen, c => c.CommandText.Contains("\"call_record\""));
        Assert.Contains(commands.Seen, c => c.CommandText.Contains("\"usage_hour\""));
        using var connection = _app.Get<Sqlite>().Open();
        // Those that go past the framework.
        foreach (var (sql, looks) in new[] { (UsageSums.DaysAndHours([1, 2], [30, 31]), 2), (SourceSums.Rows([1, 2]), 1) })
        {
            using var plan = connection.CreateCommand();
            plan.CommandText = "EXPLAIN QUERY PLAN " + sql.Replace("?", "@credential", StringComparison.Ordinal);
            plan.Parameters.AddWithValue("credential", id.ToByteArray(bigEndian: true));
            using var step = plan.ExecuteReader();
            var steps = new List<string>();
            while (step.Read()) steps.Add(step.GetString(3));
            Assert.Equal(looks, steps.Count(t => t.StartsWith("SEARCH", StringComparison.Ordinal) && t.Contains("credential_id=?")));
            Assert.DoesNotContain(steps, t => t.StartsWith("SCAN", StringComparison.Ordinal) || t.Contains("TEMP B-TREE"));
        }
        foreach (var seen in commands.Seen)
        {
            using var explain = connection.CreateCommand();
            explain.CommandText = "EXPLAIN QUERY PLAN " + seen.CommandText;
            foreach (var (name, value) in seen.Parameters) explain.Parameters.AddWithValue(name, value ?? DBNull.Value);
            var big = Tables().Matches(seen.CommandText).Select(m => m.Groups[2].Value).ToList();
            using var reader = explain.ExecuteReader();
            while (reader.Read())
            {
                var step = reader.GetString(3);
                Assert.False(step.StartsWith("SCAN", StringComparison.Ordinal) && big.Contains(step.Split(' ')[1]), $"{step} in {seen.CommandText}");
            }
        }
    }

    private async Task<(string Workspace, Guid Credential)> UsedAsync()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "used_prod");
        return (ws, (await _app.Get<CredentialDetailQuery>().RunAsync(await _app.AdminAsync(), ws, "used_prod", default)).Value!.Id);
    }

    [GeneratedRegex("\"(call_record|call_completion|usage_hour|usage_source|credential_use|audit_event|credential)\" AS \"(\\w+)\"")]
    private static partial Regex Tables();

    /// <summary>The commands that the framework runs in this test's flow.</summary>
    private sealed class Commands : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>
    {
        private static readonly AsyncLocal<Commands?> Current = new();

        public ConcurrentQueue<(string CommandText, List<(string, object?)> Parameters)> Seen { get; } = new();

        public void Listen() => Current.Value = this;

        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == DbLoggerCategory.Name) value.Subscribe(this);
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (Current.Value != this || value.Key != RelationalEventId.CommandExecuting.Name || value.Value is not CommandEventData data) return;
            if (data.Command.CommandText.StartsWith("SELECT", StringComparison.Ordinal))
                Seen.Enqueue((data.Command.CommandText, [.. data.Command.Parameters.Cast<DbParameter>().Select(p => (p.ParameterName, p.Value))]));
        }

        public void OnCompleted() { }

        public void OnError(Exception error) { }
    }
}
