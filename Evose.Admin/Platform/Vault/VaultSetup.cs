using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Vault;

/// <summary>Wires the vault: whoever gets it from the container gets one whose primitives have just been tested.</summary>
public static class VaultSetup
{
    public static IServiceCollection AddVault(this IServiceCollection services, IConfiguration configuration, string dataDirectory)
    {
        services.AddOptions<VaultOptions>().Bind(configuration.GetSection(VaultOptions.Section));
        services.TryAddSingleton(provider => ChooseRoot(configuration[VaultOptions.SecretKeySetting], provider.GetRequiredService<IOptions<VaultOptions>>().Value, dataDirectory));
        services.TryAddSingleton(provider =>
        {
            SelfTest.Run();
            return new SecretVault(provider.GetRequiredService<IRootKey>());
        });
        return services;
    }

    // A setting that is present but empty is a mistake, not a wish for the default: falling back would wrap the first master key by another root than the operator thinks.
    internal static IRootKey ChooseRoot(string? secretKey, VaultOptions options, string dataDirectory) => (secretKey, options.KeyFile) switch
    {
        (not null, not null) => SecretKeyRoot.Unusable("SECRET_KEY and Root:KeyFile are both set; set one of them."),
        (not null, _) => SecretKeyRoot.FromText(secretKey),
        (_, not null) => SecretKeyRoot.FromFile(options.KeyFile),
        _ => new DataProtectionRoot(Path.Combine(dataDirectory, "keys", "root")),
    };
}
