namespace Evose.Admin.Platform.OAuth;

/// <summary>Wires what speaks OAuth and keeps tokens alive.</summary>
public static class OAuthSetup
{
    public static IServiceCollection AddOAuthTokens(this IServiceCollection services) =>
        services.AddSingleton<OAuthProviders>().AddSingleton<OAuthApps>().AddSingleton<OAuthConnector>().AddSingleton<TokenKeeper>();
}
