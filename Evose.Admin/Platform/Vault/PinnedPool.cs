using System.Numerics;
using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>
/// Pinned buffers for opened values, each held by one owner at a time and zero whenever it lies here. Without it every opened value is a pinned allocation, and enough of them make
/// the collector stop the world.
/// </summary>
internal static class PinnedPool
{
    private const int Smallest = 64;
    private const int Largest = 4096;

    private static readonly byte[]?[][] Idle = [.. Enumerable.Range(0, Class(Largest) + 1).Select(_ => new byte[]?[Math.Clamp(Environment.ProcessorCount * 8, 32, 256)])];

    /// <summary>At least this many bytes, all zero.</summary>
    public static byte[] Rent(int length)
    {
        if (length > Largest) return GC.AllocateArray<byte>(length, pinned: true);
        var slots = Idle[Class(length)];
        for (var i = 0; i < slots.Length; i++)
            if (slots[i] is not null && Interlocked.Exchange(ref slots[i], null) is { } buffer)
                return buffer;
        return GC.AllocateArray<byte>(Smallest << Class(length), pinned: true);
    }

    /// <summary>Zeroes the buffer, then lets others have it. The caller must hold no span of it any more.</summary>
    public static void Return(byte[] buffer)
    {
        CryptographicOperations.ZeroMemory(buffer);
        if (buffer.Length > Largest) return;
        var slots = Idle[Class(buffer.Length)];
        for (var i = 0; i < slots.Length; i++)
            if (slots[i] is null && Interlocked.CompareExchange(ref slots[i], buffer, null) is null)
                return;
    }

    private static int Class(int length) => length <= Smallest ? 0 : BitOperations.Log2((uint)length - 1) - 5;
}
