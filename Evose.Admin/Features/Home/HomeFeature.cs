namespace Evose.Admin.Features.Home;

/// <summary>Wires the overview of a workspace.</summary>
public static class HomeFeature
{
    public static IServiceCollection AddHome(this IServiceCollection services)
    {
        services.AddSingleton<OverviewQuery>();
        return services;
    }
}
