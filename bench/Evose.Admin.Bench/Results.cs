using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Evose.Admin.Bench;

/// <summary>What one part measured: tables to read, figures other parts build on, and its budgets. Kept as JSON, one file per part.</summary>
/// <param name="NotAvailable">Why nothing could be measured; null when it was.</param>
internal sealed record PartResult(string Part, string Command, DateTimeOffset At, Machine Machine, IReadOnlyList<Table> Tables, IReadOnlyList<Measured> Budgets, IReadOnlyList<string> Notes,
    IReadOnlyDictionary<string, double> Values, string? NotAvailable = null);

internal sealed record Table(string Title, IReadOnlyList<string> Head, IReadOnlyList<IReadOnlyList<string>> Rows);

/// <summary>A budget and what was measured against it.</summary>
/// <param name="Goal">What is aimed at beyond the budget, if anything.</param>
internal sealed record Measured(string What, bool AtLeast, double Limit, double Value, string Unit, double? Goal = null)
{
    public bool Met => Reaches(Limit);

    public string Verdict => !Met ? "not met" : Goal is { } goal && Reaches(goal) ? "met, goal too" : "met";

    public string Asked => Bound(Limit) + (Goal is { } goal ? ", goal " + Bound(goal) : "");

    private string Bound(double limit) => $"{(AtLeast ? "≥" : "≤")} {Results.Figure(limit)}{Unit}";

    private bool Reaches(double limit) => AtLeast ? Value >= limit : Value <= limit;
}

/// <summary>Where it was measured, and under which runtime settings every process of ours ran.</summary>
internal sealed record Machine(int Cores, string Cpu, string System, string Runtime, bool ServerGc, string Gc, string Tiering)
{
    public static Machine This() => new(
        Environment.ProcessorCount,
        File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown" : "unknown",
        RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription, GCSettings.IsServerGC, GCSettings.LatencyMode.ToString(), Settings(typeof(Machine).Assembly.GetName().Name!));

    /// <summary>The settings of a runtimeconfig.json beside us that change speed; the default where the file is silent.</summary>
    public static string Settings(string assembly)
    {
        var path = Path.Combine(AppContext.BaseDirectory, assembly + ".runtimeconfig.json");
        using var config = JsonDocument.Parse(File.ReadAllText(path));
        var has = config.RootElement.GetProperty("runtimeOptions").TryGetProperty("configProperties", out var properties);
        return string.Join(", ", (((string, string)[])[("System.GC.Server", "false"), ("System.GC.Concurrent", "true"), ("System.Runtime.TieredCompilation", "true"), ("System.Runtime.TieredPGO", "true"), ("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", "70")])
            .Select(s => $"{s.Item1}={(has && properties.TryGetProperty(s.Item1, out var value) ? value.ToString().ToLowerInvariant() : s.Item2)}"));
    }
}

/// <summary>Keeps the newest result of each part and rewrites the tables of the documents from all of them.</summary>
internal static class Results
{
    private const string Begin = "<!-- bench:begin (rewritten by ./dev bench) -->";
    private const string End = "<!-- bench:end -->";

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Root { get; } = FindRoot();

    private static string Folder => Path.Combine(Root, "bench", "results");

    public static PartResult? Find(string part) =>
        Path.Combine(Folder, part + ".json") is var path && File.Exists(path) ? JsonSerializer.Deserialize<PartResult>(File.ReadAllText(path), Json) : null;

    public static void Keep(PartResult result)
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, result.Part + ".json"), JsonSerializer.Serialize(result, Json));
    }

    /// <summary>Writes every part's newest result into its document.</summary>
    public static void WriteDocuments()
    {
        Write("performance.md", Performance());
        if (Find(Parts.Scale) is { } scale) Write("scale.md", Part(scale));
    }

    /// <summary>One part as Markdown.</summary>
    public static string Part(PartResult r)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"### {r.Part}").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"`{r.Command}`, {r.At:yyyy-MM-dd HH:mm} UTC").AppendLine();
        if (r.NotAvailable is not null) text.AppendLine(CultureInfo.InvariantCulture, $"**Not available:** {r.NotAvailable}").AppendLine();
        foreach (var table in r.Tables)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{table.Title}").AppendLine();
            text.AppendLine(Row(table.Head)).AppendLine(Row([.. table.Head.Select(_ => "---")]));
            foreach (var row in table.Rows) text.AppendLine(Row(row));
            text.AppendLine();
        }
        foreach (var note in r.Notes) text.AppendLine(CultureInfo.InvariantCulture, $"- {note}");
        if (r.Notes.Count > 0) text.AppendLine();
        return text.ToString();
    }

    private static string Performance()
    {
        var results = Parts.Documented.Select(p => (Part: p, Result: Find(p))).ToList();
        var text = new StringBuilder();
        text.AppendLine("### Budgets").AppendLine();
        text.AppendLine("| Part | What | Budget | Measured | |").AppendLine("| --- | --- | --- | --- | --- |");
        foreach (var (part, result) in results)
        {
            if (result is null) text.AppendLine(CultureInfo.InvariantCulture, $"| {part} | – | – | – | not measured |");
            else if (result.NotAvailable is not null) text.AppendLine(CultureInfo.InvariantCulture, $"| {part} | – | – | – | not available |");
            foreach (var b in result?.Budgets ?? [])
                text.AppendLine(CultureInfo.InvariantCulture, $"| {part} | {b.What} | {b.Asked} | {Figure(b.Value)}{b.Unit} | {(b.Met ? b.Verdict : $"**{b.Verdict}**")} |");
        }
        text.AppendLine();
        foreach (var machine in results.Where(r => r.Result is not null).GroupBy(r => r.Result!.Machine))
            text.AppendLine(CultureInfo.InvariantCulture, $"Measured on {machine.Key.Cores} cores ({machine.Key.Cpu}), {machine.Key.System}, {machine.Key.Runtime}; {machine.Key.Tiering}: {string.Join(", ", machine.Select(m => m.Part))}.").AppendLine();
        foreach (var (_, result) in results)
            if (result is not null) text.Append(Part(result));
        return text.ToString();
    }

    private static void Write(string document, string text)
    {
        var path = Path.Combine(Root, "docs", document);
        var old = File.ReadAllText(path);
        var begin = old.IndexOf(Begin, StringComparison.Ordinal);
        var end = old.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin) throw new InvalidOperationException($"docs/{document} has lost its two markers: {Begin} and {End}");
        File.WriteAllText(path, $"{old[..begin]}{Begin}\n\n{text.ReplaceLineEndings("\n").TrimEnd()}\n\n{old[end..]}");
    }

    public static string Figure(double value) => Math.Abs(value) switch
    {
        0 => "0",
        < 0.095 => value.ToString("0.000", CultureInfo.InvariantCulture),
        < 10 => value.ToString("0.00", CultureInfo.InvariantCulture),
        < 100 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("N0", CultureInfo.InvariantCulture),
    };

    private static string Row(IReadOnlyList<string> cells) => $"| {string.Join(" | ", cells)} |";

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Evose.Admin.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("run it from the repository");
    }
}
