using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Features.Account;

/// <summary>Wires set-up, sign-in, invitations, the recovery key and the sealed state.</summary>
public static class AccountFeature
{
    public static IServiceCollection AddAccount(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<BootstrapOptions>().Bind(configuration.GetSection(BootstrapOptions.Section));
        services.AddSingleton<Bootstrap>();
        services.AddSingleton<SetupToken>();
        services.AddSingleton<UnknownAccounts>();
        services.AddSingleton<RecoveryStatusQuery>();
        services.AddSingleton<UnsealVault>();
        // These work with Identity's managers, which belong to a request.
        services.AddScoped<SetUpOrganization>();
        services.AddScoped<SignIn>();
        services.AddScoped<SignOut>();
        services.AddScoped<AcceptInvitation>();
        services.AddScoped<ChangePassword>();
        services.AddScoped<RecoveryKeys>();
        services.AddScoped<IPasswordValidator<Platform.Data.AdminUser>, PasswordRule>();
        return services.AddAccountLimits(configuration);
    }

    /// <summary>Once the app listens, an installation without people says on the console where to set it up.</summary>
    public static void AnnounceSetup(this WebApplication app) =>
        app.Lifetime.ApplicationStarted.Register(() => app.Services.GetRequiredService<SetupToken>().AnnounceAsync(Console.Out).GetAwaiter().GetResult());
}
