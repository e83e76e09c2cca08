using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Vault;

/// <summary>Wires the vault: whoever gets it from the container gets one whose primitives have just been tested.</summary>
public static class VaultSetup
{
    public static IServiceCollection AddVault(this IServiceCollection services, IConfiguration configuration, string dataDirectory)
    {
        // A second node would make a root of its own and stay sealed; better said before the first master key is wrapped by it.
        services.AddOptions<VaultOptions>().Bind(configuration.GetSection(VaultOptions.Section)).ValidateOnStart().Validate(
            o => configuration["Database:Provider"] != "Postgres" || configuration[VaultOptions.SecretKeySetting] is not null || o.KeyFile is not null || o.IsShared,
            "With Database:Provider=Postgres the root key must be one that every node has: set SECRET_KEY or Root:KeyFile, or Root:IsShared=true when keys/root in the data directory is shared by all nodes (or there is only one).");
        services.TryAddSingleton(provider => ChooseRoot(configuration[VaultOptions.SecretKeySetting], provider.GetRequiredService<IOptions<VaultOptions>>().Value, dataDirectory));
        services.TryAddSingleton(provider =>
        {
            SelfTest.Run(provider.GetService<SelfTest.Primitives>() ?? new SelfTest.Primitives());
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
