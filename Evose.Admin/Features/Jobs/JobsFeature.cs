using Evose.Admin.Platform.Jobs;

namespace Evose.Admin.Features.Jobs;

/// <summary>Wires the jobs page and the job that tidies up.</summary>
public static class JobsFeature
{
    public static IServiceCollection AddJobPages(this IServiceCollection services)
    {
        services.AddSingleton<JobsQuery>();
        services.AddSingleton<TriggerJob>();
        return services.AddJob<HousekeepingJob>();
    }

    public static void ScheduleHousekeeping(this IServiceProvider services) => services.Every<HousekeepingJob>(TimeSpan.FromHours(1));
}
