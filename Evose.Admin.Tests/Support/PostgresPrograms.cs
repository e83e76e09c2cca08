using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Evose.Admin.Tests.Support;

/// <summary>PostgreSQL's own programs, run as an account that they accept.</summary>
internal static class PostgresPrograms
{
    private static readonly string? Binaries = Find();

    private static bool IsRoot => Environment.UserName == "root";

    /// <summary>A new directory that the server may write to.</summary>
    public static async Task<string> DirectoryAsync()
    {
        if (Binaries is null) throw new InvalidOperationException("There is no PostgreSQL server: install the package postgresql, or set EVOSE_TEST_POSTGRES to the connection string of one.");
        var directory = Directory.CreateTempSubdirectory("evose-pg-").FullName;
        if (IsRoot) await RunAsync("chown", "postgres", directory);
        return directory;
    }

    // The server refuses to run as root.
    public static Task RunServerAsync(string program, params string[] arguments) =>
        IsRoot ? RunAsync("runuser", ["-u", "postgres", "--", $"{Binaries}/{program}", .. arguments]) : RunAsync($"{Binaries}/{program}", arguments);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        // The server keeps inherited pipes open, so nothing is redirected to a pipe that would be read to its end.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = "/" };
        foreach (var argument in (string[])["-c", "exec \"$0\" \"$@\" >/dev/null 2>&1", program, .. arguments]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} exited with {process.ExitCode}");
    }

    private static string? Find()
    {
        var versions = Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending(StringComparer.Ordinal).Select(d => d + "/bin") : [];
        return versions.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')).FirstOrDefault(d => File.Exists($"{d}/initdb") && File.Exists($"{d}/pg_ctl"));
    }
}

/// <summary>A PostgreSQL of one test's own, with durable commits, which can be killed, started again, followed by a standby and replaced by it.</summary>
internal sealed class PostgresCluster : IAsyncDisposable
{
    private readonly string _directory;

    private PostgresCluster(string directory, int port) => (_directory, Port) = (directory, port);

    public int Port { get; }

    private string Data => _directory + "/data";

    public string Of(string database) => new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Username = "evose", Database = database, Pooling = false }.ConnectionString;

    /// <summary>A server with an empty database <c>evose</c>.</summary>
    public static async Task<PostgresCluster> StartAsync()
    {
        var cluster = new PostgresCluster(await PostgresPrograms.DirectoryAsync(), AppProcess.FreePort());
        await PostgresPrograms.RunServerAsync("initdb", "-D", cluster.Data, "-U", "evose", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        await cluster.StartAgainAsync();
        await PostgresServer.ExecuteAsync(cluster.Of("postgres"), "CREATE DATABASE evose TEMPLATE template0");
        return cluster;
    }

    /// <summary>A standby that has every commit before it is acknowledged.</summary>
    public async Task<PostgresCluster> SynchronousStandbyAsync()
    {
        var standby = new PostgresCluster(await PostgresPrograms.DirectoryAsync(), AppProcess.FreePort());
        await PostgresPrograms.RunServerAsync("pg_basebackup", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "evose", "-D", standby.Data, "-R", "-X", "stream", "-c", "fast", "--no-sync");
        await standby.StartAgainAsync();
        await PostgresServer.ExecuteAsync(Of("postgres"), "ALTER SYSTEM SET synchronous_standby_names = '*'");
        await PostgresServer.ExecuteAsync(Of("postgres"), "SELECT pg_reload_conf()");
        await Given.UntilAsync(async () => await ScalarAsync(Of("postgres"), "SELECT sync_state FROM pg_stat_replication") is "sync");
        return standby;
    }

    public Task StartAgainAsync() => PostgresPrograms.RunServerAsync("pg_ctl", "-D", Data, "-w", "-t", "60", "-l", $"{_directory}/log", "-o",
        $"-p {Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_directory} -c max_connections=200 -c wal_level=replica -c max_wal_senders=4 -c restart_after_crash=off", "start");

    /// <summary>No goodbye: SIGKILL to the server and everything it started.</summary>
    public async Task KillAsync()
    {
        var server = int.Parse((await File.ReadAllLinesAsync(Data + "/postmaster.pid"))[0], CultureInfo.InvariantCulture);
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -9 $(ps -o pid= --ppid {server}) {server} 2>/dev/null"]);
        await kill.WaitForExitAsync();
        await Given.UntilAsync(() => Task.FromResult(!Directory.Exists($"/proc/{server}")));
    }

    public Task PromoteAsync() => PostgresPrograms.RunServerAsync("pg_ctl", "-D", Data, "-w", "promote");

    public static async Task<object?> ScalarAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await PostgresPrograms.RunServerAsync("pg_ctl", "-D", Data, "-m", "immediate", "stop");
        }
        catch (InvalidOperationException)
        {
            // It was killed.
        }
        DataFolder.Delete(_directory);
    }
}
