using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;

namespace Evose.Admin.Bench;

/// <summary>Streams: how late an event arrives through each proxy, and how soon the response headers do when the first body byte is late.</summary>
internal static class StreamBench
{
    private const int HeaderCalls = 20;

    /// <param name="Managed">The process whose compiler can be asked; null for one that has none.</param>
    private sealed record Candidate(string Name, int Port, string Base, Server? Managed)
    {
        /// <summary>One figure per round, in microseconds.</summary>
        public List<double> P50 { get; } = [];
        public List<double> P99 { get; } = [];
        public List<double> Headers { get; } = [];
    }

    public static async Task<PartResult> RunAsync(Options options)
    {
        await using var lab = new Lab();
        var upstream = await lab.UpstreamAsync(0);
        var yarp = await lab.BareYarpAsync(upstream.Port);
        var nginx = await lab.NginxProxyAsync(upstream.Port);
        var app = await lab.AppAsync("broker, durable ledger", upstream.Port, ledger: true);
        List<Candidate> candidates = [new(yarp.Name, yarp.Port, "", yarp), new(nginx.Name, nginx.Port, "", null), new(app.Name, app.Port, "/broker/bench/upstream", app)];

        foreach (var c in candidates) await WarmAsync(c, options);
        for (var r = 0; r < options.Rounds; r++)
            foreach (var c in r % 2 == 0 ? candidates : Enumerable.Reverse(candidates)) await RoundAsync(c, options, keep: true);

        var (bare, floor, ours) = (candidates[0], candidates[1], candidates[2]);
        var pause = Servers.Pause.TotalMilliseconds;
        return options.Result("sse",
        [
            new Table($"{options.Streams} streams, one event every {pause} ms in each, {options.Rounds} interleaved rounds; medians of the ratios to bare YARP in the same round.",
                ["", "delay of an event, p50", "p99", "p50, ms", "p99, ms"],
                [.. candidates.Select(c => (IReadOnlyList<string>)[c.Name, Times(c.P50, bare.P50), Times(c.P99, bare.P99), Ms(c.P50), Ms(c.P99)])]),
            new Table($"Time to the response headers when the upstream sends its headers at once and the first body byte {pause} ms later; one call at a time.",
                ["", "of nginx's", "ms"],
                [.. candidates.Select(c => (IReadOnlyList<string>)[c.Name, Times(c.Headers, floor.Headers), Ms(c.Headers)])]),
        ],
        [
            new("delay of an event, p50 of bare YARP's", false, 1.2, Ratio(ours.P50, bare.P50), " ×"),
            new("time to the response headers of nginx's", false, 3, Ratio(ours.Headers, floor.Headers), " ×"),
        ],
        ["The delay is from the upstream's writing of an event to its reading by the client, on one machine's clock; the client reads all streams in one process."]);
    }

    // Until the compiler is done with it: what is measured here are too few calls for that.
    private static async Task WarmAsync(Candidate c, Options options)
    {
        for (var i = 0; i < 10; i++)
        {
            var before = c.Managed is null ? 0 : Lab.CompilerMicros(c.Managed.Process.Id);
            await LoadAsync(c, "/x", 16, i == 0 ? 10 : 2);
            await LoadAsync(c, "/late", 64, i == 0 ? 6 : 2);
            await RoundAsync(c, options, keep: false);
            if (i > 0 && (c.Managed is null || Lab.CompilerMicros(c.Managed.Process.Id) - before < 40_000)) return;
        }
    }

    private static Task LoadAsync(Candidate c, string path, int connections, int seconds) =>
        Lab.OutputAsync("wrk", "-t1", "-c" + connections, "-d" + seconds + "s", "-H", "Authorization: Bearer " + Lab.Key, $"http://127.0.0.1:{c.Port}{c.Base}{path}");

    private static async Task RoundAsync(Candidate c, Options options, bool keep)
    {
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = options.Streams + 1, UseProxy = false };
        using var client = new HttpClient(handler) { BaseAddress = new Uri($"http://127.0.0.1:{c.Port}"), Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Lab.Key);
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(options.Seconds + 1));
        var from = Stopwatch.GetTimestamp() + Stopwatch.Frequency;
        var streams = await Task.WhenAll(Enumerable.Range(0, options.Streams).Select(i => ListenAsync(client, c.Base + "/events", i, options.Streams, from, end.Token)));
        var delays = streams.SelectMany(s => s).ToList();
        if (delays.Count == 0) throw new InvalidOperationException($"{c.Name}: no event arrived");

        var headers = new List<double>();
        for (var i = 0; i < HeaderCalls; i++)
        {
            var began = Stopwatch.GetTimestamp();
            using var answer = await client.GetAsync(c.Base + "/late", HttpCompletionOption.ResponseHeadersRead);
            headers.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync();
        }
        if (!keep) return;
        c.P50.Add(Stats.Percentile(delays, 50));
        c.P99.Add(Stats.Percentile(delays, 99));
        c.Headers.Add(Stats.Median(headers));
    }

    private static async Task<List<double>> ListenAsync(HttpClient client, string path, int index, int count, long from, CancellationToken end)
    {
        var delays = new List<double>();
        try
        {
            // Spread over one pause, so that the events do not come all at once.
            await Task.Delay(Servers.Pause * index / count, end);
            using var answer = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, end);
            answer.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(end));
            while (await reader.ReadLineAsync(end) is { } line)
            {
                if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
                var now = Stopwatch.GetTimestamp();
                if (now >= from) delays.Add(Stopwatch.GetElapsedTime(long.Parse(line.AsSpan(6), CultureInfo.InvariantCulture), now).TotalMicroseconds);
            }
            throw new InvalidOperationException("a stream ended by itself");
        }
        catch (OperationCanceledException)
        {
            // The round is over.
        }
        return delays;
    }

    private static double Ratio(List<double> ours, List<double> theirs) => Stats.Median([.. ours.Zip(theirs, (o, t) => o / t)]);

    private static string Times(List<double> ours, List<double> theirs) => $"{Results.Figure(Ratio(ours, theirs))} ×";

    private static string Ms(List<double> micros) => Results.Figure(Stats.Median(micros) / 1000);
}
