using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Credentials;

/// <summary>Credentials of the organization: owned under <c>org</c>, granted to workspaces by name, used there like own ones, and nowhere else known.</summary>
public sealed class OrganizationCredentialTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private const string Secret = "org-value-0001-abcdef";

    private readonly AdminApp _app = shared.App;

    [Fact]
    public async Task A_granted_workspace_uses_it_as_its_own_and_a_withdrawn_grant_ends_that_with_the_next_call()
    {
        await using var upstream = await Upstream.StartAsync();
        using var api = _app.Api();
        var (cs, ops, other) = (await Given.WorkspaceAsync(_app), await Given.WorkspaceAsync(_app), await Given.WorkspaceAsync(_app));
        var name = Named();
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/org/credentials", new { name, type = "api_key", fields = new { value = Secret }, grants = new[] { cs, ops }, allowed_hosts = new[] { new Uri(upstream.Url).Authority } }), HttpStatusCode.Created);
        foreach (var ws in new[] { cs, ops }) await OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/gpt-call", Tool(upstream, name)), HttpStatusCode.Created);
        // As if it did not exist.
        var unknown = await OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{other}/tools/gpt-call", Tool(upstream, name)), HttpStatusCode.UnprocessableEntity);
        Assert.Contains("has no credential of that name", unknown, StringComparison.Ordinal);
        await OkAsync(api.GetAsync($"/api/v1/workspaces/{other}/credentials/{name}"), HttpStatusCode.NotFound);
        await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.Forbidden);

        await PatchAsync(api, name, new { scope = new { tools = new[] { $"{cs}/gpt-call", $"{ops}/gpt-call" } } });
        foreach (var ws in new[] { cs, ops }) await OkAsync(api.GetAsync($"/broker/{ws}/gpt-call/x"), HttpStatusCode.OK);
        Assert.All(upstream.Requests, r => Assert.Equal("Bearer " + Secret, r.Headers["Authorization"]));
        foreach (var wrong in new[] { "gpt-call", $"{other}/gpt-call", $"{cs}/nobody", "a/b/c" })
            await OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/org/credentials/{name}", new { scope = new { tools = new[] { wrong } } }), HttpStatusCode.UnprocessableEntity);

        // What each sees: the organization all, a workspace its own.
        await Given.UntilAsync(async () => (await UsageAsync(api, "org", name), await UsageAsync(api, cs, name)) == (2, 1));
        Assert.Equal(((string[])[cs, ops]).Order(StringComparer.Ordinal), (await JsonAsync(api, "org", name, "/calls")).GetProperty("data").EnumerateArray().Where(c => c.GetProperty("outcome").GetString() == "succeeded").Select(c => c.GetProperty("workspace").GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal([cs], (await JsonAsync(api, cs, name, "/calls")).GetProperty("data").EnumerateArray().Where(c => c.GetProperty("outcome").GetString() == "succeeded").Select(c => c.GetProperty("workspace").GetString()!));
        Assert.Equal(((string[])[$"{cs}/gpt-call", $"{ops}/gpt-call"]).Order(StringComparer.Ordinal), (await JsonAsync(api, "org", name, "")).GetProperty("scope").GetProperty("tools").EnumerateArray().Select(t => t.GetString()!));
        var seen = await JsonAsync(api, cs, name, "");
        Assert.Equal(("org", "[\"gpt-call\"]"), (seen.GetProperty("from").GetString(), seen.GetProperty("scope").GetProperty("tools").GetRawText()));
        Assert.DoesNotContain(ops, seen.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(2, (await JsonAsync(api, "org", name, "/references")).GetProperty("data").GetArrayLength());
        Assert.Equal(1, (await JsonAsync(api, cs, name, "/references")).GetProperty("data").GetArrayLength());
        var admin = await _app.ActorAsync();
        var sources = (await _app.Get<SourcesQuery>().RunAsync(admin, "org", name, default)).Value!;
        Assert.Equal(((string[])[cs, ops]).Order(StringComparer.Ordinal), sources.Workspaces.Select(s => s.Name).Order(StringComparer.Ordinal));
        Assert.Equal([cs], (await _app.Get<SourcesQuery>().RunAsync(admin, cs, name, default)).Value!.Workspaces.Select(s => s.Name));
        var impact = (await _app.Get<ImpactQuery>().RunAsync(admin, "org", name, default)).Value!;
        Assert.Equal(((string[])[$"{cs}/gpt-call", $"{ops}/gpt-call"]).Order(StringComparer.Ordinal), impact.Rows.Select(r => r.Name).Order(StringComparer.Ordinal));
        Assert.All(impact.Rows, r => Assert.Equal(1, r.RecentCalls));

        await PatchAsync(api, name, new { grants = new[] { ops } });
        Assert.Contains("credential_unknown", await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.Forbidden), StringComparison.Ordinal);
        await OkAsync(api.GetAsync($"/broker/{ops}/gpt-call/x"), HttpStatusCode.OK);
        await OkAsync(api.GetAsync($"/api/v1/workspaces/{cs}/credentials/{name}"), HttpStatusCode.NotFound);
        // Granted anew, it is not in the scope again by itself.
        await PatchAsync(api, name, new { grants = new[] { cs, ops } });
        Assert.Contains("scope_tool", await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.Forbidden), StringComparison.Ordinal);
        Assert.Equal(3, upstream.Requests.Count);
    }

    [Fact]
    public async Task A_name_means_one_thing_in_a_workspace_whoever_comes_first()
    {
        using var api = _app.Api();
        var (cs, ops) = (await Given.WorkspaceAsync(_app), await Given.WorkspaceAsync(_app));
        var (name, taken) = (Named(), Named());
        await RegisterAsync(api, name, cs);
        Assert.Contains("organization grants", await OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{cs}/credentials", new { name, type = "api_key", fields = new { value = "own-value-0001" } }), HttpStatusCode.Conflict), StringComparison.Ordinal);
        await Given.CredentialAsync(_app, ops, name);
        await Given.CredentialAsync(_app, cs, taken);
        await OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/org/credentials/{name}", new { grants = new[] { cs, ops } }), HttpStatusCode.Conflict);
        await OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/org/credentials/{name}", new { name = taken }), HttpStatusCode.Conflict);
        await OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/{cs}/credentials/{taken}", new { name }), HttpStatusCode.Conflict);
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/org/credentials", new { name = taken, type = "api_key", fields = new { value = "v-0001" }, grants = new[] { cs } }), HttpStatusCode.Conflict);
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/org/credentials", new { name = Named(), type = "api_key", fields = new { value = "v-0001" }, grants = new[] { "nowhere" } }), HttpStatusCode.UnprocessableEntity);
        await OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{cs}/credentials", new { name = Named(), type = "api_key", fields = new { value = "v-0001" }, grants = new[] { ops } }), HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task Only_organization_admins_change_it_and_nobody_puts_a_tool_into_the_organization()
    {
        using var api = _app.Api();
        var cs = await Given.WorkspaceAsync(_app);
        var name = Named();
        await RegisterAsync(api, name, cs);
        await using var db = await _app.DbAsync();
        var bound = await _app.KeyAsync(await db.Workspaces.Where(w => w.Slug == cs).Select(w => w.Id).SingleAsync(), "*");
        using var workspace = _app.Api(bound);
        await OkAsync(workspace.GetAsync($"/api/v1/workspaces/{cs}/credentials/{name}"), HttpStatusCode.OK);
        await OkAsync(workspace.GetAsync("/api/v1/workspaces/org/credentials"), HttpStatusCode.NotFound);
        foreach (var client in new[] { workspace, api })
        {
            Assert.Contains("organization_credential", await OkAsync(client.PatchAsJsonAsync($"/api/v1/workspaces/{cs}/credentials/{name}", new { description = "mine" }), HttpStatusCode.Forbidden), StringComparison.Ordinal);
            await OkAsync(client.DeleteAsync($"/api/v1/workspaces/{cs}/credentials/{name}"), HttpStatusCode.Forbidden);
            await OkAsync(client.PostAsJsonAsync($"/api/v1/workspaces/{cs}/credentials/{name}/rotation", new { fields = new { value = "next-0001" } }), HttpStatusCode.NotFound);
        }
        await OkAsync(api.PutAsJsonAsync("/api/v1/workspaces/org/tools/x", new { base_url = "https://api.service.test" }), HttpStatusCode.Forbidden);
        Assert.DoesNotContain("\"slug\":\"org\"", await api.GetStringAsync("/api/v1/workspaces"), StringComparison.Ordinal);

        var member = await _app.AddUserAsync($"{Given.Unique("m")}@example.test", workspace: cs, role: WorkspaceRole.Admin);
        Assert.NotNull((await _app.Get<CredentialListQuery>().RunAsync(member, "org", new(), default)).Problem);
        var list = (await _app.Get<CredentialListQuery>().RunAsync(member, cs, new(), default)).Value!;
        Assert.True(list.Data.Single(r => r.Name == name).FromOrganization);
        var reviewer = await _app.AddUserAsync($"{Given.Unique("r")}@example.test", OrganizationRole.Reviewer);
        Assert.Null((await _app.Get<CredentialListQuery>().RunAsync(reviewer, "org", new(), default)).Problem);
    }

    [Fact]
    public async Task It_rotates_and_is_renamed_and_archived_across_its_workspaces()
    {
        await using var upstream = await Upstream.StartAsync();
        using var api = _app.Api();
        var (cs, ops) = (await Given.WorkspaceAsync(_app), await Given.WorkspaceAsync(_app));
        var (name, renamed) = (Named(), Named());
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/org/credentials", new { name, type = "api_key", fields = new { value = Secret }, grants = new[] { cs, ops }, allowed_hosts = new[] { new Uri(upstream.Url).Authority } }), HttpStatusCode.Created);
        foreach (var ws in new[] { cs, ops }) await OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/gpt-call", Tool(upstream, name)), HttpStatusCode.Created);
        await PatchAsync(api, name, new { scope = new { tools = new[] { $"{cs}/gpt-call", $"{ops}/gpt-call" } } });

        var rotation = $"/api/v1/workspaces/org/credentials/{name}/rotation";
        await OkAsync(api.PostAsJsonAsync(rotation, new { fields = new { value = "org-value-0002" } }), HttpStatusCode.Created);
        Assert.Contains("\"result\":\"alive\"", await OkAsync(api.PostAsJsonAsync(rotation + "/verify", new { tool = $"{ops}/gpt-call", path = "/me" }), HttpStatusCode.OK), StringComparison.Ordinal);
        await OkAsync(api.PostAsJsonAsync(rotation + "/promote", new { grace = "01:00:00" }), HttpStatusCode.OK);
        await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.OK);
        Assert.All(upstream.Requests, r => Assert.Equal("Bearer org-value-0002", r.Headers["Authorization"]));

        await PatchAsync(api, name, new { name = renamed });
        foreach (var ws in new[] { cs, ops }) await OkAsync(api.GetAsync($"/broker/{ws}/gpt-call/x"), HttpStatusCode.OK);
        var refused = await OkAsync(api.DeleteAsync($"/api/v1/workspaces/org/credentials/{renamed}"), HttpStatusCode.Conflict);
        Assert.Contains("gpt-call", refused, StringComparison.Ordinal);
        await OkAsync(api.DeleteAsync($"/api/v1/workspaces/org/credentials/{renamed}?break_references=true"), HttpStatusCode.NoContent);
        await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.Forbidden);
        await OkAsync(api.GetAsync($"/api/v1/workspaces/{cs}/credentials/{renamed}"), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_grant_that_somebody_writes_into_the_database_is_not_obeyed()
    {
        await using var upstream = await Upstream.StartAsync();
        using var api = _app.Api();
        var (cs, ops) = (await Given.WorkspaceAsync(_app), await Given.WorkspaceAsync(_app));
        var name = Named();
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/org/credentials", new { name, type = "api_key", fields = new { value = Secret }, grants = new[] { cs }, allowed_hosts = new[] { new Uri(upstream.Url).Authority } }), HttpStatusCode.Created);
        await OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{cs}/tools/gpt-call", Tool(upstream, name)), HttpStatusCode.Created);
        await PatchAsync(api, name, new { scope = new { tools = new[] { $"{cs}/gpt-call" } } });
        await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.OK);
        await using (var db = await _app.DbAsync())
        {
            await using var write = await db.BeginWriteAsync(default);
            var credential = await db.Credentials.SingleAsync(c => c.Name == name && c.ArchivedAt == null);
            credential.GrantTo([.. await db.Workspaces.Where(w => w.Slug == cs || w.Slug == ops).Select(w => w.Id).ToListAsync()]);
            credential.Touch();
            await write.CommitAsync(default);
        }
        Assert.Contains("policy_tampered", await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.Forbidden), StringComparison.Ordinal);
        // Half of a policy is not enough to take it back into use.
        await OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/org/credentials/{name}", new { scope = new { tools = new[] { $"{cs}/gpt-call" } }, allowed_hosts = new[] { new Uri(upstream.Url).Authority } }), HttpStatusCode.Conflict);
        await PatchAsync(api, name, new { scope = new { tools = new[] { $"{cs}/gpt-call" } }, allowed_hosts = new[] { new Uri(upstream.Url).Authority }, grants = new[] { cs } });
        await OkAsync(api.GetAsync($"/broker/{cs}/gpt-call/x"), HttpStatusCode.OK);
    }

    private static string Named() => Given.Unique("shared").Replace('-', '_') + "_prod";

    private static object Tool(Upstream upstream, string name) => new { base_url = upstream.Url, headers = new Dictionary<string, string> { ["Authorization"] = $"Bearer {{{{credential:{name}}}}}" } };

    private static Task RegisterAsync(HttpClient api, string name, params string[] grants) =>
        OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/org/credentials", new { name, type = "api_key", fields = new { value = Secret }, grants }), HttpStatusCode.Created);

    private static Task PatchAsync(HttpClient api, string name, object body) => OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/org/credentials/{name}", body), HttpStatusCode.OK);

    private static async Task<long> UsageAsync(HttpClient api, string ws, string name) => (await JsonAsync(api, ws, name, "/usage?range=24h")).GetProperty("last_24h").GetProperty("calls").GetInt64();

    private static async Task<JsonElement> JsonAsync(HttpClient api, string ws, string name, string path) => JsonDocument.Parse(await OkAsync(api.GetAsync($"/api/v1/workspaces/{ws}/credentials/{name}{path}"), HttpStatusCode.OK)).RootElement;

    private static async Task<string> OkAsync(Task<HttpResponseMessage> sending, HttpStatusCode status)
    {
        using var answer = await sending;
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{(int)answer.StatusCode} {answer.RequestMessage?.RequestUri?.AbsolutePath}: {text}");
        return text;
    }
}
