using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Rotation;

/// <summary>A new value is checked at its provider before it goes live, by the provider's own record.</summary>
public sealed class ProviderCheckTests : IAsyncLifetime
{
    private Upstream _upstream = null!;
    private AdminApp _app = null!;
    private HttpClient _api = null!;
    private string _ws = "";

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync(ProviderDialects.AnswerAsync);
        _app = new AdminApp(new(ProviderDialects.Settings(_upstream)) { ["Rotation:SweepInterval"] = "1.00:00:00" });
        _api = _app.Api();
        _ws = await Given.WorkspaceAsync(_app);
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _app.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    private async Task<JsonElement> SendAsync(string method, string path, HttpStatusCode expected, object? body = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), $"/api/v1/workspaces/{_ws}/{path}") { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await _api.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement.Clone();
    }

    private async Task RegisterAsync(string name, string provider, string value) =>
        await SendAsync("POST", "credentials", HttpStatusCode.Created, new { name, type = "api_key", fields = new { value }, provider, verify = true });

    private static string Result(JsonElement verified) => verified.GetProperty("verify").GetProperty("result").GetString()!;

    [Fact]
    public async Task A_wrong_key_stays_pending_and_traffic_goes_on_with_the_old_one()
    {
        await RegisterAsync("openai_prod", "openai", "old-alive");
        await SendAsync("PUT", "tools/gpt", HttpStatusCode.Created, new { base_url = _upstream.Url + "/v1", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:openai_prod}}" } });
        await SendAsync("PATCH", "credentials/openai_prod", HttpStatusCode.OK, new { scope = new { tools = new[] { "gpt" } } });
        await CallAsync("old-alive");

        await SendAsync("POST", "credentials/openai_prod/rotation", HttpStatusCode.Created, new { fields = new { value = "wrong-key" } });
        Assert.Equal("dead", Result(await SendAsync("POST", "credentials/openai_prod/rotation/verify", HttpStatusCode.OK)));
        // Asked with no tool, at the provider's own address.
        var asked = _upstream.Requests.Last();
        Assert.Equal(("GET", "/v1/models", "Bearer wrong-key"), (asked.Method, asked.Path, asked.Headers["Authorization"]));
        await SendAsync("POST", "credentials/openai_prod/rotation/promote", HttpStatusCode.Conflict);
        await CallAsync("old-alive");
        Assert.Equal("pending", (await SendAsync("GET", "credentials/openai_prod/rotation", HttpStatusCode.OK)).GetProperty("state").GetString());

        await SendAsync("DELETE", "credentials/openai_prod/rotation", HttpStatusCode.OK);
        await SendAsync("POST", "credentials/openai_prod/rotation", HttpStatusCode.Created, new { fields = new { value = "new-alive" } });
        Assert.Equal("alive", Result(await SendAsync("POST", "credentials/openai_prod/rotation/verify", HttpStatusCode.OK)));
        await SendAsync("POST", "credentials/openai_prod/rotation/promote", HttpStatusCode.OK);
        await CallAsync("new-alive");

        await using var db = await _app.DbAsync();
        var checks = await db.Calls.AsNoTracking().Where(c => c.Rule == Prober.Rule && c.CredentialId != null).OrderBy(c => c.Seq).ToListAsync();
        Assert.Equal(["2 ", "3 "], checks.Select(c => $"{c.Version} {c.Tool}"));
    }

    [Fact]
    public async Task Slack_says_no_with_200_and_a_key_that_may_do_little_needs_a_reason()
    {
        await RegisterAsync("slack_prod", "slack", "xoxb-alive");
        await SendAsync("POST", "credentials/slack_prod/rotation", HttpStatusCode.Created, new { fields = new { value = "xoxb-gone" } });
        var dead = await SendAsync("POST", "credentials/slack_prod/rotation/verify", HttpStatusCode.OK);
        Assert.Equal("dead", Result(dead));
        Assert.Contains("200", dead.GetProperty("verify").GetProperty("note").GetString());
        await SendAsync("DELETE", "credentials/slack_prod/rotation", HttpStatusCode.OK);

        await RegisterAsync("stripe_prod", "stripe", "rk-alive");
        await SendAsync("POST", "credentials/stripe_prod/rotation", HttpStatusCode.Created, new { fields = new { value = "rk-little" } });
        Assert.Equal("lacks_permission", Result(await SendAsync("POST", "credentials/stripe_prod/rotation/verify", HttpStatusCode.OK)));
        await SendAsync("POST", "credentials/stripe_prod/rotation/promote", HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task A_tool_a_path_or_a_closed_host_asks_through_a_tool()
    {
        await RegisterAsync("openai_prod", "openai", "old-alive");
        await SendAsync("PUT", "tools/gpt", HttpStatusCode.Created, new { base_url = _upstream.Url + "/v9", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:openai_prod}}" } });
        await SendAsync("PATCH", "credentials/openai_prod", HttpStatusCode.OK, new { scope = new { tools = new[] { "gpt" } } });
        await SendAsync("POST", "credentials/openai_prod/rotation", HttpStatusCode.Created, new { fields = new { value = "new-alive" } });
        Assert.Equal("alive", Result(await SendAsync("POST", "credentials/openai_prod/rotation/verify", HttpStatusCode.OK, new { tool = "gpt" })));
        Assert.Equal("/v9", _upstream.Requests.Last().Path);
        Assert.Equal("alive", Result(await SendAsync("POST", "credentials/openai_prod/rotation/verify", HttpStatusCode.OK, new { path = "/x" })));
        Assert.Equal("/v9/x", _upstream.Requests.Last().Path);
        // The provider's own host is not among the credential's any more: only a tool is left.
        await SendAsync("PATCH", "credentials/openai_prod", HttpStatusCode.OK, new { allowed_hosts = new[] { new Uri(_upstream.Url).Authority + "/v9" } });
        Assert.Equal("alive", Result(await SendAsync("POST", "credentials/openai_prod/rotation/verify", HttpStatusCode.OK)));
        Assert.Equal("/v9", _upstream.Requests.Last().Path);
        await SendAsync("POST", "credentials/openai_prod/rotation/verify", HttpStatusCode.UnprocessableEntity, new { tool = "nobody" });
    }

    private async Task CallAsync(string expected)
    {
        using var answer = await _api.GetAsync($"/broker/{_ws}/gpt/models");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("Bearer " + expected, _upstream.Requests.Last().Headers["Authorization"]);
    }
}
