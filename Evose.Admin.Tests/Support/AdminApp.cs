using System.Net.Http.Headers;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Evose.Admin.Tests.Support;

/// <summary>The whole app on real Kestrel with a data directory of its own, an admin and an API key with every scope.</summary>
public sealed class AdminApp : WebApplicationFactory<Program>
{
    public const string AdminEmail = "admin@example.test";
    public const string AdminPassword = "correct horse battery";

    private readonly bool _ownsDirectory;
    private readonly string? _postgres;
    private readonly Dictionary<string, string?> _settings;
    private readonly Action<IServiceCollection>? _services;

    /// <summary>The app's log, everything it says.</summary>
    public LogCapture Log { get; } = new();

    public string DataDirectory { get; }

    public static readonly string Key = ApiKeyToken.Compose([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    public AdminApp(Dictionary<string, string?>? settings = null, string? dataDirectory = null, Action<IServiceCollection>? services = null, bool start = true, string? postgres = null)
    {
        _ownsDirectory = dataDirectory is null;
        DataDirectory = dataDirectory ?? Directory.CreateTempSubdirectory("evose-test-").FullName;
        if (_ownsDirectory && postgres is null && !PostgresServer.IsDefault) File.Copy(Migrated.Value, Path.Combine(DataDirectory, "evose.db"));
        _postgres = postgres ?? (PostgresServer.IsDefault ? PostgresServer.DatabaseOf(DataDirectory) : null);
        _settings = settings ?? [];
        _services = services;
        UseKestrel(0);
        if (start) StartServer();
    }

    // Migrating takes as long as everything else of a start, and tests of its own.
    private static readonly Lazy<string> Migrated = new(() =>
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("evose-migrated-").FullName, "evose.db");
        using var gate = new WriteGate();
        using var db = new AdminDb(new DbContextOptionsBuilder<AdminDb>().UseSqlite($"Data Source={file};Pooling=False").Options, gate, new CatalogStamp());
        db.Database.Migrate();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(file)!, true);
        return file;
    });

    public string Url => $"http://localhost:{ClientOptions.BaseAddress.Port}";

    public T Get<T>()
        where T : notnull => Services.GetRequiredService<T>();

    /// <summary>The database, with every call recorded so far in it.</summary>
    public async Task<AdminDb> DbAsync()
    {
        await Get<UsageLedger>().CaughtUpAsync(CancellationToken.None);
        return await Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
    }

    /// <summary>The bootstrap admin as the pages know them.</summary>
    public async Task<Actor> AdminAsync()
    {
        await using var db = await DbAsync();
        return new Actor(ActorKind.User, await db.Users.Where(u => u.Email == AdminEmail).Select(u => u.Id).SingleAsync(), AdminEmail);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Testing");
        builder.UseSetting("Evose:DataDirectory", DataDirectory);
        builder.UseSetting("Bootstrap:AdminEmail", AdminEmail);
        builder.UseSetting("Bootstrap:AdminPassword", AdminPassword);
        builder.UseSetting("Bootstrap:ApiKey", Key);
        builder.UseSetting("Egress:AllowedPrivateHosts:0", "127.0.0.1");
        builder.UseSetting("Egress:AllowedPrivateHosts:1", "localhost");
        builder.UseSetting("Egress:AllowHttp", "true");
        builder.UseSetting("Rotation:SweepInterval", "00:00:01");
        // Tests of hygiene say when; all others compare what was written.
        builder.UseSetting("Hygiene:WatchInterval", "00:00:00");
        // Tests ask as fast as they can, and on a clock that stands still nothing is refilled.
        builder.UseSetting("Api:Burst", "1000000");
        builder.UseSetting("Leaks:ChecksPerMinute", "1000000");
        if (_postgres is not null)
        {
            builder.UseSetting("Database:Provider", "Postgres");
            builder.UseSetting("Database:ConnectionString", _postgres);
            builder.UseSetting("Root:IsShared", "true");
        }
        foreach (var (key, value) in _settings) builder.UseSetting(key, value);
        builder.ConfigureLogging(l => l.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(Log));
        if (_services is not null) builder.ConfigureServices(_services);
    }

    /// <summary>A client that carries the key with every scope, or another, or none when null is given.</summary>
    public HttpClient Api(string? key = "")
    {
        var client = new HttpClient { BaseAddress = new Uri(Url) };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key.Length == 0 ? Key : key);
        return client;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_ownsDirectory && Directory.Exists(DataDirectory))
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            await PostgresServer.DropDatabaseOfAsync(DataDirectory);
            DataFolder.Delete(DataDirectory);
        }
    }
}

/// <summary>Keeps every log line.</summary>
public sealed class LogCapture : ILoggerProvider
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = new();

    public IReadOnlyCollection<string> Lines => _lines;

    public ILogger CreateLogger(string categoryName) => new Logger(categoryName, _lines);

    public void Dispose() { }

    private sealed class Logger(string category, System.Collections.Concurrent.ConcurrentQueue<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{logLevel} {category} {formatter(state, exception)} {exception}");
    }
}
