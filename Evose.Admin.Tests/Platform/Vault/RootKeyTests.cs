using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class RootKeyTests
{
    public static TheoryData<string> BadKeys => new(
        "", " ", "\n", "abc", Kit.SecretKey[..63], Kit.SecretKey + "0", Kit.SecretKey[..63] + "g", Kit.SecretKey[..62] + "é0", "0x" + Kit.SecretKey[2..],
        Kit.SecretKey.Insert(32, " "), Kit.SecretKey + "\n" + Kit.SecretKey, new string('0', 64), new string('a', 64), string.Concat(Enumerable.Repeat("01020304", 8)), new string('x', 100_000));

    [Theory]
    [MemberData(nameof(BadKeys))]
    public void A_bad_SECRET_KEY_seals_with_a_reason_that_does_not_quote_it(string text)
    {
        var vault = new SecretVault(SecretKeyRoot.FromText(text));
        Assert.True(vault.IsSealed);
        Assert.False(vault.CanInitialize);
        Assert.StartsWith("SECRET_KEY", vault.SealedReason);
        for (var i = 0; i + 8 <= Math.Min(text.Length, 200); i++) Assert.DoesNotContain(text.Substring(i, 8), vault.SealedReason);

        var error = Assert.Throws<VaultSealedException>(() => vault.Initialize(Kit.Id(1000), Kit.Now));
        Assert.Contains(vault.SealedReason!, error.Message);
        vault.Unlock([Wrapped(Kit.SecretKey)]);
        Assert.StartsWith("SECRET_KEY", vault.SealedReason);
        Assert.Null(vault.TryUnseal("nonsense", [Wrapped(Kit.SecretKey)]));
    }

    [Theory]
    [InlineData(Kit.SecretKey)]
    [InlineData("  " + Kit.SecretKey + "\r\n")]
    public void A_good_SECRET_KEY_unlocks(string text)
    {
        var vault = new SecretVault(SecretKeyRoot.FromText(text.ToUpperInvariant()));
        vault.Unlock([Wrapped(Kit.SecretKey)]);
        Assert.Null(vault.SealedReason);
    }

    [Fact]
    public void A_wrong_SECRET_KEY_seals()
    {
        var vault = new SecretVault(SecretKeyRoot.FromText(Kit.OtherSecretKey));
        vault.Unlock([Wrapped(Kit.SecretKey)]);
        Assert.True(vault.IsSealed);
        Assert.Contains("No configured root key", vault.SealedReason);
    }

    [Fact]
    public void No_damaged_wrapping_unwraps()
    {
        var root = SecretKeyRoot.FromText(Kit.SecretKey);
        var wrapped = root.Wrap(Kit.MasterKey(1), [1, 2, 3]);
        var destination = new byte[32];
        Assert.True(root.TryUnwrap(wrapped, [1, 2, 3], destination, out _));
        Assert.Equal(Kit.MasterKey(1), destination);
        Assert.False(root.TryUnwrap(wrapped, [1, 2, 4], destination, out _));
        foreach (var damaged in Kit.Damaged(wrapped))
        {
            Assert.False(root.TryUnwrap(damaged, [1, 2, 3], destination, out var reason));
            Assert.NotNull(reason);
            Assert.Equal(new byte[32], destination);
        }
    }

    [Fact]
    public void A_damaged_wrapping_by_the_ring_does_not_unwrap()
    {
        using var data = new TempDirectory();
        var root = new DataProtectionRoot(data["root"]);
        var wrapped = root.Wrap(Kit.MasterKey(1), [1, 2, 3]);
        var destination = new byte[32];
        Assert.True(root.TryUnwrap(wrapped, [1, 2, 3], destination, out _));
        Assert.False(root.TryUnwrap(wrapped, [1, 2, 4], destination, out _));
        foreach (var damaged in new[] { Kit.Flip(wrapped, 0), Kit.Flip(wrapped, 40), Kit.Flip(wrapped, wrapped.Length * 4), Kit.Flip(wrapped, wrapped.Length * 8 - 1), wrapped[..^1], [.. wrapped, 0], [], new byte[wrapped.Length] })
        {
            Assert.False(root.TryUnwrap(damaged, [1, 2, 3], destination, out _));
            Assert.Equal(new byte[32], destination);
        }

        Assert.Single(Directory.GetFiles(data["root"]));
    }

    [Fact]
    public void The_ring_makes_its_key_once_and_for_longer_than_anyone_waits()
    {
        using var data = new TempDirectory();
        new DataProtectionRoot(data["root"]).Wrap(Kit.MasterKey(1), []);
        new DataProtectionRoot(data["root"]).Wrap(Kit.MasterKey(2), []);
        var xml = File.ReadAllText(Assert.Single(Directory.GetFiles(data["root"])));
        Assert.Contains("AES_256_GCM", xml);
        Assert.Contains("<expirationDate>9000-", xml);
    }

    [Fact]
    public void A_key_file_unwraps_with_previous_keys_and_wraps_with_the_first()
    {
        using var data = new TempDirectory();
        var generation = Wrapped(Kit.SecretKey);
        File.WriteAllText(data["root.key"], Kit.OtherSecretKey + "\n\n" + Kit.SecretKey + "\n");
        var vault = new SecretVault(SecretKeyRoot.FromFile(data["root.key"]));
        vault.Unlock([generation]);
        Assert.Null(vault.SealedReason);

        Assert.True(vault.Rewrap(generation));
        Assert.False(vault.Rewrap(generation));
        File.WriteAllText(data["root.key"], Kit.OtherSecretKey);
        var later = new SecretVault(SecretKeyRoot.FromFile(data["root.key"]));
        later.Unlock([generation]);
        Assert.Null(later.SealedReason);
    }

    [Fact]
    public void A_bad_key_file_seals_and_is_not_quoted()
    {
        using var data = new TempDirectory();
        foreach (var content in new[] { "", "\n\n", "abc", Kit.SecretKey + "\nabc", Kit.SecretKey[..63] + "z", string.Join('\n', Enumerable.Repeat(Kit.SecretKey, 17)), new string('a', 70_000) })
        {
            File.WriteAllText(data["root.key"], content);
            var vault = new SecretVault(SecretKeyRoot.FromFile(data["root.key"]));
            Assert.False(vault.CanInitialize);
            Assert.StartsWith("The key file " + data["root.key"], vault.SealedReason);
            Assert.DoesNotContain(Kit.SecretKey[..8], vault.SealedReason);
        }

        Assert.Contains("cannot be read", SecretKeyRoot.FromFile(data["missing.key"]).Fault);
        Assert.Contains("cannot be read", SecretKeyRoot.FromFile(data.Path).Fault);
        Assert.Contains("cannot be read", SecretKeyRoot.FromFile("").Fault);
    }

    private static KeyGeneration Wrapped(string secretKey) => new SecretVault(SecretKeyRoot.FromText(secretKey)).Initialize(Kit.Id(1000), Kit.Now);
}
