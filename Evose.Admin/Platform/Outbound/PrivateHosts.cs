using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;

namespace Evose.Admin.Platform.Outbound;

/// <summary>The parsed <c>Egress:AllowedPrivateHosts</c>: names match exactly, addresses by network.</summary>
internal sealed class PrivateHosts
{
    public const string Allowed = "Give host names (crm.internal), IP addresses (127.0.0.1, fd00::7) or networks (10.1.0.0/16).";

    private readonly FrozenSet<string> _names;

    private readonly IPNetwork[] _networks;

    public PrivateHosts(IEnumerable<string> entries)
    {
        var names = new List<string>();
        var networks = new List<IPNetwork>();
        foreach (var entry in entries)
        {
            if (Parse(entry, out var name, out var network) is not null) continue;
            if (network is { } known) networks.Add(known);
            else names.Add(name);
        }
        (_names, _networks) = (names.ToFrozenSet(StringComparer.OrdinalIgnoreCase), [.. networks]);
    }

    public bool HasName(string host) => _names.Contains(host);

    public bool HasAddress(IPAddress address)
    {
        var plain = AddressRules.Unmap(address);
        foreach (var network in _networks)
            if (network.Contains(plain)) return true;
        return false;
    }

    /// <summary>What is wrong with an entry, to follow its key, or null.</summary>
    public static string? Refuse(string? entry) => Parse(entry, out _, out _);

    private static string? Parse(string? entry, out string name, out IPNetwork? network)
    {
        (name, network) = ("", null);
        var text = entry?.Trim() ?? "";
        if (text.Length == 0) return "is empty.";

        if (text.Contains('/', StringComparison.Ordinal))
        {
            if (text.Contains("://", StringComparison.Ordinal)) return "is a URL.";
            if (!IPNetwork.TryParse(text, out var parsed) || !IsCanonical(text[..text.IndexOf('/', StringComparison.Ordinal)])) return "is no network.";
            if (parsed.PrefixLength == 0) return "is the whole internet.";
            network = parsed;
            return null;
        }

        var bare = text.StartsWith('[') && text.EndsWith(']') ? text[1..^1] : text;
        if (IPAddress.TryParse(bare, out var address))
        {
            if (!IsCanonical(bare) || bare.Contains('%', StringComparison.Ordinal)) return "is an IP address in an unusual form.";
            address = AddressRules.Unmap(address);
            if (AddressRules.IsMetadata(address)) return "is a cloud metadata address, which is never reachable.";
            network = new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
            return null;
        }

        if (text.Contains(':', StringComparison.Ordinal)) return "has a port; leave it out.";
        if (text.Contains('*', StringComparison.Ordinal)) return "has a wildcard; name each host.";
        if (!Uri.TryCreate($"https://{text}/", UriKind.Absolute, out var uri) || uri.HostNameType != UriHostNameType.Dns || uri.UserInfo.Length > 0) return "is no host name.";
        if (uri.PathAndQuery != "/" || uri.Fragment.Length > 0 || uri.IdnHost.EndsWith('.') || IPAddress.TryParse(uri.IdnHost, out _)) return "is no host name.";
        name = uri.IdnHost;
        return null;
    }

    // 127.1 and 0x7f000001 are addresses to the parser and a surprise to the reader.
    private static bool IsCanonical(string text) => text.Contains(':', StringComparison.Ordinal) || (IPAddress.TryParse(text, out var address) && address.ToString() == text);
}
