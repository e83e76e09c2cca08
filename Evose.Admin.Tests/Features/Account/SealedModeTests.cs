using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Features.Account;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Account;

/// <summary>K-11: without its root key the app says so and does nothing else; the recovery key brings everything back.</summary>
public sealed class SealedModeTests
{
    private const string Secret = "value that must survive";
    private static readonly string FirstKey = string.Concat(Enumerable.Range(1, 32).Select(i => i.ToString("x2")));
    private static readonly string OtherKey = string.Concat(Enumerable.Range(101, 32).Select(i => i.ToString("x2")));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_root_key_seals_the_app_and_the_recovery_key_opens_it_again(bool secretKey)
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        string recovery;
        byte[] blob;
        await using (var app = new AdminApp(new(Settings(secretKey ? FirstKey : null)) { ["Bootstrap:ApiKey"] = "" }, directory))
        {
            blob = app.Get<SecretVault>().SealBlob("test", "id"u8, System.Text.Encoding.UTF8.GetBytes(Secret));
            using var admin = new Browserless(app.Url);
            await admin.SignInAsync();
            var issued = await (await admin.SubmitAsync("/account/recovery-key", [new("Step", "issue"), new("Password", AdminApp.AdminPassword)])).Content.ReadAsStringAsync();
            recovery = Browserless.TextOf(issued, "recovery-key");
        }
        var root = Path.Combine(directory, "keys", "root");
        if (!secretKey)
        {
            DataFolder.Delete(root);
            Directory.CreateDirectory(root);
        }

        await using (var app = new AdminApp(Settings(secretKey ? OtherKey : null), directory))
        {
            Assert.True(app.Get<SecretVault>().IsSealed);
            using var person = new Browserless(app.Url);
            foreach (var path in (string[])["/", "/account/login", "/w/any", "/setup"])
            {
                var led = await person.GetAsync(path);
                Assert.Equal((HttpStatusCode.Found, "/sealed"), (led.StatusCode, led.Headers.Location!.OriginalString));
            }
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await person.GetAsync("/sealed")).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await person.GetAsync("/health/live")).StatusCode);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await person.GetAsync("/health/ready")).StatusCode);
            using var api = app.Api();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/api/v1/workspaces")).StatusCode);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/broker/any/tool/")).StatusCode);
            if (!secretKey) Assert.Empty(Directory.GetFiles(root));

            // A wrong key changes nothing.
            var wrong = await person.SubmitAsync("/sealed", [new("RecoveryKey", RecoveryKey.Generate().ShowOnce())]);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, wrong.StatusCode);
            Assert.True(app.Get<SecretVault>().IsSealed);
            if (!secretKey) Assert.Empty(Directory.GetFiles(root));
            Assert.Contains(app.Log.Lines, l => l.StartsWith("Warning", StringComparison.Ordinal) && l.Contains("did not open the vault", StringComparison.Ordinal));

            // The API key that the settings name now comes with the opening, as it would have with the start.
            var right = await person.SubmitAsync("/sealed", [new("RecoveryKey", " " + recovery.ToLowerInvariant().Replace('-', ' '))]);
            Assert.Equal(HttpStatusCode.Found, right.StatusCode);
            await IntactAsync(app, blob);
            await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
            Assert.Equal(ActorKind.Anonymous, (await db.AuditEvents.SingleAsync(e => e.Action == AuditAction.VaultUnsealed)).ActorKind);
            Assert.DoesNotContain(app.Log.Lines, l => l.Contains(recovery, StringComparison.OrdinalIgnoreCase));
        }

        // The new root has taken the old one's place for good.
        await using (var app = new AdminApp(Settings(secretKey ? OtherKey : null), directory)) await IntactAsync(app, blob);
    }

    [Fact]
    public async Task An_opening_that_is_not_stored_does_not_stand()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        string recovery;
        await using (var app = new AdminApp(Settings(FirstKey), directory))
        {
            await using var db = await app.DbAsync();
            using var key = app.Get<SecretVault>().IssueRecoveryKey(await db.KeyGenerations.ToListAsync());
            await db.SaveChangesAsync();
            recovery = key.ShowOnce();
        }
        var disk = new FullDisk();
        await using (var app = new AdminApp(Settings(OtherKey), directory, s => s.AddSingleton<ISaveChangesInterceptor>(disk)))
        {
            var (vault, unseal) = (app.Get<SecretVault>(), app.Get<UnsealVault>());
            var why = vault.SealedReason;
            await Assert.ThrowsAsync<IOException>(() => unseal.ExecuteAsync(Actor.Nobody, recovery, default));
            Assert.Equal((true, why), (vault.IsSealed, vault.SealedReason));
            disk.IsFull = false;
            Assert.Null((await unseal.ExecuteAsync(Actor.Nobody, recovery, default)).Problem);
            Assert.False(vault.IsSealed);
        }
    }

    private sealed class FullDisk : SaveChangesInterceptor
    {
        public bool IsFull { get; set; } = true;

        public override ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) =>
            IsFull && eventData.Context!.ChangeTracker.Entries<AuditEvent>().Any(e => e.Entity.Action == AuditAction.VaultUnsealed) ? throw new IOException("the disk is full") : ValueTask.FromResult(result);
    }

    [Fact]
    public async Task Only_a_few_recovery_keys_a_minute_are_taken_from_one_address()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using (var app = new AdminApp(Settings(FirstKey), directory)) Assert.False(app.Get<SecretVault>().IsSealed);
        await using (var app = new AdminApp(Settings(OtherKey), directory))
        {
            using var person = new Browserless(app.Url);
            for (var i = 0; i < 5; i++) Assert.Equal(HttpStatusCode.UnprocessableEntity, (await person.SubmitAsync("/sealed", [new("RecoveryKey", "AAAAA")])).StatusCode);
            Assert.Equal(HttpStatusCode.TooManyRequests, (await person.SubmitAsync("/sealed", [new("RecoveryKey", "AAAAA")])).StatusCode);
        }
    }

    private static Dictionary<string, string?> Settings(string? secretKey)
    {
        var settings = new Dictionary<string, string?> { ["Account:AttemptsPerMinute"] = "1000" };
        if (secretKey is not null) settings["SECRET_KEY"] = secretKey;
        return settings;
    }

    private static async Task IntactAsync(AdminApp app, byte[] blob)
    {
        Assert.False(app.Get<SecretVault>().IsSealed);
        using (var opened = app.Get<SecretVault>().OpenBlob("test", "id"u8, blob)) Assert.True(opened.Bytes.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(Secret)));
        using var person = new Browserless(app.Url);
        Assert.Equal(HttpStatusCode.Found, (await person.SignInAsync()).StatusCode);
        using var api = app.Api();
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/api/v1/workspaces")).StatusCode);
    }
}
