using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>HMAC-SHA-256 (RFC 2104) for short messages, out of two plain hashes: the library sets a MAC up anew for every message, which costs three times as much as the hashing.</summary>
internal static class Hmac
{
    private const int BlockSize = 64;
    private const int MacSize = 32;
    private const int StackLimit = 1024;

    public static byte[] Compute(byte[] key, byte[] data)
    {
        var mac = new byte[MacSize];
        Compute(key, data, mac);
        return mac;
    }

    /// <summary>Writes the 32 bytes of the MAC; what it needed of the key is wiped.</summary>
    public static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        // A longer key is hashed first, and a longer message is not worth the copying.
        if (key.Length > BlockSize || data.Length > StackLimit - BlockSize)
        {
            HMACSHA256.HashData(key, data, mac);
            return;
        }
        Span<byte> inner = stackalloc byte[StackLimit];
        Span<byte> outer = stackalloc byte[BlockSize + MacSize];
        inner[..BlockSize].Fill(0x36);
        outer[..BlockSize].Fill(0x5c);
        for (var i = 0; i < key.Length; i++)
        {
            inner[i] ^= key[i];
            outer[i] ^= key[i];
        }
        var message = inner[..(BlockSize + data.Length)];
        data.CopyTo(message[BlockSize..]);
        SHA256.HashData(message, outer[BlockSize..]);
        SHA256.HashData(outer, mac);
        // The message may be an API key.
        CryptographicOperations.ZeroMemory(message);
        CryptographicOperations.ZeroMemory(outer);
    }
}
