using System.Globalization;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Features.Backup;

/// <summary>
/// <c>backup DIRECTORY</c> on the command line, beside the running app or without it: database, journal of uses and audit anchor as of one moment, without the keys.
/// 0 when it is whole and was checked, 1 with the reason on standard error when not.
/// </summary>
public static class BackupVerb
{
    // Only a journal that wrapped around meanwhile asks for another attempt.
    private const int Attempts = 3;

    public static async Task<int> RunAsync(IServiceProvider services, string target, TextWriter output, TextWriter error, CancellationToken ct)
    {
        if (services.GetService<Sqlite>() is not { } sqlite)
        {
            await error.WriteLineAsync("On PostgreSQL the database is backed up with its own tools: pg_dump --format=custom, or a base backup with the write-ahead log. See docs/operations.md.");
            return 1;
        }
        var data = services.GetRequiredService<DataDirectory>();
        try
        {
            if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
            {
                await error.WriteLineAsync($"{target} is not empty; a backup goes into a directory of its own.");
                return 1;
            }
            var into = DataDirectory.Prepare(target);
            for (var attempt = 1; ; attempt++)
            {
                // First the anchor: all it tells of is then in the database.
                if (File.Exists(data.AuditAnchor)) File.Copy(data.AuditAnchor, into.AuditAnchor, overwrite: true);
                File.Delete(into.Database);
                using (var connection = sqlite.Open()) Copy(connection, into.Database);
                var position = Check(into.Database);
                CopySegments(data.Calls, into.Calls, position);
                CopyJournal(data.Ledger, into.Ledger);
                var newest = Journal.Continues(into.Ledger, position);
                // Uses between the two copies are missing: the database alone is whole, as of its moment.
                if (newest is null && attempt == Attempts) Directory.Delete(into.Ledger, recursive: true);
                if (newest is null && attempt < Attempts) continue;
                await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                    $"Backed up to {into.Path}: {new FileInfo(into.Database).Length} bytes, calls up to {Math.Max(newest ?? 0, position)}. The keys are not in it: keep {data.Keys} (or SECRET_KEY) apart from it."));
                return 0;
            }
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"The backup failed: {e.Message}");
            return 1;
        }
    }

    // One read transaction of the whole file; writers go on.
    private static void Copy(SqliteConnection connection, string into)
    {
        using var command = connection.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText = "VACUUM INTO $into";
        command.Parameters.AddWithValue("$into", into);
        command.ExecuteNonQuery();
        // As the app keeps it: who only looks could not change it.
        using (var copy = Open(into))
        {
            using var wal = copy.CreateCommand();
            wal.CommandText = "PRAGMA journal_mode=WAL";
            wal.ExecuteNonQuery();
        }
        using var file = new FileStream(into, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
    }

    // What came into a segment after the database was copied comes from the journal again.
    private static void CopySegments(string from, string to, long position)
    {
        if (Directory.Exists(to)) Directory.Delete(to, recursive: true);
        if (!Directory.Exists(from)) return;
        Directory.CreateDirectory(to);
        foreach (var path in Directory.GetFiles(from, "*.db"))
        {
            var into = Path.Combine(to, Path.GetFileName(path));
            using (var source = Open(path)) Copy(source, into);
            using var copy = Open(into);
            foreach (var table in new[] { "call_record", "call_completion" })
            {
                using var command = copy.CreateCommand();
                command.CommandText = $"DELETE FROM {table} WHERE position > $position";
                command.Parameters.AddWithValue("$position", position);
                command.ExecuteNonQuery();
            }
        }
    }

    private static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 5 }.ToString());
        connection.Open();
        return connection;
    }

    // How far the copy's chain of calls goes.
    private static long Check(string database)
    {
        using var connection = Open(database);
        using var command = connection.CreateCommand();
        command.CommandTimeout = 0;
        command.CommandText = "PRAGMA integrity_check";
        if (command.ExecuteScalar() is not "ok") throw new IOException("the copy of the database is damaged");
        command.CommandText = "SELECT seq FROM chain_head WHERE lane = 'calls'";
        return command.ExecuteScalar() as long? ?? 0;
    }

    private static void CopyJournal(string from, string to)
    {
        if (Directory.Exists(to)) Directory.Delete(to, recursive: true);
        Directory.CreateDirectory(to);
        if (!Directory.Exists(from)) return;
        foreach (var path in Directory.GetFiles(from, "journal-*.log").Order(StringComparer.Ordinal))
        {
            try
            {
                using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using var copy = new FileStream(Path.Combine(to, Path.GetFileName(path)), FileMode.CreateNew);
                source.CopyTo(copy);
                copy.Flush(flushToDisk: true);
            }
            catch (FileNotFoundException)
            {
                // All of it was in the database, and the file was used again under another name.
            }
        }
    }
}
