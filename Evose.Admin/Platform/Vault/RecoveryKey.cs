using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace Evose.Admin.Platform.Vault;

/// <summary>The second way to the master key, for a person to keep on paper: 256 random bits with a checksum, shown once.</summary>
/// <remarks>Text: 11 groups of 5 Crockford base-32 characters = 256 bits of key and 19 bits of checksum.</remarks>
[DebuggerDisplay("[secret]")]
[JsonConverter(typeof(Plaintext.NeverAsJson))]
public sealed class RecoveryKey : IDisposable
{
    public const int TextLength = Characters + Characters / GroupSize - 1;

    private const int Characters = 55;
    private const int GroupSize = 5;
    private const int MaxInput = 256;
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly Plaintext _key;

    private bool _shown;

    private RecoveryKey(Plaintext key) => _key = key;

    public static RecoveryKey Generate()
    {
        var key = Plaintext.Allocate(EnvelopeCipher.KeySize);
        RandomNumberGenerator.Fill(key.Writable);
        return new RecoveryKey(key);
    }

    /// <summary>Reads what a person typed: any case, spaces and dashes anywhere, O for 0, I and L for 1. False for everything the checksum does not confirm.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out RecoveryKey? key)
    {
        key = null;
        if (text.Length > MaxInput) return false;
        Span<byte> digits = stackalloc byte[Characters];
        Span<byte> bytes = stackalloc byte[35];
        try
        {
            var count = 0;
            foreach (var c in text)
            {
                if (IsSeparator(c)) continue;
                var digit = DigitOf(c);
                if (digit < 0 || count == Characters) return false;
                digits[count++] = (byte)digit;
            }

            if (count != Characters) return false;
            Pack(digits, bytes);
            Span<byte> check = stackalloc byte[3];
            Checksum(bytes[..EnvelopeCipher.KeySize], check);
            if (!CryptographicOperations.FixedTimeEquals(check, bytes[EnvelopeCipher.KeySize..])) return false;
            key = new RecoveryKey(Plaintext.CopyOf(bytes[..EnvelopeCipher.KeySize]));
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(digits);
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>Writes the text into memory of the caller, who zeroes it.</summary>
    public void WriteText(Span<char> destination)
    {
        Span<byte> bytes = stackalloc byte[EnvelopeCipher.KeySize + 3];
        _key.Bytes.CopyTo(bytes);
        Checksum(_key.Bytes, bytes[EnvelopeCipher.KeySize..]);
        var position = 0;
        for (var i = 0; i < Characters; i++)
        {
            if (i > 0 && i % GroupSize == 0) destination[position++] = '-';
            var bit = i * 5;
            var pair = bytes[bit / 8] << 8 | (bit / 8 + 1 < bytes.Length ? bytes[bit / 8 + 1] : 0);
            destination[position++] = Alphabet[pair >> (11 - bit % 8) & 31];
        }

        CryptographicOperations.ZeroMemory(bytes);
    }

    /// <summary>The one text of it, for the page that shows it; a second call is a bug.</summary>
    public string ShowOnce()
    {
        if (_shown) throw new InvalidOperationException("A recovery key is shown once.");
        _shown = true;
        return string.Create(TextLength, this, static (span, key) => key.WriteText(span));
    }

    public override string ToString() => "[secret]";

    public void Dispose() => _key.Dispose();

    internal byte[] Wrap(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> aad) => RecoverySeal.Wrap(RecoverySeal.PublicOf(_key.Bytes), aad, masterKey);

    internal bool TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> masterKey)
    {
        if (RecoverySeal.IsOne(wrapped)) return RecoverySeal.TryUnwrap(_key.Bytes, aad, wrapped, masterKey);
        // The first form, made before a public half was kept.
        Span<byte> key = stackalloc byte[EnvelopeCipher.KeySize];
        try
        {
            Derive(key);
            return EnvelopeCipher.TryUnwrapMaster(key, aad, wrapped, masterKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private void Derive(Span<byte> key) => HKDF.DeriveKey(HashAlgorithmName.SHA256, _key.Bytes, key, salt: default, "evose/recovery/1"u8);

    // 19 bits: the 275 bits of 55 characters less the key's 256. They find typing errors, they protect nothing.
    private static void Checksum(ReadOnlySpan<byte> key, Span<byte> check)
    {
        Span<byte> hash = stackalloc byte[32];
        HMACSHA256.HashData("evose/recovery-check/1"u8, key, hash);
        (check[0], check[1], check[2]) = (hash[0], hash[1], (byte)(hash[2] & 0b1110_0000));
    }

    private static void Pack(ReadOnlySpan<byte> digits, Span<byte> bytes)
    {
        bytes.Clear();
        for (var i = 0; i < digits.Length; i++)
        {
            var bit = i * 5;
            var pair = digits[i] << (11 - bit % 8);
            bytes[bit / 8] |= (byte)(pair >> 8);
            if ((byte)pair != 0) bytes[bit / 8 + 1] |= (byte)pair;
        }
    }

    private static bool IsSeparator(char c) =>
        char.IsWhiteSpace(c) || c is '-' or '_' or '.' || char.GetUnicodeCategory(c) == System.Globalization.UnicodeCategory.DashPunctuation;

    private static int DigitOf(char c) => char.ToUpperInvariant(c) switch
    {
        'O' => 0,
        'I' or 'L' => 1,
        var upper => Alphabet.IndexOf(upper, StringComparison.Ordinal),
    };
}
