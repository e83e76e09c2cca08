namespace Evose.Admin.Platform.Identity;

/// <summary>
/// That a header of this connection carried a key which fitted its row. The web server keeps the string of a header that the next request of the connection repeats, so the same
/// instance is the same text: it need not be hashed again. Nothing is copied, and what is kept ends with the connection. Used by one request at a time.
/// </summary>
public sealed class KnownCaller
{
    private string? _header;
    private string? _publicId;
    private byte[]? _hash;

    /// <summary>The public id in this very header, or null.</summary>
    internal string? KeyIn(string header) => ReferenceEquals(header, _header) ? _publicId : null;

    /// <summary>True when this very header fitted this very hash. A key that was issued anew has another.</summary>
    internal bool HasProven(string header, byte[] hash) => ReferenceEquals(header, _header) && _hash.AsSpan().SequenceEqual(hash);

    internal void Prove(string header, string publicId, byte[] hash) => (_header, _publicId, _hash) = (header, publicId, hash);
}
