using System.Net;
using System.Text.Json;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Consumers;

[Collection(ConsumersCollection.Name)]
public sealed class ToolApiTests(ConsumersApp shared)
{
    private AdminApp App => shared.App;

    [Fact]
    public async Task Creates_reads_lists_replaces_and_deletes_a_tool()
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "openai_prod");
        var (status, made, text) = await place.PutAsync("tools/openai", new
        {
            kind = "http",
            base_url = "https://api.openai.com/v1",
            method = "post",
            headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:openai_prod}}" },
            query = new Dictionary<string, string> { ["trace"] = "" },
            body = new { model = "gpt", messages = Array.Empty<string>() },
            description = "Chat",
        });
        Assert.True(status == HttpStatusCode.Created, text);

        var (_, read, _) = await place.GetAsync("tools/openai");
        Assert.Equal(made.ToString(), read.ToString());
        Assert.Equal("openai", read.GetProperty("name").GetString());
        Assert.Equal("http", read.GetProperty("kind").GetString());
        Assert.Equal("https://api.openai.com/v1", read.GetProperty("base_url").GetString());
        Assert.Equal("POST", read.GetProperty("method").GetString());
        Assert.Equal("Bearer {{credential:openai_prod}}", read.GetProperty("headers").GetProperty("Authorization").GetString());
        Assert.Equal("", read.GetProperty("query").GetProperty("trace").GetString());
        Assert.Equal("""{"model":"gpt","messages":[]}""", read.GetProperty("body").GetString());
        Assert.Equal("""[{"credential":"openai_prod","place":"headers.Authorization","exists":true}]""", read.GetProperty("references").GetRawText());
        Assert.Equal(1, read.GetProperty("revision").GetInt32());

        var (replaced, again, _) = await place.PutAsync("tools/openai", new { base_url = "https://api.openai.com" });
        Assert.Equal(HttpStatusCode.OK, replaced);
        Assert.Equal(2, again.GetProperty("revision").GetInt32());
        Assert.Equal("{}", again.GetProperty("headers").GetRawText());
        Assert.Equal(JsonValueKind.Null, again.GetProperty("body").ValueKind);

        Assert.Equal(HttpStatusCode.OK, (await place.DeleteAsync("tools/openai")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await place.GetAsync("tools/openai")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await place.DeleteAsync("tools/openai")).Status);
        // The name is free again.
        Assert.Equal(HttpStatusCode.Created, (await place.PutAsync("tools/openai", new { base_url = "https://api.openai.com" })).Status);
    }

    [Fact]
    public async Task Lists_by_name_in_pages_and_finds_by_a_part_of_the_name()
    {
        using var place = await Place.MakeAsync(App);
        foreach (var name in new[] { "mail", "crm", "search", "crm-test", "billing" }) await place.ToolAsync(name);

        var names = new List<string?>();
        string? cursor = null;
        do
        {
            var (_, page, _) = await place.GetAsync($"tools?limit=2{(cursor is null ? "" : "&cursor=" + cursor)}");
            names.AddRange(page.GetProperty("data").EnumerateArray().Select(t => t.GetProperty("name").GetString()));
            cursor = page.GetProperty("next_cursor").GetString();
            Assert.Equal(cursor is not null, page.GetProperty("has_more").GetBoolean());
        }
        while (cursor is not null);
        Assert.Equal(["billing", "crm", "crm-test", "mail", "search"], names);

        var (_, found, _) = await place.GetAsync("tools?q=crm");
        Assert.Equal(2, found.GetProperty("data").GetArrayLength());
        Assert.Equal(HttpStatusCode.BadRequest, (await place.GetAsync("tools?limit=101")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await place.GetAsync("tools?limit=few")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await place.GetAsync("tools?cursor=%2A")).Status);
    }

    [Fact]
    public async Task References_follow_every_edit_rename_and_delete()
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "one_prod");
        await App.CredentialAsync(place.Workspace, "two_prod");
        await place.ToolAsync("crm", ("X-A", "{{credential:one_prod}}"), ("X-B", "{{credential:one_prod}}:{{credential:two_prod}}"));
        Assert.Equal(["headers.X-A one_prod", "headers.X-B one_prod", "headers.X-B two_prod"], await ReferencesAsync(place));

        await place.ToolAsync("crm", ("X-B", "{{credential:two_prod}}"), ("X-C", "{{credential:two_prod}}"));
        Assert.Equal(["headers.X-B two_prod", "headers.X-C two_prod"], await ReferencesAsync(place));

        var id = (await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Tool, "crm")).Id;
        var (status, renamed, text) = await place.PutAsync("tools/crm", new { name = "crm-2", base_url = "https://api.service.test", headers = new Dictionary<string, string> { ["X-A"] = "{{credential:one_prod}}" } });
        Assert.True(status == HttpStatusCode.OK, text);
        Assert.Equal("crm-2", renamed.GetProperty("name").GetString());
        Assert.Equal(id, (await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Tool, "crm-2")).Id);
        Assert.Equal(["headers.X-A one_prod"], await ReferencesAsync(place));
        Assert.Equal(HttpStatusCode.NotFound, (await place.GetAsync("tools/crm")).Status);
        // Said twice, it finds nothing to rename and makes nothing.
        Assert.Equal(HttpStatusCode.NotFound, (await place.PutAsync("tools/crm", new { name = "crm-2", base_url = "https://api.service.test" })).Status);

        await place.DeleteAsync("tools/crm-2");
        Assert.Empty(await ReferencesAsync(place));
    }

    [Fact]
    public async Task A_saved_tool_is_obeyed_at_once_and_one_that_was_edited_in_the_database_is_not()
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("crm");
        await place.ToolAsync("crm");
        var catalog = App.Get<CredentialCatalog>();
        Assert.False((await catalog.CurrentAsync(default)).Find(place.Workspace.Id, ConsumerKind.Tool, "crm")!.Tampered);

        await using (var db = await App.DbAsync())
        {
            var changed = await db.Database.ExecuteSqlAsync($"UPDATE consumer SET config = replace(config, 'api.service.test', 'evil.test'), stamp = (SELECT stamp + 1 FROM installation) WHERE workspace_id = {place.Workspace.Id.ToByteArray(true)}");
            Assert.Equal(1, changed);
            await db.Database.ExecuteSqlRawAsync("UPDATE installation SET stamp = stamp + 1");
        }
        var after = (await catalog.RefreshAsync(default)).Find(place.Workspace.Id, ConsumerKind.Tool, "crm")!;
        Assert.Equal("evil.test", after.Request!.Base.Host);
        Assert.True(after.Tampered);
    }

    [Fact]
    public async Task A_deleted_tool_that_somebody_revives_in_the_database_is_not_obeyed()
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("crm");
        await place.DeleteAsync("tools/crm");
        var catalog = App.Get<CredentialCatalog>();
        Assert.Null((await catalog.CurrentAsync(default)).Find(place.Workspace.Id, ConsumerKind.Tool, "crm"));

        await using var db = await App.DbAsync();
        await db.Database.ExecuteSqlAsync($"UPDATE consumer SET deleted_at = NULL, stamp = (SELECT stamp + 1 FROM installation) WHERE workspace_id = {place.Workspace.Id.ToByteArray(true)}");
        await db.Database.ExecuteSqlRawAsync("UPDATE installation SET stamp = stamp + 1");
        Assert.True((await catalog.RefreshAsync(default)).Find(place.Workspace.Id, ConsumerKind.Tool, "crm")!.Tampered);
    }

    [Fact]
    public async Task Of_two_first_saves_at_once_one_wins_and_of_two_replacements_none_is_lost()
    {
        using var place = await Place.MakeAsync(App);
        var first = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => place.PutAsync("tools/crm", new { base_url = "https://api.service.test", revision = 0 })));
        Assert.Equal([HttpStatusCode.Created, HttpStatusCode.Conflict], first.Select(a => a.Status).Order());

        var second = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => place.PutAsync("tools/crm", new { base_url = $"https://api{i}.service.test" })));
        Assert.All(second, a => Assert.Equal(HttpStatusCode.OK, a.Status));
        var now = (await place.GetAsync("tools/crm")).Json;
        Assert.Equal(5, now.GetProperty("revision").GetInt32());
        Assert.False((await App.Get<CredentialCatalog>().CurrentAsync(default)).Find(place.Workspace.Id, ConsumerKind.Tool, "crm")!.Tampered);

        var stale = await place.PutAsync("tools/crm", new { base_url = "https://api.service.test", revision = 4 });
        Assert.Equal(HttpStatusCode.Conflict, stale.Status);
        Assert.Equal("revision 5", stale.Json.GetProperty("error").GetProperty("details").GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_name_that_is_taken_is_a_conflict_and_nothing_changes()
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("one");
        await place.ToolAsync("two");
        Assert.Equal(HttpStatusCode.Conflict, (await place.PutAsync("tools/one", new { name = "two", base_url = "https://api.service.test" })).Status);
        Assert.Equal(1, (await place.GetAsync("tools/one")).Json.GetProperty("revision").GetInt32());
    }

    [Fact]
    public async Task A_key_of_another_workspace_finds_nothing()
    {
        using var place = await Place.MakeAsync(App);
        using var other = await Place.MakeAsync(App);
        await place.ToolAsync("crm");
        using var foreign = new Place(App.Api(await App.KeyAsync(other.Workspace.Id, "*")), place.Workspace);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.GetAsync("tools/crm")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.GetAsync("tools")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.PutAsync("tools/crm", new { base_url = "https://api.service.test" })).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.DeleteAsync("tools/crm")).Status);
        Assert.Equal(HttpStatusCode.OK, (await place.GetAsync("tools/crm")).Status);
    }

    [Fact]
    public async Task A_call_goes_through_the_tool_until_it_is_deleted_and_is_counted()
    {
        await using var upstream = await Upstream.StartAsync();
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod", [$"127.0.0.1:{upstream.Port}"]);
        await place.SaveAsync("tools/svc", new { base_url = upstream.Url, headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:svc_prod}}" } });
        using var api = App.Api();
        Assert.Equal(HttpStatusCode.Forbidden, (await api.GetAsync($"/broker/{place.Ws}/svc/x")).StatusCode);

        var added = await App.Get<Admin.Features.Consumers.AddToScope>().ExecuteAsync(await App.AdminAsync(), place.Ws, new("svc", "svc_prod"), default);
        Assert.Null(added.Problem);
        var answer = await api.GetAsync($"/broker/{place.Ws}/svc/x");
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        Assert.True(upstream.Requests.TryDequeue(out var seen));
        Assert.Equal("Bearer fake-value", seen.Headers["Authorization"]);

        var (_, list, _) = await place.GetAsync("tools");
        Assert.Equal(2, list.GetProperty("data")[0].GetProperty("calls_24h").GetInt32());

        await place.DeleteAsync("tools/svc");
        Assert.Equal(HttpStatusCode.NotFound, (await api.GetAsync($"/broker/{place.Ws}/svc/x")).StatusCode);
        Assert.Empty(upstream.Requests);
    }

    private async Task<List<string>> ReferencesAsync(Place place)
    {
        await using var db = await App.DbAsync();
        return await db.References.Where(r => r.WorkspaceId == place.Workspace.Id).OrderBy(r => r.Place).ThenBy(r => r.CredentialName).Select(r => r.Place + " " + r.CredentialName).ToListAsync();
    }
}
