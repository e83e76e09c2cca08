using Evose.Admin.Platform.Vault;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class VaultSetupTests
{
    [Fact]
    public void Without_settings_the_root_is_a_ring_in_the_data_directory()
    {
        using var data = new TempDirectory();
        using var services = Build(data, []);
        var vault = services.GetRequiredService<SecretVault>();
        Assert.Same(vault, services.GetRequiredService<SecretVault>());
        Assert.False(Directory.Exists(data["keys"]));
        vault.Initialize(Kit.Id(1000), Kit.Now);
        Assert.Single(Directory.GetFiles(data["keys", "root"]));
    }

    [Fact]
    public void SECRET_KEY_is_the_root_when_set()
    {
        using var data = new TempDirectory();
        using var services = Build(data, new() { ["SECRET_KEY"] = Kit.SecretKey });
        Assert.Equal("secret-key", services.GetRequiredService<SecretVault>().Initialize(Kit.Id(1000), Kit.Now).RootId);
        Assert.False(Directory.Exists(data["keys"]));
    }

    [Fact]
    public void The_key_file_is_the_root_when_set()
    {
        using var data = new TempDirectory();
        File.WriteAllText(data["root.key"], Kit.SecretKey);
        using var services = Build(data, new() { ["Root:KeyFile"] = data["root.key"] });
        Assert.Equal("secret-key", services.GetRequiredService<SecretVault>().Initialize(Kit.Id(1000), Kit.Now).RootId);
    }

    [Fact]
    public void An_empty_SECRET_KEY_is_a_mistake_and_not_the_default()
    {
        using var data = new TempDirectory();
        using var services = Build(data, new() { ["SECRET_KEY"] = "" });
        var vault = services.GetRequiredService<SecretVault>();
        Assert.StartsWith("SECRET_KEY", vault.SealedReason);
        Assert.False(vault.CanInitialize);
    }

    [Fact]
    public void Two_roots_are_one_too_many()
    {
        using var data = new TempDirectory();
        using var services = Build(data, new() { ["SECRET_KEY"] = Kit.SecretKey, ["Root:KeyFile"] = data["root.key"] });
        Assert.Contains("set one of them", services.GetRequiredService<SecretVault>().SealedReason);
    }

    private static ServiceProvider Build(TempDirectory data, Dictionary<string, string?> settings) =>
        new ServiceCollection().AddVault(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), data.Path).BuildServiceProvider();
}
