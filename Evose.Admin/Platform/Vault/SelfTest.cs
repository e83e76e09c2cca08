using System.Reflection;
using System.Security.Cryptography;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Evose.Admin.Platform.Vault;

/// <summary>Proves at every start that the primitives still refuse what they must refuse; a library that stopped checking is not run on.</summary>
public static class SelfTest
{
    private static readonly Version LeastDataProtection = new(10, 0, 7);

    public static void Run() => Run(new Primitives());

    /// <param name="with">What is tested; a test of the test gives broken ones.</param>
    internal static void Run(Primitives with)
    {
        CheckVersion(with.DataProtectionVersion());
        CheckHashes(with);
        CheckAesGcm(with);
        CheckEnvelope(with);
        CheckDataProtection(with);
    }

    private static void CheckVersion(string? informational)
    {
        var number = informational?.Split('+', '-')[0];
        Require(Version.TryParse(number, out var version) && version >= LeastDataProtection, $"DataProtection is older than {LeastDataProtection}");
    }

    private static void CheckHashes(Primitives with)
    {
        // RFC 4231, case 2; RFC 5869, case 1.
        var mac = with.Hmac("Jefe"u8.ToArray(), "what do ya want for nothing?"u8.ToArray());
        Require(Is(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), "HMAC-SHA256 known answer");
        var okm = with.Hkdf(Hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), 42, Hex("000102030405060708090a0b0c"), Hex("f0f1f2f3f4f5f6f7f8f9"));
        Require(Is(okm, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"), "HKDF-SHA256 known answer");
    }

    private static void CheckAesGcm(Primitives with)
    {
        // GCM specification, test case 16.
        var key = Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        var nonce = Hex("cafebabefacedbaddecaf888");
        var plain = Hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        var aad = Hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        const string ciphertext = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662";
        const string tag = "76fc6ece0f4e1768cddf8853bb2d551b";

        var @sealed = with.Encrypt(key, nonce, plain, aad);
        Require(Is(@sealed, ciphertext + tag), "AES-256-GCM known answer");
        Require(with.Decrypt(key, nonce, @sealed, aad).AsSpan().SequenceEqual(plain), "AES-256-GCM opens its known answer");
        MustRefuse("AES-GCM tag", () => with.Decrypt(key, nonce, Flip(@sealed, @sealed.Length - 1), aad));
        MustRefuse("AES-GCM ciphertext", () => with.Decrypt(key, nonce, Flip(@sealed, 0), aad));
        MustRefuse("AES-GCM nonce", () => with.Decrypt(key, Flip(nonce, 0), @sealed, aad));
        MustRefuse("AES-GCM AAD", () => with.Decrypt(key, nonce, @sealed, Flip(aad, 0)));
    }

    // Through the vault's own door, so that what is tested is what is used.
    private static void CheckEnvelope(Primitives with)
    {
        var installation = new Guid("6f1c1a36-0c1d-4a27-8a5e-0d7d6b1c0a01");
        var here = new SecretAddress(new Guid("6f1c1a36-0c1d-4a27-8a5e-0d7d6b1c0a02"), new Guid("6f1c1a36-0c1d-4a27-8a5e-0d7d6b1c0a03"), 1);
        var dataKey = RandomNumberGenerator.GetBytes(32);
        var pool = new CipherPool(RandomNumberGenerator.GetBytes(32));

        var field = EnvelopeCipher.SealField(dataKey, installation, here, "value", "self-test"u8);
        Require(with.OpenField(dataKey, installation, here, field).AsSpan().SequenceEqual("self-test"u8), "a field opens at its address");
        MustRefuse("a field at another credential", () => with.OpenField(dataKey, installation, here with { Credential = here.Workspace }, field));
        MustRefuse("a field of another version", () => with.OpenField(dataKey, installation, here with { Version = 2 }, field));

        var wrapped = EnvelopeCipher.WrapKey(pool, RandomNumberGenerator.GetBytes(EnvelopeCipher.NonceSize), installation, here, 1, dataKey);
        Require(with.UnwrapKey(pool, installation, here, wrapped).AsSpan().SequenceEqual(dataKey), "a data key unwraps at its address");
        MustRefuse("a data key of another workspace", () => with.UnwrapKey(pool, installation, here with { Workspace = here.Credential }, wrapped));
        MustRefuse("a data key with another commitment", () => with.UnwrapKey(pool, installation, here, Flip(wrapped, wrapped.Length - 1)));
    }

    private static void CheckDataProtection(Primitives with)
    {
        var plain = RandomNumberGenerator.GetBytes(32);

        // As the root is configured (GCM), and the library's default (CBC + HMAC), which had the hole.
        using var services = GcmServices();
        foreach (var protector in new[] { services.GetRequiredService<IDataProtectionProvider>().CreateProtector("self-test"), new EphemeralDataProtectionProvider().CreateProtector("self-test") })
        {
            var @protected = with.Protect(protector, plain);
            Require(!@protected.AsSpan().SequenceEqual(plain) && with.Unprotect(protector, @protected).AsSpan().SequenceEqual(plain), "DataProtection opens what it sealed");
            MustRefuse("DataProtection tag", () => with.Unprotect(protector, Flip(@protected, @protected.Length - 1)));
            MustRefuse("DataProtection body", () => with.Unprotect(protector, Flip(@protected, @protected.Length / 2)));
            MustRefuse("DataProtection truncation", () => with.Unprotect(protector, @protected[..^1]));
            MustRefuse("DataProtection purpose", () => with.Unprotect(protector.CreateProtector("other"), @protected));
        }
    }

    private static ServiceProvider GcmServices()
    {
        var services = new ServiceCollection();
        DataProtectionRoot.Configure(services);
        services.Configure<KeyManagementOptions>(o => o.XmlRepository = new MemoryRepository());
        var provider = services.BuildServiceProvider();
        DataProtectionRoot.CreateKey(provider);
        return provider;
    }

    private static void Require(bool holds, string check)
    {
        if (!holds) throw new SelfTestException(check);
    }

    private static void MustRefuse(string what, Func<byte[]> open)
    {
        try
        {
            _ = open();
        }
        catch (Exception e) when (e is CryptographicException or IntegrityException)
        {
            return;
        }

        throw new SelfTestException(what + " was altered and still accepted");
    }

    private static byte[] Flip(byte[] bytes, int index)
    {
        var copy = bytes.ToArray();
        copy[index] ^= 1;
        return copy;
    }

    private static byte[] Hex(string text) => Convert.FromHexString(text);

    private static bool Is(byte[] actual, string expected) => actual.AsSpan().SequenceEqual(Hex(expected));

    // The key of the test lives and dies with the test.
    private sealed class MemoryRepository : IXmlRepository
    {
        private readonly List<XElement> _elements = [];

        public IReadOnlyCollection<XElement> GetAllElements() => [.. _elements];

        public void StoreElement(XElement element, string friendlyName) => _elements.Add(element);
    }

    /// <summary>What the test stands on; a test replaces one and sees the start refused.</summary>
    internal sealed class Primitives
    {
        public Func<byte[], byte[], byte[], byte[], byte[]> Encrypt { get; init; } = static (key, nonce, plain, aad) =>
        {
            var output = new byte[plain.Length + 16];
            using var cipher = new AesGcm(key, 16);
            cipher.Encrypt(nonce, plain, output.AsSpan(0, plain.Length), output.AsSpan(plain.Length), aad);
            return output;
        };

        public Func<byte[], byte[], byte[], byte[], byte[]> Decrypt { get; init; } = static (key, nonce, @sealed, aad) =>
        {
            var output = new byte[@sealed.Length - 16];
            using var cipher = new AesGcm(key, 16);
            cipher.Decrypt(nonce, @sealed.AsSpan(0, output.Length), @sealed.AsSpan(output.Length), output, aad);
            return output;
        };

        public Func<byte[], byte[], byte[]> Hmac { get; init; } = Vault.Hmac.Compute;

        public Func<byte[], int, byte[], byte[], byte[]> Hkdf { get; init; } = static (ikm, length, salt, info) => HKDF.DeriveKey(HashAlgorithmName.SHA256, ikm, length, salt, info);

        public Func<byte[], Guid, SecretAddress, byte[], byte[]> OpenField { get; init; } = static (key, installation, address, blob) =>
        {
            var output = new byte[EnvelopeCipher.FieldCapacity(blob)];
            return output[..EnvelopeCipher.OpenField(key, installation, address, "value", blob, output)];
        };

        public Func<CipherPool, Guid, SecretAddress, byte[], byte[]> UnwrapKey { get; init; } = static (pool, installation, address, wrapped) =>
        {
            var output = new byte[EnvelopeCipher.KeySize];
            EnvelopeCipher.UnwrapKey(pool, installation, address, wrapped, output);
            return output;
        };

        public Func<IDataProtector, byte[], byte[]> Protect { get; init; } = static (protector, plain) => protector.Protect(plain);

        public Func<IDataProtector, byte[], byte[]> Unprotect { get; init; } = static (protector, @protected) => protector.Unprotect(@protected);

        /// <summary>Of the loaded assembly, not of a reference: what runs is what counts.</summary>
        public Func<string?> DataProtectionVersion { get; init; } = static () =>
            typeof(EphemeralDataProtectionProvider).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
    }
}
