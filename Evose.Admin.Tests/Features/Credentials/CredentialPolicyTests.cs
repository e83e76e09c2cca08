using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Credentials;

public sealed class CredentialPolicyTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    // K-08
    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task Archiving_leaves_no_byte_of_key_or_ciphertext_in_any_file()
    {
        var ws = await Given.WorkspaceAsync(_app);
        for (var i = 0; i < 20; i++) await Given.CredentialAsync(_app, ws, $"filler{i}_dev", $"filler value number {i}");
        await Given.CredentialAsync(_app, ws, "doomed_prod", "the value that must go, 4711");
        CredentialVersion version;
        Guid workspaceId, credentialId;
        await using (var db = await _app.DbAsync())
        {
            var credential = await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == "doomed_prod");
            (version, workspaceId, credentialId) = (credential.Versions[0], credential.WorkspaceId, credential.Id);
        }
        var value = version.Value!;
        var field = value.Fields[Credential.MainField];
        using (var opened = _app.Get<SecretVault>().Open(new SecretAddress(workspaceId, credentialId, 1), value, Credential.MainField)) Assert.Equal("the value that must go, 4711"u8, opened.Bytes);
        Assert.True(Hits(value.WrappedKey) > 0 && Hits(field) > 0, "the search must find what is there");

        var done = await _app.Get<ArchiveCredential>().ExecuteAsync(await _app.AdminAsync(), ws, "doomed_prod", new ArchiveCredential.Input(false), default);
        Assert.Null(done.Problem);
        Assert.Equal((0, 0), (Hits(value.WrappedKey), Hits(field)));
        // Parts too: a page that was split keeps the middle of a blob.
        Assert.Equal((0, 0), (Hits(value.WrappedKey[^24..]), Hits(field[^24..])));
        await using (var db = await _app.DbAsync())
        {
            var gone = await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Id == credentialId);
            Assert.Null(gone.Versions[0].Value);
            Assert.Equal((VersionState.Retired, null), (gone.Versions[0].State, gone.ActiveVersion));
        }
        Assert.DoesNotContain((await _app.Get<CredentialCatalog>().CurrentAsync(default)).CredentialsById.Keys, id => id == credentialId);
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task What_a_reader_kept_in_the_log_at_the_archiving_is_owed_and_erased_when_the_reader_is_gone()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "read_prod", "the value that a reader holds");
        var erasure = _app.Get<Erasure>();
        await erasure.IfOwedAsync();
        byte[] wrapped;
        await using (var db = await _app.DbAsync()) wrapped = (await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == "read_prod")).Versions[0].Value!.WrappedKey;
        using (var reader = _app.Get<Sqlite>().Open())
        using (var command = reader.CreateCommand())
        {
            command.CommandText = "BEGIN; SELECT count(*) FROM credential;";
            command.ExecuteScalar();
            Assert.Null((await _app.Get<ArchiveCredential>().ExecuteAsync(await _app.AdminAsync(), ws, "read_prod", new ArchiveCredential.Input(false), default)).Problem);
            Assert.True(Hits(wrapped) > 0, "the reader must stand in the way");
            command.CommandText = "ROLLBACK";
            command.ExecuteNonQuery();
        }
        await erasure.IfOwedAsync();
        Assert.Equal(0, Hits(wrapped));
    }

    private int Hits(byte[] needle) => DataFolder.Read(_app.DataDirectory, "evose.db*").Count(f => f.Bytes.AsSpan().IndexOf(needle) >= 0);

    [Theory]
    [InlineData(VersionState.Pending)]
    [InlineData(VersionState.Retiring)]
    public async Task Archiving_ends_an_open_rotation_and_destroys_both_versions(VersionState open)
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "turning_prod");
        var vault = _app.Get<SecretVault>();
        var now = TimeProvider.System.GetUtcNow();
        await using (var db = await _app.DbAsync())
        {
            await using var write = await db.BeginWriteAsync(default);
            var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == "turning_prod" && c.ArchivedAt == null);
            using var value = Plaintext.CopyOf("the second value"u8);
            var version = credential.AddVersion(Guid.CreateVersion7(now), vault.Seal(new SecretAddress(credential.WorkspaceId, credential.Id, 2), new Dictionary<string, Plaintext> { ["value"] = value }), vault.Fingerprint(value), "test", now);
            db.Entry(version).State = EntityState.Added;
            foreach (var f in version.Fields) db.Entry(f).State = EntityState.Added;
            var rotation = Evose.Admin.Domain.Credentials.Rotation.Start(Guid.CreateVersion7(now), credential, 2, "test", now);
            db.Rotations.Add(rotation);
            if (open == VersionState.Retiring)
            {
                await db.SaveChangesAsync();
                db.Entry(credential.Active!).Property(v => v.State).CurrentValue = VersionState.Retiring;
                await db.SaveChangesAsync();
                credential.Promote(now);
                rotation.Promote(1, "test", now, now.AddDays(1));
            }
            await write.CommitAsync(default);
        }
        Assert.Null((await _app.Get<ArchiveCredential>().ExecuteAsync(await _app.AdminAsync(), ws, "turning_prod", new ArchiveCredential.Input(false), default)).Problem);
        await using var after = await _app.DbAsync();
        var archived = await after.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == "turning_prod" && c.WorkspaceId == after.Workspaces.Single(w => w.Slug == ws).Id);
        Assert.All(archived.Versions, v => Assert.Null(v.Value));
        var ended = await after.Rotations.AsNoTracking().SingleAsync(r => r.CredentialId == archived.Id);
        Assert.Equal(open == VersionState.Pending ? RotationState.Discarded : RotationState.Retired, ended.State);
    }

    // K-15
    [Theory]
    [InlineData("UPDATE credential SET allowed_hosts = '[\"evil.example.test\"]'")]
    [InlineData("DELETE FROM scope_member")]
    [InlineData("REPLAY")]
    public async Task A_policy_changed_in_the_database_is_not_obeyed_and_not_sealed_anew(string sql)
    {
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app);
        await Given.ToolAsync(app, ws, "crm", "https://crm.example.test", "crm_prod");
        await Given.AgentAsync(app, ws, "helper");
        await Given.CredentialAsync(app, ws, "crm_prod", tools: ["crm"]);
        var admin = await app.AdminAsync();
        await using (var db = await app.DbAsync())
        {
            var old = await db.Credentials.AsNoTracking().SingleAsync();
            if (sql == "REPLAY")
            {
                Assert.Null((await app.Get<ChangeScope>().ExecuteAsync(admin, ws, "crm_prod", new ChangeScope.Input(null, ["safe.example.test"]), default)).Problem);
                await db.Database.ExecuteSqlAsync($"UPDATE credential SET allowed_hosts = '[\"crm.example.test\"]', policy_version = {old.PolicyVersion}, policy_mac = {old.PolicyMac}");
            }
            else
            {
                await db.Database.ExecuteSqlRawAsync(sql);
            }
            await db.Database.ExecuteSqlRawAsync("UPDATE installation SET stamp = stamp + 1");
            await db.Database.ExecuteSqlRawAsync("UPDATE credential SET stamp = (SELECT stamp FROM installation)");
        }
        var snapshot = await app.Get<CredentialCatalog>().RefreshAsync(default);
        Assert.True(snapshot.CredentialsById.Values.Single().Tampered);
        var view = (await app.Get<CredentialDetailQuery>().RunAsync(admin, ws, "crm_prod", default)).Value!;
        Assert.False(view.PolicyIntact);

        // Half of it cannot be saved: that would seal the other half.
        var half = await app.Get<ChangeScope>().ExecuteAsync(admin, ws, "crm_prod", new ChangeScope.Input(new ScopeNames(["crm"]), null), default);
        Assert.Equal(ProblemKind.Conflict, half.Problem?.Kind);
        var whole = await app.Get<ChangeScope>().ExecuteAsync(admin, ws, "crm_prod", new ChangeScope.Input(new ScopeNames(["crm"]), ["crm.example.test"]), default);
        Assert.Null(whole.Problem);
        Assert.False((await app.Get<CredentialCatalog>().CurrentAsync(default)).CredentialsById.Values.Single().Tampered);
        // A number that stood once is never given again.
        Assert.Equal(sql == "REPLAY" ? 3 : 2, (await app.Get<CredentialDetailQuery>().RunAsync(admin, ws, "crm_prod", default)).Value!.PolicyVersion);
    }

    [Fact]
    public async Task A_tool_changed_in_the_database_gives_no_hosts_and_is_not_resealed_by_a_rename()
    {
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app);
        await Given.ToolAsync(app, ws, "crm", "https://crm.example.test", "crm_prod");
        await Given.CredentialAsync(app, ws, "crm_prod", tools: ["crm"]);
        await using (var db = await app.DbAsync()) await db.Database.ExecuteSqlRawAsync("UPDATE consumer SET config = replace(config, 'crm.example.test', 'evil.example.test')");
        var admin = await app.AdminAsync();
        var renamed = await app.Get<EditCredential>().ExecuteAsync(admin, ws, "crm_prod", new EditCredential.Input(Name: new Wanted("new_prod")), default);
        Assert.Equal(ProblemKind.Conflict, renamed.Problem?.Kind);
        using var value = Plaintext.CopyOf("abc"u8);
        var made = await app.Get<RegisterCredential>().ExecuteAsync(admin, ws, new RegisterCredential.Input("next_prod", "api_key", new Dictionary<string, Plaintext> { ["value"] = value }, Scope: new ScopeNames(["crm"])), default);
        Assert.Equal(ProblemKind.Conflict, made.Problem?.Kind);
    }

    [Fact]
    public async Task Of_two_admins_who_edit_at_once_one_is_told()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "shared_prod");
        var admin = await _app.AdminAsync();
        var revision = (await _app.Get<CredentialDetailQuery>().RunAsync(admin, ws, "shared_prod", default)).Value!.Revision;
        var both = await Task.WhenAll(
            _app.Get<EditCredential>().ExecuteAsync(admin, ws, "shared_prod", new EditCredential.Input(Description: new Wanted("mine"), Revision: revision), default),
            _app.Get<EditCredential>().ExecuteAsync(admin, ws, "shared_prod", new EditCredential.Input(Description: new Wanted("yours"), Revision: revision), default));
        Assert.Single(both, o => o.Problem is null);
        Assert.Single(both, o => o.Problem?.Kind == ProblemKind.Conflict);
        Assert.Equal(ProblemKind.Conflict, (await _app.Get<ChangeScope>().ExecuteAsync(admin, ws, "shared_prod", new ChangeScope.Input(null, [], revision), default)).Problem?.Kind);
        Assert.Equal(ProblemKind.Conflict, (await _app.Get<ArchiveCredential>().ExecuteAsync(admin, ws, "shared_prod", new ArchiveCredential.Input(true, revision), default)).Problem?.Kind);
    }

    [Fact]
    public async Task A_staged_value_is_taken_once_and_stays_when_the_form_is_refused()
    {
        var ws = await Given.WorkspaceAsync(_app);
        var admin = await _app.AdminAsync();
        var staged = _app.Get<StagedValues>();
        var (id, ticket) = staged.Issue(admin);
        Assert.Null((await staged.StageAsync(admin, ticket, Plaintext.CopyOf("  typed value \n"u8), default)).Problem);
        var register = _app.Get<RegisterCredential>();
        var input = new RegisterCredential.Input("typed_prod", "api_key", Staged: new Dictionary<string, Guid> { [Credential.MainField] = id }, Scope: new ScopeNames(["nope"]));
        Assert.Equal(ProblemKind.Invalid, (await register.ExecuteAsync(admin, ws, input, default)).Problem?.Kind);
        Assert.Null((await register.ExecuteAsync(admin, ws, input with { Scope = null }, default)).Problem);
        Assert.Equal(ProblemKind.Invalid, (await register.ExecuteAsync(admin, ws, input with { Scope = null, Name = "twice_prod" }, default)).Problem?.Kind);
        await using var db = await _app.DbAsync();
        Assert.False(await db.StagedValues.AnyAsync(s => s.Id == id));
        var view = (await _app.Get<CredentialDetailQuery>().RunAsync(admin, ws, "typed_prod", default)).Value!;
        using var expected = Plaintext.CopyOf("typed value"u8);
        Assert.Equal((_app.Get<SecretVault>().Fingerprint(expected), AdminApp.AdminEmail), (view.Versions[0].Fingerprint, view.Owner));
    }
}
