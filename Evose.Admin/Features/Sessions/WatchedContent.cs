using System.Net;
using System.Text;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Features.Sessions;

/// <summary>An answer's body that goes on as it comes, and is looked through for a text on its way. Only the piece in which the text ends waits until that is kept.</summary>
internal sealed class WatchedContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly string _marker;
    private readonly Func<Task> _found;

    public WatchedContent(HttpContent inner, string marker, Func<Task> found)
    {
        (_inner, _marker, _found) = (inner, marker, found);
        foreach (var header in inner.Headers.NonValidated) Headers.TryAddWithoutValidation(header.Key, header.Value);
    }

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => new WatchedStream(_inner.ReadAsStream(cancellationToken), Encoding.UTF8.GetBytes(_marker), _found);

    protected override async Task<Stream> CreateContentReadStreamAsync() => new WatchedStream(await _inner.ReadAsStreamAsync(), Encoding.UTF8.GetBytes(_marker), _found);

    protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => new WatchedStream(await _inner.ReadAsStreamAsync(cancellationToken), Encoding.UTF8.GetBytes(_marker), _found);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await using var watched = await CreateContentReadStreamAsync();
        await watched.CopyToAsync(stream);
    }

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

/// <summary>Looks for a text in the first 64 KiB that are read through it, across the borders of pieces.</summary>
internal sealed class WatchedStream(Stream inner, byte[] marker, Func<Task> found) : Stream
{
    private readonly byte[] _seam = new byte[2 * marker.Length];
    private int _kept;
    private int _left = SessionRules.MarkerWithin;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var n = await inner.ReadAsync(buffer, cancellationToken);
        if (_left <= 0 || n == 0 || !IsIn(buffer.Span[..n])) return n;
        _left = 0;
        await found();
        return n;
    }

    private bool IsIn(ReadOnlySpan<byte> piece)
    {
        piece = piece[..Math.Min(piece.Length, _left)];
        _left -= piece.Length;
        if (piece.IndexOf(marker) >= 0) return true;
        // The last bytes of what came before and the first of this: less than a whole text on either side.
        var head = piece[..Math.Min(piece.Length, marker.Length - 1)];
        head.CopyTo(_seam.AsSpan(_kept));
        if (_seam.AsSpan(0, _kept + head.Length).IndexOf(marker) >= 0) return true;
        var most = marker.Length - 1;
        if (piece.Length >= most)
        {
            piece[^most..].CopyTo(_seam);
            _kept = most;
            return false;
        }
        var whole = _kept + piece.Length;
        var tail = Math.Min(most, whole);
        _seam.AsSpan(whole - tail, tail).CopyTo(_seam);
        _kept = tail;
        return false;
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
