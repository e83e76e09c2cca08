using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Audit;
using Evose.Admin.Features.Keys;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Keys;

/// <summary>K-09: the master key is changed while calls and changes go on; every data key moves, every value opens, and what was made under the older key still counts.</summary>
[Trait("Soak", "yes")]
public sealed class RotateMasterKeyTests
{
    private static readonly Actor Operator = Actor.Job("test");

    [Fact]
    public async Task Every_data_key_moves_while_calls_and_changes_go_on()
    {
        var clock = new ShiftedClock();
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using var upstream = await Upstream.StartAsync();
        await using (var app = new AdminApp(dataDirectory: directory, services: s => s.AddSingleton<TimeProvider>(clock)))
        {
            using var api = app.Api();
            await GivenRemote.CredentialInUseAsync(api, upstream);
            var versions = await AddVersionsAsync(app, Soak.Of(1_000, 100_000));
            using var stop = new CancellationTokenSource();
            var calls = 0;
            var load = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
            {
                using var caller = app.Api();
                caller.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
                while (!stop.IsCancellationRequested)
                {
                    using var answer = await caller.GetAsync("/broker/cs/gpt-call/models", CancellationToken.None);
                    Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                    Interlocked.Increment(ref calls);
                }
            })).Append(Task.Run(async () =>
            {
                using var writer = app.Api();
                for (var i = 0; !stop.IsCancellationRequested; i++)
                    await GivenRemote.OkAsync(writer.PostAsJsonAsync("/api/v1/workspaces/cs/credentials", new { name = $"c{i}", type = "api_key", fields = new { value = $"sk-{i}-0123456789abcdef" } }, CancellationToken.None));
            })).ToList();

            var rotation = app.Get<RotateMasterKey>().ExecuteAsync(Operator, CancellationToken.None);
            // The key is known everywhere before it seals; then the lead is over.
            await Given.UntilAsync(async () => { await using var db = await app.DbAsync(); return await db.KeyGenerations.CountAsync() == 2; });
            await Given.UntilAsync(() => Task.FromResult(app.Get<SecretVault>().NewestGeneration == 2));
            Assert.Equal(1, app.Get<SecretVault>().CurrentGeneration);
            clock.Shift(KeyGeneration.Lead);
            Assert.False((await rotation).Failed(out _, out var report));
            var seen = calls;
            await Given.UntilAsync(() => Task.FromResult(calls > seen + 5));
            await stop.CancelAsync();
            await Task.WhenAll(load);

            Assert.Equal((2, false), (report!.Generation, report.Resumed));
            Assert.True(report.Rewrapped >= versions.Count, report.ToString());
            Soak.Say(string.Create(CultureInfo.InvariantCulture, $"K-09 {(PostgresServer.IsDefault ? "PostgreSQL" : "SQLite")}: {report.Rewrapped} data keys in {report.Took.TotalSeconds:F1} s ({report.Rewrapped / report.Took.TotalSeconds:F0}/s), longest write {report.LongestWrite.TotalMilliseconds:F0} ms, {calls} calls meanwhile, none failed"));
            await AssertAllOpenAsync(app, 2, versions.Count);
            await using var rows = await app.DbAsync();
            Assert.Equal(1, await rows.AuditEvents.CountAsync(e => e.Action == AuditAction.MasterKeyRotated));
            Assert.Equal(1, await rows.AuditEvents.CountAsync(e => e.Action == AuditAction.DataKeysRewrapped));
            var chain = await app.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);
            Assert.True(chain.Verified, chain.FirstBreak?.ToString());
        }

        // A start reads every policy and key anew.
        await using (var again = new AdminApp(dataDirectory: directory, services: s => s.AddSingleton<TimeProvider>(clock)))
        {
            using var caller = again.Api();
            caller.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
            Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/models")).StatusCode);
            Assert.Equal(2, again.Get<SecretVault>().CurrentGeneration);
        }
        await PostgresServer.DropDatabaseOfAsync(directory);
    }

    [Fact]
    public async Task A_run_that_was_broken_off_is_finished_by_the_next_and_makes_no_further_key()
    {
        var clock = new ShiftedClock();
        await using var app = new AdminApp(services: s => s.AddSingleton<TimeProvider>(clock));
        await Given.WorkspaceAsync(app, "cs");
        await Given.CredentialAsync(app, "cs", "openai_prod");
        await AddVersionsAsync(app, 600);
        var rotate = app.Get<RotateMasterKey>();
        using (var broken = new CancellationTokenSource())
        {
            var first = rotate.ExecuteAsync(Operator, broken.Token);
            await Given.UntilAsync(async () => { await using var db = await app.DbAsync(); return await db.KeyGenerations.CountAsync() == 2; });
            await broken.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        }
        clock.Shift(KeyGeneration.Lead);
        Assert.False((await rotate.ExecuteAsync(Operator, CancellationToken.None)).Failed(out _, out var second));
        Assert.Equal((2, true, 601L), (second!.Generation, second.Resumed, second.Rewrapped));
        await AssertAllOpenAsync(app, 2, 601);
    }

    [Fact]
    public async Task After_a_change_of_the_root_key_a_rotation_leaves_nothing_under_the_old_one()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        var file = Path.Combine(directory, "root.key");
        var (old, fresh) = (Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)), Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)));
        var settings = new Dictionary<string, string?> { ["Root:KeyFile"] = file };
        await File.WriteAllTextAsync(file, old);
        await using (var app = new AdminApp(settings, directory))
        {
            await Given.WorkspaceAsync(app, "cs");
            await Given.CredentialAsync(app, "cs", "openai_prod", "value-under-the-old-root");
        }
        await File.WriteAllTextAsync(file, fresh + "\n" + old);
        var clock = new ShiftedClock();
        await using (var app = new AdminApp(settings, directory, s => s.AddSingleton<TimeProvider>(clock)))
        {
            var rotation = app.Get<RotateMasterKey>().ExecuteAsync(Operator, CancellationToken.None);
            await Given.UntilAsync(async () => { await using var db = await app.DbAsync(); return await db.KeyGenerations.CountAsync() == 2; });
            clock.Shift(KeyGeneration.Lead);
            Assert.False((await rotation).Failed(out _));
        }
        await File.WriteAllTextAsync(file, fresh);
        await using (var app = new AdminApp(settings, directory))
        {
            Assert.False(app.Get<SecretVault>().IsSealed, app.Get<SecretVault>().SealedReason);
            await AssertAllOpenAsync(app, 2, 1);
        }
        await PostgresServer.DropDatabaseOfAsync(directory);
    }

    [Fact]
    public async Task The_recovery_key_on_paper_opens_what_was_sealed_after_a_rotation()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        string recovery;
        await using (var app = new AdminApp(new() { ["SECRET_KEY"] = Nodes.Key(1) }, directory))
        {
            using var admin = new Browserless(app.Url);
            await admin.SignInAsync();
            recovery = Browserless.TextOf(await (await admin.SubmitAsync("/account/recovery-key", [new("Step", "issue"), new("Password", AdminApp.AdminPassword)])).Content.ReadAsStringAsync(), "recovery-key");
        }
        var clock = new ShiftedClock();
        await using (var app = new AdminApp(new() { ["SECRET_KEY"] = Nodes.Key(1) }, directory, s => s.AddSingleton<TimeProvider>(clock)))
        {
            var rotation = app.Get<RotateMasterKey>().ExecuteAsync(Operator, CancellationToken.None);
            await Given.UntilAsync(async () => { await using var db = await app.DbAsync(); return await db.KeyGenerations.CountAsync() == 2; });
            clock.Shift(KeyGeneration.Lead);
            Assert.False((await rotation).Failed(out _));
            await Given.WorkspaceAsync(app, "cs");
            await Given.CredentialAsync(app, "cs", "openai_prod", "sealed-under-the-second-key");
        }
        await using (var app = new AdminApp(new() { ["SECRET_KEY"] = Nodes.Key(2) }, directory))
        {
            Assert.True(app.Get<SecretVault>().IsSealed);
            using var person = new Browserless(app.Url);
            await person.SubmitAsync("/sealed", [new("RecoveryKey", recovery)]);
            Assert.False(app.Get<SecretVault>().IsSealed, app.Get<SecretVault>().SealedReason);
            await AssertAllOpenAsync(app, 2, 1);
        }
        await PostgresServer.DropDatabaseOfAsync(directory);
    }

    /// <summary>Versions beside those in use; their state does not matter to who wraps their keys.</summary>
    internal static async Task<List<byte[]>> AddVersionsAsync(AdminApp app, int count)
    {
        var vault = app.Get<SecretVault>();
        var ids = new List<byte[]>(count);
        await using var db = await app.DbAsync();
        var credential = await db.Credentials.AsNoTracking().SingleAsync(c => c.Name == "openai_prod");
        for (var done = 0; done < count;)
        {
            await using var write = await db.BeginWriteAsync(CancellationToken.None);
            for (var i = 0; i < 2_000 && done < count; i++, done++)
            {
                var number = 1_000 + done;
                using var plain = Plaintext.CopyOf(Encoding.UTF8.GetBytes(ValueOf(number)));
                var value = vault.Seal(new SecretAddress(credential.WorkspaceId, credential.Id, number), new Dictionary<string, Plaintext> { [Credential.MainField] = plain });
                var id = Guid.CreateVersion7().ToByteArray(true);
                ids.Add(id);
                await db.Database.ExecuteSqlRawAsync("INSERT INTO credential_version (id, credential_id, number, state, wrapped_key, fingerprint, created_at, created_by) VALUES ({0}, {1}, {2}, 3, {3}, '', 0, 'test')",
                    id, credential.Id.ToByteArray(true), number, value.WrappedKey);
                await db.Database.ExecuteSqlRawAsync("INSERT INTO sealed_field (version_id, name, bytes) VALUES ({0}, 'value', {1})", id, value.Fields[Credential.MainField]);
            }
            await write.CommitAsync(CancellationToken.None);
        }
        return ids;
    }

    /// <summary>Every version's data key is under this master key, and every value opens to what it was.</summary>
    internal static async Task AssertAllOpenAsync(AdminApp app, int generation, int atLeast)
    {
        var vault = app.Get<SecretVault>();
        await using var db = await app.DbAsync();
        var workspaces = await db.Credentials.AsNoTracking().ToDictionaryAsync(c => c.Id, c => c.WorkspaceId);
        var seen = 0;
        await foreach (var v in db.CredentialVersions.AsNoTracking().Include(v => v.Fields).AsAsyncEnumerable())
        {
            if (v.Value is not { } value) continue;
            seen++;
            Assert.Equal(generation, SecretVault.GenerationOf(value.WrappedKey));
            using var opened = vault.Open(new SecretAddress(workspaces[v.CredentialId], v.CredentialId, v.Number), value, Credential.MainField);
            if (v.Number >= 1_000) Assert.Equal(ValueOf(v.Number), Encoding.UTF8.GetString(opened.Bytes));
        }
        Assert.True(seen >= atLeast, $"{seen} of {atLeast} versions");
    }

    private static string ValueOf(int number) => string.Create(CultureInfo.InvariantCulture, $"sk-value-of-version-{number}");

    private static class Nodes
    {
        public static string Key(int n) => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData([(byte)n]));
    }
}
