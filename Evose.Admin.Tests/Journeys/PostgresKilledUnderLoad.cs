using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Evose.Admin.Tests.Platform.Postgres;
using Evose.Admin.Tests.Support;
using Npgsql;

namespace Evose.Admin.Tests.Journeys;

/// <summary>R-04: kill -9 of the app and of PostgreSQL under load, again and again. What was answered is recorded, what reached the upstream was recorded before, the chains verify.</summary>
[Trait("Soak", "yes")]
public sealed class PostgresKilledUnderLoad
{
    [Fact]
    public async Task No_answered_call_is_lost_when_the_app_or_the_database_is_killed()
    {
        var (ofApp, ofServer) = (Soak.Of(2, 100), Soak.Of(2, 20));
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using var server = await PostgresCluster.StartAsync();
        var reached = new ConcurrentBag<string>();
        await using var upstream = await Upstream.StartAsync((_, seen) =>
        {
            reached.Add(seen.Path);
            return Task.CompletedTask;
        });
        var settings = Nodes.Settings(server.Of("evose").Replace("Pooling=False", "Timeout=5", StringComparison.OrdinalIgnoreCase)).ToDictionary(s => s.Key, s => s.Value!);
        var port = AppProcess.FreePort();
        var app = await AppProcess.StartAsync(directory, port, settings);
        var longest = TimeSpan.Zero;
        var answered = new ConcurrentBag<string>();
        try
        {
            using (var api = app.Api()) await GivenRemote.CredentialInUseAsync(api, upstream);
            using var stop = new CancellationTokenSource();
            var number = 0;
            var load = Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
            {
                using var client = app.Api();
                client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
                while (!stop.IsCancellationRequested)
                {
                    var path = "/call/" + Interlocked.Increment(ref number).ToString(CultureInfo.InvariantCulture);
                    try
                    {
                        using var answer = await client.GetAsync("/broker/cs/gpt-call" + path, CancellationToken.None);
                        if (answer.StatusCode == HttpStatusCode.OK) answered.Add(path);
                        else await Task.Delay(10, CancellationToken.None);
                    }
                    catch (Exception e) when (e is HttpRequestException or IOException or System.Net.Sockets.SocketException)
                    {
                        // Killed; it comes back at the same address. Killed between the connecting and its end, the client throws the socket's own exception.
                        await Task.Delay(50, CancellationToken.None);
                    }
                }
            })).ToArray();
            for (var kill = 0; kill < ofApp + ofServer; kill++)
            {
                var before = answered.Count;
                await UntilAsync(() => answered.Count > before + 30, 60);
                var began = Stopwatch.GetTimestamp();
                // Evenly spread, whichever there are more of.
                if ((kill + 1) * ofServer / (ofApp + ofServer) > kill * ofServer / (ofApp + ofServer))
                {
                    await server.KillAsync();
                    await server.StartAgainAsync();
                }
                else
                {
                    await app.KillAsync();
                    await app.DisposeAsync();
                    app = await AppProcess.StartAsync(directory, port, settings);
                }
                before = answered.Count;
                await UntilAsync(() => answered.Count > before, 60);
                var recovery = Stopwatch.GetElapsedTime(began);
                if (recovery > longest) longest = recovery;
            }
            await stop.CancelAsync();
            await Task.WhenAll(load);
            using var last = app.Api();
            var verified = JsonDocument.Parse(await last.GetStringAsync("/api/v1/audit/verify")).RootElement;
            Assert.True(verified.GetProperty("verified").GetBoolean(), verified.ToString());
        }
        finally
        {
            await app.DisposeAsync();
        }

        var recorded = new HashSet<string>(StringComparer.Ordinal);
        await using (var connection = new NpgsqlConnection(server.Of("evose")))
        {
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand("SELECT path FROM call_record WHERE NOT refused", connection);
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync()) recorded.Add(reader.GetString(0));
        }
        Assert.DoesNotContain(answered, p => !recorded.Contains("/v1" + p));
        Assert.DoesNotContain(reached, p => !recorded.Contains(p));
        Soak.Say(string.Create(CultureInfo.InvariantCulture, $"R-04: app killed {ofApp} times, PostgreSQL {ofServer} times, {answered.Count} calls answered, 0 lost; longest until the next answer {longest.TotalSeconds:F1} s"));
    }

    private static async Task UntilAsync(Func<bool> holds, double seconds)
    {
        var began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(began).TotalSeconds < seconds, $"not within {seconds} s");
            await Task.Delay(20);
        }
    }
}
