using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Journeys;

/// <summary>Mixed load in steady state: calls, streams, reads and changes at once. Nothing fails, and neither memory nor the wait of a call grows with time.</summary>
[Trait("Soak", "yes")]
public sealed class SteadyUnderLoad
{
    // Paced, so that a figure says something about the app and not about how busy the machine is.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task Nothing_fails_and_memory_and_latency_stay_level()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using var upstream = await Upstream.StartAsync(async (context, seen) =>
        {
            if (!seen.Path.EndsWith("/stream", StringComparison.Ordinal)) return;
            for (var i = 0; i < 10; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
            }
        });
        await using (var app = await AppProcess.StartAsync(directory))
        {
            using (var api = app.Api()) await GivenRemote.CredentialInUseAsync(api, upstream);
            var wrong = new ConcurrentQueue<string>();
            var waits = new ConcurrentQueue<double>();
            using var stop = new CancellationTokenSource();
            var load = Enumerable.Range(0, 8).Select(n => Task.Run(async () =>
            {
                using var client = app.Api();
                client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
                for (var i = 0; !stop.IsCancellationRequested; i++)
                {
                    var began = Stopwatch.GetTimestamp();
                    using var answer = n switch
                    {
                        0 => await client.GetAsync("/broker/cs/gpt-call/stream", CancellationToken.None),
                        1 => await client.GetAsync((string[])["/api/v1/workspaces/cs/credentials", "/api/v1/audit/events?limit=50", "/api/v1/workspaces/cs/credentials/openai_prod/usage"] is var reads ? reads[i % 3] : "", CancellationToken.None),
                        2 => await client.PatchAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod", new { description = $"change {i % 10}" }, CancellationToken.None),
                        _ => await client.PostAsJsonAsync("/broker/cs/gpt-call/chat", new { text = "hello" }, CancellationToken.None),
                    };
                    await answer.Content.ReadAsByteArrayAsync(CancellationToken.None);
                    if (answer.StatusCode != HttpStatusCode.OK) wrong.Enqueue($"{n}: {(int)answer.StatusCode}");
                    if (n > 2) waits.Enqueue(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                    await Task.Delay(n is 1 or 2 ? 10 * Pace : Pace, CancellationToken.None);
                }
            })).ToList();

            var spans = new List<(int Calls, double Median, double P99, double Megabytes)>();
            for (var span = 0; span < 10; span++)
            {
                await Task.Delay(TimeSpan.FromSeconds(Soak.Of(1, 60)));
                var seen = new List<double>();
                while (waits.TryDequeue(out var wait)) seen.Add(wait);
                Assert.True(seen.Count > 10, $"{seen.Count} calls in a span");
                seen.Sort();
                spans.Add((seen.Count, seen[seen.Count / 2], seen[seen.Count * 99 / 100], app.ResidentMegabytes));
                Soak.Say(string.Create(CultureInfo.InvariantCulture, $"steady, minute {span + 1}: {spans[^1].Calls} calls, p50 {spans[^1].Median:F1} ms, p99 {spans[^1].P99:F1} ms, {spans[^1].Megabytes:F0} MB resident"));
            }
            await stop.CancelAsync();
            await Task.WhenAll(load);
            Assert.Empty(wrong);
            // The first spans compile and fill caches. A leak of one call's data would be hundreds of megabytes by the end of the long run.
            Assert.True(spans[^1].Megabytes < spans[3].Megabytes * 1.25 + Soak.Of(200, 20), string.Join('\n', spans));
            if (Soak.IsOn) Assert.True(spans[7..].Average(s => s.Median) < spans[2..5].Average(s => s.Median) * 1.5, string.Join('\n', spans));
        }
    }
}
