using System.Security.Cryptography;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;

namespace Evose.Admin.Tests.Platform.Identity;

/// <summary>The keys that protect cookies. On PostgreSQL they are in the database: see TwoNodesTests.</summary>
[Trait("Database", "Sqlite")]
public sealed class KeyRingTests
{
    private static readonly string FirstKey = string.Concat(Enumerable.Range(1, 32).Select(i => i.ToString("x2")));
    private static readonly string OtherKey = string.Concat(Enumerable.Range(101, 32).Select(i => i.ToString("x2")));

    [Fact]
    public async Task The_keys_of_cookies_lie_sealed_in_the_data_directory_and_serve_after_a_restart()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        string cookie;
        await using (var app = new AdminApp(dataDirectory: directory))
        {
            cookie = Protector(app).Protect("ada");
            Assert.DoesNotContain(app.Log.Lines, l => l.StartsWith("Warning", StringComparison.Ordinal) && l.Contains("unencrypted", StringComparison.Ordinal));
        }
        var stored = await File.ReadAllTextAsync(Assert.Single(Kept(directory)));
        Assert.Contains("sealedByVault", stored, StringComparison.Ordinal);
        Assert.DoesNotContain("masterKey", stored, StringComparison.Ordinal);

        await using (var app = new AdminApp(dataDirectory: directory)) Assert.Equal("ada", Protector(app).Unprotect(cookie));
        Assert.Single(Kept(directory));
    }

    [Fact]
    public async Task While_the_vault_is_sealed_keys_are_made_and_nothing_of_them_is_written()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        string cookie;
        await using (var app = new AdminApp(new() { ["SECRET_KEY"] = FirstKey }, directory)) cookie = Protector(app).Protect("ada");
        var kept = Assert.Single(Kept(directory));

        await using (var app = new AdminApp(new() { ["SECRET_KEY"] = OtherKey }, directory))
        {
            Assert.True(app.Get<SecretVault>().IsSealed);
            Assert.Equal("eve", Protector(app).Unprotect(Protector(app).Protect("eve")));
            Assert.Single(app.Get<IKeyManager>().GetAllKeys());
            Assert.Equal(kept, Assert.Single(Kept(directory)));
        }

        await using (var app = new AdminApp(new() { ["SECRET_KEY"] = FirstKey }, directory)) Assert.Equal("ada", Protector(app).Unprotect(cookie));
    }

    [Fact]
    public async Task A_key_in_plain_text_that_somebody_puts_there_makes_no_cookies()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        var ring = Directory.CreateDirectory(Path.Combine(directory, "keys", "cookies"));
        var forged = DataProtectionProvider.Create(ring, b => b.SetApplicationName("Evose.Admin")).CreateProtector("cookie").Protect("mallory");
        Assert.Contains("masterKey", await File.ReadAllTextAsync(Assert.Single(Kept(directory))), StringComparison.Ordinal);
        await using var app = new AdminApp(dataDirectory: directory);
        Assert.Equal("ada", Protector(app).Unprotect(Protector(app).Protect("ada")));
        Assert.Throws<CryptographicException>(() => Protector(app).Unprotect(forged));
    }

    private static IDataProtector Protector(AdminApp app) => app.Get<IDataProtectionProvider>().CreateProtector("cookie");

    private static string[] Kept(string directory) => Directory.GetFiles(Path.Combine(directory, "keys", "cookies"));
}
