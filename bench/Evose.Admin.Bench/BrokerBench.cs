using System.Globalization;
using System.Text.RegularExpressions;

namespace Evose.Admin.Bench;

/// <summary>The broker against bare YARP and nginx before the same upstream: interleaved rounds of load, medians of the rounds' ratios, CPU per call of the processes that serve it.</summary>
internal static partial class BrokerBench
{
    private const string OurPath = "/broker/bench/upstream/v1/chat";
    public const string Durable = "broker, durable ledger";

    private const string Bare = "bare YARP", NoLedger = "broker, ledger off";

    /// <param name="Pids">Every process whose CPU the calls cost, children included.</param>
    /// <param name="Managed">The process whose allocations can be asked; null for one that has none.</param>
    private sealed record Candidate(string Name, int Port, string Path, IReadOnlyList<int> Pids, Server? Managed)
    {
        public List<double> Rates { get; } = [];
        public List<double> Cpu { get; } = [];
        public List<double> Bytes { get; } = [];
        public List<double> P50 { get; } = [];
        public List<double> P99 { get; } = [];
    }

    public static async Task<PartResult> BrokerAsync(Options options)
    {
        await using var lab = new Lab();
        var upstream = await lab.FastUpstreamAsync();
        var candidates = await PeersAsync(lab, upstream.Port);
        candidates.Add(Of(await lab.AppAsync(Durable, upstream.Port, ledger: true)));
        candidates.Add(Of(await lab.AppAsync(NoLedger, upstream.Port, ledger: false)));
        await RoundsAsync(candidates, 64, options);
        return options.Result("broker", [Table(candidates, 64)],
        [
            new($"throughput of bare YARP's, {NoLedger}", true, 0.88, RateRatio(candidates, NoLedger), " ×", Goal: 0.95),
            new($"throughput of bare YARP's, {Durable}", true, 0.60, RateRatio(candidates, Durable), " ×", Goal: 0.75),
            new($"CPU per call of bare YARP's, {Durable}", false, 1.7, CpuRatio(candidates, Durable), " ×", Goal: 1.4),
        ], Notes("nginx answering a small JSON"), Values(candidates));
    }

    public static async Task<PartResult> SlowUpstreamAsync(Options options)
    {
        await using var lab = new Lab();
        var upstream = await lab.UpstreamAsync(20);
        var candidates = await PeersAsync(lab, upstream.Port);
        candidates.Add(Of(await lab.AppAsync(Durable, upstream.Port, ledger: true)));
        candidates.Add(Of(await lab.AppAsync(NoLedger, upstream.Port, ledger: false)));
        await RoundsAsync(candidates, 32, options);
        var (bare, ours) = (candidates[0], candidates.Single(c => c.Name == Durable));
        return options.Result("upstream20", [Table(candidates, 32)],
        [
            new($"p50 of bare YARP's, {Durable}", false, 1.06, Ratio(ours.P50, bare.P50), " ×", Goal: 1.02),
            new($"p99 of bare YARP's, {Durable}", false, 1.06, Ratio(ours.P99, bare.P99), " ×", Goal: 1.02),
        ], Notes("an upstream that answers after 20 ms"), Values(candidates));
    }

    public static async Task<PartResult> PostgresAsync(Options options)
    {
        await using var lab = new Lab();
        var upstream = await lab.FastUpstreamAsync();
        var cluster = await lab.PostgresAsync();
        var candidates = await PeersAsync(lab, upstream.Port);
        foreach (var (name, ledger) in new[] { (Durable, true), (NoLedger, false) })
        {
            var database = await cluster.NewDatabaseAsync(ledger ? "durable" : "off");
            Server app;
            try
            {
                app = await lab.AppAsync(name, upstream.Port, ledger, "--Database:Provider=Postgres", "--Database:ConnectionString=" + database, "--Root:IsShared=true");
            }
            catch (InvalidOperationException e)
            {
                return options.Result("postgres", [], notAvailable: $"the app does not run with Database:Provider=Postgres ({e.Message})");
            }
            candidates.Add(new Candidate(name, app.Port, OurPath, [app.Process.Id, cluster.Pid], app));
        }
        await RoundsAsync(candidates, 64, options);
        return options.Result("postgres", [Table(candidates, 64)],
            [new($"throughput of bare YARP's, {Durable}", true, 0.45, RateRatio(candidates, Durable), " ×", Goal: 0.60)],
            [.. Notes("nginx answering a small JSON"), "PostgreSQL runs on the same machine with fsync and synchronous_commit on; its CPU counts as ours."], Values(candidates));
    }

    /// <summary>A call that carries a session or an OAuth token against one that carries an API key, in the same app: what choosing its cookies and reading the answer's head cost.</summary>
    public static async Task<PartResult> CookieAsync(Options options)
    {
        await using var lab = new Lab();
        var upstream = await lab.FastUpstreamAsync();
        if (await Lab.OutputAsync("sh", "-c", "command -v wrk") is "") throw new InvalidOperationException("wrk is missing: install it (Debian: apt-get install wrk).");
        var app = await lab.AppAsync(NoLedger, upstream.Port, ledger: false);
        List<Candidate> candidates = [Of(app) with { Name = "API key" }, Of(app) with { Name = "cookie", Path = "/broker/bench/session/v1/chat" }, Of(app) with { Name = "OAuth token", Path = "/broker/bench/token/v1/chat" }];
        await RoundsAsync(candidates, 64, options);
        return options.Result("cookie", [Table(candidates, 64)],
        [
            new("CPU per call of an API key call's, session of five cookies", false, 1.10, Ratio(candidates[1].Cpu, candidates[0].Cpu), " ×"),
            new("throughput of API key calls', session of five cookies", true, 0.90, RateRatio(candidates, "cookie"), " ×"),
            new("CPU per call of an API key call's, OAuth token", false, 1.10, Ratio(candidates[2].Cpu, candidates[0].Cpu), " ×"),
            new("throughput of API key calls', OAuth token", true, 0.90, RateRatio(candidates, "OAuth token"), " ×"),
        ], [.. Notes("nginx answering a small JSON"), "Here 'bare YARP' in the table's head is the API key call. The site sets no cookie; one that rolls its session costs a transaction besides."], Values(candidates));
    }

    // The reference comes first.
    private static async Task<List<Candidate>> PeersAsync(Lab lab, int upstream)
    {
        if (await Lab.OutputAsync("sh", "-c", "command -v wrk") is "") throw new InvalidOperationException("wrk is missing: install it (Debian: apt-get install wrk).");
        var yarp = await lab.BareYarpAsync(upstream);
        var nginx = await lab.NginxProxyAsync(upstream);
        return [new Candidate(Bare, yarp.Port, "/v1/chat", [yarp.Process.Id], yarp), new Candidate(nginx.Name, nginx.Port, "/v1/chat", [nginx.Process.Id], null)];
    }

    private static Candidate Of(Server app) => new(app.Name, app.Port, OurPath, [app.Process.Id], app);

    private static async Task RoundsAsync(List<Candidate> candidates, int connections, Options options)
    {
        foreach (var c in candidates) await WarmAsync(c, connections, options);
        for (var r = 0; r < options.Rounds; r++)
        {
            Console.Write($"\rround {r + 1} of {options.Rounds} ");
            foreach (var c in r % 2 == 0 ? candidates : Enumerable.Reverse(candidates)) await LoadAsync(c, connections, options.Seconds, keep: true);
        }
        Console.WriteLine();
    }

    // Until the compiler is done with it: its thread would else take a part of the cores that the calls are measured by.
    private static async Task WarmAsync(Candidate c, int connections, Options options)
    {
        await LoadAsync(c, connections, Math.Max(8, 2 * options.Seconds), keep: false);
        for (var i = 0; c.Managed is { } server && i < 15; i++)
        {
            var before = Lab.CompilerMicros(server.Process.Id);
            await LoadAsync(c, connections, 2, keep: false);
            if (Lab.CompilerMicros(server.Process.Id) - before < 40_000) return;
        }
    }

    private static async Task LoadAsync(Candidate c, int connections, int seconds, bool keep)
    {
        var bytes = c.Managed is null ? 0 : await c.Managed.AllocatedAsync();
        var before = c.Pids.Sum(Lab.CpuMicros);
        var output = await Lab.OutputAsync("wrk", "-t1", "-c" + connections, "-d" + seconds + "s", "--latency", "-H", "Authorization: Bearer " + Lab.Key, $"http://127.0.0.1:{c.Port}{c.Path}");
        if (output.Contains("Non-2xx", StringComparison.Ordinal) || output.Contains("Socket errors", StringComparison.Ordinal) || !RateLine().IsMatch(output))
            throw new InvalidOperationException($"{c.Name} did not answer every call well. It answers now: {await Lab.OutputAsync("curl", "-si", "-m", "5", "-H", "Authorization: Bearer " + Lab.Key, $"http://127.0.0.1:{c.Port}{c.Path}")}\n{output}");
        if (!keep) return;
        c.Rates.Add(double.Parse(RateLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture));
        var calls = double.Parse(CallsLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        c.Cpu.Add((c.Pids.Sum(Lab.CpuMicros) - before) / calls);
        if (c.Managed is not null) c.Bytes.Add((await c.Managed.AllocatedAsync() - bytes) / calls);
        c.P50.Add(Micros(output, "50%"));
        c.P99.Add(Micros(output, "99%"));
    }

    private static Table Table(List<Candidate> candidates, int connections)
    {
        var bare = candidates[0];
        return new Table($"{connections} connections, {bare.Rates.Count} interleaved rounds. Medians of the ratios to bare YARP in the same round, lowest to highest ratio in parentheses; absolute figures for orientation.",
            ["", "throughput", "p50", "p99", "CPU per call", "calls/s", "p50, ms", "CPU, µs", "allocated"],
            [
                .. candidates.Select(c => (IReadOnlyList<string>)[c.Name, Spread(c.Rates, bare.Rates), Spread(c.P50, bare.P50), Spread(c.P99, bare.P99), Spread(c.Cpu, bare.Cpu),
                    Results.Figure(Stats.Median(c.Rates)), Results.Figure(Stats.Median(c.P50) / 1000), Results.Figure(Stats.Median(c.Cpu)), c.Bytes.Count == 0 ? "–" : Results.Figure(Stats.Median(c.Bytes)) + " B"]),
            ]);
    }

    private static string Spread(List<double> ours, List<double> theirs)
    {
        var ratios = ours.Zip(theirs, (o, t) => o / t).Order().ToList();
        return ReferenceEquals(ours, theirs) ? "1" : $"{Results.Figure(Stats.Median(ratios))} × ({Results.Figure(ratios[0])}–{Results.Figure(ratios[^1])})";
    }

    private static IReadOnlyList<string> Notes(string upstream) =>
    [
        $"Upstream: {upstream}. wrk with one thread; every nginx has one worker; all share this machine's cores with the load.",
        $"Bare YARP and the app run in the same executable, so under the same runtime settings ({Machine.Settings("Evose.Admin.Bench")}), and the app's own file says the same.",
    ];

    private static Dictionary<string, double> Values(List<Candidate> candidates) =>
        candidates.SelectMany(c => new[] { ($"{c.Name}/calls per s", Stats.Median(c.Rates)), ($"{c.Name}/CPU µs", Stats.Median(c.Cpu)) }).ToDictionary(v => v.Item1, v => v.Item2);

    private static double RateRatio(List<Candidate> candidates, string name) => Ratio(candidates.Single(c => c.Name == name).Rates, candidates[0].Rates);

    private static double CpuRatio(List<Candidate> candidates, string name) => Ratio(candidates.Single(c => c.Name == name).Cpu, candidates[0].Cpu);

    private static double Ratio(List<double> ours, List<double> theirs) => Stats.Median([.. ours.Zip(theirs, (o, t) => o / t)]);

    private static double Micros(string output, string percentile)
    {
        var match = Regex.Match(output, Regex.Escape(percentile) + @"\s+([\d.]+)(us|ms|s)", RegexOptions.None, TimeSpan.FromSeconds(1));
        return double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * match.Groups[2].Value switch { "us" => 1, "ms" => 1000, _ => 1_000_000 };
    }

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex RateLine();

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex CallsLine();
}

internal static class Stats
{
    public static double Median(IReadOnlyList<double> values) => Percentile(values, 50);

    public static double Percentile(IReadOnlyList<double> values, double percent)
    {
        var sorted = values.Order().ToList();
        return percent == 50 && sorted.Count % 2 == 0 ? (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2 : sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * percent / 100))];
    }
}
