using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Domain.Audit;

/// <summary>The hash chain: <c>link = SHA-256(0x01 ‖ previous ‖ lane ‖ seq ‖ SHA-256(payload))</c>. Pure; the keyed MAC over the head is the vault's.</summary>
public static class Chain
{
    public const int LinkLength = 32;

    internal const int BlockLength = 1 + LinkLength + LaneLength + 8 + LinkLength;

    private const int LaneLength = 16;

    public const string AuditLane = "audit";
    public const string CallLane = "calls";

    /// <summary>The link before the first row.</summary>
    public static readonly byte[] Origin = new byte[LinkLength];

    /// <summary>Writes the link of a row into <paramref name="link"/> (32 bytes; may be the same memory as <paramref name="previous"/>).</summary>
    public static void Link(ReadOnlySpan<byte> previous, string lane, long seq, ReadOnlySpan<byte> payload, Span<byte> link)
    {
        Span<byte> block = stackalloc byte[BlockLength];
        Begin(block, previous, lane, seq);
        SHA256.HashData(payload, block[^LinkLength..]);
        SHA256.HashData(block, link);
    }

    // What a link is the hash of, but for the payload's hash at its end.
    internal static void Begin(Span<byte> block, ReadOnlySpan<byte> previous, string lane, long seq)
    {
        block.Clear();
        block[0] = 1;
        previous.CopyTo(block[1..]);
        Encoding.ASCII.GetBytes(lane, block.Slice(1 + LinkLength, LaneLength));
        BinaryPrimitives.WriteInt64BigEndian(block[(1 + LinkLength + LaneLength)..], seq);
    }

    /// <summary>What the head's MAC covers: lane, sequence and link.</summary>
    public static byte[] HeadBytes(string lane, long seq, ReadOnlySpan<byte> link)
    {
        var payload = new ChainPayload(new ArrayBufferWriter<byte>(64));
        payload.Text(lane);
        payload.Number(seq);
        payload.Bytes(link);
        return payload.Written.ToArray();
    }
}

/// <summary>Canonical bytes of a row: each field with its length, so that no two rows share bytes.</summary>
public readonly struct ChainPayload(ArrayBufferWriter<byte> writer)
{
    public ReadOnlySpan<byte> Written => writer.WrittenSpan;

    public void Text(string? text)
    {
        if (text is null)
        {
            Length(-1);
            return;
        }
        var max = Encoding.UTF8.GetMaxByteCount(text.Length);
        var span = writer.GetSpan(4 + max);
        var n = Encoding.UTF8.GetBytes(text, span[4..]);
        BinaryPrimitives.WriteInt32BigEndian(span, n);
        writer.Advance(4 + n);
    }

    public void Number(long number)
    {
        BinaryPrimitives.WriteInt64BigEndian(writer.GetSpan(8), number);
        writer.Advance(8);
    }

    public void Number(long? number)
    {
        Length(number is null ? -1 : 8);
        if (number is { } n) Number(n);
    }

    public void Id(Guid? id)
    {
        Length(id is null ? -1 : 16);
        if (id is not { } g) return;
        g.TryWriteBytes(writer.GetSpan(16), true, out _);
        writer.Advance(16);
    }

    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Length(bytes.Length);
        writer.Write(bytes);
    }

    private void Length(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(writer.GetSpan(4), length);
        writer.Advance(4);
    }
}

/// <summary>Reads canonical bytes back, field by field in the order in which they were written.</summary>
public ref struct ChainReader(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>How many bytes have not been read.</summary>
    public int Left => _rest.Length;

    public long Number()
    {
        var number = BinaryPrimitives.ReadInt64BigEndian(_rest);
        _rest = _rest[8..];
        return number;
    }

    /// <summary>False when the number is null.</summary>
    public bool TryNumber(out long number)
    {
        var there = Length() >= 0;
        number = there ? Number() : 0;
        return there;
    }

    /// <summary>UTF-8 text or an id's 16 bytes; false when it is null.</summary>
    public bool TryBytes(out ReadOnlySpan<byte> bytes)
    {
        var length = Length();
        bytes = length < 0 ? default : _rest[..length];
        if (length > 0) _rest = _rest[length..];
        return length >= 0;
    }

    private int Length()
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(_rest);
        _rest = _rest[4..];
        return length;
    }
}
