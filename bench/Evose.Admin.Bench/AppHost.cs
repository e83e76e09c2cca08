using Evose.Admin.Platform.Ledger;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Evose.Admin.Bench;

/// <summary>The app in this process on a data directory, for what is asked of its parts directly. Its clock can be moved, so that a year of calls is written at the times they tell of.</summary>
internal sealed class AppHost : WebApplicationFactory<UsageLedger>
{
    private readonly string _directory;

    public AppHost(string directory)
    {
        _directory = directory;
        UseKestrel(0);
        StartServer();
    }

    public MovedClock Clock { get; } = new();

    public T Get<T>()
        where T : notnull => Services.GetRequiredService<T>();

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Testing");
        builder.UseSetting("Evose:DataDirectory", _directory);
        builder.UseSetting("Bootstrap:AdminEmail", "admin@example.test");
        // What it looks at is not what is measured.
        builder.UseSetting("Hygiene:WatchInterval", "00:00:00");
        builder.UseSetting("Bootstrap:AdminPassword", "correct horse battery");
        builder.ConfigureLogging(l => l.ClearProviders());
        builder.ConfigureServices(s => s.Replace(ServiceDescriptor.Singleton<TimeProvider>(Clock)));
    }
}

/// <summary>The system's clock, or a moment it is told.</summary>
internal sealed class MovedClock : TimeProvider
{
    /// <summary>Null: the system's time.</summary>
    public DateTimeOffset? Now { get; set; }

    public override DateTimeOffset GetUtcNow() => Now ?? System.GetUtcNow();
}
