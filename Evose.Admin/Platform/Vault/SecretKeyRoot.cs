using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>The root from SECRET_KEY or a key file: the current key wraps, the current and previous ones unwrap.</summary>
/// <remarks>Wrapped form: key id 8 | wrapped master key.</remarks>
public sealed class SecretKeyRoot : IRootKey
{
    private const int IdSize = 8;
    private const int MaxKeys = 16;
    private const int MaxFileSize = 64 * 1024;

    private readonly List<RootSecret> _keys = [];

    private SecretKeyRoot(IEnumerable<string> lines, string source)
    {
        foreach (var line in lines)
        {
            if (TryRead(line, out var key, out var fault))
            {
                _keys.Add(key);
                continue;
            }

            _keys.Clear();
            Fault = $"{source} {fault}";
            return;
        }

        if (_keys.Count is 0 or > MaxKeys) Fault = $"{source} must hold 1 to {MaxKeys} keys, one per line, the current one first.";
    }

    private SecretKeyRoot(string fault) => Fault = fault;

    public string Id => "secret-key";

    public string? Fault { get; }

    /// <summary>From the value of SECRET_KEY; a bad form is a <see cref="Fault"/>, not an exception.</summary>
    public static SecretKeyRoot FromText(string text) => new([text], "SECRET_KEY");

    /// <summary>From a file whose first line is the current key and whose further lines are previous ones.</summary>
    public static SecretKeyRoot FromFile(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxFileSize) return new SecretKeyRoot($"The key file {path} is far too long to be one.");
            return new SecretKeyRoot(File.ReadLines(path).Where(l => !string.IsNullOrWhiteSpace(l)), $"The key file {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return new SecretKeyRoot($"The key file {path} cannot be read.");
        }
    }

    /// <summary>A root that cannot work, so that the vault stays sealed and says why.</summary>
    public static SecretKeyRoot Unusable(string fault) => new(fault);

    public byte[] Wrap(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> aad)
    {
        if (Fault is not null) throw new VaultSealedException(Fault);
        return [.. _keys[0].Id, .. EnvelopeCipher.WrapMaster(_keys[0].Key, aad, masterKey)];
    }

    public bool TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> masterKey, [NotNullWhen(false)] out string? reason)
    {
        CryptographicOperations.ZeroMemory(masterKey);
        reason = Fault;
        if (reason is not null) return false;
        if (wrapped.Length > IdSize)
        {
            foreach (var key in _keys)
                if (wrapped[..IdSize].SequenceEqual(key.Id) && EnvelopeCipher.TryUnwrapMaster(key.Key, aad, wrapped[IdSize..], masterKey))
                    return true;
        }

        reason = "No configured root key opens the stored master key: it was wrapped by another one, or the stored row is damaged.";
        return false;
    }

    public bool IsStale(ReadOnlySpan<byte> wrapped) =>
        Fault is null && wrapped.Length > IdSize && !wrapped[..IdSize].SequenceEqual(_keys[0].Id);

    // No message here quotes what was given: a key with one wrong digit is still a key.
    private static bool TryRead(string text, [NotNullWhen(true)] out RootSecret? secret, out string fault)
    {
        secret = null;
        var hex = text.AsSpan().Trim();
        if (hex.Length != 2 * EnvelopeCipher.KeySize)
        {
            fault = "must be 64 hexadecimal digits (32 random bytes); the length is wrong. Make one with: openssl rand -hex 32";
            return false;
        }

        var given = MasterKeyRing.Pinned();
        try
        {
            if (Convert.FromHexString(hex, given, out _, out var written) != System.Buffers.OperationStatus.Done || written != given.Length)
            {
                fault = "must be 64 hexadecimal digits; it has a character that is none. Make one with: openssl rand -hex 32";
                return false;
            }

            // 32 random bytes have about 30 different values; sample keys such as 000… have one.
            if (given.Distinct().Count() < 8)
            {
                fault = "is not random. Make one with: openssl rand -hex 32";
                return false;
            }

            secret = new RootSecret(given);
            fault = "";
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(given);
        }
    }

    // The operator's text is never a key itself: whoever uses it elsewhere too does not weaken this use.
    private sealed class RootSecret
    {
        public RootSecret(ReadOnlySpan<byte> given)
        {
            Key = MasterKeyRing.Pinned();
            HKDF.DeriveKey(HashAlgorithmName.SHA256, given, Key, salt: default, "evose/root/1"u8);
            Id = HMACSHA256.HashData(Key, "evose/root-id/1"u8)[..IdSize];
        }

        public byte[] Key { get; }

        public byte[] Id { get; }
    }
}
