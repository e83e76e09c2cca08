using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>
/// Wraps master keys to the public half of the recovery key, so that a master key made later is opened by the same paper although nobody has it at hand.
/// The public half is stored beside the wrapping under a MAC of the very master key: who can write to the database cannot put their own in its place.
/// </summary>
/// <remarks>02 | 02 | recovery public 65 | MAC 32 | ephemeral public 65 | wrapped master key 62. ECDH on P-256, HKDF-SHA256.</remarks>
internal static class RecoverySeal
{
    private const byte Format = 2;
    private const int PublicSize = 65;
    private const int Mac = 2 + PublicSize;
    private const int Ephemeral = Mac + HMACSHA256.HashSizeInBytes;
    private const int Inner = Ephemeral + PublicSize;
    private const int Size = Inner + EnvelopeCipher.WrappedMasterSize;

    // The order of P-256: a private number is below it.
    private static ReadOnlySpan<byte> Order =>
        [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51];

    public static bool IsOne(ReadOnlySpan<byte> wrapped) => wrapped.Length == Size && wrapped[0] == Format && wrapped[1] == Format;

    /// <summary>The public half of the key that the seed stands for.</summary>
    public static byte[] PublicOf(ReadOnlySpan<byte> seed)
    {
        using var key = KeyOf(seed);
        return PublicOf(key);
    }

    public static byte[] Wrap(ReadOnlySpan<byte> recoveryPublic, ReadOnlySpan<byte> context, ReadOnlySpan<byte> masterKey)
    {
        using var ephemeral = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var wrapped = new byte[Size];
        (wrapped[0], wrapped[1]) = (Format, Format);
        recoveryPublic.CopyTo(wrapped.AsSpan(2));
        MacOf(masterKey, recoveryPublic, context).CopyTo(wrapped, Mac);
        PublicOf(ephemeral).CopyTo(wrapped, Ephemeral);
        Span<byte> key = stackalloc byte[EnvelopeCipher.KeySize];
        Agree(ephemeral, recoveryPublic, wrapped.AsSpan(Ephemeral, PublicSize), recoveryPublic, key);
        EnvelopeCipher.WrapMaster(key, context, masterKey).CopyTo(wrapped, Inner);
        CryptographicOperations.ZeroMemory(key);
        return wrapped;
    }

    /// <summary>The public half in a wrapping, when its MAC under the master key it wraps is right; null otherwise.</summary>
    public static byte[]? GenuinePublic(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> context, ReadOnlySpan<byte> masterKey)
    {
        if (!IsOne(wrapped)) return null;
        var given = wrapped.Slice(2, PublicSize);
        return CryptographicOperations.FixedTimeEquals(MacOf(masterKey, given, context), wrapped[Mac..Ephemeral]) ? given.ToArray() : null;
    }

    public static bool TryUnwrap(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> context, ReadOnlySpan<byte> wrapped, Span<byte> masterKey)
    {
        CryptographicOperations.ZeroMemory(masterKey);
        Span<byte> key = stackalloc byte[EnvelopeCipher.KeySize];
        try
        {
            using var own = KeyOf(seed);
            var ephemeral = wrapped[Ephemeral..Inner];
            Agree(own, ephemeral, ephemeral, wrapped.Slice(2, PublicSize), key);
            if (EnvelopeCipher.TryUnwrapMaster(key, context, wrapped[Inner..], masterKey) && GenuinePublic(wrapped, context, masterKey) is not null) return true;
            CryptographicOperations.ZeroMemory(masterKey);
            return false;
        }
        catch (CryptographicException)
        {
            // Not a point of the curve: damaged like any other byte.
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static ECDiffieHellman KeyOf(ReadOnlySpan<byte> seed)
    {
        var number = MasterKeyRing.Pinned();
        Span<byte> info = [.. "evose/recovery-ec/1"u8, 0];
        // One in four thousand million draws is too large.
        do HKDF.DeriveKey(HashAlgorithmName.SHA256, seed, number, salt: default, info);
        while (number.AsSpan().SequenceCompareTo(Order) >= 0 && ++info[^1] != 0);
        try
        {
            return ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = number });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(number);
        }
    }

    private static byte[] PublicOf(ECDiffieHellman key)
    {
        var q = key.ExportParameters(false).Q;
        return [4, .. q.X!, .. q.Y!];
    }

    private static void Agree(ECDiffieHellman own, ReadOnlySpan<byte> other, ReadOnlySpan<byte> ephemeral, ReadOnlySpan<byte> recovery, Span<byte> key)
    {
        using var theirs = ECDiffieHellman.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = other[1..33].ToArray(), Y = other[33..].ToArray() } });
        var secret = own.DeriveRawSecretAgreement(theirs.PublicKey);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, salt: default, [.. "evose/recovery-ecies/1"u8, .. ephemeral, .. recovery]);
        CryptographicOperations.ZeroMemory(secret);
    }

    private static byte[] MacOf(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> recoveryPublic, ReadOnlySpan<byte> context)
    {
        Span<byte> key = stackalloc byte[EnvelopeCipher.KeySize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, masterKey, key, salt: default, "evose/recovery-public/1"u8);
        var mac = HMACSHA256.HashData(key, [.. context, .. recoveryPublic]);
        CryptographicOperations.ZeroMemory(key);
        return mac;
    }
}
