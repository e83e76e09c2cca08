using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Providers;

/// <summary>Wires the catalogue of providers.</summary>
public static class ProvidersSetup
{
    public static IServiceCollection AddProviderCatalog(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ProvidersOptions>().Bind(configuration.GetSection(ProvidersOptions.Section)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ProvidersOptions>, ProvidersOptionsValidator>());
        return services.AddSingleton<ProviderCatalog>();
    }
}
