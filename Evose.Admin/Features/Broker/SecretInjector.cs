using System.Collections.Frozen;
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
    private static readonly FrozenSet<string> NotPassedOn = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "Set-Cookie", "Strict-Transport-Security", "Public-Key-Pins", "Clear-Site-Data", "Alt-Svc", "Service-Worker-Allowed", "Refresh", "Report-To", "NEL");

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
        if (proxyResponse is null) return false;
        for (var i = 0; i < watchers.Count; i++) await watchers[i].AnsweredAsync(call.Recorded.Call.Versions, call.Request.Target, proxyResponse, cancellationToken);
        if (renewed is not null && await renewed(proxyResponse, cancellationToken) && canRepeat)
        {
            MustRepeat = true;
            return false;
        }
        // 8 Scrub: after those who must see what the upstream said.
        var echoes = call.Values.Echoes;
        Func<Stream, Stream>? unpack = null;
        if (echoes is not null && !EchoGuard.TryUnpack(proxyResponse, out unpack)) throw new UnreadableAnswerException();
        if (!await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken)) return false;
        var headers = httpContext.Response.Headers;
        if (echoes is not null)
        {
            if (unpack is not null)
                foreach (var name in EchoGuard.OfPacked) headers.Remove(name);
            if (httpContext.Features.Get<IHttpResponseFeature>() is { ReasonPhrase: { } phrase } said) said.ReasonPhrase = echoes.Clean(phrase);
        }
        Clean(headers, echoes);
        headers["X-Request-Id"] = httpContext.TraceIdentifier;
        // A socket's stream goes both ways and is passed on as it is.
        if (proxyResponse is { StatusCode: not System.Net.HttpStatusCode.SwitchingProtocols, Content: { } content }) proxyResponse.Content = new AnswerContent(content, httpContext.Response, echoes, unpack);
        return true;
    }

    // Without what is not passed on, and without values. Mostly nothing is to be done.
    private static void Clean(IHeaderDictionary headers, EchoGuard? echoes)
    {
        List<string>? suspects = null;
        foreach (var (name, values) in headers)
            if (NotPassedOn.Contains(name) || echoes?.IsIn(name, values) == true) (suspects ??= []).Add(name);
        foreach (var name in suspects ?? [])
            if (NotPassedOn.Contains(name)) headers.Remove(name);
            else echoes!.Clean(headers, name);
    }

    public override async ValueTask TransformResponseTrailersAsync(HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken)
    {
        // In HTTP/1.1 they follow a chunked body only; to ask further makes objects for every answer.
        if (proxyResponse.Version.Major < 2 && !proxyResponse.Headers.NonValidated.Contains("Transfer-Encoding")) return;
        await base.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);
        if (httpContext.Features.Get<IHttpResponseTrailersFeature>() is { Trailers: { IsReadOnly: false, Count: > 0 } trailers }) Clean(trailers, call.Values.Echoes);
    }

    /// <summary>An answer's body: looked through, and with its headers sent on as soon as the first byte is not there yet, instead of with it: a model may think for minutes.</summary>
    private sealed class AnswerContent : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly HttpResponse _response;
        private readonly EchoGuard? _echoes;
        private readonly Func<Stream, Stream>? _unpack;

        public AnswerContent(HttpContent inner, HttpResponse response, EchoGuard? echoes, Func<Stream, Stream>? unpack)
        {
            // The headers are on their way already; only the stream is read from here on.
            (_inner, _response, _echoes, _unpack) = (inner, response, echoes, unpack);
        }

        // An answer's stream is there as soon as its headers are: nothing is awaited.
        protected override Stream CreateContentReadStream(CancellationToken cancellationToken)
        {
            var prompt = new PromptStream(_inner.ReadAsStream(cancellationToken), _response);
            return _echoes is null ? prompt : _echoes.Watch(prompt, _unpack);
        }

        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(CreateContentReadStream(CancellationToken.None));

        protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => Task.FromResult(CreateContentReadStream(cancellationToken));

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            await using var body = CreateContentReadStream(CancellationToken.None);
            await body.CopyToAsync(stream);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _inner.Headers.ContentLength ?? 0;
            return _unpack is null && _inner.Headers.ContentLength is not null;
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
