using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Tests.Platform.Postgres;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Evose.Admin.Tests.Journeys;

/// <summary>Two nodes behind a real nginx with the documented configuration: pages stay on their node, calls are spread, streams are not held back, and nodes are replaced without a failed call.</summary>
public sealed class BehindNginx(Chromium chromium)
{
    [Fact]
    public async Task Pages_calls_and_streams_pass_and_nodes_are_replaced_without_a_failed_call()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        var next = new ConcurrentDictionary<string, TaskCompletionSource>(StringComparer.Ordinal);
        await using var upstream = await Upstream.StartAsync(async (context, seen) =>
        {
            if (!seen.Path.StartsWith("/v1/stream/", StringComparison.Ordinal)) return;
            context.Response.ContentType = "text/event-stream";
            await context.Response.WriteAsync("data: first\n\n");
            await context.Response.Body.FlushAsync();
            await next.GetOrAdd(seen.Path, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            await context.Response.WriteAsync("data: last\n\n");
        });
        var settings = Nodes.Settings(database).ToDictionary(s => s.Key, s => s.Value!);
        settings["Bootstrap:AdminEmail"] = AdminApp.AdminEmail;
        settings["Bootstrap:AdminPassword"] = AdminApp.AdminPassword;
        settings["ASPNETCORE_FORWARDEDHEADERS_ENABLED"] = "true";
        settings["Shutdown:Notice"] = "00:00:04";
        var directories = new[] { Directory.CreateTempSubdirectory("evose-node-").FullName, Directory.CreateTempSubdirectory("evose-node-").FullName };
        var ports = new[] { AppProcess.FreePort(), AppProcess.FreePort() };
        var nodes = await Task.WhenAll(directories.Zip(ports, (d, p) => AppProcess.StartAsync(d, p, settings)));
        var addresses = ports.Select(p => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{p} max_fails=1 fail_timeout=5s")).ToArray();
        try
        {
            await using var nginx = await Nginx.StartAsync(addresses);
            using (var api = nodes[0].Api()) await GivenRemote.CredentialInUseAsync(api, upstream);
            using var caller = nginx.Client();

            // Calls go to both nodes: each writes a lane of its own.
            for (var i = 0; i < 40; i++) Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/models")).StatusCode);
            var lanes = new Dictionary<int, long>();
            await Given.UntilAsync(async () => (lanes = await LanesAsync(database)).Values.Sum() >= 40);
            Assert.Equal(2, lanes.Count);
            Assert.All(lanes.Values, n => Assert.True(n >= 5, string.Join(", ", lanes)));

            // The first event arrives while the upstream holds the second back.
            await ReadStreamAsync(caller, "/v1/stream/pass", next, () => Task.CompletedTask);

            await SignInAsync(nginx);
            await RollAsync(nginx, nodes, directories, ports, addresses, settings, next);
            await SignInAsync(nginx);
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
        }
        foreach (var directory in directories) DataFolder.Delete(directory);
        await PostgresServer.DropAsync(database);
    }

    // Signs in and moves about: the circuit is a WebSocket through nginx, and each step stays on one node.
    private async Task SignInAsync(Nginx nginx)
    {
        await using var window = await chromium.OpenAsync(nginx.Url);
        var sockets = new ConcurrentQueue<string>();
        window.Page.WebSocket += (_, socket) => sockets.Enqueue(socket.Url);
        await window.SignInAsync();
        await window.Page.GotoAsync("/w/cs/credentials/openai_prod");
        await window.InteractiveAsync();
        Assert.Contains(sockets, s => s.StartsWith("wss://", StringComparison.Ordinal) && s.Contains("/_blazor", StringComparison.Ordinal));
        var cookies = await window.Page.Context.CookiesAsync();
        Assert.True(Assert.Single(cookies, c => c.Name == "evose").Secure);
        Assert.Single(cookies, c => c.Name == "evose_node");
        Assert.Empty(window.Complaints);
    }

    private static async Task RollAsync(Nginx nginx, AppProcess[] nodes, string[] directories, int[] ports, string[] addresses, Dictionary<string, string> settings, ConcurrentDictionary<string, TaskCompletionSource> next)
    {
        var failures = new ConcurrentQueue<string>();
        var calls = 0;
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
        {
            using var client = nginx.Client();
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    using var answer = n % 2 == 0 ? await client.GetAsync("/broker/cs/gpt-call/models", CancellationToken.None) : await client.PostAsJsonAsync("/broker/cs/gpt-call/chat", new { text = "hello" }, CancellationToken.None);
                    if (answer.StatusCode != HttpStatusCode.OK) failures.Enqueue($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
                }
                catch (HttpRequestException e)
                {
                    failures.Enqueue(e.ToString());
                }
                Interlocked.Increment(ref calls);
            }
        })).ToList();
        for (var i = 0; i < nodes.Length; i++)
        {
            var (old, node) = (nodes[i], i);
            // A stream that is under way on the node when it is told to stop, and ends well after that.
            using var direct = old.Api();
            direct.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
            await ReadStreamAsync(direct, $"/v1/stream/roll-{i}", next, async () =>
            {
                await nginx.ReloadAsync(addresses.Select((a, n) => n == node ? a + " down" : a));
                old.Stop();
                await Given.UntilAsync(async () => (await direct.GetAsync("/health/ready")).StatusCode == HttpStatusCode.ServiceUnavailable);
            });
            Assert.Equal(0, await old.ExitCodeAsync());
            await old.DisposeAsync();
            nodes[i] = await AppProcess.StartAsync(directories[i], ports[i], settings);
            using var fresh = nodes[i].Api();
            await Given.UntilAsync(async () => (await fresh.GetAsync("/health/ready")).StatusCode == HttpStatusCode.OK);
            await nginx.ReloadAsync(addresses);
            var before = calls;
            await Given.UntilAsync(() => Task.FromResult(calls > before + 10));
        }
        await stop.CancelAsync();
        await Task.WhenAll(load);
        if (!failures.IsEmpty) Assert.Fail($"{failures.Count} of {calls} failed: {failures.First()}\n{await nginx.ErrorsAsync()}\n{string.Join('\n', nodes.Select(n => n.Output))}");
    }

    private static async Task ReadStreamAsync(HttpClient client, string path, ConcurrentDictionary<string, TaskCompletionSource> next, Func<Task> between)
    {
        using var answer = await client.GetAsync("/broker/cs/gpt-call" + path["/v1".Length..], HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("data: first", await reader.ReadLineAsync());
        await between();
        next.GetOrAdd(path, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        Assert.Equal("", await reader.ReadLineAsync());
        Assert.Equal("data: last", await reader.ReadLineAsync());
    }

    private static async Task<Dictionary<int, long>> LanesAsync(string database)
    {
        var lanes = new Dictionary<int, long>();
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT lane, count(*) FROM call_record GROUP BY lane", connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) lanes[reader.GetInt32(0)] = reader.GetInt64(1);
        return lanes;
    }
}
