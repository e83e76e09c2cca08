using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Evose.Admin.Bench;

/// <summary>Runs a class of small benchmarks in this process and gives medians in nanoseconds and bytes per operation.</summary>
internal static class Micro
{
    public sealed record Figure(double Nanos, long Bytes);

    public static IReadOnlyDictionary<string, Figure> Run<T>()
    {
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.DontLogOutput).WithWarmupCount(5).WithIterationCount(15).WithMinIterationTime(Perfolizer.Horology.TimeInterval.FromMilliseconds(200)))
            .AddDiagnoser(MemoryDiagnoser.Default).AddColumnProvider(DefaultColumnProviders.Instance).AddLogger(NullLogger.Instance)
            .WithOptions(ConfigOptions.DisableLogFile | ConfigOptions.DisableOptimizationsValidator)
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "evose-bench-micro"));
        var summary = BenchmarkRunner.Run<T>(config);
        if (summary.HasCriticalValidationErrors || summary.Reports.Length == 0 || summary.Reports.Any(r => !r.Success))
            throw new InvalidOperationException(string.Join("; ", summary.ValidationErrors.Select(e => e.Message).Append($"{typeof(T).Name} did not run")));
        return summary.Reports.ToDictionary(r => r.BenchmarkCase.Descriptor.WorkloadMethod.Name, r => new Figure(r.ResultStatistics!.Median, r.GcStats.GetBytesAllocatedPerOperation(r.BenchmarkCase) ?? 0));
    }

    public static string Micros(Figure figure) => Results.Figure(figure.Nanos / 1000) + " µs";

    public static string Times(Figure ours, Figure theirs) => Results.Figure(ours.Nanos / theirs.Nanos) + " ×";
}
