using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Postgres;

/// <summary>What one node acknowledges holds on the other, and both write one ledger that verifies.</summary>
public sealed class TwoNodesTests
{
    private const string Credential = "/api/v1/workspaces/cs/credentials/openai_prod";

    [Fact]
    public async Task A_version_promoted_on_one_node_is_used_by_the_very_next_call_on_the_other()
    {
        await using var nodes = await Nodes.StartAsync();
        Assert.Equal((200, BrokerWorld.Secret), await nodes.CallAsync(nodes.Second));
        using var api = nodes.First.Api();
        for (var round = 1; round <= 5; round++)
        {
            var value = $"sk-next-{round}-c41d8e20f6b7a953";
            using (var started = await api.PostAsJsonAsync(Credential + "/rotation", new { fields = new { value }, skip_verify = true, skip_verify_reason = "tested by hand" }))
                Assert.True(started.IsSuccessStatusCode, await started.Content.ReadAsStringAsync());
            using (var promoted = await api.PostAsJsonAsync(Credential + "/rotation/promote", new { }))
                Assert.True(promoted.IsSuccessStatusCode, await promoted.Content.ReadAsStringAsync());
            Assert.Equal((200, value), await nodes.CallAsync(nodes.Second));
            using var retired = await api.PostAsJsonAsync(Credential + "/rotation/retire", new { force = true });
            Assert.True(retired.IsSuccessStatusCode, await retired.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A_key_revoked_and_a_scope_taken_away_on_one_node_are_refused_on_the_other_within_a_second()
    {
        await using var nodes = await Nodes.StartAsync();
        using var api = nodes.First.Api();
        using var issued = await api.PostAsJsonAsync("/api/v1/api-keys", new { name = "worker", scopes = new[] { "tool:invoke" } });
        var body = JsonDocument.Parse(await issued.Content.ReadAsStringAsync()).RootElement;
        Assert.True(issued.IsSuccessStatusCode, body.ToString());
        var data = body.TryGetProperty("data", out var inner) ? inner : body;
        var key = data.GetProperty("key").GetString()!;
        await UntilAsync(async () => (await nodes.CallAsync(nodes.Second, key)).Status == 200);

        using (var revoked = await api.DeleteAsync("/api/v1/api-keys/" + data.GetProperty("id").GetString())) Assert.True(revoked.IsSuccessStatusCode, await revoked.Content.ReadAsStringAsync());
        // Allowed calls ask the database for its stamp before the value leaves, so not even the first one passes.
        Assert.Equal(401, (await nodes.CallAsync(nodes.Second, key)).Status);

        using (var narrowed = await api.PatchAsJsonAsync(Credential, new { scope = new { tools = Array.Empty<string>(), agents = new[] { "stranger" } } })) Assert.True(narrowed.IsSuccessStatusCode, await narrowed.Content.ReadAsStringAsync());
        Assert.Equal((403, null), await nodes.CallAsync(nodes.Second));

        using (var widened = await api.PatchAsJsonAsync(Credential, new { scope = new { tools = new[] { "gpt-call" }, agents = new[] { "cs-pro" } } })) Assert.True(widened.IsSuccessStatusCode, await widened.Content.ReadAsStringAsync());
        await UntilAsync(async () => (await nodes.CallAsync(nodes.Second)).Status == 200);
    }

    [Fact]
    public async Task Each_node_writes_a_lane_of_its_own_and_both_nodes_verify_all()
    {
        await using var nodes = await Nodes.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? nodes.First : nodes.Second).CallsAsync(nodes.World.WorkspaceId, 50, credentialId: nodes.World.CredentialId)));

        await using var db = await nodes.First.DbAsync();
        Assert.Equal([1, 2], await db.Calls.Select(c => c.Lane).Distinct().OrderBy(l => l).ToListAsync());
        Assert.Equal(400, await db.Calls.CountAsync(c => c.CredentialId == nodes.World.CredentialId));
        Assert.Equal(400, await db.CredentialUses.Where(u => u.CredentialId == nodes.World.CredentialId).Select(u => u.Calls).SingleAsync());
        Assert.Equal(400, await db.UsageHours.Where(u => u.CredentialId == nodes.World.CredentialId).SumAsync(u => u.Calls));
        foreach (var node in new[] { nodes.First, nodes.Second })
        {
            var report = await Nodes.VerifyAsync(node);
            Assert.True(report.Verified, report.FirstBreak?.ToString());
            Assert.True(report.CallSeq >= 800, report.ToString());
        }

        // Positions are shared with completions, so the fifth may be no call.
        Assert.Equal(1, await PostgresServer.ExecuteAsync(nodes.Database, "UPDATE call_record SET path = '/elsewhere' WHERE lane = 2 AND position = (SELECT min(position) FROM call_record WHERE lane = 2 AND position >= 5)"));
        Assert.Equal("calls/2", (await Nodes.VerifyAsync(nodes.First)).FirstBreak?.Lane);
    }

    [Fact]
    public async Task A_node_that_lost_its_connection_writes_on_without_a_gap()
    {
        await using var nodes = await Nodes.StartAsync();
        Assert.Equal(200, (await nodes.CallAsync(nodes.Second)).Status);
        await PostgresServer.ExecuteAsync(nodes.Database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        await UntilAsync(async () => (await nodes.CallAsync(nodes.Second)).Status == 200, 5);
        await UntilAsync(async () => (await nodes.CallAsync(nodes.First)).Status == 200, 5);
        await nodes.First.SettledAsync();
        await nodes.Second.SettledAsync();
        var report = await Nodes.VerifyAsync(nodes.First);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task A_node_that_lost_the_database_refuses_calls_until_it_is_back()
    {
        await using var nodes = await Nodes.StartAsync();
        Assert.Equal(200, (await nodes.CallAsync(nodes.Second)).Status);
        var name = new Npgsql.NpgsqlConnectionStringBuilder(nodes.Database).Database;
        var elsewhere = new Npgsql.NpgsqlConnectionStringBuilder(nodes.Database) { Database = "postgres" }.ConnectionString;
        await PostgresServer.ExecuteAsync(elsewhere, $"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        await PostgresServer.ExecuteAsync(elsewhere, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        Assert.Equal((503, null), await nodes.CallAsync(nodes.Second));
        await UntilAsync(() => Task.FromResult(!nodes.Second.Get<CatalogStamp>().IsCurrent));
        await Assert.ThrowsAsync<TimeoutException>(async () => await nodes.Second.Get<CredentialCatalog>().CurrentAsync(CancellationToken.None));
        Assert.Equal((503, null), await nodes.CallAsync(nodes.Second));

        await PostgresServer.ExecuteAsync(elsewhere, $"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        await UntilAsync(async () => (await nodes.CallAsync(nodes.Second)).Status == 200);
        var report = await Nodes.VerifyAsync(nodes.First);
        Assert.True(report.Verified, report.FirstBreak?.ToString());
    }

    [Fact]
    public async Task What_one_node_protects_for_a_cookie_the_other_reads_and_the_database_does_not_show_the_key()
    {
        await using var nodes = await Nodes.StartAsync();
        var text = nodes.First.Get<IDataProtectionProvider>().CreateProtector("cookie").Protect("ada");
        Assert.Equal("ada", nodes.Second.Get<IDataProtectionProvider>().CreateProtector("cookie").Unprotect(text));
        await using var db = (PostgresAdminDb)await nodes.First.DbAsync();
        var stored = Assert.Single(await db.KeyRing.ToListAsync());
        Assert.DoesNotContain("masterKey", System.Text.Encoding.UTF8.GetString(stored.Sealed), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(nodes.First.DataDirectory, "keys", "cookies")));
    }

    [Fact]
    public async Task A_job_that_both_nodes_start_at_once_runs_on_one()
    {
        await using var nodes = await Nodes.StartAsync();
        var job = new SlowJob();
        var runs = new[] { nodes.First, nodes.Second }.Select(n => new JobRunner<SlowJob>(job, n.Dbs(), n.Get<TimeProvider>(), n.Get<Evose.Admin.Platform.Data.Postgres>()).RunAsync(CancellationToken.None)).ToList();
        await Task.WhenAny(runs);
        job.Go.SetResult();
        await Task.WhenAll(runs);
        Assert.Equal(1, job.Runs);
        await using var db = await nodes.First.DbAsync();
        Assert.Equal(1, await db.JobRuns.CountAsync(r => r.Name == SlowJob.Name));
    }

    [Fact]
    public async Task Nodes_that_start_at_once_on_an_empty_database_make_one_installation()
    {
        var database = await PostgresServer.NewDatabaseAsync(empty: true);
        var nodes = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => new AdminApp(Nodes.Settings(database)))));
        await using (var db = await nodes[0].DbAsync())
        {
            Assert.Equal((1, 1, 1), (await db.Installations.CountAsync(), await db.KeyGenerations.CountAsync(), await db.Users.CountAsync()));
            Assert.All(nodes, n => Assert.False(n.Get<Evose.Admin.Platform.Vault.SecretVault>().IsSealed));
        }
        foreach (var node in nodes) await node.DisposeAsync();
        await PostgresServer.DropAsync(database);
    }

    private static async Task UntilAsync(Func<Task<bool>> holds, double seconds = 60)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began).TotalSeconds < seconds, $"not within {seconds} s");
            await Task.Delay(10);
        }
    }

    private sealed class SlowJob : IJob
    {
        private int _runs;

        public static string Name => "slow";

        public int Runs => _runs;

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task<int> RunAsync(CancellationToken ct)
        {
            Interlocked.Increment(ref _runs);
            await Go.Task;
            return 1;
        }
    }
}
