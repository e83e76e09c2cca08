using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;

namespace Evose.Admin.Platform.Vault;

/// <summary>An opened value: UTF-8 bytes that the collector never moves or copies, that no text shows, and that are zeroed on dispose.</summary>
[DebuggerDisplay("[secret]")]
[JsonConverter(typeof(NeverAsJson))]
public sealed class Plaintext : IDisposable
{
    // Pinned managed memory, not native: a span kept by mistake past Dispose never reads freed memory. It comes from a pool, so it must not be kept.
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[]? _bytes;

    // Whose bytes these are, when others hold them too.
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private SharedPlaintext? _shared;

    private Plaintext(byte[] bytes, int length) => (_bytes, Length) = (bytes, length);

    internal Plaintext(SharedPlaintext shared) => (_shared, _bytes, Length) = (shared, shared.Bytes, shared.Length);

    // The last line of defence for a forgotten Dispose; not a way of life.
    ~Plaintext()
    {
        // Zeroed but not given back: something may still read a span of it.
        if (Interlocked.Exchange(ref _bytes, null) is not { } bytes) return;
        if (_shared is null) CryptographicOperations.ZeroMemory(bytes);
        else _shared.Release(isRead: false);
    }

    public int Length { get; private set; }

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public ReadOnlySpan<byte> Bytes => Alive.AsSpan(0, Length);

    /// <summary>For the one who fills it in.</summary>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public Span<byte> Writable => Own.AsSpan(0, Length);

    /// <summary>The same for a reader that fills it over time; not to be kept longer than the value.</summary>
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    public Memory<byte> WritableMemory => Own.AsMemory(0, Length);

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[] Alive => _bytes ?? throw new ObjectDisposedException(nameof(Plaintext));

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private byte[] Own => _shared is null ? Alive : throw new InvalidOperationException("Others read this value too.");

    public static Plaintext Allocate(int length) => new(PinnedPool.Rent(length), length);

    public static Plaintext CopyOf(ReadOnlySpan<byte> bytes)
    {
        var copy = Allocate(bytes.Length);
        bytes.CopyTo(copy.Writable);
        return copy;
    }

    /// <summary>Decodes into memory of the caller, who zeroes it; answers the number of characters.</summary>
    public int GetChars(Span<char> destination)
    {
        switch (Utf8.ToUtf16(Bytes, destination, out _, out var written, replaceInvalidSequences: false))
        {
            case OperationStatus.Done: return written;
            case OperationStatus.DestinationTooSmall: throw new ArgumentException("The destination is too short.", nameof(destination));
            default: throw new InvalidOperationException("The value is not UTF-8 text.");
        }
    }

    /// <summary>Never the value: interpolation, logs and exceptions end here.</summary>
    public override string ToString() => "[secret]";

    public void Dispose()
    {
        Zero();
        GC.SuppressFinalize(this);
    }

    /// <summary>From here on others may hold the same bytes; nobody writes them any more.</summary>
    internal SharedPlaintext Share() => _shared ??= new SharedPlaintext(Alive, Length);

    /// <summary>What is made of the value once for all who hold it; null when it is held alone.</summary>
    internal T? Beside<T>(Func<Plaintext, T?> make)
        where T : class, IDisposable
    {
        ObjectDisposedException.ThrowIf(_bytes is null, this);
        return _shared?.Beside(this, make);
    }

    /// <summary>Shortens the value to its true length once the padding is known.</summary>
    internal void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        CryptographicOperations.ZeroMemory(Writable[length..]);
        Length = length;
    }

    private void Zero()
    {
        if (Interlocked.Exchange(ref _bytes, null) is not { } bytes) return;
        if (_shared is null) PinnedPool.Return(bytes);
        else _shared.Release(isRead: true);
    }

    internal sealed class NeverAsJson : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => true;

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("A secret is never written to or read from JSON.");
    }
}
