using Evose.Admin.Platform.Outbound;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Providers;

/// <summary>How values are checked at their providers, and where those live when it is not where everybody finds them.</summary>
public sealed class ProvidersOptions
{
    public const string Section = "Providers";

    /// <summary>How long a check waits for the answer.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A private place (gateway, test server) that stands in for a provider, by the provider's id; null is none.</summary>
    public Dictionary<string, string>? Bases { get; set; }
}

/// <summary>Refuses to start with a place that the egress guard would not let through as a private one: keys would go where nobody expects them.</summary>
internal sealed class ProvidersOptionsValidator(IOptions<EgressOptions> egress) : IValidateOptions<ProvidersOptions>
{
    public ValidateOptionsResult Validate(string? name, ProvidersOptions options)
    {
        var failures = new List<string>();
        if (options.ProbeTimeout <= TimeSpan.Zero || options.ProbeTimeout > TimeSpan.FromMinutes(1)) failures.Add("Providers:ProbeTimeout must be more than zero and at most 1 minute, such as 00:00:10.");
        var guard = new EgressGuard(egress);
        foreach (var (id, text) in options.Bases ?? [])
        {
            if (!Uri.TryCreate(text, UriKind.Absolute, out var place) || place.PathAndQuery != "/" || place.UserInfo.Length > 0) failures.Add($"Providers:Bases:{id} must be scheme, host and port, such as http://127.0.0.1:8080.");
            else if (guard.CheckTarget(place, place.Port) is { } refused) failures.Add($"Providers:Bases:{id}: {refused.Message}");
            else if (!guard.IsPrivate(place)) failures.Add($"Providers:Bases:{id} must be a private host that Egress:AllowedPrivateHosts names.");
        }
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
