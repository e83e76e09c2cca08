namespace Evose.Admin.Platform.Leaks;

/// <summary>Wires what notices and records leaks.</summary>
public static class LeaksSetup
{
    public static IServiceCollection AddLeakDesk(this IServiceCollection services) => services.AddSingleton<LeakDesk>().AddSingleton<LeakMatcher>().AddSingleton<KnownPlaintext>();
}
