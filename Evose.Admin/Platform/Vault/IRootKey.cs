using System.Diagnostics.CodeAnalysis;

namespace Evose.Admin.Platform.Vault;

/// <summary>A key outside the database that wraps master keys and nothing else.</summary>
public interface IRootKey
{
    /// <summary>Names the root in stored rows and messages; never a part of a key.</summary>
    string Id { get; }

    /// <summary>Why this root cannot work as configured, for an administrator; null when it can.</summary>
    string? Fault { get; }

    /// <summary>Wraps a master key. Only ever an explicit act of a person or the first start, so a root may make its own first key here.</summary>
    byte[] Wrap(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> aad);

    /// <summary>Unwraps, or says why not and leaves the destination zero. Never makes a key and never throws.</summary>
    bool TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> masterKey, [NotNullWhen(false)] out string? reason);

    /// <summary>True when the bytes are wrapped by an older key of this root and should be wrapped again.</summary>
    bool IsStale(ReadOnlySpan<byte> wrapped);
}
