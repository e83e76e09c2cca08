using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Outbound;

/// <summary>What an operator opens of the private network for tools, probes and webhooks; nothing by default.</summary>
public sealed class EgressOptions
{
    public const string Section = "Egress";

    /// <summary>Private hosts that may be reached: host names, IP addresses, networks in CIDR form.</summary>
    public string[] AllowedPrivateHosts { get; set; } = [];

    /// <summary>Whether plain http may be spoken, and then only to allowed private hosts.</summary>
    public bool AllowHttp { get; set; }
}

/// <summary>Refuses to start with an entry that would silently allow nothing, or everything.</summary>
internal sealed class EgressOptionsValidator : IValidateOptions<EgressOptions>
{
    public ValidateOptionsResult Validate(string? name, EgressOptions options)
    {
        var failures = new List<string>();
        for (var i = 0; i < options.AllowedPrivateHosts.Length; i++)
            if (PrivateHosts.Refuse(options.AllowedPrivateHosts[i]) is { } refusal)
                failures.Add($"{EgressOptions.Section}:{nameof(EgressOptions.AllowedPrivateHosts)}:{i} {refusal} {PrivateHosts.Allowed}");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
