using System.Runtime.Intrinsics;

namespace Evose.Admin.Platform.Brokering;

/// <summary>
/// Finds in one pass where any of many forms could begin, by their first three bytes: for each of them two tables by half a byte, in which every form sets the bit of its group.
/// What it answers is a guess to be looked at; what it leaves out is none. The tables say something of the values, so they are cleared with them.
/// </summary>
internal sealed class FormFilter
{
    /// <summary>How many bytes of a form are looked at. No form is shorter than <see cref="EchoPatterns.MinLength"/>.</summary>
    private const int Looked = 3;

    private const int Groups = 8;

    private readonly byte[] _low = new byte[16 * Looked];
    private readonly byte[] _high = new byte[16 * Looked];

    /// <summary>Takes a form in.</summary>
    public void Add(ReadOnlySpan<byte> form, int i)
    {
        var bit = (byte)(1 << (i % Groups));
        for (var k = 0; k < Looked; k++)
        {
            var b = form[k];
            _low[(16 * k) + (b & 15)] |= bit;
            _high[(16 * k) + (b >> 4)] |= bit;
        }
    }

    /// <summary>The next place from <paramref name="at"/> on where a form could begin; the length of the data when there is none.</summary>
    public int Next(ReadOnlySpan<byte> data, int at)
    {
        if (Vector128.IsHardwareAccelerated && data.Length - at >= Vector128<byte>.Count + Looked) at = Vectored(data, at);
        for (; at <= data.Length - Looked; at++)
            if ((Group(data[at], 0) & Group(data[at + 1], 1) & Group(data[at + 2], 2)) != 0) return at;
        return data.Length;
    }

    private int Group(byte b, int k) => _low[(16 * k) + (b & 15)] & _high[(16 * k) + (b >> 4)];

    // Sixteen places at once; stops at the first guess, or where fewer are left.
    private int Vectored(ReadOnlySpan<byte> data, int at)
    {
        var (l0, l1, l2) = (Vector128.Create<byte>(_low), Vector128.Create<byte>(_low.AsSpan(16)), Vector128.Create<byte>(_low.AsSpan(32)));
        var (h0, h1, h2) = (Vector128.Create<byte>(_high), Vector128.Create<byte>(_high.AsSpan(16)), Vector128.Create<byte>(_high.AsSpan(32)));
        var half = Vector128.Create((byte)15);
        for (; data.Length - at >= Vector128<byte>.Count + Looked - 1; at += Vector128<byte>.Count)
        {
            var (a, b, c) = (Vector128.Create(data[at..]), Vector128.Create(data[(at + 1)..]), Vector128.Create(data[(at + 2)..]));
            var found = Vector128.ShuffleNative(l0, a & half) & Vector128.ShuffleNative(h0, Vector128.ShiftRightLogical(a, 4))
                & Vector128.ShuffleNative(l1, b & half) & Vector128.ShuffleNative(h1, Vector128.ShiftRightLogical(b, 4))
                & Vector128.ShuffleNative(l2, c & half) & Vector128.ShuffleNative(h2, Vector128.ShiftRightLogical(c, 4));
            if (found == Vector128<byte>.Zero) continue;
            return at + System.Numerics.BitOperations.TrailingZeroCount(~Vector128.Equals(found, Vector128<byte>.Zero).ExtractMostSignificantBits());
        }
        return at;
    }

    public void Clear()
    {
        Array.Clear(_low);
        Array.Clear(_high);
    }
}
