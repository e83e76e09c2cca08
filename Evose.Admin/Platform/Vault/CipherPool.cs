using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>AES-GCM instances for one key, each held by one thread at a time.</summary>
/// <remarks>One instance used by two threads at once returns wrong plaintext without an exception, so no instance is ever reachable twice.</remarks>
internal sealed class CipherPool(byte[] key)
{
    private const int TagSize = 16;

    private readonly IdlePool<AesGcm> _idle = new(Math.Clamp(Environment.ProcessorCount * 2, 4, 64));

    /// <summary>An instance that nobody else has; give it back only when nothing went wrong with it.</summary>
    public AesGcm Rent() => _idle.TryTake() ?? new AesGcm(key, TagSize);

    public void Return(AesGcm cipher)
    {
        if (!_idle.TryReturn(cipher)) cipher.Dispose();
    }
}
