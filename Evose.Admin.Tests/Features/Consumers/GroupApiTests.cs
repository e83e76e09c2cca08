using System.Net;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Consumers;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Consumers;

[Collection(ConsumersCollection.Name)]
public sealed class GroupApiTests(ConsumersApp shared)
{
    private AdminApp App => shared.App;

    [Fact]
    public async Task Saves_agents_and_workflows_with_their_members_and_keeps_them_through_a_rename()
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("mail");
        await place.ToolAsync("crm");
        var (created, agent, text) = await place.PutAsync("agents/helper", new { tools = new[] { "mail", "crm" }, description = "Helps" });
        Assert.True(created == HttpStatusCode.Created, text);
        Assert.Equal("""["crm","mail"]""", agent.GetProperty("tools").GetRawText());
        await place.SaveAsync("workflows/nightly", new { tools = new[] { "crm" }, agents = new[] { "helper" } });

        await place.SaveAsync("tools/crm", new { name = "crm-2", base_url = "https://api.service.test" });
        await place.SaveAsync("agents/helper", new { name = "assistant", tools = new[] { "crm-2" } });
        var (_, workflow, _) = await place.GetAsync("workflows/nightly");
        Assert.Equal("""["crm-2"]""", workflow.GetProperty("tools").GetRawText());
        Assert.Equal("""["assistant"]""", workflow.GetProperty("agents").GetRawText());

        var catalog = await App.Get<CredentialCatalog>().CurrentAsync(default);
        Assert.All(Enum.GetValues<ConsumerKind>().Zip(["crm-2", "assistant", "nightly"]), x => Assert.False(catalog.Find(place.Workspace.Id, x.First, x.Second)!.Tampered));
        Assert.Equal(HttpStatusCode.OK, (await place.GetAsync("agents")).Status);
        Assert.Equal("nightly", (await place.GetAsync("workflows")).Json.GetProperty("data")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task Members_must_be_living_members_of_the_same_workspace()
    {
        using var place = await Place.MakeAsync(App);
        using var other = await Place.MakeAsync(App);
        await place.ToolAsync("mail");
        await place.ToolAsync("gone");
        await place.DeleteAsync("tools/gone");
        await other.ToolAsync("theirs");
        var (status, json, _) = await place.PutAsync("agents/helper", new { tools = new[] { "theirs", "mail", "gone", "ghost" } });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal("""["theirs","gone","ghost"]""", json.GetProperty("error").GetProperty("details").GetProperty("unknown").GetRawText());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await place.PutAsync("workflows/w", new { agents = new[] { "mail" } })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await place.PutAsync("agents/helper", new { tools = new[] { "mail", "mail" } })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await place.PutAsync("agents/helper", new { tools = new string?[] { null } })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await place.PutAsync("agents/helper", new { tools = Enumerable.Range(0, 201).Select(i => $"t{i}") })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await place.PutAsync("agents/new", new { })).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await place.PutAsync("agents/helper", new { tools = "mail" })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await place.GetAsync("agents/helper")).Status);
    }

    [Fact]
    public async Task Deleting_a_tool_takes_it_out_of_links_and_scopes_and_lets_nobody_do_more_than_before()
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("crm");
        await place.ToolAsync("mail");
        await place.SaveAsync("agents/both", new { tools = new[] { "crm", "mail" } });
        await place.SaveAsync("agents/only", new { tools = new[] { "crm" } });
        var crm = await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Tool, "crm");
        var mail = await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Tool, "mail");
        var agent = await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Agent, "both");
        await App.CredentialAsync(place.Workspace, "wide_prod", scope: [Named(crm), Named(mail)]);
        await App.CredentialAsync(place.Workspace, "narrow_prod", scope: [Named(crm), Named(agent)]);

        var (status, deleted, text) = await place.DeleteAsync("tools/crm");
        Assert.True(status == HttpStatusCode.OK, text);
        Assert.Equal("""{"agents":["both","only"],"workflows":[],"credentials":["narrow_prod","wide_prod"]}""", deleted.GetProperty("affected").GetRawText());

        var catalog = await App.Get<CredentialCatalog>().CurrentAsync(default);
        var both = catalog.Find(place.Workspace.Id, ConsumerKind.Agent, "both")!;
        Assert.False(both.Tampered);
        Assert.Equal([mail.Id], both.Facts.Uses);
        // An agent without any link would be limited by nothing.
        var only = catalog.Find(place.Workspace.Id, ConsumerKind.Agent, "only")!;
        Assert.False(only.Tampered);
        Assert.Equal([crm.Id], only.Facts.Uses);
        Assert.Equal("[]", (await place.GetAsync("agents/only")).Json.GetProperty("tools").GetRawText());
        Assert.True((await place.GetAsync("agents/only")).Json.GetProperty("lost_members").GetBoolean());
        Assert.Equal([false, true], (await place.GetAsync("agents")).Json.GetProperty("data").EnumerateArray().Select(a => a.GetProperty("lost_members").GetBoolean()));

        var wide = catalog.Find(place.Workspace.Id, "wide_prod")!;
        Assert.False(wide.Tampered);
        Assert.Equal([mail.Id], wide.Scope.Tools);
        // "crm, as agent both" must not become "anything, as agent both".
        var narrow = catalog.Find(place.Workspace.Id, "narrow_prod")!;
        Assert.False(narrow.Tampered);
        Assert.True(narrow.Scope.IsEmpty);

        await using var db = await App.DbAsync();
        Assert.Equal(2, await db.AuditEvents.CountAsync(e => e.WorkspaceId == place.Workspace.Id && e.Action == Admin.Domain.Audit.AuditAction.CredentialPolicyChanged && e.PolicyVersion == 2));
        Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.SubjectId == crm.Id && e.Action == Admin.Domain.Audit.AuditAction.ConsumerDeleted));
    }

    [Fact]
    public async Task The_detail_says_what_stands_in_the_way_of_each_credential()
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "far_prod", ["elsewhere.test"]);
        await App.CredentialAsync(place.Workspace, "near_prod", ["api.service.test"]);
        await place.ToolAsync("crm", ("X-A", "{{credential:far_prod}}"), ("X-B", "{{credential:near_prod}}"));
        var admin = await App.AdminAsync();
        Assert.Null((await App.Get<AddToScope>().ExecuteAsync(admin, place.Ws, new AddToScope.Input("crm", "near_prod"), default)).Problem);
        await using (var db = await App.DbAsync())
        {
            var far = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.WorkspaceId == place.Workspace.Id && c.Name == "far_prod");
            far.Rename("moved_prod");
            await db.SaveChangesAsync();
        }

        var view = (await App.Get<ConsumerDetailQuery>().RunAsync(admin, place.Ws, ConsumerKind.Tool, "crm", default)).Value!;
        Assert.Equal([new("far_prod", null, false, false), new("near_prod", CredentialStatus.Active, true, true)], view.Credentials);
        Assert.Equal([false, true], view.References.Select(r => r.Exists));
        Assert.Equal(["near_prod"], view.Scopes);
    }

    [Fact]
    public async Task Adding_to_a_scope_asks_for_the_right_over_credentials_and_never_narrows_it_for_others()
    {
        using var place = await Place.MakeAsync(App);
        await place.SaveAsync("agents/helper", new { });
        var helper = await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Agent, "helper");
        await App.CredentialAsync(place.Workspace, "agents_prod", scope: [Named(helper)]);
        await App.CredentialAsync(place.Workspace, "nobody_prod");
        await App.CredentialAsync(place.Workspace, "other_prod");
        await place.ToolAsync("crm", ("X-A", "{{credential:agents_prod}}{{credential:nobody_prod}}"));
        var use = App.Get<AddToScope>();
        var admin = await App.PersonAsync(place.Workspace.Id, WorkspaceRole.Admin);

        Assert.Equal(ProblemKind.Forbidden, await AskAsync(await App.PersonAsync(place.Workspace.Id, WorkspaceRole.Builder), "nobody_prod"));
        Assert.Equal(ProblemKind.Conflict, await AskAsync(admin, "agents_prod"));
        Assert.Equal(ProblemKind.Conflict, await AskAsync(admin, "other_prod"));
        Assert.Equal(ProblemKind.NotFound, await AskAsync(admin, "ghost_prod"));
        Assert.Null(await AskAsync(admin, "nobody_prod"));
        Assert.Null(await AskAsync(admin, "nobody_prod"));
        var snapshot = (await App.Get<CredentialCatalog>().CurrentAsync(default)).Find(place.Workspace.Id, "nobody_prod")!;
        Assert.False(snapshot.Tampered);
        Assert.Single(snapshot.Scope.Tools);

        async Task<ProblemKind?> AskAsync(Actor actor, string credential) => (await use.ExecuteAsync(actor, place.Ws, new AddToScope.Input("crm", credential), default)).Problem?.Kind;
    }

    [Theory]
    [InlineData(WorkspaceRole.Admin, null)]
    [InlineData(WorkspaceRole.Builder, null)]
    [InlineData(WorkspaceRole.User, ProblemKind.Forbidden)]
    [InlineData(WorkspaceRole.Reviewer, ProblemKind.Forbidden)]
    [InlineData(null, ProblemKind.NotFound)]
    public async Task Only_admins_and_builders_change_consumers_and_for_strangers_there_is_nothing(WorkspaceRole? role, ProblemKind? expected)
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("crm");
        var actor = await App.PersonAsync(place.Workspace.Id, role);
        Assert.Equal(expected, (await App.Get<SaveTool>().ExecuteAsync(actor, place.Ws, new SaveTool.Input(new("crm"), "http", "https://api.service.test"), default)).Problem?.Kind);
        Assert.Equal(expected, (await App.Get<SaveAgent>().ExecuteAsync(actor, place.Ws, new SaveAgent.Input(new("a"), []), default)).Problem?.Kind);
        Assert.Equal(expected, (await App.Get<SaveWorkflow>().ExecuteAsync(actor, place.Ws, new SaveWorkflow.Input(new("w"), [], []), default)).Problem?.Kind);
        Assert.Equal(expected, (await App.Get<DeleteConsumer>().ExecuteAsync(actor, place.Ws, new DeleteConsumer.Input(ConsumerKind.Tool, "crm"), default)).Problem?.Kind);
        var seen = (await App.Get<ConsumerListQuery>().RunAsync(actor, place.Ws, new ConsumerListQuery.Input(ConsumerKind.Tool), default)).Problem?.Kind;
        Assert.Equal(role is null ? ProblemKind.NotFound : null, seen);
        Assert.Equal(role is null, (await App.Get<PickListQuery>().RunAsync(actor, place.Ws, default)).Problem?.Kind == ProblemKind.NotFound);
    }

    private static ScopeMember Named(Consumer consumer) => new() { ConsumerId = consumer.Id, Kind = consumer.Kind };
}
