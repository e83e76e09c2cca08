using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Tests.Rules;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Platform.Api;

/// <summary>What every caller of the REST surface may rely on: names, lists, repetition, limits, the document and its page.</summary>
public sealed class ApiConventionsTests
{
    private static readonly string[] Promised =
    [
        "POST /api/v1/workspaces", "GET /api/v1/workspaces",
        "POST /api/v1/workspaces/{ws}/credentials", "GET /api/v1/workspaces/{ws}/credentials",
        "GET /api/v1/workspaces/{ws}/credentials/{name}", "PATCH /api/v1/workspaces/{ws}/credentials/{name}", "DELETE /api/v1/workspaces/{ws}/credentials/{name}",
        "GET /api/v1/workspaces/{ws}/credentials/{name}/references", "GET /api/v1/workspaces/{ws}/credentials/{name}/calls", "GET /api/v1/workspaces/{ws}/credentials/{name}/usage",
        "GET /api/v1/workspaces/{ws}/credentials/{name}/impact", "GET /api/v1/workspaces/{ws}/credentials/{name}/access",
        "POST /api/v1/workspaces/{ws}/credentials/{name}/rotation", "GET /api/v1/workspaces/{ws}/credentials/{name}/rotation", "DELETE /api/v1/workspaces/{ws}/credentials/{name}/rotation",
        "POST /api/v1/workspaces/{ws}/credentials/{name}/rotation/verify", "POST /api/v1/workspaces/{ws}/credentials/{name}/rotation/promote",
        "POST /api/v1/workspaces/{ws}/credentials/{name}/rotation/rollback", "POST /api/v1/workspaces/{ws}/credentials/{name}/rotation/retire",
        "PUT /api/v1/workspaces/{ws}/tools/{name}", "GET /api/v1/workspaces/{ws}/tools/{name}", "DELETE /api/v1/workspaces/{ws}/tools/{name}", "GET /api/v1/workspaces/{ws}/tools",
        "PUT /api/v1/workspaces/{ws}/agents/{name}", "GET /api/v1/workspaces/{ws}/agents/{name}", "DELETE /api/v1/workspaces/{ws}/agents/{name}", "GET /api/v1/workspaces/{ws}/agents",
        "PUT /api/v1/workspaces/{ws}/workflows/{name}", "GET /api/v1/workspaces/{ws}/workflows/{name}", "DELETE /api/v1/workspaces/{ws}/workflows/{name}", "GET /api/v1/workspaces/{ws}/workflows",
        "POST /api/v1/workspaces/{ws}/tools/{name}/invoke",
        "POST /api/v1/api-keys", "GET /api/v1/api-keys", "POST /api/v1/api-keys/{id}/rotate", "DELETE /api/v1/api-keys/{id}",
        "GET /api/v1/audit/events", "GET /api/v1/audit/export", "GET /api/v1/audit/verify",
        "GET /api/v1/notifications",
    ];

    [Fact]
    public async Task Every_promised_address_is_there_described_and_on_the_reference_page()
    {
        await using var app = new AdminApp();
        Assert.Empty(Promised.Except(GoodRequests.Mapped(app).Select(m => $"{m.Method} {m.Pattern}")));

        using var anybody = app.Api(key: null);
        using var document = JsonDocument.Parse(await anybody.GetStringAsync("/openapi/v1.json"));
        var described = document.RootElement.GetProperty("paths").EnumerateObject()
            .SelectMany(p => p.Value.EnumerateObject().Where(o => o.Value.ValueKind == JsonValueKind.Object && o.Value.TryGetProperty("responses", out _)).Select(o => (Name: $"{o.Name.ToUpperInvariant()} {p.Name}", Operation: o.Value))).ToList();
        Assert.Empty(Promised.Append("POST /broker/{ws}/{tool}/{path}").Except(described.Select(d => d.Name)));
        Assert.Empty(described.Where(d => !d.Operation.TryGetProperty("summary", out var s) || s.GetString()!.Length < 8).Select(d => d.Name + " says nothing about itself"));
        Assert.Equal("bearer", document.RootElement.GetProperty("components").GetProperty("securitySchemes").GetProperty("api_key").GetProperty("scheme").GetString());

        var page = await anybody.GetStringAsync("/api/docs");
        Assert.DoesNotContain(described.Select(d => d.Name.Split(' ')[1]).Distinct(), path => !page.Contains($">{path}</code>", StringComparison.Ordinal));
        Assert.Contains("/openapi/v1.json", page);
    }

    [Theory]
    [InlineData("GET", "/api/v1/nothing", null, 404, "RESOURCE_NOT_FOUND")]
    [InlineData("GET", "/api/v1/leaks/not-an-id", null, 404, "RESOURCE_NOT_FOUND")]
    [InlineData("DELETE", "/api/v1/workspaces", null, 405, "INVALID_REQUEST")]
    [InlineData("POST", "/api/v1/workspaces", "text/plain", 415, "INVALID_REQUEST")]
    [InlineData("POST", "/api/v1/workspaces", "application/x-www-form-urlencoded", 415, "INVALID_REQUEST")]
    public async Task What_fits_no_endpoint_says_what_is_wrong_and_not_to_sign_in(string method, string path, string? type, int status, string code)
    {
        await using var app = new AdminApp();
        foreach (var key in (string?[])["", null])
        {
            using var api = app.Api(key);
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            if (type is not null) request.Content = new StringContent("""{"name":"a"}""", System.Text.Encoding.UTF8, type);
            using var answer = await api.SendAsync(request);
            var error = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
            Assert.Equal((status, code), ((int)answer.StatusCode, error.GetProperty("code").GetString()));
            if (status == 405)
            {
                Assert.Superset(new HashSet<string> { "GET", "POST" }, new HashSet<string>(answer.Content.Headers.Allow));
                Assert.StartsWith("This address does not take DELETE. It takes ", error.GetProperty("message").GetString(), StringComparison.Ordinal);
            }
        }
        await using var db = await app.DbAsync();
        Assert.Equal(1, await db.Workspaces.CountAsync());
    }

    [Theory]
    [InlineData(13, 503, "AUDIT_UNAVAILABLE")]
    [InlineData(5, 503, "AUDIT_UNAVAILABLE")]
    [InlineData(19, 500, "INTERNAL_ERROR")]
    public async Task A_database_that_is_full_or_locked_is_not_a_defect_of_ours(int code, int status, string expected)
    {
        var failing = new FailingSaves();
        await using var app = new AdminApp(services: s => s.AddSingleton<ISaveChangesInterceptor>(failing));
        using var api = app.Api();
        failing.Code = code;
        using var answer = await api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Sales" });
        failing.Code = 0;
        Assert.Equal((status, expected), ((int)answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").GetProperty("code").GetString()));
        await using var db = await app.DbAsync();
        Assert.Equal(1, await db.Workspaces.CountAsync());
    }

    [Fact]
    public async Task Workspaces_come_page_by_page_and_a_bad_page_is_refused()
    {
        await using var app = new AdminApp();
        for (var i = 0; i < 5; i++) await Given.WorkspaceAsync(app, $"place-{i}");
        using var api = app.Api();
        var seen = new List<string>();
        for (var next = "?limit=2"; next is not null;)
        {
            var page = JsonDocument.Parse(await api.GetStringAsync("/api/v1/workspaces" + next)).RootElement;
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(w => w.GetProperty("slug").GetString()!));
            Assert.Equal(page.GetProperty("has_more").GetBoolean(), page.GetProperty("next_cursor").ValueKind == JsonValueKind.String);
            next = page.GetProperty("has_more").GetBoolean() ? $"?limit=2&cursor={page.GetProperty("next_cursor").GetString()}" : null;
        }
        Assert.Equal(["place-0", "place-1", "place-2", "place-3", "place-4"], seen);
        foreach (var bad in (string[])["?limit=0", "?limit=101", "?limit=x", "?cursor=%25"])
            Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync("/api/v1/workspaces" + bad)).StatusCode);
    }

    [Fact]
    public async Task Impact_names_who_a_rotation_touches()
    {
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app);
        var tool = await Given.ToolAsync(app, ws, "crm", "https://crm.example.test", "crm_prod");
        await Given.AgentAsync(app, ws, "helper", tool);
        await Given.CredentialAsync(app, ws, "crm_prod", tools: ["crm"]);
        await using (var db = await app.DbAsync())
            await Given.CallAsync(app, ws, await db.Credentials.Select(c => c.Id).SingleAsync(), "crm_prod", app.Get<TimeProvider>().GetUtcNow(), agent: "helper");
        using var api = app.Api();
        var impact = JsonDocument.Parse(await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod/impact")).RootElement;
        Assert.Equal(1, impact.GetProperty("calls_24h").GetInt32());
        Assert.Equal([("tool", "crm", true), ("agent", "helper", false)],
            impact.GetProperty("consumers").EnumerateArray().Select(c => (c.GetProperty("kind").GetString()!, c.GetProperty("name").GetString()!, c.GetProperty("references").GetBoolean())));
        Assert.All(impact.GetProperty("consumers").EnumerateArray(), c => Assert.Equal((1, JsonValueKind.String), (c.GetProperty("recent_calls").GetInt32(), c.GetProperty("last_used_at").ValueKind)));
    }

    [Fact]
    public async Task A_repetition_gets_the_first_answer_whatever_it_was_and_changes_nothing_more()
    {
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "once_prod");
        using var api = app.Api();

        var made = await TwiceAsync(api, HttpMethod.Post, "/api/v1/api-keys", new { name = "worker", scopes = new[] { "read" } });
        Assert.Equal(HttpStatusCode.Created, made.First.Status);
        Assert.Equal(made.First, made.Second);
        var gone = await TwiceAsync(api, HttpMethod.Delete, $"/api/v1/workspaces/{ws}/credentials/once_prod", null);
        Assert.Equal((HttpStatusCode.NoContent, ""), gone.First);
        Assert.Equal(gone.First, gone.Second);
        await using var db = await app.DbAsync();
        Assert.Equal(1, await db.ApiKeys.CountAsync(k => k.Name == "worker"));
        // Another body under the same key is a mistake, and said to be one.
        using var other = new HttpRequestMessage(HttpMethod.Post, "/api/v1/api-keys") { Content = JsonContent.Create(new { name = "another", scopes = new[] { "read" } }) };
        other.Headers.Add("Idempotency-Key", "same");
        Assert.Equal(HttpStatusCode.Conflict, (await api.SendAsync(other)).StatusCode);
    }

    [Fact]
    public async Task Each_key_has_a_budget_of_its_own_that_answers_speak_of()
    {
        await using var app = new AdminApp(new() { ["Api:RequestsPerSecond"] = "1", ["Api:Burst"] = "5" });
        using var api = app.Api();
        using var first = await api.GetAsync("/api/v1/workspaces");
        Assert.Equal((5, 4), (Header(first, "X-RateLimit-Limit"), Header(first, "X-RateLimit-Remaining")));
        Assert.InRange(Header(first, "X-RateLimit-Reset") - TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), -60, 2);

        // Whole again after a second each, so more are sent than could come back meanwhile.
        HttpResponseMessage? refused = null;
        for (var i = 0; i < 1000 && refused is null; i++)
        {
            var answer = await api.GetAsync("/api/v1/workspaces");
            if (answer.StatusCode == HttpStatusCode.TooManyRequests) refused = answer;
        }
        Assert.NotNull(refused);
        Assert.Equal(("1", 0), (refused.Headers.GetValues("Retry-After").Single(), Header(refused, "X-RateLimit-Remaining")));
        Assert.Contains("RATE_LIMITED", await refused.Content.ReadAsStringAsync());

        // Another key has its own, and a call through a tool is not counted: it gets an answer about the tool.
        using var other = app.Api(await app.KeyAsync(Guid.CreateVersion7(), "read"));
        Assert.NotEqual(HttpStatusCode.TooManyRequests, (await other.GetAsync("/api/v1/workspaces")).StatusCode);
        for (var i = 0; i < 10; i++) Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsJsonAsync("/api/v1/workspaces/none/tools/none/invoke", new { })).StatusCode);
    }

    private static long Header(HttpResponseMessage answer, string name) => long.Parse(answer.Headers.GetValues(name).Single(), CultureInfo.InvariantCulture);

    private static async Task<((HttpStatusCode Status, string Text) First, (HttpStatusCode Status, string Text) Second)> TwiceAsync(HttpClient api, HttpMethod method, string path, object? body)
    {
        var answers = new List<(HttpStatusCode, string)>();
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
            request.Headers.Add("Idempotency-Key", "same");
            using var answer = await api.SendAsync(request);
            answers.Add((answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
        return (answers[0], answers[1]);
    }
}
