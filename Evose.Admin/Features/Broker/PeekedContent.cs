namespace Evose.Admin.Features.Broker;

/// <summary>The beginning of an answer's body, looked at before the body is passed on: whoever reads the content still gets all of it.</summary>
internal sealed class PeekedContent : HttpContent
{
    private readonly HttpContent _inner;
    private readonly byte[] _head;
    private readonly Stream _rest;

    private PeekedContent(HttpContent inner, byte[] head, Stream rest)
    {
        (_inner, _head, _rest) = (inner, head, rest);
        foreach (var (name, values) in inner.Headers.NonValidated) Headers.TryAddWithoutValidation(name, values);
    }

    /// <summary>Puts itself in the place of the answer's content; what was read, or null when the body is longer than <paramref name="max"/>.</summary>
    public static async Task<ReadOnlyMemory<byte>?> LookAsync(HttpResponseMessage answer, int max, CancellationToken ct)
    {
        var rest = await answer.Content.ReadAsStreamAsync(ct);
        var room = new byte[max + 1];
        var length = 0;
        int n;
        while (length < room.Length && (n = await rest.ReadAsync(room.AsMemory(length), ct)) > 0) length += n;
        answer.Content = new PeekedContent(answer.Content, room[..length], rest);
        return length <= max ? room.AsMemory(0, length) : null;
    }

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => new Joined(_head, _rest);

    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(CreateContentReadStream(CancellationToken.None));

    protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
    {
        await stream.WriteAsync(_head);
        await _rest.CopyToAsync(stream);
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

    private sealed class Joined(byte[] head, Stream rest) : Stream
    {
        private int _at;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var n = Math.Min(buffer.Length, head.Length - _at);
            if (n == 0) return rest.ReadAsync(buffer, cancellationToken);
            head.AsMemory(_at, n).CopyTo(buffer);
            _at += n;
            return ValueTask.FromResult(n);
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
    }
}
