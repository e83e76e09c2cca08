using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Evose.Admin.Domain.Audit;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// A group of rows as it lies in the journal: length, checksum, rows, then each row with its place, number, canonical bytes and link, and the MAC of the lane's head after the last.
/// The checksum is seeded with the file's number, so that a frame left over from the file's earlier life does not count.
/// </summary>
internal static class JournalFrame
{
    public const int HeadLength = 12;
    public const int MacLength = 32;

    private const int RowHeadLength = 1 + 8 + 8 + 4 + 4;

    /// <summary>Starts a frame in an empty buffer.</summary>
    public static void Begin(ArrayBufferWriter<byte> frame)
    {
        frame.GetSpan(HeadLength)[..HeadLength].Clear();
        frame.Advance(HeadLength);
    }

    /// <param name="extra">What the sums need beside the row and the chain does not cover.</param>
    public static void Add(ArrayBufferWriter<byte> frame, bool completion, long position, long seq, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> extra, ReadOnlySpan<byte> link)
    {
        var length = RowHeadLength + payload.Length + extra.Length + Chain.LinkLength;
        var span = frame.GetSpan(length)[..length];
        span[0] = completion ? (byte)2 : (byte)1;
        BinaryPrimitives.WriteInt64LittleEndian(span[1..], position);
        BinaryPrimitives.WriteInt64LittleEndian(span[9..], seq);
        BinaryPrimitives.WriteInt32LittleEndian(span[17..], payload.Length);
        BinaryPrimitives.WriteInt32LittleEndian(span[21..], extra.Length);
        payload.CopyTo(span[RowHeadLength..]);
        extra.CopyTo(span[(RowHeadLength + payload.Length)..]);
        link.CopyTo(span[^Chain.LinkLength..]);
        frame.Advance(length);
    }

    public static void End(ArrayBufferWriter<byte> frame, int rows, ReadOnlySpan<byte> mac)
    {
        frame.Write(mac);
        var whole = MemoryMarshal.AsMemory(frame.WrittenMemory).Span;
        BinaryPrimitives.WriteInt32LittleEndian(whole, whole.Length);
        BinaryPrimitives.WriteInt32LittleEndian(whole[8..], rows);
    }

    /// <summary>Makes an ended frame one of the file with this number.</summary>
    public static void Seal(ArrayBufferWriter<byte> frame, long file)
    {
        var whole = MemoryMarshal.AsMemory(frame.WrittenMemory).Span;
        BinaryPrimitives.WriteUInt32LittleEndian(whole[4..], Checksum(whole[8..], file));
    }

    /// <summary>The length that the frame's first bytes give; 0 when there is no frame.</summary>
    public static int LengthOf(ReadOnlySpan<byte> head, int most) =>
        BinaryPrimitives.ReadInt32LittleEndian(head) is var length && length > HeadLength + MacLength && length <= most ? length : 0;

    public static bool IsWhole(ReadOnlySpan<byte> frame, long file) => BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]) == Checksum(frame[8..], file);

    public static ReadOnlySpan<byte> MacOf(ReadOnlySpan<byte> frame) => frame[^MacLength..];

    public static Rows RowsOf(ReadOnlySpan<byte> frame) => new(frame[HeadLength..^MacLength]);

    internal static uint Checksum(ReadOnlySpan<byte> bytes, long seed)
    {
        var crc = BitOperations.Crc32C(~0u, (ulong)seed);
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    /// <summary>The rows of a frame, one after the other.</summary>
    public ref struct Rows(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public bool IsCompletion { get; private set; }
        public long Position { get; private set; }
        public long Seq { get; private set; }
        public ReadOnlySpan<byte> Payload { get; private set; }
        public ReadOnlySpan<byte> Extra { get; private set; }
        public ReadOnlySpan<byte> Link { get; private set; }

        public bool Next()
        {
            if (_rest.IsEmpty) return false;
            IsCompletion = _rest[0] == 2;
            Position = BinaryPrimitives.ReadInt64LittleEndian(_rest[1..]);
            Seq = BinaryPrimitives.ReadInt64LittleEndian(_rest[9..]);
            var payload = BinaryPrimitives.ReadInt32LittleEndian(_rest[17..]);
            var extra = BinaryPrimitives.ReadInt32LittleEndian(_rest[21..]);
            Payload = _rest.Slice(RowHeadLength, payload);
            Extra = _rest.Slice(RowHeadLength + payload, extra);
            Link = _rest.Slice(RowHeadLength + payload + extra, Chain.LinkLength);
            _rest = _rest[(RowHeadLength + payload + extra + Chain.LinkLength)..];
            return true;
        }
    }
}
