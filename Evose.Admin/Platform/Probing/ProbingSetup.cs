namespace Evose.Admin.Platform.Probing;

/// <summary>Wires the one way to check a value.</summary>
public static class ProbingSetup
{
    public static IServiceCollection AddProbing(this IServiceCollection services) => services.AddSingleton<Prober>();
}
