using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Features.Consumers;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Consumers;

/// <summary>What somebody wrote into the database is never sealed as ours by an act that keeps it.</summary>
[Collection(ConsumersCollection.Name)]
public sealed class TamperedPolicyTests(ConsumersApp consumers)
{
    private readonly AdminApp _app = consumers.App;

    [Fact]
    public async Task A_tool_is_not_added_to_a_scope_that_was_changed_in_the_database()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.ToolAsync(_app, ws, "crm", "https://crm.example.test", "added_to_prod");
        await Given.ToolAsync(_app, ws, "other", "https://crm.example.test");
        await Given.CredentialAsync(_app, ws, "added_to_prod", tools: ["other"]);
        await using var db = await _app.DbAsync();
        await db.Database.ExecuteSqlRawAsync("UPDATE credential SET allowed_hosts = '[\"evil.example.test\"]' WHERE name = 'added_to_prod'");

        var refused = await _app.Get<AddToScope>().ExecuteAsync(await _app.AdminAsync(), ws, new AddToScope.Input("crm", "added_to_prod"), default);
        Assert.Equal((ProblemKind.Conflict, "tampered"), (refused.Problem?.Kind, refused.Problem?.Details?["state"]));
        var row = await db.Credentials.AsNoTracking().SingleAsync(c => c.Name == "added_to_prod");
        Assert.False(await PolicyCheck.IsIntactAsync(db, _app.Get<SecretVault>(), await db.Credentials.Include(c => c.ScopeMembers).SingleAsync(c => c.Id == row.Id), default));
    }

    [Fact]
    public async Task Deleting_a_tool_leaves_what_was_changed_in_the_database_refused_and_seals_the_rest()
    {
        var ws = await Given.WorkspaceAsync(_app);
        var doomed = await Given.ToolAsync(_app, ws, "doomed", "https://crm.example.test");
        var kept = await Given.ToolAsync(_app, ws, "kept", "https://crm.example.test");
        var foreign = await Given.ToolAsync(_app, ws, "foreign", "https://crm.example.test");
        var changed = await Given.AgentAsync(_app, ws, "changed", doomed, kept);
        var honest = await Given.AgentAsync(_app, ws, "honest", doomed, kept);
        await Given.CredentialAsync(_app, ws, "changed_prod", tools: ["doomed", "kept"]);
        await Given.CredentialAsync(_app, ws, "honest_prod", tools: ["doomed", "kept"]);
        await using (var db = await _app.DbAsync())
        {
            await db.Database.ExecuteSqlRawAsync("UPDATE credential SET allowed_hosts = '[\"evil.example.test\"]' WHERE name = 'changed_prod'");
            db.ConsumerLinks.Add(new ConsumerLink { FromId = changed, ToId = foreign });
            await db.SaveChangesAsync();
        }

        Assert.Null((await _app.Get<DeleteConsumer>().ExecuteAsync(await _app.AdminAsync(), ws, new DeleteConsumer.Input(ConsumerKind.Tool, "doomed"), default)).Problem);

        await using var after = await _app.DbAsync();
        var vault = _app.Get<SecretVault>();
        foreach (var name in (string[])["changed_prod", "honest_prod"])
        {
            var credential = await after.Credentials.Include(c => c.ScopeMembers).SingleAsync(c => c.Name == name);
            Assert.Equal([kept], credential.ScopeMembers.Select(m => m.ConsumerId));
            Assert.Equal(name == "honest_prod", await PolicyCheck.IsIntactAsync(after, vault, credential, default));
            Assert.Equal(await PolicyCheck.NewestAuditedAsync(after, credential.Id, default), credential.PolicyVersion);
        }
        foreach (var id in (Guid[])[changed, honest])
        {
            var links = await after.ConsumerLinks.Where(l => l.FromId == id).Select(l => l.ToId).ToListAsync();
            Assert.DoesNotContain(doomed, links);
            Assert.Equal(id == honest, await PolicyCheck.IsIntactAsync(after, vault, await after.Consumers.SingleAsync(c => c.Id == id), links, default));
        }
        Assert.Contains("changed outside the app", (await after.AuditEvents.Where(e => e.SubjectId == changed && e.Action == AuditAction.ConsumerSaved).OrderByDescending(e => e.Seq).FirstAsync()).Detail);
    }

    [Fact]
    public async Task A_revision_that_stood_once_is_never_given_again()
    {
        using var place = await Place.MakeAsync(_app);
        await place.ToolAsync("put-back", ("X-Any", "1"));
        await place.ToolAsync("put-back", ("X-Any", "2"));
        await using (var db = await _app.DbAsync()) await db.Database.ExecuteSqlRawAsync("UPDATE consumer SET revision = 1 WHERE name = 'put-back'");
        await place.ToolAsync("put-back", ("X-Any", "3"));
        Assert.Equal(3, (await _app.ConsumerAsync(place.Workspace.Id, ConsumerKind.Tool, "put-back")).Revision);
    }
}
