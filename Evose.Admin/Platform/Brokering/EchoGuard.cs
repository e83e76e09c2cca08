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
    private readonly IReadOnlyList<ChosenVersion> _owners;
    private readonly EchoScrubber _scrubber;
    private readonly int _longest;
    private EchoPatterns? _own;

    private EchoGuard(EchoPatterns patterns, IReadOnlyList<ChosenVersion> owners, bool isOwn) => (_own, _owners, _scrubber, _longest) = (isOwn ? patterns : null, owners, new EchoScrubber(patterns), patterns.Longest);

    /// <summary>Null when the call carries nothing that can be looked for.</summary>
    /// <param name="isOwn">The patterns are this call's alone and end with it; else they end with the value they are made of.</param>
    internal static EchoGuard? Of(EchoPatterns? patterns, IReadOnlyList<ChosenVersion> owners, bool isOwn) => patterns is null ? null : new EchoGuard(patterns, owners, isOwn);

    /// <summary>True when something was found in this answer.</summary>
    public bool HasFound => _scrubber.Found > 0;

    /// <summary>The credentials whose values were found.</summary>
    public IReadOnlyList<Guid> Found() => [.. _owners.Where((_, i) => (_scrubber.Owners & (1UL << Math.Min(63, i))) != 0).Select(o => o.CredentialId).Distinct()];

    /// <summary>
    /// Puts a body that is looked through in the place of the answer's. It was asked for uncompressed; what comes compressed all the same is decompressed.
    /// False when it comes in a form that cannot be looked into: then nothing of it may be passed on.
    /// </summary>
    public bool TryWatch(HttpResponseMessage answer)
    {
        if (!TryUnpack(answer, out var unpack)) return false;
        if (answer.StatusCode != HttpStatusCode.SwitchingProtocols) answer.Content = new WatchedBody(answer.Content, this, unpack);
        return true;
    }

    /// <summary>How the answer's body becomes one that can be looked through: null when it is one already. False when it cannot.</summary>
    public static bool TryUnpack(HttpResponseMessage answer, out Func<Stream, Stream>? unpack)
    {
        unpack = null;
        if (answer.StatusCode == HttpStatusCode.SwitchingProtocols || !answer.Content.Headers.NonValidated.TryGetValues("Content-Encoding", out var given)) return true;
        var codings = given.ToString();
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
        return true;
    }

    /// <summary>The body read through the scrubber.</summary>
    public Stream Watch(Stream body, Func<Stream, Stream>? unpack) => new ScrubbingStream(unpack is null ? body : unpack(body), _scrubber, _longest);

    /// <summary>Headers that say of a body what is no longer true once it is unpacked.</summary>
    public static readonly IReadOnlyList<string> OfPacked = ["Content-Encoding", "Content-Length", "Content-MD5"];

    /// <summary>The text of a header without a value; the same instance when there was none in it.</summary>
    public string Clean(string text) => _scrubber.Scrub(text);

    /// <summary>True when a value stands in the header's name or in what it says.</summary>
    public bool IsIn(string name, in StringValues values)
    {
        if (IsIn(name)) return true;
        for (var i = 0; i < values.Count; i++)
            if (values[i] is { } text && IsIn(text)) return true;
        return false;
    }

    private bool IsIn(string text) => !ReferenceEquals(Clean(text), text);

    /// <summary>The header without a value. One whose name holds it is left out.</summary>
    public void Clean(IHeaderDictionary headers, string name)
    {
        if (IsIn(name)) headers.Remove(name);
        else headers[name] = new StringValues([.. headers[name].Select(v => v is null ? null : Clean(v))]);
    }

    // Once: the patterns may be another call's by the second time.
    public void Dispose()
    {
        _own?.Dispose();
        _own = null;
    }

    /// <summary>An answer's body, read through the scrubber.</summary>
    private sealed class WatchedBody : HttpContent
    {
        private readonly HttpContent _inner;
        private readonly EchoGuard _guard;
        private readonly Func<Stream, Stream>? _unpack;

        public WatchedBody(HttpContent inner, EchoGuard guard, Func<Stream, Stream>? unpack)
        {
            (_inner, _guard, _unpack) = (inner, guard, unpack);
            foreach (var (name, values) in inner.Headers.NonValidated)
                if (unpack is null || !OfPacked.Contains(name, StringComparer.OrdinalIgnoreCase)) Headers.TryAddWithoutValidation(name, values);
        }

        private Stream Watch(Stream body) => _guard.Watch(body, _unpack);

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
