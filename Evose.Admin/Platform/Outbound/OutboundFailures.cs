using System.Net.Sockets;
using System.Security.Authentication;
using Evose.Admin.Domain;

namespace Evose.Admin.Platform.Outbound;

/// <summary>Turns what went wrong with an outbound call into a problem with a stable reason; exception texts and URLs stay inside, for they may carry values.</summary>
public static class OutboundFailures
{
    /// <summary>The problem to answer with. A caller that went away is not a failure: ask its token first.</summary>
    public static Problem Describe(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
            if (e is EgressRefusedException refused) return refused.Problem;

        var reason = Reason(exception);
        return Problem.UpstreamFailed(reason switch
        {
            "dns" => "The host of the tool could not be found.",
            "refused" => "The host of the tool did not accept a connection.",
            "tls" => "No secure connection to the host of the tool could be made. Check its certificate.",
            "timeout" => "The host of the tool did not answer in time.",
            "reset" => "The host of the tool closed the connection before its answer was complete.",
            _ => "The host of the tool gave an answer that is not valid HTTP.",
        }, reason);
    }

    /// <summary>One of <c>egress</c>, <c>dns</c>, <c>refused</c>, <c>tls</c>, <c>timeout</c>, <c>reset</c>, <c>protocol</c>.</summary>
    public static string Reason(Exception exception)
    {
        // Outermost first: a reset inside a TLS handshake is a TLS failure, not a reset.
        for (var e = exception; e is not null; e = e.InnerException)
            if (ReasonOf(e) is { } reason) return reason;

        // An I/O failure that names no cause is a connection that ended.
        for (var e = exception; e is not null; e = e.InnerException)
            if (e is IOException) return "reset";
        return "protocol";
    }

    private static string? ReasonOf(Exception exception) => exception switch
    {
        EgressRefusedException => EgressGuard.Rule,
        HttpRequestException http => ReasonOf(http.HttpRequestError),
        HttpIOException io => ReasonOf(io.HttpRequestError),
        AuthenticationException => "tls",
        SocketException socket => ReasonOf(socket.SocketErrorCode),
        TimeoutException or OperationCanceledException => "timeout",
        _ => null,
    };

    private static string? ReasonOf(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "dns",
        HttpRequestError.SecureConnectionError => "tls",
        HttpRequestError.ResponseEnded => "reset",
        HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError or HttpRequestError.ConfigurationLimitExceeded
            or HttpRequestError.VersionNegotiationError or HttpRequestError.ExtendedConnectNotSupported => "protocol",
        _ => null, // ConnectionError and Unknown: the inner exception knows
    };

    private static string ReasonOf(SocketError error) => error switch
    {
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery => "dns",
        SocketError.TimedOut or SocketError.OperationAborted => "timeout",
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown or SocketError.NotConnected or SocketError.Disconnecting => "reset",
        _ => "refused",
    };
}
