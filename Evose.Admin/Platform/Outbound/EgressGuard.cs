using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Evose.Admin.Domain;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Outbound;

/// <summary>All addresses of a host name, A and AAAA.</summary>
public delegate Task<IPAddress[]> HostResolver(string host, CancellationToken ct);

/// <summary>Decides what the app may connect to: the URL before a call, the addresses when the connection is made; the address vetted is the address used.</summary>
public sealed class EgressGuard
{
    public const string Rule = "egress";

    private const string HostsSetting = $"{EgressOptions.Section}:{nameof(EgressOptions.AllowedPrivateHosts)}";

    private const string HttpSetting = $"{EgressOptions.Section}:{nameof(EgressOptions.AllowHttp)}";

    private const int MaxAttempts = 8;

    private const int MaxPassed = 4096;

    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(4);

    private readonly PrivateHosts _private;

    private readonly bool _allowHttp;

    private readonly HostResolver _resolve;

    // Hosts that passed, with whether they are private: the answer follows from the name and the options alone, and both stay as they are. Addresses are never kept here.
    private readonly ConcurrentDictionary<string, bool> _passed = new(StringComparer.Ordinal);

    public EgressGuard(IOptions<EgressOptions> options, HostResolver? resolve = null)
    {
        _private = new PrivateHosts(options.Value.AllowedPrivateHosts);
        _allowHttp = options.Value.AllowHttp;
        _resolve = resolve ?? Dns.GetHostAddressesAsync;
    }

    /// <summary>How a vetted address is connected to; tests watch it.</summary>
    internal Func<IPEndPoint, CancellationToken, ValueTask<Stream>> Dial { get; init; } = DialAsync;

    /// <summary>Why the app may not call this URL, or null. Nothing is resolved here: addresses are vetted by <see cref="ConnectAsync"/>.</summary>
    /// <param name="target">The whole URL of the call.</param>
    /// <param name="namedPort">The port that the tool's own URL names, if it names one.</param>
    public Problem? CheckTarget(Uri target, int? namedPort = null)
    {
        if (!target.IsAbsoluteUri) return Refused("The URL is not absolute.");
        if (target.Scheme != Uri.UriSchemeHttps && target.Scheme != Uri.UriSchemeHttp) return Refused("Only https URLs can be called.");
        if (target.UserInfo.Length > 0) return Refused("The URL has a user name or password before the host. Use a credential instead.");
        if (target.Fragment.Length > 0) return Refused("The URL has a fragment. Leave out '#' and what follows it.");
        if (HasUnsafeCharacter(target.OriginalString)) return Refused("The URL holds a control character, or a backslash before its query.");

        string host;
        try
        {
            host = target.IdnHost;
        }
        catch (UriFormatException)
        {
            return Refused("The host name cannot be read.");
        }

        if (CheckHost(host, out var isPrivate) is { } problem) return problem;

        if (target.Scheme == Uri.UriSchemeHttp)
        {
            if (!isPrivate) return Refused($"Plain http is not allowed. Use https; for a private host, name it in {HostsSetting} and set {HttpSetting} to true.");
            if (!_allowHttp) return Refused($"Plain http is not allowed. Use https, or set {HttpSetting} to true.");
        }
        if (!isPrivate && target.Port is not (443 or 80) && target.Port != namedPort)
            return Refused($"Port {target.Port} is not allowed. Use 443, or name the port in the tool's URL; for a private host, name the host in {HostsSetting}.");
        return null;
    }

    /// <summary>True for a host that the operator opened by name or address.</summary>
    internal bool IsPrivate(Uri target) => CheckHost(target.IdnHost, out var isPrivate) is null && isPrivate;

    /// <summary>The connect callback of every outbound handler: resolves once, vets all addresses, connects to a vetted one.</summary>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        // With a proxy or a caller that forgot CheckTarget this is the only line of defence, so host and scheme are judged here again.
        var host = context.DnsEndPoint.Host.Trim('[', ']');
        Demand(CheckHost(host, out var isPrivate));
        if (context.InitialRequestMessage.RequestUri?.Scheme != Uri.UriSchemeHttps && !(isPrivate && _allowHttp))
            throw new EgressRefusedException(Refused($"Plain http is not allowed. Use https, or set {HttpSetting} to true for hosts in {HostsSetting}."));

        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await _resolve(host, ct);
        if (addresses.Length == 0) throw new SocketException((int)SocketError.HostNotFound);

        // All, not the first: one private address among public ones is how a name is rebound.
        var byName = _private.HasName(host);
        foreach (var address in addresses) Demand(CheckAddress(address, byName));

        for (var i = 0; ; i++)
        {
            var isLast = i == Math.Min(addresses.Length, MaxAttempts) - 1;
            using var attempt = CancellationTokenSource.CreateLinkedTokenSource(ct);
            if (!isLast) attempt.CancelAfter(AttemptTimeout);
            try
            {
                return await Dial(new IPEndPoint(AddressRules.Unmap(addresses[i]), context.DnsEndPoint.Port), attempt.Token);
            }
            catch (Exception e) when (!isLast && !ct.IsCancellationRequested && e is SocketException or OperationCanceledException)
            {
                // The next address may answer.
            }
        }
    }

    /// <param name="host">As <see cref="Uri.IdnHost"/> gives it: ASCII, no brackets.</param>
    /// <param name="isPrivate">Whether the host itself, by name or address, is opened by the operator.</param>
    private Problem? CheckHost(string host, out bool isPrivate)
    {
        if (_passed.TryGetValue(host, out isPrivate)) return null;
        var problem = JudgeHost(host, out isPrivate);
        if (problem is null && _passed.Count < MaxPassed) _passed.TryAdd(host, isPrivate);
        return problem;
    }

    private Problem? JudgeHost(string host, out bool isPrivate)
    {
        isPrivate = false;
        if (host.Contains('%', StringComparison.Ordinal)) return Refused("The host has a zone. Leave out '%' and what follows it.");

        if (IPAddress.TryParse(host, out var literal) && (literal.AddressFamily == AddressFamily.InterNetworkV6 || literal.ToString() == host))
        {
            if (AddressRules.IsMetadata(literal)) return Refused("The host is a cloud metadata address, which is never reachable.");
            isPrivate = _private.HasAddress(literal);
            return isPrivate ? null : Refused($"The host is an IP address. Use the host's name, or list the address in {HostsSetting}.");
        }

        if (HostNameRules.Refuse(host) is { } refusal) return Refused(refusal);
        isPrivate = _private.HasName(host);
        if (isPrivate) return null;
        if (HostNameRules.IsLocalhost(host)) return Refused($"The host is this machine. To allow it, list {host} in {HostsSetting}.");
        if (HostNameRules.IsSingleLabel(host)) return Refused($"The host name has no dot, so it is a private host. To allow it, list {host} in {HostsSetting}.");
        return null;
    }

    private Problem? CheckAddress(IPAddress address, bool byName)
    {
        // First, so that no allowed network or name opens it.
        if (AddressRules.IsMetadata(address)) return Refused("The host leads to a cloud metadata address, which is never reachable.");
        return AddressRules.IsPublic(address) || byName || _private.HasAddress(address)
            ? null
            : Refused($"The host leads to an address that is not public. To allow it, list the host or its network in {HostsSetting}.");
    }

    private static bool HasUnsafeCharacter(string text)
    {
        var beforeQuery = true;
        foreach (var c in text)
        {
            if (char.IsControl(c)) return true;
            if (c == '?') beforeQuery = false;
            if (c == '\\' && beforeQuery) return true;
        }
        return false;
    }

    private static Problem Refused(string message) => Problem.Forbidden(Rule, message);

    private static void Demand(Problem? problem)
    {
        if (problem is not null) throw new EgressRefusedException(problem);
    }

    private static async ValueTask<Stream> DialAsync(IPEndPoint endPoint, CancellationToken ct)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
