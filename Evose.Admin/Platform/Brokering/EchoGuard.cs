using System.IO.Compression;
using System.Net;
using Microsoft.Extensions.Primitives;

namespace Evose.Admin.Platform.Brokering;

/// <summary>
/// Step 8 of a call: what the upstream says passes here, and the values that were sent with the call do not come back with it, in the headers, the body or the trailers.
/// The patterns live as long as the opened values and are zeroed with them.
/// </summary>
public sealed class EchoGuard : IDisposable
{
    private readonly EchoPatterns _patterns;
    private readonly IReadOnlyList<Guid> _owners;
    private readonly EchoScrubber _text;
    private EchoScrubber? _body;

    private EchoGuard(EchoPatterns patterns, IReadOnlyList<Guid> owners) => (_patterns, _owners, _text) = (patterns, owners, new EchoScrubber(patterns));

    /// <summary>Null when the call carries nothing that can be looked for.</summary>
    internal static EchoGuard? Of(EchoPatterns? patterns, IReadOnlyList<Guid> owners) => patterns is null ? null : new EchoGuard(patterns, owners);

    /// <summary>True when something was found in this answer.</summary>
    public bool HasFound => _text.Found > 0 || _body is { Found: > 0 };

    /// <summary>The credentials whose values were found.</summary>
    public IReadOnlyList<Guid> Found()
    {
        var bits = _text.Owners | (_body?.Owners ?? 0);
        return [.. _owners.Where((_, i) => (bits & (1UL << Math.Min(63, i))) != 0).Distinct()];
    }

    /// <summary>
    /// Puts a body that is looked through in the place of the answer's. It was asked for uncompressed; what comes compressed all the same is decompressed.
    /// False when it comes in a form that cannot be looked into: then nothing of it may be passed on.
    /// </summary>
    public bool TryWatch(HttpResponseMessage answer)
    {
        if (answer.StatusCode == HttpStatusCode.SwitchingProtocols) return true;
        var codings = answer.Content.Headers.NonValidated.TryGetValues("Content-Encoding", out var given) ? given.ToString() : "";
        Func<Stream, Stream>? unpack = null;
        foreach (var range in codings.AsSpan().Split(','))
        {
            // Only one is ever used in practice; several would have to be undone from the last to the first.
            var coding = codings.AsSpan()[range].Trim();
            if (coding.IsEmpty || coding.Equals("identity", StringComparison.OrdinalIgnoreCase)) continue;
            if (unpack is not null) return false;
            unpack = coding.Equals("gzip", StringComparison.OrdinalIgnoreCase) || coding.Equals("x-gzip", StringComparison.OrdinalIgnoreCase) ? static s => new GZipStream(s, CompressionMode.Decompress)
                : coding.Equals("br", StringComparison.OrdinalIgnoreCase) ? static s => new BrotliStream(s, CompressionMode.Decompress)
                : coding.Equals("deflate", StringComparison.OrdinalIgnoreCase) ? static s => new ZLibStream(s, CompressionMode.Decompress)
                : null;
            if (unpack is null) return false;
        }
        answer.Content = new WatchedBody(answer.Content, _body = new EchoScrubber(_patterns), _patterns.Longest, unpack);
        return true;
    }

    /// <summary>The text of a header without a value; the same instance when there was none in it.</summary>
    public string Clean(string text) => _text.Scrub(text);

    /// <summary>The headers without a value. One whose name holds it is left out.</summary>
    public void Clean(IHeaderDictionary headers)
    {
        List<(string Name, StringValues? Values)>? changed = null;
        foreach (var (name, values) in headers)
        {
            if (name.Length >= EchoPatterns.MinLength && Clean(name) != name)
            {
                (changed ??= []).Add((name, null));
                continue;
            }
            for (var i = 0; i < values.Count; i++)
            {
                if (values[i] is not { Length: >= EchoPatterns.MinLength } text || ReferenceEquals(Clean(text), text)) continue;
                (changed ??= []).Add((name, new StringValues([.. values.Select(v => v is null ? null : Clean(v))])));
                break;
            }
        }
        foreach (var (name, values) in changed ?? [])
            if (values is { } kept) headers[name] = kept;
            else headers.Remove(name);
    }

    public void Dispose() => _patterns.Dispose();

    /// <summary>An answer's body, read through the scrubber.</summary>
    private sealed class WatchedBody : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly EchoScrubber _scrubber;
        private readonly int _longest;
        private readonly Func<Stream, Stream>? _unpack;

        public WatchedBody(HttpContent inner, EchoScrubber scrubber, int longest, Func<Stream, Stream>? unpack)
        {
            (_inner, _scrubber, _longest, _unpack) = (inner, scrubber, longest, unpack);
            foreach (var (name, values) in inner.Headers.NonValidated)
            {
                // Its length is another one when it is unpacked, and so is what a digest was made of.
                if (unpack is not null && name.ToUpperInvariant() is "CONTENT-ENCODING" or "CONTENT-LENGTH" or "CONTENT-MD5") continue;
                Headers.TryAddWithoutValidation(name, values);
            }
        }

        private ScrubbingStream Watch(Stream body) => new(_unpack is null ? body : _unpack(body), _scrubber, _longest);

        protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => Watch(_inner.ReadAsStream(cancellationToken));

        protected override Task<Stream> CreateContentReadStreamAsync() => CreateContentReadStreamAsync(CancellationToken.None);

        protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => Watch(await _inner.ReadAsStreamAsync(cancellationToken));

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await using var watched = await CreateContentReadStreamAsync();
            await watched.CopyToAsync(stream);
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
}
