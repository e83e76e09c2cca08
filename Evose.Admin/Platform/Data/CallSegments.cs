using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Platform.Data;

/// <summary>
/// The segments of the record of calls on SQLite: number 0 lies in the database, every later one in a file of its own with the same two tables. The rows of <see cref="CallSegment"/>
/// in the database say which there are; a file without a row counts for nothing.
/// </summary>
public sealed class CallSegments(DataDirectory directory, Sqlite sqlite)
{
    private volatile IReadOnlyList<CallSegment>? _all;

    /// <summary>Newest first; the first is open.</summary>
    public IReadOnlyList<CallSegment> All => _all ??= Load();

    /// <summary>Where the segment lies; null for the one in the database.</summary>
    public string? ConnectionString(CallSegment segment) => segment.Number == 0 ? null : ConnectionString(PathOf(segment.Number));

    /// <summary>Reads anew which segments there are.</summary>
    public void Forget() => _all = null;

    /// <summary>Closes the open segment at the chain's head and begins the next. To be called by who writes calls, inside the gate and outside of a transaction.</summary>
    public void Begin(long lastSeq, long lastPosition, byte[] link, byte[] mac)
    {
        var open = All[0];
        var number = open.Number + 1;
        var path = PathOf(number);
        Directory.CreateDirectory(directory.Calls);
        // What a crash left of it.
        Delete(path);
        File.Create(path).Dispose();
        using var main = sqlite.Open();
        using (var file = Open(path)) MakeTables(main, file);
        using var transaction = main.BeginTransaction();
        Run(main, "INSERT INTO call_segment (number, first_seq, last_seq, after_position, last_position, link, mac) VALUES ($n, $f, $l, $a, $p, $k, $m) ON CONFLICT (number) "
            + "DO UPDATE SET last_seq = excluded.last_seq, last_position = excluded.last_position, link = excluded.link, mac = excluded.mac",
            ("$n", open.Number), ("$f", open.FirstSeq), ("$l", lastSeq), ("$a", open.AfterPosition), ("$p", lastPosition), ("$k", link), ("$m", mac));
        Run(main, "INSERT INTO call_segment (number, first_seq, last_seq, after_position, link, mac) VALUES ($n, $f, $l, $a, x'', x'')",
            ("$n", number), ("$f", lastSeq + 1), ("$l", long.MaxValue), ("$a", lastPosition));
        transaction.Commit();
        Forget();
    }

    /// <summary>A connection for writing to the segment; it is the caller's.</summary>
    public SqliteConnection Open(CallSegment segment) => segment.Number == 0 ? sqlite.Open() : Open(PathOf(segment.Number));

    /// <summary>Deletes the files of segments that have no row any more.</summary>
    public void DeleteRetired()
    {
        if (!Directory.Exists(directory.Calls)) return;
        var known = All.Select(s => PathOf(s.Number)).ToHashSet(StringComparer.Ordinal);
        var newest = PathOf(All[0].Number);
        foreach (var path in Directory.GetFiles(directory.Calls, "*.db"))
            if (!known.Contains(path) && string.CompareOrdinal(path, newest) < 0) Delete(path);
    }

    private string PathOf(int number) => Path.Combine(directory.Calls, string.Create(CultureInfo.InvariantCulture, $"{number:D6}.db"));

    private static string ConnectionString(string path) => new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = 5, Mode = SqliteOpenMode.ReadWrite }.ToString();

    private static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection(ConnectionString(path));
        connection.Open();
        SqlitePragmas.Set(connection);
        return connection;
    }

    private static void Delete(string path)
    {
        using (var connection = new SqliteConnection(ConnectionString(path))) SqliteConnection.ClearPool(connection);
        foreach (var file in new[] { path, path + "-wal", path + "-shm" }) File.Delete(file);
    }

    // As they are in the database at this moment, indexes and all.
    private static void MakeTables(SqliteConnection main, SqliteConnection file)
    {
        var statements = new List<string>();
        using (var command = main.CreateCommand())
        {
            command.CommandText = "SELECT sql FROM sqlite_master WHERE tbl_name IN ('call_record', 'call_completion') AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC";
            using var reader = command.ExecuteReader();
            while (reader.Read()) statements.Add(reader.GetString(0));
        }
        using (var transaction = file.BeginTransaction())
        {
            foreach (var statement in statements) Run(file, statement);
            transaction.Commit();
        }
        // From the log into the file, and synced.
        Run(file, "PRAGMA wal_checkpoint(TRUNCATE)");
    }

    private static void Run(SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters) command.Parameters.AddWithValue(name, value);
        command.ExecuteNonQuery();
    }

    private IReadOnlyList<CallSegment> Load()
    {
        using var connection = sqlite.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT number, first_seq, last_seq, after_position, last_position, link, mac FROM call_segment ORDER BY number DESC";
        using var reader = command.ExecuteReader();
        var all = new List<CallSegment>();
        while (reader.Read())
        {
            all.Add(new CallSegment
            {
                Number = reader.GetInt32(0), FirstSeq = reader.GetInt64(1), LastSeq = reader.GetInt64(2), AfterPosition = reader.GetInt64(3),
                LastPosition = reader.IsDBNull(4) ? null : reader.GetInt64(4), Link = reader.GetFieldValue<byte[]>(5), Mac = reader.GetFieldValue<byte[]>(6),
            });
        }
        return all.Count > 0 ? all : [new CallSegment()];
    }
}
