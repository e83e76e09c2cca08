using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.RegularExpressions;

namespace Evose.Admin.Bench;

/// <summary>The broker against bare YARP before the same upstream: interleaved rounds of load at 64 connections, medians of the rounds' ratios, CPU per call of the proxy's process.</summary>
internal static partial class BrokerBench
{
    private const int Connections = 64;
    private const string Seconds = "5";
    private const string Key = "evk_benchbenchbenchbenchbenchbenchbench01";

    private sealed record Candidate(string Name, int Port, string Path, Process Process)
    {
        public List<double> Rates { get; } = [];
        public List<double> Cpu { get; } = [];
        public List<double> Bytes { get; } = [];
        public List<double> P50 { get; } = [];
        public List<double> P99 { get; } = [];
    }

    public static async Task<int> RunAsync(int rounds)
    {
        if (await OutputAsync("sh", "-c", "command -v wrk") is "")
        {
            await Console.Error.WriteLineAsync("wrk is missing: install it (Debian: apt-get install wrk).");
            return 1;
        }
        var directory = Directory.CreateTempSubdirectory("evose-bench-").FullName;
        var processes = new List<Process>();
        try
        {
            processes.Add(Start([], "upstream", "6100"));
            var yarp = Start([], "yarp", "6101", "http://127.0.0.1:6100");
            processes.Add(yarp);
            var candidates = new List<Candidate> { new("bare YARP", 6101, "/v1/chat", yarp) };
            foreach (var (name, port, ledger) in new[] { ("broker, durable ledger", 6102, true), ("broker, ledger off", 6103, false) })
            {
                var app = Start(ledger ? [] : [("EVOSE_BENCH_NO_LEDGER", "1")], "app", "--urls", $"http://127.0.0.1:{port}", $"--Evose:DataDirectory={directory}/{port}",
                    "--Egress:AllowedPrivateHosts:0=127.0.0.1", "--Egress:AllowHttp=true", "--Bootstrap:ApiKey=" + Key, "--Logging:LogLevel:Default=Warning");
                processes.Add(app);
                await PrepareAsync(port);
                candidates.Add(new Candidate(name, port, "/broker/bench/upstream/v1/chat", app));
            }
            foreach (var c in candidates) await LoadAsync(c, keep: false);
            for (var r = 0; r < rounds; r++)
                foreach (var c in r % 2 == 0 ? candidates : Enumerable.Reverse(candidates)) await LoadAsync(c, keep: true);
            Print(candidates);
            return 0;
        }
        finally
        {
            foreach (var p in processes)
            {
                if (!p.HasExited) p.Kill(true);
                p.Dispose();
            }
            Directory.Delete(directory, true);
        }
    }

    private static void Print(List<Candidate> candidates)
    {
        var bare = candidates[0];
        Console.WriteLine();
        Console.WriteLine($"| {Connections} connections, {bare.Rates.Count} rounds | calls/s | vs bare YARP | p50 | p99 | CPU per call | allocated per call |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (var c in candidates)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {c.Name} | {Median(c.Rates):F0} | {Ratio(c.Rates, bare.Rates):F2} × | {Ratio(c.P50, bare.P50):F2} × | {Ratio(c.P99, bare.P99):F2} × | {Ratio(c.Cpu, bare.Cpu):F2} × ({Median(c.Cpu):F1} µs) | {Median(c.Bytes):F0} bytes |"));
    }

    private static double Ratio(List<double> ours, List<double> theirs) => Median([.. ours.Zip(theirs, (o, t) => o / t)]);

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private static async Task LoadAsync(Candidate c, bool keep)
    {
        var bytes = await AllocatedAsync(c.Process);
        c.Process.Refresh();
        var before = c.Process.TotalProcessorTime;
        var output = await OutputAsync("wrk", "-t1", "-c" + Connections, "-d" + (keep ? Seconds : "3") + "s", "--latency", "-H", "Authorization: Bearer " + Key, $"http://127.0.0.1:{c.Port}{c.Path}");
        c.Process.Refresh();
        if (output.Contains("Non-2xx", StringComparison.Ordinal) || !RateLine().IsMatch(output)) throw new InvalidOperationException($"{c.Name}:\n{output}");
        if (!keep) return;
        var rate = double.Parse(RateLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        var calls = double.Parse(CallsLine().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        c.Rates.Add(rate);
        c.Cpu.Add((c.Process.TotalProcessorTime - before).TotalMicroseconds / calls);
        c.Bytes.Add((await AllocatedAsync(c.Process) - bytes) / calls);
        c.P50.Add(Micros(output, "50%"));
        c.P99.Add(Micros(output, "99%"));
    }

    /// <summary>What the process has allocated since its start; see <see cref="Servers.TellAllocations"/>.</summary>
    private static async Task<long> AllocatedAsync(Process process)
    {
        var answer = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Read(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is { } text && text.StartsWith(Servers.AllocatedMark, StringComparison.Ordinal))
                answer.TrySetResult(long.Parse(text.AsSpan(Servers.AllocatedMark.Length), CultureInfo.InvariantCulture));
        }
        process.OutputDataReceived += Read;
        try
        {
            await OutputAsync("kill", "-CONT", process.Id.ToString(CultureInfo.InvariantCulture));
            return await answer.Task.WaitAsync(TimeSpan.FromSeconds(10));
        }
        finally
        {
            process.OutputDataReceived -= Read;
        }
    }

    private static double Micros(string output, string percentile)
    {
        var match = Regex.Match(output, Regex.Escape(percentile) + @"\s+([\d.]+)(us|ms|s)", RegexOptions.None, TimeSpan.FromSeconds(1));
        return double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * match.Groups[2].Value switch { "us" => 1, "ms" => 1000, _ => 1_000_000 };
    }

    // Through the app's own REST surface, as automation would.
    private static async Task PrepareAsync(int port)
    {
        using var api = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        for (var i = 0; ; i++)
        {
            try
            {
                if ((await api.GetAsync("/health/ready")).IsSuccessStatusCode) break;
            }
            catch (HttpRequestException) when (i < 300)
            {
                // Not listening yet.
            }
            await Task.Delay(100);
        }
        await SendAsync(api, HttpMethod.Post, "/api/v1/workspaces", new { name = "Bench", slug = "bench" });
        await SendAsync(api, HttpMethod.Post, "/api/v1/workspaces/bench/credentials", new { name = "upstream_prod", type = "api_key", fields = new { value = "sk-bench-0123456789abcdef0123456789abcdef0123456789abcdef" }, allowed_hosts = new[] { "127.0.0.1:6100" } });
        await SendAsync(api, HttpMethod.Put, "/api/v1/workspaces/bench/tools/upstream", new { kind = "http", base_url = "http://127.0.0.1:6100", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:upstream_prod}}" } });
        await SendAsync(api, HttpMethod.Patch, "/api/v1/workspaces/bench/credentials/upstream_prod", new { scope = new { tools = new[] { "upstream" } } });
    }

    private static async Task SendAsync(HttpClient api, HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        using var answer = await api.SendAsync(request);
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {await answer.Content.ReadAsStringAsync()}");
    }

    private static Process Start((string, string)[] environment, params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet") start.ArgumentList.Add(typeof(BrokerBench).Assembly.Location);
        foreach (var arg in args) start.ArgumentList.Add(arg);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static async Task<string> OutputAsync(string file, params string[] args)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var arg in args) start.ArgumentList.Add(arg);
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim();
    }

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex RateLine();

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex CallsLine();
}
