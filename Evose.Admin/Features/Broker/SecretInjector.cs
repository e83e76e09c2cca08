using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Brokering;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Evose.Admin.Features.Broker;

/// <summary>Step 7: what goes to the upstream and what comes back. The caller's headers without ours, then the tool's, which win.</summary>
/// <param name="body">The body, when it was read whole before.</param>
/// <param name="renewed">Asked about each answer of a call whose token can be renewed: true when there is a new one.</param>
/// <param name="canRepeat">The call can be sent again from its beginning.</param>
public sealed class SecretInjector(OpenedCall call, IReadOnlyList<IAnswerWatcher> watchers, ReadOnlyMemory<byte> body, Func<HttpResponseMessage, CancellationToken, ValueTask<bool>>? renewed = null, bool canRepeat = false) : HttpTransformer
{
    /// <summary>The answer was thrown away, because the same call with the new token will have a better one.</summary>
    public bool MustRepeat { get; private set; }

    // These speak for the origin that sends them, and in our answer that would be us.
    private static readonly string[] NotPassedOn = ["Set-Cookie", "Strict-Transport-Security", "Public-Key-Pins", "Clear-Site-Data", "Alt-Svc", "Service-Worker-Allowed", "Refresh", "Report-To", "NEL"];

    public override ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        proxyRequest.RequestUri = call.Request.Target;
        foreach (var (name, values) in httpContext.Request.Headers)
        {
            if (name.StartsWith(':') || HeaderRules.IsStripped(name) || string.Equals(name, "Authorization", StringComparison.OrdinalIgnoreCase) || call.Request.Sets(name)) continue;
            if (values.Count == 1) Add(proxyRequest, name, values[0]!);
            else Add(proxyRequest, name, values.ToArray());
        }
        if (proxyRequest.Content is { } content && httpContext.Request.ContentLength is { } length) content.Headers.ContentLength = length;
        // Values were checked in RenderedRequest.Render; this is the one place where a secret is put on the wire.
        foreach (var (name, value) in call.Request.Headers) Add(proxyRequest, name, value);
        // Last, because it covers what stands there.
        return call.Request.Sign(proxyRequest, body.Span, call.Recorded.Call.Entry.At) ? default : throw new FormatException("a field cannot be used for the signature");
    }

    private static void Add(HttpRequestMessage request, string name, string value)
    {
        if (!request.Headers.TryAddWithoutValidation(name, value)) request.Content?.Headers.TryAddWithoutValidation(name, value);
    }

    private static void Add(HttpRequestMessage request, string name, string?[] values)
    {
        if (!request.Headers.TryAddWithoutValidation(name, values)) request.Content?.Headers.TryAddWithoutValidation(name, values);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is not null)
            foreach (var watcher in watchers) await watcher.AnsweredAsync(call.Recorded.Call.Versions, call.Request.Target, proxyResponse, cancellationToken);
        if (proxyResponse is not null && renewed is not null && await renewed(proxyResponse, cancellationToken) && canRepeat)
        {
            MustRepeat = true;
            return false;
        }
        // 8 Scrub: after those who must see what the upstream said.
        var echoes = call.Values.Echoes;
        if (proxyResponse is not null && echoes?.TryWatch(proxyResponse) == false) throw new UnreadableAnswerException();
        if (!await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken)) return false;
        var headers = httpContext.Response.Headers;
        if (echoes is not null)
        {
            echoes.Clean(headers);
            if (httpContext.Features.Get<IHttpResponseFeature>() is { ReasonPhrase: { } phrase } said) said.ReasonPhrase = echoes.Clean(phrase);
        }
        foreach (var name in NotPassedOn) headers.Remove(name);
        headers["X-Request-Id"] = httpContext.TraceIdentifier;
        // A socket's stream goes both ways and is passed on as it is.
        if (proxyResponse is { StatusCode: not System.Net.HttpStatusCode.SwitchingProtocols, Content: { } content }) proxyResponse.Content = new PromptContent(content, httpContext.Response);
        return true;
    }

    public override async ValueTask TransformResponseTrailersAsync(HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken)
    {
        await base.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);
        if (httpContext.Features.Get<IHttpResponseTrailersFeature>() is { Trailers: { IsReadOnly: false, Count: > 0 } trailers }) call.Values.Echoes?.Clean(trailers);
    }

    /// <summary>An answer's body that sends the headers on as soon as the first byte is not there yet, instead of with it: a model may think for minutes.</summary>
    private sealed class PromptContent : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly HttpResponse _response;

        public PromptContent(HttpContent inner, HttpResponse response)
        {
            // The headers are on their way already; only the stream is read from here on.
            (_inner, _response) = (inner, response);
        }

        // An answer's stream is there as soon as its headers are: nothing is awaited.
        protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => new PromptStream(_inner.ReadAsStream(cancellationToken), _response);

        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(CreateContentReadStream(CancellationToken.None));

        protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => Task.FromResult(CreateContentReadStream(cancellationToken));

        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) => _inner.CopyToAsync(stream, context);

        protected override bool TryComputeLength(out long length)
        {
            length = _inner.Headers.ContentLength ?? 0;
            return _inner.Headers.ContentLength is not null;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class PromptStream(Stream inner, HttpResponse response) : Stream
    {
        private bool _begun;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = inner.ReadAsync(buffer, cancellationToken);
            if (_begun) return read;
            _begun = true;
            return read.IsCompleted ? read : FlushThenAsync(read, cancellationToken);
        }

        private async ValueTask<int> FlushThenAsync(ValueTask<int> read, CancellationToken ct)
        {
            await response.BodyWriter.FlushAsync(ct);
            return await read;
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>The upstream answered in a form that cannot be looked into for the values that were sent: nothing of it is passed on.</summary>
public sealed class UnreadableAnswerException() : Exception("the answer is compressed in a way that cannot be looked into");
