using System.Diagnostics;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;

namespace Evose.Admin.Bench;

/// <summary>What making a group of calls durable costs, beside one write and sync of as many bytes into a file of the same folder. Our own loop: a sync is no work for a sampling of nanoseconds.</summary>
internal static class LedgerBench
{
    private static readonly int[] Sizes = [1, 64, 512];

    public static PartResult Run(Options options)
    {
        var directory = Directory.CreateTempSubdirectory("evose-bench-").FullName;
        try
        {
            using var host = new AppHost(directory);
            var store = host.Get<ILedgerStore>();
            var stamp = host.Get<CatalogStamp>();
            using var plain = File.OpenHandle(Path.Combine(directory, "plain"), FileMode.Create, FileAccess.ReadWrite, preallocationSize: 0);
            RandomAccess.Write(plain, new byte[4 << 20], 0);
            RandomAccess.FlushToDisk(plain);

            var rows = new List<IReadOnlyList<string>>();
            var ours = new Dictionary<int, double>();
            var syncs = new Dictionary<int, double>();
            foreach (var size in Sizes)
            {
                var bytes = new byte[size * 600];
                var (group, sync) = (new List<double>(), new List<double>());
                for (var i = 0; i < 220; i++)
                {
                    var items = Enumerable.Range(0, size).Select(n => new LedgerItem(Entry(stamp.Latest, n), 0)).ToList();
                    var began = Stopwatch.GetTimestamp();
                    store.WriteAsync(items).AsTask().GetAwaiter().GetResult();
                    var took = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
                    // The copy into the database shares disk and cores; it is waited for, and what it left to the file system is flushed, so that each side is measured alone.
                    store.CaughtUpAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
                    RandomAccess.FlushToDisk(plain);
                    began = Stopwatch.GetTimestamp();
                    RandomAccess.Write(plain, bytes, 4096L * (i % 256));
                    RandomAccess.FlushToDisk(plain);
                    if (i < 20) continue;
                    group.Add(took);
                    sync.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
                }
                (ours[size], syncs[size]) = (Stats.Median(group), Stats.Median(sync));
                rows.Add([$"{size}", $"{Results.Figure(ours[size] / syncs[size])} ×", $"{Results.Figure(ours[size])} µs", $"{Results.Figure(ours[size] / size)} µs", $"{Results.Figure(syncs[size])} µs"]);
            }
            var perCall = (ours[512] - ours[1]) / 511;
            return options.Result("ledger",
                [new Table("A group of calls made durable: canonical bytes, chain, MAC, journal, sync. Beside it a plain write and sync of as many bytes.", ["calls in the group", "of a plain write and sync", "median", "per call", "plain write and sync"], rows)],
                notes: ["No budget of its own: it is a part of the broker's."],
                values: new Dictionary<string, double> { ["sync µs"] = syncs[1], ["group of one µs"] = ours[1], ["per call µs"] = perCall });
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(directory, true);
        }
    }

    private static CallEntry Entry(long stamp, int n)
    {
        var now = TimeProvider.System.GetUtcNow();
        return new CallEntry
        {
            Id = Guid.CreateVersion7(now), At = now, Stamp = stamp, WorkspaceId = One, ToolId = Two, Tool = "gpt-call", AgentId = One, Agent = "cs-pro", UserId = "u-42", ApiKeyId = Two, ApiKey = "platform", Ip = "127.0.0.1",
            Method = "POST", Host = "api.example.com", Path = "/v1/chat/completions", Rule = "tool+agent", RequestId = "0HN" + n, Uses = [new VersionUse(One, "openai_prod", 1)],
        };
    }

    private static readonly Guid One = Guid.CreateVersion7(), Two = Guid.CreateVersion7();
}
