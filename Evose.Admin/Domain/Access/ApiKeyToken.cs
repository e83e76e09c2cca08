using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Text;

namespace Evose.Admin.Domain.Access;

/// <summary>The text form of an API key: <c>evk_</c>, 32 base-62 characters, 6 base-62 characters of CRC-32 over them.</summary>
public static class ApiKeyToken
{
    public const string Prefix = "evk_";
    public const int RandomLength = 32;
    public const int ChecksumLength = 6;
    public const int Length = 4 + RandomLength + ChecksumLength;
    public const int PublicIdLength = 12;

    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<char> AlphabetSearch = SearchValues.Create(Alphabet);

    /// <summary>Composes a key from 32 numbers below 62 that the caller drew at random.</summary>
    public static string Compose(ReadOnlySpan<byte> draws)
    {
        if (draws.Length != RandomLength) throw new ArgumentException("32 draws are needed", nameof(draws));
        var random = new StringBuilder(RandomLength);
        foreach (var d in draws) random.Append(Alphabet[d]);
        return Prefix + random + Checksum(random.ToString());
    }

    /// <summary>True when the text has the form and its checksum is right; nothing is said about whether the key exists.</summary>
    public static bool IsWellFormed(string text) =>
        text.Length == Length && text.StartsWith(Prefix, StringComparison.Ordinal)
        && text.AsSpan(4).IndexOfAnyExcept(AlphabetSearch) < 0
        && Checksum(text.Substring(4, RandomLength)) == text[(4 + RandomLength)..];

    /// <summary>The part that finds the row; false when the text is no key at all.</summary>
    public static bool TryPublicId(ReadOnlySpan<char> text, [NotNullWhen(true)] out string? publicId)
    {
        var ok = text.Length is >= 4 + PublicIdLength and <= 128 && text.StartsWith(Prefix, StringComparison.Ordinal);
        publicId = ok ? text.Slice(4, PublicIdLength).ToString() : null;
        return ok;
    }

    private static string Checksum(string random)
    {
        var crc = Crc32.HashToUInt32(Encoding.ASCII.GetBytes(random));
        return string.Create(ChecksumLength, crc, static (span, value) =>
        {
            for (var i = span.Length - 1; i >= 0; i--, value /= 62) span[i] = Alphabet[(int)(value % 62)];
        });
    }
}
