using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Features.Providers;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Providers;

public sealed class ProviderApiTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    internal static JsonObject Acme(string id) => JsonNode.Parse($$"""
        {
          "id": "{{id}}", "name": {"en": "Acme {{id}}", "zh": "顶点 {{id}}"}, "type": "api_key", "base_url": "https://api.acme.example/v1", "hosts": ["api.acme.example"],
          "inputs": [{"name": "value", "label": {"en": "API key", "zh": "密钥"}, "place": "header", "at": "X-Key", "pattern": "acme-[0-9a-f]{16}"}],
          "probe": {"method": "GET", "url": "https://api.acme.example/v1/me"}, "console_url": "https://acme.example/keys",
          "steps": {"en": ["Open the page.", "Make a key."], "zh": ["打开页面。", "新建密钥。"]}, "unconfirmed": ["steps"]
        }
        """)!.AsObject();

    private static string Fresh() => "acme_" + Guid.CreateVersion7().ToString("N")[20..];

    private static async Task<JsonElement> SendAsync(HttpClient api, string method, string path, HttpStatusCode expected, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "/api/v1/providers" + path);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await api.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {text}");
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement.Clone();
    }

    [Fact]
    public async Task Lists_reads_adds_changes_and_deletes()
    {
        using var api = _app.Api();
        var all = (await SendAsync(api, "GET", "?limit=100", HttpStatusCode.OK)).GetProperty("data").EnumerateArray().ToList();
        Assert.True(all.Count >= ProviderCatalog.BuiltIn.Count);
        var openai = all.Single(p => p.GetProperty("id").GetString() == "openai");
        Assert.Equal(("built_in", "https://api.openai.com/v1/models", "Bearer {}"), (openai.GetProperty("origin").GetString(), openai.GetProperty("probe").GetProperty("url").GetString(), openai.GetProperty("inputs")[0].GetProperty("format").GetString()));

        // Page by page, and found by either name or a host.
        var (first, seen) = (await SendAsync(api, "GET", "?limit=20", HttpStatusCode.OK), new List<string>());
        for (var page = first; ; page = await SendAsync(api, "GET", "?limit=20&cursor=" + page.GetProperty("next_cursor").GetString(), HttpStatusCode.OK))
        {
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(p => p.GetProperty("id").GetString()!));
            if (!page.GetProperty("has_more").GetBoolean()) break;
        }
        Assert.Empty(ProviderCatalog.BuiltIn.Select(r => r.Id).Except(seen));
        Assert.Equal(seen.Count, seen.Distinct().Count());
        foreach (var q in new[] { "钉钉", "dingt", "oapi.ding" }) Assert.Equal("dingtalk", Assert.Single((await SendAsync(api, "GET", "?q=" + Uri.EscapeDataString(q), HttpStatusCode.OK)).GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
        await SendAsync(api, "GET", "?limit=0", HttpStatusCode.BadRequest);

        var id = Fresh();
        var made = await SendAsync(api, "PUT", "/" + id, HttpStatusCode.Created, Acme(id));
        Assert.Equal(("own", 1, "steps"), (made.GetProperty("origin").GetString(), made.GetProperty("revision").GetInt32(), made.GetProperty("unconfirmed")[0].GetString()));
        // What was read can be changed and sent back as it is.
        var read = JsonNode.Parse((await SendAsync(api, "GET", "/" + id, HttpStatusCode.OK)).GetRawText())!.AsObject();
        read["notes"] = JsonNode.Parse("""{"en":"Two may live.","zh":"可以并存。"}""");
        Assert.Equal(2, (await SendAsync(api, "PUT", "/" + id, HttpStatusCode.OK, read)).GetProperty("revision").GetInt32());
        await SendAsync(api, "PUT", "/" + id, HttpStatusCode.Conflict, read);

        await SendAsync(api, "DELETE", "/" + id, HttpStatusCode.NoContent);
        await SendAsync(api, "GET", "/" + id, HttpStatusCode.NotFound);
        await SendAsync(api, "DELETE", "/" + id, HttpStatusCode.NotFound);
        await using var db = await _app.DbAsync();
        Assert.Equal([AuditAction.ProviderSaved, AuditAction.ProviderSaved, AuditAction.ProviderDeleted], await db.AuditEvents.Where(e => e.Subject == id).OrderBy(e => e.Seq).Select(e => e.Action).ToListAsync());
    }

    [Fact]
    public async Task A_record_in_use_is_deleted_only_by_who_says_so()
    {
        var ws = await Given.WorkspaceAsync(_app);
        using var api = _app.Api();
        var id = Fresh();
        await SendAsync(api, "PUT", "/" + id, HttpStatusCode.Created, Acme(id));
        using (var registered = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", new { name = "acme_prod", type = "api_key", fields = new { value = "acme-0123456789abcdef" }, provider = "Acme " + id }))
        {
            Assert.Equal(HttpStatusCode.Created, registered.StatusCode);
            var credential = await registered.Content.ReadFromJsonAsync<JsonElement>();
            // Found by name, kept by id, and its hosts are the provider's.
            Assert.Equal((id, "[\"api.acme.example\"]"), (credential.GetProperty("provider").GetString(), credential.GetProperty("allowed_hosts").GetRawText()));
            Assert.DoesNotContain("form", credential.GetProperty("warnings").GetRawText());
        }
        var refused = await SendAsync(api, "DELETE", "/" + id, HttpStatusCode.Conflict);
        Assert.Equal(("in_use", 1), (refused.GetProperty("error").GetProperty("details").GetProperty("state").GetString(), refused.GetProperty("error").GetProperty("details").GetProperty("used_by").GetInt32()));
        await SendAsync(api, "DELETE", $"/{id}?even_if_used=true", HttpStatusCode.NoContent);
    }

    [Fact]
    public async Task An_own_record_stands_before_the_built_in_one_until_it_is_deleted()
    {
        using var api = _app.Api();
        await SendAsync(api, "DELETE", "/mistral", HttpStatusCode.Conflict);
        Assert.Equal("override", (await SendAsync(api, "PUT", "/mistral", HttpStatusCode.Created, Acme("mistral"))).GetProperty("origin").GetString());
        Assert.Equal("https://api.acme.example/v1", (await SendAsync(api, "GET", "/mistral", HttpStatusCode.OK)).GetProperty("base_url").GetString());
        Assert.Single((await SendAsync(api, "GET", "?limit=100", HttpStatusCode.OK)).GetProperty("data").EnumerateArray(), p => p.GetProperty("id").GetString() == "mistral");
        await SendAsync(api, "DELETE", "/mistral", HttpStatusCode.NoContent);
        Assert.Equal("https://api.mistral.ai/v1", (await SendAsync(api, "GET", "/mistral", HttpStatusCode.OK)).GetProperty("base_url").GetString());
    }

    [Fact]
    public async Task Only_those_who_run_the_organization_write_and_everybody_with_a_workspace_reads()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await using var db = await _app.DbAsync();
        var workspace = await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync();
        using var bound = _app.Api(await _app.KeyAsync(workspace, "*"));
        Assert.NotEmpty((await SendAsync(bound, "GET", "", HttpStatusCode.OK)).GetProperty("data").EnumerateArray());
        await SendAsync(bound, "PUT", "/acme_bound", HttpStatusCode.Forbidden, Acme("acme_bound"));
        await SendAsync(bound, "DELETE", "/openai", HttpStatusCode.Forbidden);
        using var caller = _app.Api(await _app.KeyAsync(workspace, "tool:invoke"));
        await SendAsync(caller, "GET", "", HttpStatusCode.Forbidden);
        using var nobody = _app.Api(null);
        await SendAsync(nobody, "GET", "", HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("id", "\"other\"")]
    [InlineData("surprise", "1")]
    [InlineData("hosts", "[null]")]
    [InlineData("hosts", "[\"evil.example\"]")]
    [InlineData("name", "null")]
    [InlineData("revision", "\"1\"")]
    [InlineData("revision", "-1")]
    [InlineData("revision", "7")]
    [InlineData("console_url", "\"javascript:alert(1)\"")]
    [InlineData("steps", """{"en":["Paste ghp_FAKE0123456789abcdefABCDEF0123456789 here."],"zh":["粘贴。"]}""")]
    public async Task A_record_that_cannot_be_kept_changes_nothing(string member, string value)
    {
        using var api = _app.Api();
        var body = Acme("acme_bad");
        body[member] = JsonNode.Parse(value);
        using var answer = await api.PutAsync("/api/v1/providers/acme_bad", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode is 400 or 409 or 422, text);
        Assert.DoesNotContain("ghp_FAKE", text);
        await SendAsync(api, "GET", "/acme_bad", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_row_changed_behind_the_app_is_listed_and_not_used()
    {
        await using var app = new AdminApp();
        using var api = app.Api();
        await SendAsync(api, "PUT", "/acme_row", HttpStatusCode.Created, Acme("acme_row"));
        var genuine = await RowAsync();
        Assert.NotNull(await app.Get<ProviderCatalog>().FindAsync("acme_row", default));
        // Pointed to another host.
        await ChangeAsync(genuine.Record.Replace("api.acme.example", "api.evil.example", StringComparison.Ordinal), genuine.Revision);
        await IsTamperedAsync();
        await ChangeAsync(genuine.Record, genuine.Revision);
        Assert.NotNull(await app.Get<ProviderCatalog>().FindAsync("acme_row", default));
        // An older genuine row put back.
        var next = Acme("acme_row");
        next["base_url"] = "https://api.acme.example/v2";
        await SendAsync(api, "PUT", "/acme_row", HttpStatusCode.OK, next);
        await using (var db = await app.DbAsync())
        {
            await db.OwnProviders.ExecuteUpdateAsync(s => s.SetProperty(p => p.Record, genuine.Record).SetProperty(p => p.Revision, genuine.Revision).SetProperty(p => p.Mac, genuine.Mac));
        }
        await IsTamperedAsync();
        // Saved anew it is good again, under a number that was never given.
        Assert.Equal(3, (await SendAsync(api, "PUT", "/acme_row", HttpStatusCode.OK, Acme("acme_row"))).GetProperty("revision").GetInt32());
        Assert.NotNull(await app.Get<ProviderCatalog>().FindAsync("acme_row", default));

        async Task<OwnProvider> RowAsync()
        {
            await using var db = await app.DbAsync();
            return await db.OwnProviders.AsNoTracking().SingleAsync();
        }

        async Task ChangeAsync(string record, int revision)
        {
            await using var db = await app.DbAsync();
            await db.OwnProviders.ExecuteUpdateAsync(s => s.SetProperty(p => p.Record, record).SetProperty(p => p.Revision, revision));
        }

        async Task IsTamperedAsync()
        {
            Assert.True((await SendAsync(api, "GET", "/acme_row", HttpStatusCode.OK)).GetProperty("tampered").GetBoolean());
            Assert.Null(await app.Get<ProviderCatalog>().FindAsync("acme_row", default));
        }
    }

    [Fact]
    public async Task Two_who_save_at_once_do_not_overwrite_each_other()
    {
        var id = Fresh();
        var admin = await _app.AdminAsync();
        var save = _app.Get<SaveProvider>();
        Assert.Null((await save.ExecuteAsync(admin, new SaveProvider.Input(id, Acme(id).ToJsonString(), 0), default)).Problem);
        var second = await save.ExecuteAsync(admin, new SaveProvider.Input(id, Acme(id).ToJsonString(), 0), default);
        Assert.Equal("changed", second.Problem!.Details!["state"]);
    }
}
