using Evose.Admin.Platform.Data;
using Hangfire;
using Hangfire.InMemory;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Jobs;

/// <summary>Wires Hangfire as a clock: no deadline lives in it, every one is in our tables.</summary>
public static class JobsSetup
{
    public static IServiceCollection AddJobs(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<JobsOptions>().Bind(configuration.GetSection(JobsOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        // Before Hangfire adds its own, which is whatever was configured last in the process.
        services.AddSingleton(_ => Store(configuration));
        services.AddHangfire((provider, c) => c.UseLogProvider(new HangfireLog(provider.GetRequiredService<ILoggerFactory>())).UseSimpleAssemblyNameTypeSerializer().UseRecommendedSerializerSettings()
            .UseStorage(provider.GetRequiredService<JobStorage>()).UseFilter(new AutomaticRetryAttribute { Attempts = 0 }));
        services.AddHangfireServer(o =>
        {
            o.WorkerCount = 2;
            o.SchedulePollingInterval = TimeSpan.FromSeconds(1);
            o.ShutdownTimeout = TimeSpan.FromSeconds(5);
        });
        services.AddSingleton<JobList>();
        return services;
    }

    private static JobStorage Store(IConfiguration configuration)
    {
        var chosen = configuration.GetSection(JobsOptions.Section).Get<JobsOptions>()?.Storage ?? (DataOptions.IsPostgres(configuration) ? "Postgres" : "InMemory");
        if (chosen != "Postgres") return new InMemoryStorage(new InMemoryStorageOptions { MaxExpirationTime = TimeSpan.FromHours(1) });
        if (!DataOptions.IsPostgres(configuration)) throw new OptionsValidationException(JobsOptions.Section, typeof(JobsOptions), ["Jobs:Storage can be Postgres only when Database:Provider is Postgres."]);
        // Locks are rows, and a process that is killed leaves its own: for ten minutes by default no node could start or give its turn to that job. Each is held for milliseconds; two holders at
        // once would at most put a job into the queue twice, where the second finds the first at work.
        var options = new PostgreSqlStorageOptions { QueuePollInterval = TimeSpan.FromSeconds(1), DistributedLockTimeout = TimeSpan.FromSeconds(5) };
        return new PostgreSqlStorage(new NpgsqlConnectionFactory(configuration[$"{DataOptions.Section}:{nameof(DataOptions.ConnectionString)}"], options), options);
    }

    /// <summary>Makes the tables of the queue, where it has any.</summary>
    public static void PrepareJobs(this IServiceProvider services) => services.GetRequiredService<JobStorage>();

    public static IServiceCollection AddJob<TJob>(this IServiceCollection services)
        where TJob : class, IJob
    {
        services.AddSingleton<TJob>();
        services.AddSingleton<JobRunner<TJob>>();
        return services;
    }

    /// <summary>Runs the job now and then every <paramref name="interval"/> (at least a second).</summary>
    public static void Every<TJob>(this IServiceProvider services, TimeSpan interval)
        where TJob : class, IJob
    {
        var jobs = services.GetRequiredService<IRecurringJobManager>();
        jobs.AddOrUpdate<JobRunner<TJob>>(TJob.Name, j => j.RunAsync(CancellationToken.None), Cron(interval), new RecurringJobOptions { TimeZone = TimeZoneInfo.Utc, MisfireHandling = MisfireHandlingMode.Relaxed });
        services.GetRequiredService<JobList>().Add(TJob.Name, interval, () => jobs.Trigger(TJob.Name));
    }

    internal static string Cron(TimeSpan interval) => interval.TotalSeconds switch
    {
        < 60 => $"*/{Math.Max(1, (int)interval.TotalSeconds)} * * * * *",
        < 3600 => $"*/{(int)interval.TotalMinutes} * * * *",
        < 86400 => $"0 */{(int)interval.TotalHours} * * *",
        _ => "0 3 * * *",
    };
}

/// <summary>The jobs of this app, for the jobs page.</summary>
public sealed class JobList
{
    private readonly List<Entry> _entries = [];

    public IReadOnlyList<Entry> Entries => _entries;

    internal void Add(string name, TimeSpan interval, Action trigger) => _entries.Add(new Entry(name, interval, trigger));

    public sealed record Entry(string Name, TimeSpan Interval, Action Trigger);
}
