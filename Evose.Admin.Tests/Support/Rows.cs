using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Support;

/// <summary>What stands in every table at one moment, as a number of rows and a hash: two equal pictures mean that nothing was written in between.</summary>
public static class Rows
{
    // Written by the clock, or by the mere fact that a key was shown.
    private static readonly HashSet<string> ByTheClock = ["job_run", "sqlite_sequence", "sqlite_stat1"];
    private static readonly HashSet<string> NotCompared = ["last_used_at"];

    public static async Task<SortedDictionary<string, string>> PictureAsync(AdminApp app)
    {
        await SettleAsync(app);
        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        await db.Database.OpenConnectionAsync();
        var connection = db.Database.GetDbConnection();
        await using var names = connection.CreateCommand();
        names.CommandText = db.Database.IsNpgsql() ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public'" : "SELECT name FROM sqlite_master WHERE type = 'table'";
        var tables = new List<string>();
        await using (var reader = await names.ExecuteReaderAsync())
            while (await reader.ReadAsync()) tables.Add(reader.GetString(0));

        var picture = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var table in tables.Where(t => !ByTheClock.Contains(t)))
        {
            await using var all = connection.CreateCommand();
#pragma warning disable CA2100 // The name comes from the database's own list.
            all.CommandText = $"SELECT * FROM \"{table}\"";
#pragma warning restore CA2100
            await using var reader = await all.ExecuteReaderAsync();
            var rows = new List<string>();
            while (await reader.ReadAsync())
            {
                var row = new StringBuilder();
                for (var i = 0; i < reader.FieldCount; i++)
                    if (!NotCompared.Contains(reader.GetName(i))) row.Append(reader.GetValue(i) is byte[] bytes ? Convert.ToHexString(bytes) : reader.GetValue(i)).Append('\u001f');
                rows.Add(row.ToString());
            }
            rows.Sort(StringComparer.Ordinal);
            picture[table] = $"{rows.Count} {Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', rows))))[..16]}";
        }
        return picture;
    }

    // A call's end is recorded after its answer was sent.
    private static async Task SettleAsync(AdminApp app)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(30))
        {
            await using var db = await app.DbAsync();
            if (await db.Calls.CountAsync(c => !c.Refused) == await db.CallCompletions.CountAsync()) return;
            await Task.Delay(10);
        }
    }

    /// <summary>The tables that differ.</summary>
    public static string Changed(SortedDictionary<string, string> before, SortedDictionary<string, string> after) =>
        string.Join(", ", after.Where(t => before.GetValueOrDefault(t.Key) != t.Value).Select(t => $"{t.Key}: {before.GetValueOrDefault(t.Key)} → {t.Value}"));
}
