namespace Evose.Admin.Platform.Vault;

/// <summary>
/// One opened value that calls under way at the same time use together: opened by the first of them, zeroed when the last lets go. It is no cache: a value that no call holds is
/// opened anew for the next. Each holder has a <see cref="Plaintext"/> of its own, which alone counts.
/// </summary>
internal sealed class SharedPlaintext(byte[] bytes, int length)
{
    private int _holders = 1;
    private IDisposable? _beside;

    public byte[] Bytes => bytes;

    public int Length => length;

    /// <summary>Somebody holds it; a moment later perhaps nobody.</summary>
    public bool IsHeld => Volatile.Read(ref _holders) > 0;

    /// <summary>For one more holder; null when the last one has let go, and then for ever.</summary>
    public Plaintext? TryHold()
    {
        while (Volatile.Read(ref _holders) is > 0 and var now)
            if (Interlocked.CompareExchange(ref _holders, now + 1, now) == now)
                return new Plaintext(this);
        return null;
    }

    /// <param name="isRead">Nobody holds a span of it any more, so the memory may serve again. False for a forgotten handle.</param>
    public void Release(bool isRead)
    {
        if (Interlocked.Decrement(ref _holders) != 0) return;
        Interlocked.Exchange(ref _beside, null)?.Dispose();
        if (isRead) PinnedPool.Return(bytes);
        else System.Security.Cryptography.CryptographicOperations.ZeroMemory(bytes);
    }

    /// <summary>What was made of the value once for all its holders, and ends with it. To be asked by a holder only.</summary>
    public T? Beside<T>(Plaintext holder, Func<Plaintext, T?> make)
        where T : class, IDisposable
    {
        if (Volatile.Read(ref _beside) is T there) return there;
        if (make(holder) is not { } made) return null;
        if (Interlocked.CompareExchange(ref _beside, made, null) is not { } other) return made;
        // Two made it at once.
        made.Dispose();
        return (T)other;
    }
}
