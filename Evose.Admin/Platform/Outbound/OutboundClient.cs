using System.Collections.Concurrent;
using System.Net;

namespace Evose.Admin.Platform.Outbound;

/// <summary>The only way out of the app: one connection pool per workspace, every connection through <see cref="EgressGuard"/>, nothing followed, stored or added.</summary>
public sealed class OutboundClient(EgressGuard guard) : IDisposable
{
    private readonly ConcurrentDictionary<Guid, Lazy<HttpMessageInvoker>> _invokers = new();

    private bool _disposed;

    /// <summary>The invoker of a workspace; workspaces never share a connection. The empty id is the organization's.</summary>
    public HttpMessageInvoker For(Guid workspaceId)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _invokers.GetOrAdd(workspaceId, static (_, guard) => new(() => new HttpMessageInvoker(new GuardedHandler(guard, CreateHandler(guard)))), guard).Value;
    }

    public void Dispose()
    {
        _disposed = true;
        foreach (var invoker in _invokers.Values)
            if (invoker.IsValueCreated) invoker.Value.Dispose();
    }

    /// <summary>Each line closes a way around the guard or a way for a secret to travel on; none is tuning except where it says so.</summary>
    internal static SocketsHttpHandler CreateHandler(EgressGuard guard) => new()
    {
        ConnectCallback = guard.ConnectAsync,
        UseProxy = false,                       // with a proxy the callback would see only the proxy's address
        AllowAutoRedirect = false,              // a redirect carries every header but Authorization to the new origin
        UseCookies = false,                     // one caller's cookie would be sent with another's call
        AutomaticDecompression = DecompressionMethods.None, // bytes pass as they are
        ActivityHeadersPropagator = null,       // no trace headers of ours upstream
        MaxResponseHeadersLength = 64,          // KiB
        PooledConnectionLifetime = TimeSpan.FromMinutes(2), // DNS changes, and with them the vetting, take effect
        ConnectTimeout = TimeSpan.FromSeconds(10),
        EnableMultipleHttp2Connections = true,  // tuning
    };

    /// <summary>Judges the URL again, whoever forgot to, and keeps the request on the connection that was vetted.</summary>
    private sealed class GuardedHandler(EgressGuard guard, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // The port was decided by the caller, who knows the tool's URL; here every port counts as named.
            if (request.RequestUri is { } target && guard.CheckTarget(target, target.IsAbsoluteUri ? target.Port : null) is { } problem)
                return Task.FromException<HttpResponseMessage>(new EgressRefusedException(problem));

            // HTTP/3 does not use the connect callback, and an Alt-Svc answer could switch to it.
            if (request.Version.Major >= 3 || request.VersionPolicy == HttpVersionPolicy.RequestVersionOrHigher)
                (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionOrLower);

            // A Host header would replace the vetted name in SNI and authority.
            request.Headers.Host = null;
            request.Content = PromptUpload.Of(request.Content);
            return base.SendAsync(request, cancellationToken);
        }

        // Would go past the checks above.
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new NotSupportedException("Outbound calls are asynchronous.");
    }
}
