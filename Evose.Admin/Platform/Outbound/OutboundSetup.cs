using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Outbound;

/// <summary>Wires the way out: options checked at start, one guard, one client.</summary>
public static class OutboundSetup
{
    public static IServiceCollection AddOutbound(this IServiceCollection services, IConfiguration configuration)
    {
        var section = configuration.GetSection(EgressOptions.Section);
        services.AddOptions<EgressOptions>()
            .Bind(section)
            .PostConfigure(options =>
            {
                // One environment variable with commas is what people write; the binder would drop it without a word.
                if (section[nameof(EgressOptions.AllowedPrivateHosts)] is { Length: > 0 } list)
                    options.AllowedPrivateHosts = list.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            })
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<EgressOptions>, EgressOptionsValidator>());
        services.TryAddSingleton<EgressGuard>();
        services.TryAddSingleton<OutboundClient>();
        return services;
    }
}
