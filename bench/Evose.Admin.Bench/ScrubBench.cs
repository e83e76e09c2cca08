using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Bench;

/// <summary>What looking for echoes costs a streaming answer: the same app, upstream and answer, with a value that is looked for and with one that is too short to be, in turn.</summary>
internal static class ScrubBench
{
    private sealed record Candidate(string Name, string Base)
    {
        /// <summary>One figure per round.</summary>
        public List<double> Flood { get; } = [];
        public List<double> FloodCpu { get; } = [];
        public List<double> Events { get; } = [];
        public List<double> EventsCpu { get; } = [];
    }

    public static async Task<PartResult> RunAsync(Options options)
    {
        await using var lab = new Lab();
        var upstream = await lab.UpstreamAsync(0);
        var app = await lab.AppAsync("broker, durable ledger", upstream.Port, ledger: true);
        await AddUnlookedAsync(app.Port, upstream.Port);
        Candidate[] candidates = [new("looked through", "/broker/bench/upstream"), new("not looked through", "/broker/bench/unlooked")];
        foreach (var c in candidates) await RoundAsync(app, c, options, keep: false);
        for (var r = 0; r < options.Rounds; r++)
            foreach (var c in r % 2 == 0 ? candidates : Enumerable.Reverse(candidates)) await RoundAsync(app, c, options, keep: true);

        var (with, without) = (candidates[0], candidates[1]);
        var (speed, forms) = Scanned();
        return options.Result("scrub",
        [
            new Table($"One answer of text streamed in pieces of {Servers.FloodPiece} bytes, and events of about 60 bytes each flushed by itself; {options.Rounds} interleaved rounds, medians of the ratios of a round.",
                ["", "text, MB/s", "CPU per MB", "events/s", "CPU per event"],
                [.. candidates.Select(c => (IReadOnlyList<string>)[c.Name, Results.Figure(Stats.Median(c.Flood)), Ratio(c.FloodCpu, without.FloodCpu), Results.Figure(Stats.Median(c.Events)), Ratio(c.EventsCpu, without.EventsCpu)])]),
        ],
        [
            new("throughput of streamed text, looked through against not", true, 0.90, Median(with.Flood, without.Flood), " ×"),
            new("throughput of small events, looked through against not", true, 0.90, Median(with.Events, without.Events), " ×"),
        ],
        [$"The scanner alone: {Results.Figure(speed)} GB/s of JSON text for the {forms} forms of one key, in pieces of 64 KiB.", "Client, upstream and app share this machine's cores."]);
    }

    private static async Task AddUnlookedAsync(int port, int upstream)
    {
        using var api = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/api/v1/workspaces/bench/") };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Lab.Key);
        await OkAsync(api.PostAsJsonAsync("credentials", new { name = "short_prod", type = "api_key", fields = new { value = "sk-1234" }, allowed_hosts = new[] { $"127.0.0.1:{upstream}" } }));
        await OkAsync(api.PutAsJsonAsync("tools/unlooked", new { kind = "http", base_url = $"http://127.0.0.1:{upstream}", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:short_prod}}" } }));
        await OkAsync(api.PatchAsJsonAsync("credentials/short_prod", new { scope = new { tools = new[] { "unlooked" } } }));
    }

    private static async Task OkAsync(Task<HttpResponseMessage> sending)
    {
        using var answer = await sending;
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
    }

    private static async Task RoundAsync(Server app, Candidate c, Options options, bool keep)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false };
        using var client = new HttpClient(handler) { BaseAddress = new Uri($"http://127.0.0.1:{app.Port}"), Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Lab.Key);
        var (bytes, floodSeconds, floodCpu) = await MeasureAsync(app, client, c.Base + "/flood", options.Seconds);
        var (eventBytes, eventSeconds, eventCpu) = await MeasureAsync(app, client, c.Base + "/burst", options.Seconds);
        if (!keep) return;
        var megabytes = bytes / 1e6;
        var events = (double)eventBytes / Servers.BurstEvent.Length;
        c.Flood.Add(megabytes / floodSeconds);
        c.FloodCpu.Add(floodCpu / megabytes);
        c.Events.Add(events / eventSeconds);
        c.EventsCpu.Add(eventCpu / events);
    }

    // Two callers, each with one answer after the other.
    private static async Task<(long Bytes, double Seconds, double Cpu)> MeasureAsync(Server app, HttpClient client, string path, int seconds)
    {
        var total = 0L;
        var before = Lab.CpuMicros(app.Process.Id);
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ =>
        {
            var buffer = new byte[64 * 1024];
            while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
            {
                using var answer = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
                answer.EnsureSuccessStatusCode();
                await using var body = await answer.Content.ReadAsStreamAsync();
                int n;
                while ((n = await body.ReadAsync(buffer)) > 0) Interlocked.Add(ref total, n);
            }
        }));
        return (total, Stopwatch.GetElapsedTime(began).TotalSeconds, Lab.CpuMicros(app.Process.Id) - before);
    }

    private static (double GigabytesASecond, int Forms) Scanned()
    {
        using var value = Plaintext.CopyOf("sk-bench-0123456789abcdef0123456789abcdef0123456789abcdef"u8);
        using var patterns = EchoPatterns.Of([value])!;
        var scrubber = new EchoScrubber(patterns);
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(Servers.Answer, (64 * 1024 / Servers.Answer.Length) + 1))).AsSpan(0, 64 * 1024).ToArray();
        var best = 0.0;
        for (var round = 0; round < 20; round++)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < 500; i++) scrubber.Scrub(text, last: false);
            best = Math.Max(best, 500.0 * text.Length / Stopwatch.GetElapsedTime(began).TotalSeconds / 1e9);
        }
        return (best, patterns.Count);
    }

    private static double Median(List<double> ours, List<double> theirs) => Stats.Median([.. ours.Zip(theirs, (o, t) => o / t)]);

    private static string Ratio(List<double> ours, List<double> theirs) => string.Create(CultureInfo.InvariantCulture, $"{Results.Figure(Median(ours, theirs))} ×");
}
