using System.Net;

namespace Evose.Admin.Platform.Outbound;

/// <summary>A request's body that goes on as it comes. The HTTP stack would keep what was written until its buffer is full, and an upload that trickles would reach the upstream late.</summary>
internal sealed class PromptUpload : HttpContent
{
    /// <summary>A body of known length that fits into the HTTP stack's buffer is sent with its headers in one piece.</summary>
    private const int Small = 4096;

    private readonly HttpContent _inner;
    private readonly long? _length;

    private PromptUpload(HttpContent inner, long? length)
    {
        (_inner, _length) = (inner, length);
        foreach (var (name, values) in inner.Headers.NonValidated) Headers.TryAddWithoutValidation(name, values);
    }

    /// <summary>The body itself where nothing could wait.</summary>
    public static HttpContent? Of(HttpContent? content)
    {
        if (content is null or PromptUpload) return content;
        var length = content.Headers.ContentLength;
        return length <= Small ? content : new PromptUpload(content, length);
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        _inner.CopyToAsync(new FlushingStream(stream, _length), context, cancellationToken);

    protected override bool TryComputeLength(out long length)
    {
        length = _length ?? 0;
        return _length is not null;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _inner.Dispose();
        base.Dispose(disposing);
    }

    // The last piece of a body of known length is flushed by the HTTP stack, which knows that it is the last.
    private sealed class FlushingStream(Stream inner, long? length) : Stream
    {
        private long _written;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer, cancellationToken);
            _written += buffer.Length;
            if (_written != length) await inner.FlushAsync(cancellationToken);
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
