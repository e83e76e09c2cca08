using Evose.Admin.Platform.Identity;
using Microsoft.AspNetCore.Connections.Features;

namespace Evose.Admin.Features.Broker;

/// <summary>Where a call goes, as its address says.</summary>
/// <param name="Path">Encoded, with a leading slash and without dot segments; empty for the tool's base.</param>
internal sealed record CallAddress(string Workspace, string Tool, string Path);

/// <summary>
/// What a connection said the last time. The web server keeps the strings of a request's target and headers when the next request of the connection repeats them, so the same instance
/// is the same text, which is read and checked already.
/// </summary>
internal sealed class KnownConnection
{
    private static readonly object Key = new();

    private string? _raw;
    private string? _decoded;
    private CallAddress? _address;

    public KnownCaller Caller { get; } = new();

    /// <summary>Null where several requests at once share the connection.</summary>
    public static KnownConnection? Of(HttpContext context)
    {
        if (!HttpProtocol.IsHttp11(context.Request.Protocol) || context.Features.Get<IConnectionItemsFeature>()?.Items is not { } items) return null;
        if (items.TryGetValue(Key, out var known)) return (KnownConnection)known!;
        var made = new KnownConnection();
        items[Key] = made;
        return made;
    }

    /// <summary>What was read of this very target, or null.</summary>
    public CallAddress? AddressIn(string raw, string decoded) => ReferenceEquals(raw, _raw) && ReferenceEquals(decoded, _decoded) ? _address : null;

    public void Keep(string raw, string decoded, CallAddress address) => (_raw, _decoded, _address) = (raw, decoded, address);
}
