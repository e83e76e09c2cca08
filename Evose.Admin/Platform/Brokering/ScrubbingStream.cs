using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Evose.Admin.Platform.Brokering;

/// <summary>An answer's body on its way to the caller, with the values of the call overwritten. Passes on what it has; holds back only a tail that could be the beginning of a value.</summary>
public sealed class ScrubbingStream(Stream inner, EchoScrubber scrubber, int longest) : Stream
{
    private byte[] _held = [];
    private (byte[] Bytes, int From, int To) _ready = ([], 0, 0);
    private int _heldLength;
    private bool _ended;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0) return await inner.ReadAsync(buffer, cancellationToken);
        while (true)
        {
            if (_ready.From < _ready.To) return Give(buffer.Span);
            if (_ended) return 0;
            // What is held back and what follows must fit side by side.
            var room = buffer.Length >= longest * 2 ? buffer : null;
            byte[]? own = null;
            if (room.IsEmpty) room = own = new byte[longest * 2];
            _held.AsSpan(0, _heldLength).CopyTo(room.Span);
            var n = await inner.ReadAsync(room[_heldLength..], cancellationToken);
            _ended = n == 0;
            var data = room[..(_heldLength + n)];
            var safe = scrubber.Scrub(data.Span, last: _ended);
            if (own is null)
            {
                Hold(data.Span[safe..]);
                if (safe > 0 || _ended) return safe;
                continue;
            }
            // A small buffer: what is safe is given from here, piece by piece.
            _ready = (own, 0, safe);
            Hold(data.Span[safe..]);
        }
    }

    private int Give(Span<byte> buffer)
    {
        var n = Math.Min(buffer.Length, _ready.To - _ready.From);
        _ready.Bytes.AsSpan(_ready.From, n).CopyTo(buffer);
        _ready.From += n;
        return n;
    }

    private void Hold(ReadOnlySpan<byte> tail)
    {
        if (_held.Length < tail.Length) _held = GC.AllocateUninitializedArray<byte>(longest, pinned: true);
        tail.CopyTo(_held);
        _heldLength = tail.Length;
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
        CryptographicOperations.ZeroMemory(_held);
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
