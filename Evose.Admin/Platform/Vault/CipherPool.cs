using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>AES-GCM instances for one key, each held by one thread at a time.</summary>
/// <remarks>One instance used by two threads at once returns wrong plaintext without an exception, so no instance is ever reachable twice.</remarks>
internal sealed class CipherPool(byte[] key)
{
    private const int TagSize = 16;

    private readonly AesGcm?[] _idle = new AesGcm?[Math.Clamp(Environment.ProcessorCount * 2, 4, 64)];

    /// <summary>An instance that nobody else has; give it back only when nothing went wrong with it.</summary>
    public AesGcm Rent()
    {
        for (var i = 0; i < _idle.Length; i++)
            if (_idle[i] is not null && Interlocked.Exchange(ref _idle[i], null) is { } cipher)
                return cipher;
        return new AesGcm(key, TagSize);
    }

    public void Return(AesGcm cipher)
    {
        for (var i = 0; i < _idle.Length; i++)
            if (_idle[i] is null && Interlocked.CompareExchange(ref _idle[i], cipher, null) is null)
                return;
        cipher.Dispose();
    }
}
