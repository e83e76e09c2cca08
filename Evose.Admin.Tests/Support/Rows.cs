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

    public static SortedDictionary<string, string> Picture(AdminApp app)
    {
        using var db = app.Get<IDbContextFactory<AdminDb>>().CreateDbContext();
        db.Database.OpenConnection();
        var connection = db.Database.GetDbConnection();
        using var names = connection.CreateCommand();
        names.CommandText = db.Database.IsNpgsql() ? "SELECT tablename FROM pg_tables WHERE schemaname = 'public'" : "SELECT name FROM sqlite_master WHERE type = 'table'";
        var tables = new List<string>();
        using (var reader = names.ExecuteReader())
            while (reader.Read()) tables.Add(reader.GetString(0));

        var picture = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var table in tables.Where(t => !ByTheClock.Contains(t)))
        {
            using var all = connection.CreateCommand();
#pragma warning disable CA2100 // The name comes from the database's own list.
            all.CommandText = $"SELECT * FROM \"{table}\"";
#pragma warning restore CA2100
            using var reader = all.ExecuteReader();
            var rows = new List<string>();
            while (reader.Read())
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

    /// <summary>The tables that differ.</summary>
    public static string Changed(SortedDictionary<string, string> before, SortedDictionary<string, string> after) =>
        string.Join(", ", after.Where(t => before.GetValueOrDefault(t.Key) != t.Value).Select(t => $"{t.Key}: {before.GetValueOrDefault(t.Key)} → {t.Value}"));
}
