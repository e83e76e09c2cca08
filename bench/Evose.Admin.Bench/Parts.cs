using System.Globalization;

namespace Evose.Admin.Bench;

/// <summary>The parts of a run, in order, and what a command line asks of them.</summary>
internal static class Parts
{
    /// <summary>Its result stands in docs/scale.md.</summary>
    public const string Scale = "scale";

    /// <summary>Those whose results stand in docs/performance.md.</summary>
    public static readonly IReadOnlyList<string> Documented = ["vault", "template", "ledger", "broker", "cookie", "upstream20", "sse", "scrub", "pages", "list", "postgres"];

    public static async Task<int> RunAsync(string[] args)
    {
        if (!Options.TryParse(args, out var options))
        {
            await Console.Error.WriteLineAsync($"bench [{string.Join(" | ", Documented)} | {Scale}]… [--rounds N] [--seconds S] [--calls 100000,1000000] [--credentials N] [--streams N]");
            return 2;
        }
        // Ours runs inside this executable, as bare YARP does; what ships runs under its own file, so that one must say the same.
        if (Machine.Settings("Evose.Admin.Bench") is var ours && Machine.Settings("Evose.Admin") is var shipped && ours != shipped)
        {
            await Console.Error.WriteLineAsync($"The benchmark's runtime settings are not the app's, so nothing it says would hold:\n  {ours}\n  {shipped}");
            return 1;
        }
        var failed = 0;
        foreach (var part in options.Parts)
        {
            Console.WriteLine($"== {part}");
            try
            {
                var result = await RunAsync(part, options);
                Results.Keep(result);
                Console.WriteLine(Results.Part(result));
                foreach (var b in result.Budgets) Console.WriteLine($"{b.Verdict}: {b.What} {b.Asked}, measured {Results.Figure(b.Value)}{b.Unit}");
            }
            catch (InvalidOperationException e)
            {
                failed++;
                await Console.Error.WriteLineAsync($"{part} could not be measured: {e.Message}");
            }
        }
        Results.WriteDocuments();
        return failed == 0 ? 0 : 1;
    }

    private static Task<PartResult> RunAsync(string part, Options options) => part switch
    {
        "vault" => Task.FromResult(VaultBench.Run(options)),
        "template" => Task.FromResult(TemplateBench.Run(options)),
        "ledger" => Task.FromResult(LedgerBench.Run(options)),
        "broker" => BrokerBench.BrokerAsync(options),
        "cookie" => BrokerBench.CookieAsync(options),
        "upstream20" => BrokerBench.SlowUpstreamAsync(options),
        "postgres" => BrokerBench.PostgresAsync(options),
        "sse" => StreamBench.RunAsync(options),
        "scrub" => ScrubBench.RunAsync(options),
        "pages" => PagesBench.RunAsync(options),
        "list" => ListBench.RunAsync(options),
        Scale => Task.FromResult(ScaleModel.Run(options)),
        _ => throw new InvalidOperationException("there is no such part"),
    };
}

/// <summary>What to measure and for how long.</summary>
internal sealed record Options(IReadOnlyList<string> Parts, int Rounds, int Seconds, IReadOnlyList<int> Calls, int Credentials, int Streams)
{
    /// <summary>The command that measures this part the same way again.</summary>
    public string Command(string part) => part switch
    {
        "pages" => $"./dev bench pages --calls {string.Join(',', Calls)} --credentials {Credentials}",
        "sse" => $"./dev bench sse --rounds {Rounds} --seconds {Seconds} --streams {Streams}",
        "broker" or "cookie" or "upstream20" or "scrub" or "postgres" => $"./dev bench {part} --rounds {Rounds} --seconds {Seconds}",
        _ => $"./dev bench {part}",
    };

    public PartResult Result(string part, IReadOnlyList<Table> tables, IReadOnlyList<Measured>? budgets = null, IReadOnlyList<string>? notes = null, IReadOnlyDictionary<string, double>? values = null, string? notAvailable = null) =>
        new(part, Command(part), TimeProvider.System.GetUtcNow(), Machine.This(), tables, budgets ?? [], notes ?? [], values ?? new Dictionary<string, double>(), notAvailable);

    public static bool TryParse(string[] args, out Options options)
    {
        options = new Options([], 7, 5, [100_000, 1_000_000], 100_000, 100);
        var parts = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith('-'))
            {
                if (args[i] != Bench.Parts.Scale && !Bench.Parts.Documented.Contains(args[i])) return false;
                parts.Add(args[i]);
                continue;
            }
            if (i + 1 == args.Length) return false;
            var values = args[++i].Split(',').Select(v => int.TryParse(v, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).ToList();
            if (values.Exists(v => v < 1)) return false;
            switch (args[i - 1])
            {
                case "--rounds": options = options with { Rounds = values[0] }; break;
                case "--seconds": options = options with { Seconds = values[0] }; break;
                case "--calls": options = options with { Calls = [.. values.Order()] }; break;
                case "--credentials": options = options with { Credentials = values[0] }; break;
                case "--streams": options = options with { Streams = values[0] }; break;
                default: return false;
            }
        }
        options = options with { Parts = parts.Count > 0 ? parts : [.. Bench.Parts.Documented, Bench.Parts.Scale] };
        return true;
    }
}
