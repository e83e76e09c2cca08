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

    // A call holds its values until its answer has passed, so as many are out as calls are under way.
    private const int Most = 2048;

    private static readonly IdlePool<byte[]>[] Idle = [.. Enumerable.Range(0, Class(Largest) + 1).Select(_ => new IdlePool<byte[]>(Most))];

    /// <summary>At least this many bytes, all zero.</summary>
    public static byte[] Rent(int length)
    {
        if (length > Largest) return GC.AllocateArray<byte>(length, pinned: true);
        return Idle[Class(length)].TryTake() ?? GC.AllocateArray<byte>(Smallest << Class(length), pinned: true);
    }

    /// <summary>Zeroes the buffer, then lets others have it. The caller must hold no span of it any more.</summary>
    public static void Return(byte[] buffer)
    {
        CryptographicOperations.ZeroMemory(buffer);
        if (buffer.Length <= Largest) Idle[Class(buffer.Length)].TryReturn(buffer);
    }

    private static int Class(int length) => length <= Smallest ? 0 : BitOperations.Log2((uint)length - 1) - 5;
}
