using System.Collections.Concurrent;
using System.Globalization;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Hangfire.PostgreSql;
using Microsoft.EntityFrameworkCore;
using Npgsql;

[assembly: AssemblyFixture(typeof(PostgresServer))]

namespace Evose.Admin.Tests.Support;

/// <summary>
/// A PostgreSQL of the run's own, started when a test first asks for a database and removed after the last test. <c>EVOSE_TEST_POSTGRES</c> names another one instead.
/// Where there is none the tests fail: they are never skipped.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Template = "evose_template";

    private static readonly Lazy<Task<PostgresServer>> One = new(StartAsync);
    private static readonly ConcurrentDictionary<string, string> ByDirectory = new(StringComparer.Ordinal);

    private string? _directory;
    private string _admin = "";
    private string _strategy = "";

    /// <summary>True when this run is to test every app on PostgreSQL.</summary>
    public static bool IsDefault { get; } = Environment.GetEnvironmentVariable("EVOSE_TEST_DATABASE") switch
    {
        null or "" or "sqlite" => false,
        "postgres" => true,
        var other => throw new InvalidOperationException($"EVOSE_TEST_DATABASE is '{other}'; it may be sqlite or postgres"),
    };

    /// <summary>The connection string of a new database with the whole schema.</summary>
    public static async Task<string> NewDatabaseAsync(bool empty = false)
    {
        var server = await One.Value;
        var name = "t_" + Guid.CreateVersion7().ToString("n");
        await server.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {(empty ? "template0" : Template)}{server._strategy}");
        return server.Of(name);
    }

    /// <summary>The database that belongs to a data directory: an app that starts again on its directory finds its database again.</summary>
    public static string DatabaseOf(string dataDirectory) => ByDirectory.GetOrAdd(dataDirectory, _ => Task.Run(() => NewDatabaseAsync()).GetAwaiter().GetResult());

    public static async Task DropAsync(string connectionString)
    {
        if (!One.IsValueCreated) return;
        await (await One.Value).ExecuteAsync($"DROP DATABASE IF EXISTS {new NpgsqlConnectionStringBuilder(connectionString).Database} WITH (FORCE)");
    }

    public static async Task DropDatabaseOfAsync(string dataDirectory)
    {
        if (ByDirectory.TryRemove(dataDirectory, out var connectionString)) await DropAsync(connectionString);
    }

    public static async Task<int> ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteNonQueryAsync();
    }

    private string Of(string database) => new NpgsqlConnectionStringBuilder(_admin) { Database = database, MaxPoolSize = 30 }.ConnectionString;

    private Task ExecuteAsync(string sql) => ExecuteAsync(_admin, sql);

    private static async Task<PostgresServer> StartAsync()
    {
        var server = new PostgresServer { _admin = Environment.GetEnvironmentVariable("EVOSE_TEST_POSTGRES") ?? "" };
        if (server._admin.Length == 0) await server.StartOwnAsync();
        await using (var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(server._admin) { Pooling = false }.ConnectionString))
        {
            await connection.OpenAsync();
            // Hundreds of databases: the default of 15 and later, page by page through the log, takes ten times as long.
            if (connection.PostgreSqlVersion.Major >= 15) server._strategy = " STRATEGY FILE_COPY";
        }
        await server.ExecuteAsync($"DROP DATABASE IF EXISTS {Template}");
        await server.ExecuteAsync($"CREATE DATABASE {Template} TEMPLATE template0");
        var template = new NpgsqlConnectionStringBuilder(server.Of(Template)) { Pooling = false }.ConnectionString;
        await using (var db = new PostgresAdminDb(new DbContextOptionsBuilder<PostgresAdminDb>().UseNpgsql(template).Options, new WriteGate(), new CatalogStamp())) await db.Database.MigrateAsync();
        await using (var connection = new NpgsqlConnection(template))
        {
            await connection.OpenAsync();
            PostgreSqlObjectsInstaller.Install(connection);
        }
        return server;
    }

    private async Task StartOwnAsync()
    {
        _directory = await PostgresPrograms.DirectoryAsync();
        await PostgresPrograms.RunServerAsync("initdb", "-D", $"{_directory}/data", "-U", "evose", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        var port = AppProcess.FreePort().ToString(CultureInfo.InvariantCulture);
        await PostgresPrograms.RunServerAsync("pg_ctl", "-D", $"{_directory}/data", "-w", "-t", "60", "-l", $"{_directory}/log", "-o",
            $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_directory} -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400 -c max_wal_size=4GB", "start");
        _admin = $"Host=127.0.0.1;Port={port};Username=evose;Database=postgres";
    }

    public async ValueTask DisposeAsync()
    {
        if (!One.IsValueCreated || await One.Value is not { _directory: { } directory }) return;
        NpgsqlConnection.ClearAllPools();
        await PostgresPrograms.RunServerAsync("pg_ctl", "-D", $"{directory}/data", "-m", "immediate", "stop");
        Directory.Delete(directory, true);
    }
}
