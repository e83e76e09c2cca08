using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Credentials;

public sealed class CredentialApiTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private const string Value = "s3cret-value-of-the-api-tests";

    private readonly AdminApp _app = shared.App;

    [Fact]
    public async Task Registers_lists_reads_changes_and_archives()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.ToolAsync(_app, ws, "crm", "https://crm.example.test:8443/api", "crm_prod");
        await Given.AgentAsync(_app, ws, "helper");
        using var api = _app.Api();
        var made = await PostAsync(api, ws, HttpStatusCode.Created, new
        {
            name = "crm_prod",
            type = "api_key",
            fields = new { value = Value },
            description = "For the CRM.\nAsk Mia.",
            provider = "crm",
            owner = AdminApp.AdminEmail,
            expires_at = "2099-01-02T03:04:05Z",
            scope = new { tools = new[] { "crm" }, agents = new[] { "helper" }, workflows = Array.Empty<string>() },
        });
        Assert.Equal(("crm_prod", "api_key", "prod", "active", AdminApp.AdminEmail), (Text(made, "name"), Text(made, "type"), Text(made, "environment"), Text(made, "status"), Text(made, "owner")));
        Assert.Equal("2099-01-02T03:04:05Z", Text(made, "expires_at"));
        Assert.Equal("[\"crm.example.test:8443\"]", made.GetProperty("allowed_hosts").GetRawText());
        Assert.Equal("{\"tools\":[\"crm\"],\"agents\":[\"helper\"],\"workflows\":[]}", made.GetProperty("scope").GetRawText());
        var version = made.GetProperty("versions")[0];
        Assert.Equal((1, "active"), (version.GetProperty("number").GetInt32(), Text(version, "state")));
        Assert.Equal(32, Text(version, "fingerprint").Length);

        var detail = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod");
        var list = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials");
        Assert.Contains("\"crm_prod\"", list);
        Assert.Equal(["name", "type", "description", "provider", "environment", "status", "scope", "allowed_hosts", "owner", "expires_at", "last_used_at", "versions"],
            JsonDocument.Parse(detail).RootElement.EnumerateObject().Select(p => p.Name));

        var changed = await PatchAsync(api, ws, "crm_prod", HttpStatusCode.OK, """{"description":null,"provider":"acme","owner":null,"expires_at":null}""");
        Assert.Equal((JsonValueKind.Null, "acme", JsonValueKind.Null, JsonValueKind.Null),
            (changed.GetProperty("description").ValueKind, Text(changed, "provider"), changed.GetProperty("owner").ValueKind, changed.GetProperty("expires_at").ValueKind));

        using var kept = await api.DeleteAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod");
        Assert.Equal(HttpStatusCode.Conflict, kept.StatusCode);
        Assert.Contains("\"tools\":[\"crm\"]", await kept.Content.ReadAsStringAsync());
        using var gone = await api.DeleteAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod?break_references=true");
        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        Assert.Contains("\"status\":\"archived\"", await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod"));
        Assert.DoesNotContain("crm_prod", await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials"));
        Assert.Contains("crm_prod", await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials?status=archived"));
        using var again = await api.DeleteAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod");
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        await PatchAsync(api, ws, "crm_prod", HttpStatusCode.Conflict, """{"provider":"x"}""");

        Assert.DoesNotContain(Value, detail + list + string.Join('\n', _app.Log.Lines));
        Assert.Equal(1, (await PostAsync(api, ws, HttpStatusCode.Created, Body("crm_prod"))).GetProperty("versions").GetArrayLength());
    }

    [Theory]
    [InlineData("""{"type":"api_key","fields":{"value":"abc"}}""", "name")]
    [InlineData("""{"name":"Open AI","type":"api_key","fields":{"value":"abc"}}""", "name")]
    [InlineData("""{"name":"a_prod","fields":{"value":"abc"}}""", "type")]
    [InlineData("""{"name":"a_prod","type":"password","fields":{"value":"abc"}}""", "type")]
    [InlineData("""{"name":"a_prod","type":"custom","fields":{"Not-A-Field":"abc"}}""", "fields")]
    [InlineData("""{"name":"a_prod","type":"api_key"}""", "fields")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{}}""", "fields")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"key":"abc"}}""", "fields")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc","more":"x"}}""", "fields")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":""}}""", "fields.value")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc\n"}}""", "fields.value")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":" abc"}}""", "fields.value")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"a\u0000c"}}""", "fields.value")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"schlüssel"}}""", "fields.value")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"description":"bell \u0007"}""", "description")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"description":"key sk-ant-api03-aB3dE5fG7hJ9kL1mN3pQ5rS7"}""", "description")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"provider":"two\nlines"}""", "provider")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"owner":"nobody@example.test"}""", "owner")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"expires_at":"soon"}""", "expires_at")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"expires_at":"2001-01-01T00:00:00Z"}""", "expires_at")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"allowed_hosts":["https://u:p@x.test"]}""", "allowed_hosts")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"allowed_hosts":["*"]}""", "allowed_hosts")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"scope":{"tools":["nope"],"agents":["none"]}}""", "scope")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"scope":{"tools":[null]}}""", "scope")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"injection":{"header":"X"}}""", "injection")]
    public async Task Refuses_a_bad_registration_with_the_field_and_keeps_nothing(string body, string field)
    {
        var ws = await Given.WorkspaceAsync(_app);
        using var api = _app.Api();
        using var answer = await api.PostAsync($"/api/v1/workspaces/{ws}/credentials", new StringContent(body, Encoding.UTF8, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.UnprocessableEntity, text);
        Assert.Equal(field, JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("details").GetProperty("field").GetString());
        Assert.DoesNotContain("sk-ant", text);
        Assert.Equal("[]", JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials")).RootElement.GetProperty("data").GetRawText());
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"name\":")]
    [InlineData("""{"name":1,"type":"api_key","fields":{"value":"abc"}}""")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":7}}""")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":"abc"}""")]
    [InlineData("""{"name":"a_prod","name":"b_prod","type":"api_key","fields":{"value":"abc"}}""")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"surprise":1}""")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"scope":["crm"]}""")]
    [InlineData("""{"name":"a_prod","type":"api_key","fields":{"value":"abc"},"allowed_hosts":"x.test"}""")]
    public async Task Answers_400_to_what_cannot_be_read(string body)
    {
        var ws = await Given.WorkspaceAsync(_app);
        using var api = _app.Api();
        using var posted = await api.PostAsync($"/api/v1/workspaces/{ws}/credentials", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, posted.StatusCode);
        await Given.CredentialAsync(_app, ws, "a_prod");
        using var patched = await api.PatchAsync($"/api/v1/workspaces/{ws}/credentials/a_prod", new StringContent(body.Replace(",\"fields\":{\"value\":\"abc\"}", ""), Encoding.UTF8, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, patched.StatusCode);
    }

    [Fact]
    public async Task Refuses_too_long_texts_and_values()
    {
        var ws = await Given.WorkspaceAsync(_app);
        using var api = _app.Api();
        await PostAsync(api, ws, HttpStatusCode.UnprocessableEntity, new { name = "a_prod", type = "api_key", fields = new { value = new string('x', 64 * 1024 + 1) } });
        await PostAsync(api, ws, HttpStatusCode.UnprocessableEntity, new { name = new string('a', 65), type = "api_key", fields = new { value = "abc" } });
        await PostAsync(api, ws, HttpStatusCode.UnprocessableEntity, new { name = "a_prod", type = "api_key", fields = new { value = "abc" }, description = new string('d', 2001) });
        await PostAsync(api, ws, HttpStatusCode.UnprocessableEntity, new { name = "a_prod", type = "api_key", fields = new { value = "abc" }, provider = new string('p', 65) });
        await PostAsync(api, ws, HttpStatusCode.UnprocessableEntity, new { name = "a_prod", type = "api_key", fields = new { value = "abc" }, allowed_hosts = Enumerable.Range(0, 51).Select(i => $"h{i}.example.test") });
    }

    [Fact]
    public async Task A_name_is_taken_once_and_the_same_value_or_a_test_key_is_warned_of()
    {
        var ws = await Given.WorkspaceAsync(_app);
        using var api = _app.Api();
        await Given.CredentialAsync(_app, ws, "pay_dev", "sk_test_value_one");
        await PostAsync(api, ws, HttpStatusCode.Conflict, Body("pay_dev"));
        var made = await Given.CredentialAsync(_app, ws, "pay_prod", "sk_test_value_one");
        var warnings = made.GetProperty("warnings").EnumerateArray().Select(w => w.GetString()!).ToList();
        Assert.Contains(warnings, w => w.Contains("pay_dev"));
        Assert.Contains(warnings, w => w.Contains("test key"));
        Assert.Contains(warnings, w => w.Contains("nobody may use it"));
        Assert.Contains(warnings, w => w.Contains("No host"));
    }

    [Theory]
    [InlineData("""{"name":"Not A Name"}""", 422)]
    [InlineData("""{"name":null}""", 422)]
    [InlineData("""{"name":"other_prod"}""", 409)]
    [InlineData("""{"description":"bell \u0007"}""", 422)]
    [InlineData("""{"provider":"bell \u0007"}""", 422)]
    [InlineData("""{"owner":"nobody@example.test"}""", 422)]
    [InlineData("""{"expires_at":"2001-01-01T00:00:00Z"}""", 422)]
    [InlineData("""{"expires_at":"tomorrow"}""", 422)]
    [InlineData("""{"expires_at":5}""", 400)]
    [InlineData("""{"scope":{"tools":["nope"]}}""", 422)]
    [InlineData("""{"scope":null}""", 422)]
    [InlineData("""{"allowed_hosts":["a b"]}""", 422)]
    [InlineData("""{"fields":{"value":"abc"}}""", 422)]
    [InlineData("""{"type":"cookie"}""", 400)]
    [InlineData("""{"description":"new","revision":-1}""", 409)]
    public async Task Refuses_a_bad_change_and_changes_nothing(string body, int status)
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "a_prod");
        await Given.CredentialAsync(_app, ws, "other_prod", "another value, another");
        using var api = _app.Api();
        var before = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/a_prod");
        await PatchAsync(api, ws, "a_prod", (HttpStatusCode)status, body);
        Assert.Equal(before, await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/a_prod"));
    }

    [Theory]
    [InlineData("credentials?limit=0", 400)]
    [InlineData("credentials?limit=x", 400)]
    [InlineData("credentials?cursor=!!", 400)]
    [InlineData("credentials?status=shiny", 422)]
    [InlineData("credentials?environment=moon", 422)]
    [InlineData("credentials?sort=value", 422)]
    [InlineData("credentials/nope", 404)]
    [InlineData("credentials/NOT%20A%20NAME", 404)]
    [InlineData("credentials/a_prod/calls?limit=501", 400)]
    [InlineData("credentials/a_prod/calls?cursor=YWJj", 400)]
    [InlineData("credentials/a_prod/calls?outcome=fine", 422)]
    [InlineData("credentials/a_prod/usage?range=1y", 422)]
    [InlineData("credentials/nope/usage", 404)]
    [InlineData("credentials/nope/calls", 404)]
    [InlineData("credentials/nope/references", 404)]
    [InlineData("credentials/nope/access", 404)]
    [InlineData("credentials/a_prod/access?tool=%07", 422)]
    public async Task Refuses_bad_reads(string path, int status)
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "a_prod");
        using var api = _app.Api();
        using var answer = await api.GetAsync($"/api/v1/workspaces/{ws}/{path}");
        Assert.True(status == (int)answer.StatusCode, $"{answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    [Fact]
    public async Task Lists_page_by_page_in_every_order_with_search_and_filters()
    {
        var ws = await Given.WorkspaceAsync(_app);
        using var api = _app.Api();
        foreach (var (name, expires) in new[] { ("b_prod", "2099-02-01"), ("a_dev", "2099-03-01"), ("c_prod", null), ("d_test", "2099-01-01"), ("plain", null) })
            await PostAsync(api, ws, HttpStatusCode.Created, new { name, type = "api_key", fields = new { value = "value of " + name }, expires_at = expires, description = name == "c_prod" ? "100% sure_thing" : null });

        Assert.Equal(["a_dev", "b_prod", "c_prod", "d_test", "plain"], await AllAsync(api, ws, "sort=name"));
        Assert.Equal(["d_test", "b_prod", "a_dev", "c_prod", "plain"], await AllAsync(api, ws, "sort=expires_at"));
        Assert.Equal(["a_dev", "b_prod", "c_prod", "d_test", "plain"], await AllAsync(api, ws, "sort=-last_used_at"));
        Assert.Equal(["b_prod", "c_prod"], await AllAsync(api, ws, "environment=prod"));
        Assert.Equal(["plain"], await AllAsync(api, ws, "environment=none"));
        Assert.Equal(["c_prod"], await AllAsync(api, ws, "search=100%25%20sure_"));
        Assert.Empty(await AllAsync(api, ws, "search=100_"));
        Assert.Equal(5, (await AllAsync(api, ws, "status=active")).Count);
        Assert.Empty(await AllAsync(api, ws, "status=expired"));
    }

    [Fact]
    public async Task A_rename_is_written_into_the_tools_which_stay_sealed_and_keep_working()
    {
        await using var upstream = await Upstream.StartAsync();
        var ws = await Given.WorkspaceAsync(_app);
        var tool = await Given.ToolAsync(_app, ws, "crm", upstream.Url, headers: new() { ["Authorization"] = "Bearer {{credential:old_prod}}", ["X-Other"] = "{{credential:older_prod}}" });
        await Given.ToolAsync(_app, ws, "plain", upstream.Url);
        await Given.CredentialAsync(_app, ws, "old_prod", Value, tools: ["crm"]);
        await Given.CredentialAsync(_app, ws, "older_prod", "other-value-9", tools: ["crm"]);
        using var api = _app.Api();
        await PatchAsync(api, ws, "old_prod", HttpStatusCode.OK, """{"name":"new_prod"}""");

        Assert.Equal(HttpStatusCode.NotFound, (await api.GetAsync($"/api/v1/workspaces/{ws}/credentials/old_prod")).StatusCode);
        var snapshot = await _app.Get<CredentialCatalog>().CurrentAsync(default);
        Assert.False(snapshot.ConsumersById[tool].Tampered);
        Assert.Equal(["new_prod", "older_prod"], snapshot.ConsumersById[tool].Request!.Credentials);
        var references = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/new_prod/references");
        Assert.Contains("{\"kind\":\"tool\",\"name\":\"crm\",\"places\":[\"headers.Authorization\"],\"via\":[],\"granted\":true}", references);
        using var call = await api.GetAsync($"/broker/{ws}/crm/x");
        Assert.Equal(HttpStatusCode.OK, call.StatusCode);
        Assert.True(upstream.Requests.TryDequeue(out var seen));
        Assert.Equal(("Bearer " + Value, "other-value-9"), (seen.Headers["Authorization"], seen.Headers["X-Other"]));
    }

    [Fact]
    public async Task References_name_tools_with_places_and_who_reaches_them_through_whom()
    {
        var ws = await Given.WorkspaceAsync(_app);
        var tool = await Given.ToolAsync(_app, ws, "crm", "https://crm.example.test", "crm_prod");
        var agent = await Given.AgentAsync(_app, ws, "helper", tool);
        await Given.WorkflowAsync(_app, ws, "nightly", agent);
        await Given.WorkflowAsync(_app, ws, "direct", tool);
        await Given.CredentialAsync(_app, ws, "crm_prod", tools: ["crm"], agents: ["helper"]);
        using var api = _app.Api();
        var rows = JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod/references")).RootElement.GetProperty("data").EnumerateArray()
            .Select(r => (Text(r, "kind"), Text(r, "name"), string.Join(',', r.GetProperty("via").EnumerateArray().Select(v => v.GetString())), r.GetProperty("granted").GetBoolean()));
        Assert.Equal([("tool", "crm", "", true), ("agent", "helper", "tool crm", true), ("workflow", "direct", "tool crm", false), ("workflow", "nightly", "agent helper", true)], rows);
    }

    [Fact]
    public async Task Access_explains_by_the_rules_that_the_broker_obeys()
    {
        var ws = await Given.WorkspaceAsync(_app);
        var tool = await Given.ToolAsync(_app, ws, "crm", "https://crm.example.test", "crm_prod");
        await Given.ToolAsync(_app, ws, "other", "https://other.example.test");
        await Given.AgentAsync(_app, ws, "helper", tool);
        await Given.AgentAsync(_app, ws, "stranger");
        await Given.CredentialAsync(_app, ws, "crm_prod", tools: ["crm"], agents: ["helper"], hosts: ["crm.example.test"]);
        using var api = _app.Api();
        Assert.Equal((true, "granted_tool_and_agent"), await AccessAsync("tool=crm&agent=helper&user_id=u1"));
        Assert.Equal((true, "granted_tool_and_agent"), await AccessAsync("agent=helper"));
        Assert.Equal((false, "scope_agent"), await AccessAsync("tool=crm&agent=stranger"));
        Assert.Equal((false, "scope_nobody_acts"), await AccessAsync("tool=crm"));
        Assert.Equal((false, "scope_tool"), await AccessAsync("tool=other&agent=stranger"));
        Assert.Equal((false, "tool_unknown"), await AccessAsync("tool=nope"));
        Assert.Equal((false, "agent_unknown"), await AccessAsync("tool=crm&agent=nope"));
        await PatchAsync(api, ws, "crm_prod", HttpStatusCode.OK, """{"allowed_hosts":["elsewhere.example.test"]}""");
        Assert.Equal((false, "destination"), await AccessAsync("tool=crm&agent=helper"));

        async Task<(bool, string)> AccessAsync(string query)
        {
            var answer = JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod/access?{query}")).RootElement;
            return (answer.GetProperty("allowed").GetBoolean(), Text(answer, "rule"));
        }
    }

    [Fact]
    public async Task Another_workspaces_key_finds_nothing_anywhere()
    {
        var ws = await Given.WorkspaceAsync(_app);
        var other = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "crm_prod");
        using var foreign = _app.Api(await KeyOfAsync(other));
        var at = $"/api/v1/workspaces/{ws}/credentials";
        foreach (var path in new[] { at, at + "/crm_prod", at + "/crm_prod/references", at + "/crm_prod/calls", at + "/crm_prod/usage", at + "/crm_prod/access?tool=crm" })
            Assert.Equal(HttpStatusCode.NotFound, (await foreign.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.PostAsJsonAsync(at, Body("x_prod"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.PatchAsJsonAsync(at + "/crm_prod", new { provider = "mine" })).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.DeleteAsync(at + "/crm_prod?break_references=true")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await foreign.GetAsync($"/api/v1/workspaces/{other}/credentials/crm_prod")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await foreign.GetAsync($"/api/v1/workspaces/{other}/credentials")).StatusCode);
        using var nobody = _app.Api(null);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync(at)).StatusCode);
    }

    [Fact]
    public async Task A_reading_key_changes_nothing()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "crm_prod");
        using var reader = _app.Api(await KeyOfAsync(ws, ApiKeyScopes.Read));
        var at = $"/api/v1/workspaces/{ws}/credentials";
        Assert.Equal(HttpStatusCode.OK, (await reader.GetAsync(at + "/crm_prod/usage")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.PostAsJsonAsync(at, Body("x_prod"))).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.PatchAsJsonAsync(at + "/crm_prod", new { provider = "mine" })).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.DeleteAsync(at + "/crm_prod")).StatusCode);
    }

    private static object Body(string name) => new { name, type = "api_key", fields = new { value = "some value, " + name } };

    private async Task<string> KeyOfAsync(string ws, string scope = ApiKeyScopes.All)
    {
        var token = ApiKeyToken.Compose([.. System.Security.Cryptography.RandomNumberGenerator.GetBytes(32).Select(b => (byte)(b % 62))]);
        Assert.True(ApiKeyToken.TryPublicId(token, out var publicId));
        await using var db = await _app.DbAsync();
        var now = TimeProvider.System.GetUtcNow();
        var workspace = await db.Workspaces.SingleAsync(w => w.Slug == ws);
        db.ApiKeys.Add(new ApiKey { Id = Guid.CreateVersion7(now), PublicId = publicId, Hash = _app.Get<SecretVault>().ApiKeyHash(token), Name = "of " + ws, Scopes = [scope], WorkspaceIds = [workspace.Id], CreatedAt = now, CreatedBy = "test" });
        await db.SaveChangesAsync();
        return token;
    }

    private static async Task<List<string>> AllAsync(HttpClient api, string ws, string query)
    {
        var names = new List<string>();
        string? cursor = null;
        do
        {
            var page = JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials?limit=2&{query}&cursor={cursor}")).RootElement;
            names.AddRange(page.GetProperty("data").EnumerateArray().Select(c => Text(c, "name")));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null && names.Count < 50);
        return names;
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static async Task<JsonElement> PostAsync(HttpClient api, string ws, HttpStatusCode status, object body)
    {
        using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{answer.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task<JsonElement> PatchAsync(HttpClient api, string ws, string name, HttpStatusCode status, string body)
    {
        using var answer = await api.PatchAsync($"/api/v1/workspaces/{ws}/credentials/{name}", new StringContent(body, Encoding.UTF8, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == status, $"{answer.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
