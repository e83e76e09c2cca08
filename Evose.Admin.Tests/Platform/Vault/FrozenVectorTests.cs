using System.Security.Cryptography;
using System.Text.Json;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

/// <summary>Bytes that were stored once must open for ever: a failure here is a broken format, never a reason to change the file.</summary>
public sealed class FrozenVectorTests
{
    private static readonly JsonElement V1 = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Platform", "Vault", "Vectors", "v1.json"))).RootElement;

    private static Guid Installation => V1.GetProperty("installation").GetGuid();

    private static SecretVault Vault => new(SecretKeyRoot.FromText(Kit.SecretKey), new MasterKeyRing(Installation, MasterKeys));

    private static Dictionary<int, byte[]> MasterKeys => V1.GetProperty("masterKeys").EnumerateObject().ToDictionary(p => int.Parse(p.Name), p => Convert.FromHexString(p.Value.GetString()!));

    [Fact]
    public void Every_frozen_value_opens()
    {
        var count = 0;
        foreach (var v in V1.GetProperty("values").EnumerateArray())
        {
            var field = v.GetProperty("field").GetString()!;
            var address = new SecretAddress(v.GetProperty("workspace").GetGuid(), v.GetProperty("credential").GetGuid(), v.GetProperty("version").GetInt32());
            var stored = new SealedValue(Hex(v, "wrappedKey"), new Dictionary<string, byte[]> { [field] = Hex(v, "sealedField") });
            using var opened = Vault.Open(address, stored, field);
            Assert.Equal(Hex(v, "plaintext"), opened.Bytes.ToArray());
            count++;
        }

        Assert.Equal(7, count);
    }

    [Fact]
    public void Every_frozen_blob_opens()
    {
        foreach (var v in V1.GetProperty("blobs").EnumerateArray())
        {
            using var opened = Vault.OpenBlob(v.GetProperty("purpose").GetString()!, Hex(v, "id"), Hex(v, "sealedBlob"));
            Assert.Equal(Hex(v, "data"), opened.Bytes.ToArray());
        }
    }

    [Fact]
    public void The_frozen_root_and_recovery_key_unlock()
    {
        var (root, recovery) = (V1.GetProperty("root"), V1.GetProperty("recovery"));
        var generations = MasterKeys.Keys.Select(g => new KeyGeneration
        {
            Generation = g,
            InstallationId = Installation,
            RootId = "secret-key",
            WrappedByRoot = Hex(root.GetProperty("wrapped"), g.ToString()),
            WrappedByRecovery = Hex(recovery.GetProperty("wrapped"), g.ToString()),
            CheckValue = Hex(V1.GetProperty("checkValues"), g.ToString()),
        }).ToList();

        var byRoot = new SecretVault(SecretKeyRoot.FromText(root.GetProperty("secretKey").GetString()!));
        byRoot.Unlock(generations);
        Assert.Null(byRoot.SealedReason);

        var byRecovery = new SecretVault(SecretKeyRoot.FromText(Kit.OtherSecretKey));
        byRecovery.Unlock(generations);
        Assert.True(byRecovery.IsSealed);
        Assert.NotNull(byRecovery.TryUnseal(recovery.GetProperty("text").GetString()!, generations));
        Assert.Equal(2, byRecovery.CurrentGeneration);
    }

    [Fact]
    public void Frozen_macs_are_what_they_were()
    {
        var v = V1.GetProperty("macs");
        var message = Hex(v, "message");
        Assert.Equal(Hex(v, "policy"), Vault.PolicyMac(message, generation: 1));
        Assert.Equal(Hex(v, "audit"), Vault.AuditMac(message, generation: 1));
        Assert.Equal(Hex(v, "apiKeyHash"), Vault.ApiKeyHash(v.GetProperty("apiKey").GetString()!, generation: 1));
        using var value = Plaintext.CopyOf(message);
        Assert.Equal(v.GetProperty("fingerprint").GetString(), Vault.Fingerprint(value, generation: 1));
    }

    [Fact]
    public void The_platform_gives_the_published_answers_for_AES_256_GCM()
    {
        foreach (var v in V1.GetProperty("aesGcm256").EnumerateArray())
        {
            using var cipher = new AesGcm(Hex(v, "key"), 16);
            var plain = Hex(v, "plaintext");
            var (ciphertext, tag, opened) = (new byte[plain.Length], new byte[16], new byte[plain.Length]);
            cipher.Encrypt(Hex(v, "nonce"), plain, ciphertext, tag, Hex(v, "aad"));
            Assert.Equal(Hex(v, "ciphertext"), ciphertext);
            Assert.Equal(Hex(v, "tag"), tag);
            cipher.Decrypt(Hex(v, "nonce"), ciphertext, tag, opened, Hex(v, "aad"));
            Assert.Equal(plain, opened);
        }
    }

    private static byte[] Hex(JsonElement element, string name) => Convert.FromHexString(element.GetProperty(name).GetString()!);
}
