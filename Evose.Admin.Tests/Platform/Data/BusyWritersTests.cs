using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Features.Jobs;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Platform.Data;

/// <summary>Q-01: many people saving, calls and jobs at the same time on SQLite. Nobody is told that the database is busy.</summary>
[Trait("Soak", "yes")]
public sealed class BusyWritersTests
{
    [Fact]
    public async Task Thirty_two_writers_the_broker_and_the_jobs_never_meet_a_busy_database()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp();
        using var api = app.Api();
        await GivenRemote.CredentialInUseAsync(api, upstream);
        for (var i = 0; i < 32; i++) await Given.CredentialAsync(app, "cs", $"c{i}");
        var admin = await app.AdminAsync();
        using var stop = new CancellationTokenSource();
        var wrong = new ConcurrentQueue<string>();
        var saves = new ConcurrentQueue<double>();
        var calls = 0;
        var writers = Enumerable.Range(0, 32).Select(n => Task.Run(async () =>
        {
            using var client = app.Api();
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var began = Stopwatch.GetTimestamp();
                using var answer = await client.PatchAsJsonAsync($"/api/v1/workspaces/cs/credentials/c{n}", new { description = $"change {i}" }, CancellationToken.None);
                saves.Enqueue(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                if (answer.StatusCode != HttpStatusCode.OK) wrong.Enqueue($"save {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
            }
        }));
        var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            using var client = app.Api();
            client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
            for (; !stop.IsCancellationRequested; Interlocked.Increment(ref calls))
            {
                using var answer = await client.GetAsync("/broker/cs/gpt-call/models", CancellationToken.None);
                if (answer.StatusCode != HttpStatusCode.OK) wrong.Enqueue($"call {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync(CancellationToken.None)}");
            }
        }));
        var jobs = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                foreach (var job in app.Get<JobList>().Entries)
                    if ((await app.Get<TriggerJob>().ExecuteAsync(admin, job.Name, CancellationToken.None)).Problem is { } problem) wrong.Enqueue(problem.Message);
                await Task.Delay(100, CancellationToken.None);
            }
        });
        var all = writers.Concat(callers).Append(jobs).ToList();
        if (Soak.IsOn) await Task.Delay(TimeSpan.FromMinutes(10));
        await Given.UntilAsync(() => Task.FromResult(saves.Count > 200 && Volatile.Read(ref calls) > 200));
        await stop.CancelAsync();
        await Task.WhenAll(all);

        Assert.Empty(wrong);
        Assert.DoesNotContain(app.Log.Lines, l => l.StartsWith("Error", StringComparison.Ordinal) && (l.Contains("busy", StringComparison.OrdinalIgnoreCase) || l.Contains("locked", StringComparison.OrdinalIgnoreCase)));
        var sorted = saves.Order().ToList();
        Soak.Say(string.Create(CultureInfo.InvariantCulture, $"Q-01: {saves.Count} saves by 32 writers, p50 {sorted[sorted.Count / 2]:F0} ms, p99 {sorted[sorted.Count * 99 / 100]:F0} ms; {calls} calls; no busy database"));
    }
}
