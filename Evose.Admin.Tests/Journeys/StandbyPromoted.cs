using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Evose.Admin.Tests.Platform.Postgres;
using Evose.Admin.Tests.Support;
using Npgsql;

namespace Evose.Admin.Tests.Journeys;

/// <summary>Q-04 and R-04: nodes under load while one of them is cut off, and while the database's primary dies and its standby takes over. What was answered is in the new primary.</summary>
[Trait("Soak", "yes")]
public sealed class StandbyPromoted
{
    [Fact]
    public async Task No_answered_call_is_lost_when_the_primary_dies_and_the_standby_is_promoted()
    {
        var rounds = Soak.Of(1, 10);
        for (var round = 1; round <= rounds; round++) await FailOverAsync(Soak.Of(2, 4), round);
    }

    private static async Task FailOverAsync(int count, int round)
    {
        await using var primary = await PostgresCluster.StartAsync();
        var reached = new ConcurrentBag<string>();
        await using var upstream = await Upstream.StartAsync((_, seen) =>
        {
            reached.Add(seen.Path);
            return Task.CompletedTask;
        });
        await using var relay = new TcpRelay(primary.Port);
        await using var standby = await primary.SynchronousStandbyAsync();
        // Nodes that know both servers, and one behind a network that can be cut.
        var both = new NpgsqlConnectionStringBuilder { Host = $"127.0.0.1:{primary.Port},127.0.0.1:{standby.Port}", Username = "evose", Database = "evose", TargetSessionAttributes = "primary", HostRecheckSeconds = 1, Timeout = 5 }.ConnectionString;
        var behind = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = relay.Port, Username = "evose", Database = "evose", Timeout = 5 }.ConnectionString;
        var directories = Enumerable.Range(0, count).Select(_ => Directory.CreateTempSubdirectory("evose-node-").FullName).ToList();
        var nodes = await Task.WhenAll(directories.Select((d, i) => AppProcess.StartAsync(d, settings: Nodes.Settings(i == 0 ? behind : both).ToDictionary(s => s.Key, s => s.Value!))));
        try
        {
            using (var api = nodes[^1].Api()) await GivenRemote.CredentialInUseAsync(api, upstream);
            foreach (var node in nodes) await AnsweringAsync(node);

            var answered = new ConcurrentBag<string>();
            var refused = 0;
            using var stop = new CancellationTokenSource();
            var number = 0;
            var load = nodes.SelectMany(node => Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
            {
                using var client = Caller(node);
                while (!stop.IsCancellationRequested)
                {
                    var path = "/call/" + Interlocked.Increment(ref number).ToString(CultureInfo.InvariantCulture);
                    using var answer = await client.GetAsync("/broker/cs/gpt-call" + path, CancellationToken.None);
                    if (answer.StatusCode == HttpStatusCode.OK) answered.Add(path);
                    else
                    {
                        // Never a guess: what cannot be recorded is refused.
                        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
                        Interlocked.Increment(ref refused);
                        await Task.Delay(20, CancellationToken.None);
                    }
                }
            }))).ToList();
            await Given.UntilAsync(() => Task.FromResult(answered.Count > 40));

            // The first node is cut off: it refuses, the others go on.
            relay.Cut();
            using (var cut = Caller(nodes[0]))
            {
                await UntilAsync(async () => (await StatusAsync(cut)) == 503, 15);
                var before = answered.Count;
                await UntilAsync(() => Task.FromResult(answered.Count > before + 20), 15);
                Assert.Equal(503, await StatusAsync(cut));
                relay.PointTo(primary.Port);
                await AnsweringAsync(nodes[0]);
            }

            var began = Stopwatch.GetTimestamp();
            await primary.KillAsync();
            await standby.PromoteAsync();
            relay.PointTo(standby.Port);
            await Task.WhenAll(nodes.Select(AnsweringAsync));
            var failover = Stopwatch.GetElapsedTime(began);
            Assert.True(failover < TimeSpan.FromSeconds(60), failover.ToString());
            var after = answered.Count;
            await UntilAsync(() => Task.FromResult(answered.Count > after + 20), 30);
            await stop.CancelAsync();
            await Task.WhenAll(load);

            // What was answered is on the disk; whoever asks for it has it put into the tables first.
            foreach (var node in nodes)
            {
                using var api = node.Api();
                var verified = JsonDocument.Parse(await api.GetStringAsync("/api/v1/audit/verify")).RootElement;
                Assert.True(verified.GetProperty("verified").GetBoolean(), verified.ToString());
            }

            var recorded = new HashSet<string>(StringComparer.Ordinal);
            var rows = 0;
            await using (var connection = new NpgsqlConnection(standby.Of("evose")))
            {
                await connection.OpenAsync();
                await using var command = new NpgsqlCommand("SELECT path FROM call_record WHERE NOT refused", connection);
                await using var reader = await command.ExecuteReaderAsync();
                for (; await reader.ReadAsync(); rows++) recorded.Add(reader.GetString(0));
            }
            Assert.DoesNotContain(answered, p => !recorded.Contains("/v1" + p));
            Assert.DoesNotContain(reached, p => !recorded.Contains(p));
            Soak.Say(string.Create(CultureInfo.InvariantCulture, $"Q-04 round {round}: {count} nodes, {answered.Count} calls answered, {refused} refused, 0 lost; all nodes answer {failover.TotalSeconds:F1} s after the primary's death"));
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
            foreach (var directory in directories) DataFolder.Delete(directory);
        }
    }

    private static HttpClient Caller(AppProcess node)
    {
        var client = node.Api();
        client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        return client;
    }

    private static async Task<int> StatusAsync(HttpClient caller)
    {
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/probe");
        return (int)answer.StatusCode;
    }

    private static async Task AnsweringAsync(AppProcess node)
    {
        using var caller = Caller(node);
        await UntilAsync(async () => await StatusAsync(caller) == 200, 60);
    }

    private static async Task UntilAsync(Func<Task<bool>> holds, double seconds)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began).TotalSeconds < seconds, $"not within {seconds} s");
            await Task.Delay(50);
        }
    }
}
