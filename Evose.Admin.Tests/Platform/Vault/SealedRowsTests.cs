using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Vault;

/// <summary>K-02, K-03 and K-10 in a real database: sealed bytes belong to one place, any change is seen, and no key is in a file.</summary>
public sealed class SealedRowsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sealed_bytes_swapped_between_any_two_rows_by_SQL_never_open(bool postgres)
    {
        await using var app = new AdminApp(postgres: postgres ? await PostgresServer.NewDatabaseAsync() : null);
        var vault = app.Get<SecretVault>();
        var factory = app.Get<IDbContextFactory<AdminDb>>();
        await SeedAsync(factory, vault);

        var rows = await RowsAsync(factory);
        Assert.Equal(8, rows.Count);
        var tried = 0;
        foreach (var (to, from) in rows.SelectMany(_ => rows, (a, b) => (a, b)))
        {
            foreach (var (field, source) in new[] { ("value", "value"), ("value", "second") })
            {
                foreach (var swapKey in new[] { true, false })
                foreach (var swapField in new[] { true, false })
                {
                    var changes = (swapKey && from.Id != to.Id) || (swapField && (from.Id != to.Id || field != source));
                    if (!changes) continue;
                    await RefusedAsync(factory, vault, to, swapKey ? from.Key : null, swapField ? from.Fields[source] : null, field);
                    tried++;
                }
            }
        }
        Assert.True(tried > 300, $"{tried} swaps");

        // What another installation sealed under the very same master key, at the very same address; and every other header that a blob could have.
        var ring = Ring(vault);
        var elsewhere = new SecretVault(app.Get<IRootKey>(), new MasterKeyRing(Guid.CreateVersion7(), new Dictionary<int, byte[]> { [1] = ring.MasterKey(1).ToArray() }));
        foreach (var to in rows)
        {
            using var value = Plaintext.CopyOf("from elsewhere"u8);
            var foreign = elsewhere.Seal(new SecretAddress(to.Workspace, to.Credential, to.Number), new Dictionary<string, Plaintext> { ["value"] = value });
            await RefusedAsync(factory, vault, to, foreign.WrappedKey, foreign.Fields["value"], "value");
            await RefusedAsync(factory, vault, to, foreign.WrappedKey, null, "value");
            await RefusedAsync(factory, vault, to, null, foreign.Fields["value"], "value");
        }
        foreach (var at in (int[])[0, 1, 2, 3, 4, 5])
        {
            await RefusedAsync(factory, vault, rows[0], Other(rows[0].Key, at), null, "value");
            await RefusedAsync(factory, vault, rows[0], null, Other(rows[0].Fields["value"], at), "value");
        }
        // Put back, everything opens: the refusals above were about the place, not about damage of ours.
        foreach (var r in await RowsAsync(factory)) vault.Open(new SecretAddress(r.Workspace, r.Credential, r.Number), r.Key, r.Fields["value"], "value").Dispose();
    }

    // K-03, the one stored blob that is not the vault's own.
    [Fact]
    public async Task Every_flipped_bit_of_a_policys_seal_and_every_other_length_is_seen()
    {
        await using var world = await BrokerWorld.StartAsync();
        await using var db = await world.DbAsync();
        var credential = await db.Credentials.Include(c => c.ScopeMembers).SingleAsync();
        var tool = await db.Consumers.SingleAsync(c => c.Name == "gpt-call");
        var vault = world.App.Get<SecretVault>();
        Assert.True(await PolicyCheck.IsIntactAsync(db, vault, credential, default));
        Assert.True(await PolicyCheck.IsIntactAsync(db, vault, tool, [], default));
        var (ofCredential, ofTool) = (credential.PolicyMac, tool.PolicyMac);
        foreach (var damaged in Kit.Damaged(ofCredential))
        {
            db.Entry(credential).Property(c => c.PolicyMac).CurrentValue = damaged;
            Assert.False(await PolicyCheck.IsIntactAsync(db, vault, credential, default));
        }
        foreach (var damaged in Kit.Damaged(ofTool))
        {
            tool.PolicyMac = damaged;
            Assert.False(await PolicyCheck.IsIntactAsync(db, vault, tool, [], default));
        }
    }

    [Fact]
    public async Task No_key_of_any_level_is_in_any_file_in_any_form_and_the_root_ring_alone_does_not_hold_it_in_clear()
    {
        await using var world = await BrokerWorld.StartAsync();
        using (var caller = world.Caller()) Assert.Equal(System.Net.HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        await using var db = await world.DbAsync();
        var generation = await db.KeyGenerations.SingleAsync();
        var version = await db.CredentialVersions.AsNoTracking().SingleAsync();
        var keys = Keys(Ring(world.App.Get<SecretVault>()), generation, new SecretAddress(world.WorkspaceId, world.CredentialId, 1), version.WrappedKey!);
        Assert.Equal(8, keys.Count);
        keys.Add(("the value", Encoding.UTF8.GetBytes(BrokerWorld.Secret)));
        keys.Add(("a key ring in clear", "masterKey"u8.ToArray()));

        var looked = 0;
        foreach (var (file, bytes) in DataFolder.Read(world.App.DataDirectory))
        {
            looked++;
            foreach (var (name, key) in keys)
            {
                // The root ring is the one place where a key of its own stands; it wraps the master key and is not one of these.
                if (name == "a key ring in clear" && file.Contains($"{Path.DirectorySeparatorChar}keys{Path.DirectorySeparatorChar}", StringComparison.Ordinal)) continue;
                foreach (var (form, needle) in Forms(key)) Assert.True(bytes.AsSpan().IndexOf(needle) < 0, $"{Path.GetFileName(file)} holds {name} {form}");
            }
        }
        Assert.True(looked >= 5, $"only {looked} files");
        // The search finds what is there.
        Assert.Contains(DataFolder.Read(world.App.DataDirectory, "evose.db*"), f => f.Bytes.AsSpan().IndexOf(version.WrappedKey) >= 0);

        // The wrapped master key is only as good as the ring: without the ring, which lies outside the database, it does not open.
        var elsewhere = new SecretVault(new DataProtectionRoot(Directory.CreateTempSubdirectory("evose-test-").FullName));
        elsewhere.Unlock([generation]);
        Assert.True(elsewhere.IsSealed);
    }

    [Fact]
    public async Task A_root_key_from_the_settings_is_in_no_file_in_any_form()
    {
        await using var app = new AdminApp(new() { ["SECRET_KEY"] = Kit.SecretKey });
        Assert.False(app.Get<SecretVault>().IsSealed);
        await Given.WorkspaceAsync(app);
        foreach (var (file, bytes) in DataFolder.Read(app.DataDirectory))
            foreach (var (form, needle) in Forms(Convert.FromHexString(Kit.SecretKey))) Assert.True(bytes.AsSpan().IndexOf(needle) < 0, $"{Path.GetFileName(file)} holds the root key {form}");
    }

    private static async Task SeedAsync(IDbContextFactory<AdminDb> factory, SecretVault vault)
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var db = await factory.CreateDbContextAsync();
        foreach (var ws in (string[])["a", "b"])
        {
            var workspace = new Workspace(Guid.CreateVersion7(), ws, ws, now);
            db.Add(workspace);
            foreach (var name in (string[])["one", "two"])
            {
                var c = Credential.Register(Guid.CreateVersion7(), workspace.Id, name, CredentialType.ApiKey, now);
                for (var v = 1; v <= 2; v++)
                {
                    using var value = Plaintext.CopyOf(Encoding.UTF8.GetBytes($"{ws}-{name}-{v}-value"));
                    using var second = Plaintext.CopyOf(Encoding.UTF8.GetBytes($"{ws}-{name}-{v}-second"));
                    c.AddVersion(Guid.CreateVersion7(), vault.Seal(new SecretAddress(workspace.Id, c.Id, v), new Dictionary<string, Plaintext> { ["value"] = value, ["second"] = second }), "f", "t", now);
                    if (v == 1) c.Promote(now);
                }
                db.Add(c);
            }
        }
        await db.SaveChangesAsync();
    }

    // Writes the bytes into the row, reads them back, tries to open them, and puts the row's own back.
    private static async Task RefusedAsync(IDbContextFactory<AdminDb> factory, SecretVault vault, Row to, byte[]? key, byte[]? bytes, string field)
    {
        await WriteAsync(factory, to, key ?? to.Key, bytes ?? to.Fields[field], field);
        await using (var db = await factory.CreateDbContextAsync())
        {
            var version = await db.CredentialVersions.AsNoTracking().Include(v => v.Fields).SingleAsync(v => v.Id == to.Id);
            var stored = version.Fields.Single(f => f.Name == field).Bytes;
            Assert.Throws<IntegrityException>(() => vault.Open(new SecretAddress(to.Workspace, to.Credential, to.Number), version.WrappedKey!, stored, field));
        }
        await WriteAsync(factory, to, to.Key, to.Fields[field], field);
    }

    private static async Task WriteAsync(IDbContextFactory<AdminDb> factory, Row to, byte[] key, byte[] bytes, string field)
    {
        await using var db = await factory.CreateDbContextAsync();
        Assert.Equal(1, await db.CredentialVersions.Where(v => v.Id == to.Id).ExecuteUpdateAsync(s => s.SetProperty(v => v.WrappedKey, key)));
        Assert.Equal(1, await db.SealedFields.Where(f => f.VersionId == to.Id && f.Name == field).ExecuteUpdateAsync(s => s.SetProperty(f => f.Bytes, bytes)));
    }

    private static byte[] Other(byte[] bytes, int at)
    {
        var copy = bytes.ToArray();
        copy[at] ^= 3;
        return copy;
    }

    private static MasterKeyRing Ring(SecretVault vault) => (MasterKeyRing)typeof(SecretVault).GetProperty("Ring", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(vault)!;

    private static List<(string Name, byte[] Bytes)> Keys(MasterKeyRing ring, KeyGeneration generation, SecretAddress address, byte[] wrapped)
    {
        var master = ring.MasterKey(1).ToArray();
        byte[] info = [.. "evose/wrap/1"u8, .. generation.InstallationId.ToByteArray(true), .. address.Workspace.ToByteArray(true)];
        var wrap = HKDF.DeriveKey(HashAlgorithmName.SHA256, master, 32, [], info);
        var data = new byte[32];
        // That it unwraps shows that it is the workspace's key.
        EnvelopeCipher.UnwrapKey(new CipherPool(wrap), generation.InstallationId, address, wrapped, data);
        return [("the master key", master), ("the workspace's key", wrap), ("the data key", data), .. Enum.GetValues<KeyUse>().Select(use => ($"the key {use}", ring.Key(use, 1).ToArray()))];
    }

    private static IEnumerable<(string Form, byte[] Bytes)> Forms(byte[] key)
    {
        yield return ("as it is", key);
        yield return ("in hex", Encoding.ASCII.GetBytes(Convert.ToHexString(key)));
        yield return ("in lower hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(key)));
        for (var skip = 0; skip < 3; skip++) yield return ("in base64", Encoding.ASCII.GetBytes(Convert.ToBase64String(key, skip, (key.Length - skip) / 3 * 3)));
    }

    private sealed record Row(Guid Id, Guid Workspace, Guid Credential, int Number, byte[] Key, Dictionary<string, byte[]> Fields);

    private static async Task<List<Row>> RowsAsync(IDbContextFactory<AdminDb> factory)
    {
        await using var db = await factory.CreateDbContextAsync();
        var credentials = await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).ToListAsync();
        return [.. credentials.SelectMany(c => c.Versions, (c, v) => new Row(v.Id, c.WorkspaceId, c.Id, v.Number, v.WrappedKey!, v.Fields.ToDictionary(f => f.Name, f => f.Bytes)))];
    }
}
