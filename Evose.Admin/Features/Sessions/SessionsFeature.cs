using Evose.Admin.Platform.Brokering;

namespace Evose.Admin.Features.Sessions;

/// <summary>Wires what keeps signed-in sessions of sites alive.</summary>
public static class SessionsFeature
{
    public static IServiceCollection AddSessions(this IServiceCollection services) => services.AddSingleton<RollSession>().AddSingleton<IAnswerWatcher, SessionWatcher>();
}
