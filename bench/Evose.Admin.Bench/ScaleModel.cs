using System.Globalization;

namespace Evose.Admin.Bench;

/// <summary>What a load needs, worked out from the newest results of the other parts, and the model of group commit for disks that are not this machine's.</summary>
internal static class ScaleModel
{
    private const double SecondsPerMonth = 30 * 86_400;

    /// <summary>How busy a core may be on average.</summary>
    private const double Busy = 0.5;

    public static PartResult Run(Options options)
    {
        var ledger = Results.Find("ledger")?.Values;
        var pages = Results.Find("pages")?.Values;
        var broker = Results.Find("broker")?.Values;
        if (ledger is null || pages is null || broker is null) throw new InvalidOperationException("it works out what ledger, pages and broker measured: run those first");
        return options.Result(Parts.Scale, [Needs(broker[$"{BrokerBench.Durable}/CPU µs"], pages), Waits(ledger["per call µs"] / 1000)],
            notes:
            [
                $"From `./dev bench broker` (CPU per call), `pages` (bytes, verification, the copy into the database) and `ledger` ({Results.Figure(ledger["sync µs"])} µs per sync, {Results.Figure(ledger["per call µs"])} µs per row) on one machine.",
                "The model leaves out the copy into the database and everything else that wants the cores: it is a lower limit of the wait.",
            ]);
    }

    private static Table Needs(double cpuMicros, IReadOnlyDictionary<string, double> pages)
    {
        int[] rates = [100, 1_000, 10_000, 100_000];
        IReadOnlyList<string> Row(string what, Func<int, double> figure) => [what, .. rates.Select(r => Results.Figure(figure(r)))];
        return new Table("What a steady load needs, from what one call needed here.", ["calls/s", .. rates.Select(r => r.ToString("N0", CultureInfo.InvariantCulture))],
        [
            Row("calls per month, millions", r => r * SecondsPerMonth / 1e6),
            Row($"cores for the broker, {Busy:P0} busy ({Results.Figure(cpuMicros)} µs per call)", r => r * cpuMicros / 1e6 / Busy),
            Row("rows into the database per second (a call and its completion)", r => 2.0 * r),
            Row($"share of what one SQLite database takes ({Results.Figure(pages["written calls per s"])} calls/s)", r => r / pages["written calls per s"]),
            Row($"GB per day ({Results.Figure(pages["bytes per call"])} bytes per call, SQLite)", r => r * 86_400.0 * pages["bytes per call"] / 1e9),
            Row("TB per month", r => r * SecondsPerMonth * pages["bytes per call"] / 1e12),
            Row($"hours to verify a month on one core ({Results.Figure(pages["verified rows per s"])} rows/s)", r => 2 * r * SecondsPerMonth / pages["verified rows per s"] / 3600),
        ]);
    }

    private static Table Waits(double rowMs)
    {
        double[] syncs = [0.15, 0.5, 1, 3, 10];
        int[] rates = [100, 1_000, 5_000, 10_000, 20_000, 50_000];
        return new Table($"Model: wait of a call for its record, p50 / p99, and mean rows of a group. {CommitModel.Calls:N0} calls per cell, seed {CommitModel.Seed}, upstream {CommitModel.UpstreamMs} ms (exponential), at most {CommitModel.MostRows} rows per group, {Results.Figure(rowMs * 1000)} µs per row.",
            ["calls/s on one node", .. syncs.Select(s => $"sync {s.ToString(CultureInfo.InvariantCulture)} ms")],
            [
                .. rates.Select(rate => (IReadOnlyList<string>)
                [
                    rate.ToString("N0", CultureInfo.InvariantCulture),
                    .. syncs.Select(sync => CommitModel.Simulate(rate, sync, rowMs) is { Stable: true } o ? $"{Results.Figure(o.P50)} / {Results.Figure(o.P99)} ms; {Results.Figure(o.Rows)}" : "cannot keep up"),
                ]),
                ["most calls/s one writer takes", .. syncs.Select(sync => (CommitModel.MostRows / 2 / (sync + (CommitModel.MostRows * rowMs)) * 1000).ToString("N0", CultureInfo.InvariantCulture))],
            ]);
    }
}
