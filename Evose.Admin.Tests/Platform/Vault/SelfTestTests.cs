using System.Security.Cryptography;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Primitives = Evose.Admin.Platform.Vault.SelfTest.Primitives;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class SelfTestTests
{
    private static readonly Primitives Right = new();

    [Fact]
    public void Passes_on_this_platform() => SelfTest.Run();

    [Fact]
    public void Refuses_a_cipher_that_skips_the_tag() => Refuses("AES-GCM tag", new Primitives
    {
        Decrypt = (key, nonce, @sealed, aad) =>
        {
            // Counter mode alone: what GCM is without its tag.
            var zeros = Right.Encrypt(key, nonce, new byte[@sealed.Length - 16], aad);
            return [.. @sealed[..^16].Select((b, i) => (byte)(b ^ zeros[i]))];
        },
    });

    [Fact]
    public void Refuses_a_cipher_that_ignores_the_AAD() => Refuses("AES-256-GCM known answer", new Primitives
    {
        Encrypt = (key, nonce, plain, _) => Right.Encrypt(key, nonce, plain, []),
        Decrypt = (key, nonce, @sealed, _) => Right.Decrypt(key, nonce, @sealed, []),
    });

    [Fact]
    public void Refuses_a_cipher_that_checks_everything_but_the_AAD() => Refuses("AES-GCM AAD", new Primitives
    {
        Decrypt = (key, nonce, @sealed, aad) =>
        {
            var honest = aad.ToArray();
            honest[0] = 0xfe;
            return Right.Decrypt(key, nonce, @sealed, honest);
        },
    });

    [Fact]
    public void Refuses_a_cipher_that_does_not_encrypt() => Refuses("AES-256-GCM known answer", new Primitives { Encrypt = (_, _, plain, _) => [.. plain, .. new byte[16]] });

    [Fact]
    public void Refuses_a_cipher_that_returns_something_else() => Refuses("AES-256-GCM opens", new Primitives { Decrypt = (_, _, @sealed, _) => new byte[@sealed.Length - 16] });

    [Fact]
    public void Refuses_an_envelope_that_forgets_the_address() => Refuses("a field at another credential", new Primitives { OpenField = (_, _, _, _) => "self-test"u8.ToArray() });

    [Fact]
    public void Refuses_an_envelope_that_forgets_the_version() => Refuses("a field of another version", new Primitives
    {
        OpenField = (key, installation, address, blob) => Right.OpenField(key, installation, address with { Version = 1 }, blob),
    });

    [Fact]
    public void Refuses_a_wrapping_that_forgets_the_workspace()
    {
        var first = Guid.Empty;
        Refuses("a data key of another workspace", new Primitives
        {
            UnwrapKey = (pool, installation, address, wrapped) =>
            {
                if (first == Guid.Empty) first = address.Workspace;
                return Right.UnwrapKey(pool, installation, address with { Workspace = first }, wrapped);
            },
        });
    }

    [Fact]
    public void Refuses_a_wrapping_that_skips_the_commitment()
    {
        byte[]? genuine = null;
        Refuses("a data key with another commitment", new Primitives
        {
            UnwrapKey = (pool, installation, address, wrapped) =>
            {
                genuine ??= wrapped;
                return Right.UnwrapKey(pool, installation, address, [.. wrapped[..^32], .. genuine[^32..]]);
            },
        });
    }

    [Fact]
    public void Refuses_a_wrong_HMAC() => Refuses("HMAC-SHA256", new Primitives { Hmac = (_, data) => SHA256.HashData(data) });

    [Fact]
    public void Refuses_a_wrong_HKDF() => Refuses("HKDF-SHA256", new Primitives { Hkdf = (ikm, length, _, info) => HKDF.DeriveKey(HashAlgorithmName.SHA256, ikm, length, [], info) });

    [Fact]
    public void Refuses_a_DataProtection_that_accepts_tampering()
    {
        byte[]? genuine = null;
        Refuses("DataProtection tag", new Primitives
        {
            Protect = (protector, plain) => genuine = protector.Protect(plain),
            Unprotect = (protector, _) => protector.Unprotect(genuine!),
        });
    }

    [Fact]
    public void Refuses_a_DataProtection_that_checks_only_the_end()
    {
        byte[]? genuine = null;
        Refuses("DataProtection body", new Primitives
        {
            Protect = (protector, plain) => genuine = protector.Protect(plain),
            Unprotect = (protector, given) => protector.Unprotect(given.Length == genuine!.Length ? [.. genuine[..^1], given[^1]] : given),
        });
    }

    [Fact]
    public void Refuses_a_DataProtection_that_does_not_protect() => Refuses("DataProtection opens", new Primitives { Protect = (_, plain) => plain, Unprotect = (_, given) => given });

    [Theory]
    [InlineData("10.0.6")]
    [InlineData("10.0.6+abcdef")]
    [InlineData("9.0.11")]
    [InlineData("")]
    [InlineData("unknown")]
    [InlineData(null)]
    public void Refuses_an_old_or_unknown_DataProtection(string? version) => Refuses("DataProtection is older", new Primitives { DataProtectionVersion = () => version });

    [Theory]
    [InlineData("10.0.7")]
    [InlineData("10.0.12+abcdef")]
    [InlineData("11.0.0-preview.1")]
    public void Accepts_a_repaired_DataProtection(string version) => SelfTest.Run(new Primitives { DataProtectionVersion = () => version });

    // K-14: the whole app, not only the class.
    [Fact]
    public async Task The_app_does_not_start_on_a_library_that_stopped_checking()
    {
        var directory = Directory.CreateTempSubdirectory("evose-mutant-").FullName;
        try
        {
            foreach (var mutant in (Primitives[])[new() { DataProtectionVersion = () => "10.0.6" }, new() { OpenField = (_, _, _, _) => "self-test"u8.ToArray() }, new() { Hmac = (_, data) => SHA256.HashData(data) }])
            {
                await using var app = new AdminApp(dataDirectory: directory, services: s => s.AddSingleton(mutant), start: false);
                Assert.ThrowsAny<SelfTestException>(app.StartServer);
            }
            await using var sound = new AdminApp(dataDirectory: directory);
            await using var db = await sound.DbAsync();
            // The refused starts made no key: this is the first.
            Assert.Equal(1, await db.KeyGenerations.CountAsync());
            Assert.False(sound.Get<SecretVault>().IsSealed);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            DataFolder.Delete(directory);
        }
    }

    private static void Refuses(string check, Primitives mutant) =>
        Assert.Contains(check, Assert.Throws<SelfTestException>(() => SelfTest.Run(mutant)).Message);
}
