using System.Diagnostics;
using System.Text;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Bench;

/// <summary>What sealing and opening one 64-byte value costs, median of batches.</summary>
internal static class VaultBench
{
    public static int Run()
    {
        var directory = Directory.CreateTempSubdirectory("evose-bench-").FullName;
        var vault = new SecretVault(new DataProtectionRoot(directory));
        vault.Initialize(Guid.CreateVersion7(), TimeProvider.System.GetUtcNow());
        var address = new SecretAddress(Guid.CreateVersion7(), Guid.CreateVersion7(), 1);
        using var value = Plaintext.CopyOf(Encoding.ASCII.GetBytes(new string('k', 64)));
        var fields = new Dictionary<string, Plaintext> { ["value"] = value };
        var sealedValue = vault.Seal(address, fields);
        var seal = Median(() => vault.Seal(address, fields));
        var open = Median(() => vault.Open(address, sealedValue, "value").Dispose());
        Console.WriteLine();
        Console.WriteLine("| vault, 64-byte value | median | budget |");
        Console.WriteLine("| --- | --- | --- |");
        Console.WriteLine($"| seal | {seal:F1} µs | ≤ 10 µs |");
        Console.WriteLine($"| open | {open:F1} µs | ≤ 6 µs |");
        Directory.Delete(directory, true);
        return 0;
    }

    private static double Median(Action act)
    {
        const int Batch = 2000;
        for (var i = 0; i < Batch * 5; i++) act();
        var times = new double[25];
        for (var t = 0; t < times.Length; t++)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < Batch; i++) act();
            times[t] = Stopwatch.GetElapsedTime(began).TotalMicroseconds / Batch;
        }
        Array.Sort(times);
        return times[times.Length / 2];
    }
}
