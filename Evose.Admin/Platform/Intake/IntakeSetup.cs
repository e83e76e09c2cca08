namespace Evose.Admin.Platform.Intake;

/// <summary>Wires the way in for values.</summary>
public static class IntakeSetup
{
    public static IServiceCollection AddIntake(this IServiceCollection services) => services.AddSingleton<StagedValues>();

    public static void MapIntake(this WebApplication app) => app.MapPost("/ui/intake", IntakeEndpoint.HandleAsync).RequireAuthorization().DisableAntiforgery().ExcludeFromDescription();
}
