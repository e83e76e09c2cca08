using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Data;

/// <summary>Wires the database: context factory, pragmas, migration at start.</summary>
public static class DataSetup
{
    public static IServiceCollection AddData(this IServiceCollection services, IConfiguration configuration, DataDirectory directory)
    {
        services.AddOptions<DataOptions>().Bind(configuration.GetSection(DataOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(directory);
        services.AddSingleton<WriteGate>();
        services.AddSingleton<Erasure>();
        services.AddSingleton<CatalogStamp>();
        services.AddHostedService<KeyWatch>();
        services.AddSingleton<CallLog>();
        services.AddOptions<RetentionOptions>().Bind(configuration.GetSection(RetentionOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        var options = configuration.GetSection(DataOptions.Section).Get<DataOptions>() ?? new DataOptions();
        if (DataOptions.IsPostgres(configuration)) AddPostgres(services, options);
        else AddSqlite(services, ConnectionString(options, directory));
        return services;
    }

    private static void AddSqlite(IServiceCollection services, string connectionString)
    {
        services.AddSingleton(new Sqlite(connectionString));
        services.AddSingleton<CallSegments>();
        services.AddDbContextFactory<AdminDb>((provider, options) => options
            // Said, so that EF does not ask in the log: a credential has few versions and fields. Lists of many split by themselves.
            .UseSqlite(connectionString, b => b.UseQuerySplittingBehavior(QuerySplittingBehavior.SingleQuery))
            .AddInterceptors(new SqlitePragmas())
            .AddInterceptors(provider.GetServices<ISaveChangesInterceptor>()));
    }

    private static void AddPostgres(IServiceCollection services, DataOptions options)
    {
        if (options.ConnectionString.Length == 0) throw new OptionsValidationException(DataOptions.Section, typeof(DataOptions), ["Database:ConnectionString is missing: PostgreSQL needs one, such as Host=db;Database=evose;Username=evose_app;Password=…"]);
        services.AddSingleton(_ => new Postgres(options.ConnectionString));
        services.AddDbContextFactory<PostgresAdminDb>((provider, o) => o
            .UseNpgsql(options.ConnectionString, b => b.UseQuerySplittingBehavior(QuerySplittingBehavior.SingleQuery))
            .AddInterceptors(CaselessLike.One)
            .AddInterceptors(provider.GetServices<ISaveChangesInterceptor>()));
        services.AddSingleton<IDbContextFactory<AdminDb>, PostgresFactory>();
        services.AddHostedService<StampListener>();
    }

    private static string ConnectionString(DataOptions options, DataDirectory directory) =>
        options.ConnectionString.Length > 0 ? options.ConnectionString
        : new SqliteConnectionStringBuilder { DataSource = directory.Database, ForeignKeys = true, DefaultTimeout = 5 }.ToString();

    /// <summary>Held while a node migrates and makes what an installation has once, so that several may start at the same moment.</summary>
    public static async Task<IAsyncDisposable?> StartingAloneAsync(IServiceProvider services, CancellationToken ct) =>
        services.GetService<Postgres>() is { } postgres ? await postgres.LockAsync(AdvisoryLock.Start, ct) : null;

    /// <summary>Brings the schema up to date; clears the lock row that a killed migration leaves behind (one process owns an SQLite file).</summary>
    public static async Task MigrateAsync(IServiceProvider services, DateTimeOffset now, CancellationToken ct)
    {
        await using var db = await services.GetRequiredService<IDbContextFactory<AdminDb>>().CreateDbContextAsync(ct);
        if ((await db.Database.GetPendingMigrationsAsync(ct)).Any())
        {
            if (db.Database.IsSqlite()) await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS \"__EFMigrationsLock\"", ct);
            await db.Database.MigrateAsync(ct);
        }
        if (db.Database.IsNpgsql()) await Partitions.PrepareAsync(db, now, ct);
        var installation = await db.Installations.AsNoTracking().SingleOrDefaultAsync(ct);
        if (installation is null)
        {
            db.Installations.Add(installation = new Installation { Id = Guid.CreateVersion7(now), CreatedAt = now, Stamp = 1 });
            await db.SaveChangesAsync(ct);
        }
        services.GetRequiredService<CatalogStamp>().Advance(installation.Stamp);
        if (db.Database.IsNpgsql()) services.GetRequiredService<CatalogStamp>().Confirm(CatalogStamp.Now);
    }
}

/// <summary>Opens plain connections to the same SQLite file for the ledger, which does not go through EF.</summary>
public sealed class Sqlite(string connectionString)
{
    public SqliteConnection Open()
    {
        var connection = new SqliteConnection(connectionString);
        connection.Open();
        SqlitePragmas.Set(connection);
        return connection;
    }

    /// <summary>Moves the write-ahead log into the database and empties it, so that destroyed bytes are in neither. False when a reader or writer stood in the way.</summary>
    public bool Checkpoint()
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        // Whoever holds the gate must not wait for a reader.
        command.CommandText = "PRAGMA busy_timeout=0";
        command.ExecuteNonQuery();
        command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
        return command.ExecuteScalar() is 0L;
    }
}

/// <summary>FULL: an acknowledged row survives a power cut. secure_delete: what is deleted is overwritten. busy_timeout: a command beside the app, such as keys rotate, writes too.</summary>
internal sealed class SqlitePragmas : DbConnectionInterceptor
{
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) => Set(connection);

    public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Set(connection);
        return Task.CompletedTask;
    }

    internal static void Set(DbConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=5000;";
        command.ExecuteNonQuery();
    }
}
