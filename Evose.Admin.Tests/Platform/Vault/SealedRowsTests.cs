using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Vault;

/// <summary>K-02 and K-10 in a real database: sealed bytes belong to one place, and no key is in the file.</summary>
public sealed class SealedRowsTests
{
    [Fact]
    public async Task Sealed_bytes_swapped_between_any_two_rows_by_SQL_never_open()
    {
        await using var app = new AdminApp();
        var vault = app.Get<SecretVault>();
        var now = TimeProvider.System.GetUtcNow();
        var factory = app.Get<IDbContextFactory<AdminDb>>();
        await using (var db = await factory.CreateDbContextAsync())
        {
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
                    await using var db = await factory.CreateDbContextAsync();
                    if (swapKey) await db.Database.ExecuteSqlAsync($"UPDATE credential_version SET wrapped_key = {from.Key} WHERE id = {to.Id.ToByteArray(true)}");
                    if (swapField) await db.Database.ExecuteSqlAsync($"UPDATE sealed_field SET bytes = {from.Fields[source]} WHERE version_id = {to.Id.ToByteArray(true)} AND name = {field}");
                    var read = (await RowsAsync(factory)).Single(r => r.Id == to.Id);
                    Assert.Throws<IntegrityException>(() => vault.Open(new SecretAddress(to.Workspace, to.Credential, to.Number), read.Key, read.Fields[field], field));
                    await db.Database.ExecuteSqlAsync($"UPDATE credential_version SET wrapped_key = {to.Key} WHERE id = {to.Id.ToByteArray(true)}");
                    await db.Database.ExecuteSqlAsync($"UPDATE sealed_field SET bytes = {to.Fields[field]} WHERE version_id = {to.Id.ToByteArray(true)} AND name = {field}");
                    tried++;
                }
            }
        }
        Assert.True(tried > 300, $"{tried} swaps");
        // Put back, everything opens: the refusals above were about the place, not about damage of ours.
        foreach (var r in await RowsAsync(factory)) vault.Open(new SecretAddress(r.Workspace, r.Credential, r.Number), r.Key, r.Fields["value"], "value").Dispose();
    }

    [Fact]
    public async Task No_key_is_in_the_database_and_the_root_ring_alone_does_not_hold_it_in_clear()
    {
        await using var world = await BrokerWorld.StartAsync();
        var secret = Encoding.UTF8.GetBytes(BrokerWorld.Secret);
        var files = Directory.EnumerateFiles(world.App.DataDirectory, "evose.db*").ToList();
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var copy = new MemoryStream();
            await stream.CopyToAsync(copy);
            var bytes = copy.ToArray();
            Assert.True(bytes.AsSpan().IndexOf(secret) < 0, file);
            Assert.True(bytes.AsSpan().IndexOf("masterKey"u8) < 0, file + " holds a key ring");
        }
        await using var db = await world.DbAsync();
        var generation = await db.KeyGenerations.SingleAsync();
        // The wrapped master key is only as good as the ring: without the ring, which lies outside the database, it does not open.
        var elsewhere = new SecretVault(new DataProtectionRoot(Directory.CreateTempSubdirectory("evose-test-").FullName));
        elsewhere.Unlock([generation]);
        Assert.True(elsewhere.IsSealed);
    }

    private sealed record Row(Guid Id, Guid Workspace, Guid Credential, int Number, byte[] Key, Dictionary<string, byte[]> Fields);

    private static async Task<List<Row>> RowsAsync(IDbContextFactory<AdminDb> factory)
    {
        await using var db = await factory.CreateDbContextAsync();
        var credentials = await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).ToListAsync();
        return [.. credentials.SelectMany(c => c.Versions, (c, v) => new Row(v.Id, c.WorkspaceId, c.Id, v.Number, v.WrappedKey!, v.Fields.ToDictionary(f => f.Name, f => f.Bytes)))];
    }
}
