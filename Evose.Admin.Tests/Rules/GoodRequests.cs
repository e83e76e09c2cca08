using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Rules;

/// <summary>One request that works for every address of the REST surface that changes something. A new address must come with its row: the rules that sweep all of them fail until it has one.</summary>
internal sealed class GoodRequests(AdminApp app, string ws, Upstream upstream)
{
    private const string Credentials = "/api/v1/workspaces/{ws}/credentials";
    private const string Rotation = Credentials + "/{name}/rotation";

    private int _made;

    /// <param name="Path">The address of a thing that is there, made for this request.</param>
    /// <param name="Body">Null when the address takes none.</param>
    internal sealed record Ready(string Path, JsonObject? Body = null);

    /// <param name="Texts">Members of the body that take text, by path such as <c>scope.tools.0</c>.</param>
    /// <param name="BodyIsOptional">Nothing in the body needs to be given.</param>
    /// <param name="MembersAreOptional">There must be a body, but nothing needs to be in it.</param>
    /// <param name="OwnedByWorkspace">A key of another workspace must not know that it exists.</param>
    internal sealed record Row(string Method, string Pattern, Func<Task<Ready>> Prepare, string[] Texts, bool BodyIsOptional = false, bool OwnedByWorkspace = true, bool MembersAreOptional = false)
    {
        public string Name => Method + " " + Pattern;
    }

    public string Ws => ws;

    public IReadOnlyList<Row> All =>
    [
        new("POST", "/api/v1/workspaces", () => Of("/api/v1/workspaces", new { name = "A place", slug = Given.Unique("made") }), ["name", "slug"], OwnedByWorkspace: false),
        new("POST", "/api/v1/api-keys", () => Of("/api/v1/api-keys", new { name = "A key", scopes = new[] { "read" }, workspaces = new[] { ws } }), ["name", "scopes.0", "workspaces.0"], OwnedByWorkspace: false),
        new("POST", "/api/v1/api-keys/{id}/rotate", async () => await Of($"/api/v1/api-keys/{await KeyAsync()}/rotate", new { old_expires_in = 60 }), ["old_expires_in"], BodyIsOptional: true),
        new("DELETE", "/api/v1/api-keys/{id}", async () => new($"/api/v1/api-keys/{await KeyAsync()}"), []),
        new("PUT", "/api/v1/workspaces/{ws}/tools/{name}", () => Of(At($"tools/{Fresh("tool")}"), new
        {
            kind = "http", base_url = upstream.Url, method = "POST", headers = new { x_one = "1" }, query = new { q = "1" }, body = "{}", description = "A tool",
        }), ["kind", "base_url", "method", "headers.x_one", "query.q", "body", "description"]),
        new("DELETE", "/api/v1/workspaces/{ws}/tools/{name}", async () => new(At($"tools/{await ToolAsync()}")), []),
        new("PUT", "/api/v1/workspaces/{ws}/agents/{name}", async () => await Of(At($"agents/{Fresh("agent")}"), new { tools = new[] { await ToolAsync() }, description = "An agent" }), ["tools.0", "description"], MembersAreOptional: true),
        new("DELETE", "/api/v1/workspaces/{ws}/agents/{name}", async () => new(At($"agents/{await PutAsync("agents", new { tools = Array.Empty<string>() })}")), []),
        new("PUT", "/api/v1/workspaces/{ws}/workflows/{name}", async () => await Of(At($"workflows/{Fresh("flow")}"), new { tools = new[] { await ToolAsync() }, agents = Array.Empty<string>(), description = "A workflow" }), ["tools.0", "description"], MembersAreOptional: true),
        new("DELETE", "/api/v1/workspaces/{ws}/workflows/{name}", async () => new(At($"workflows/{await PutAsync("workflows", new { tools = Array.Empty<string>() })}")), []),
        new("POST", "/api/v1/workspaces/{ws}/tools/{name}/invoke", async () => await Of(At($"tools/{await ToolAsync()}/invoke"), new { method = "GET", path = "/x", query = new { q = "1" }, headers = new { x_one = "1" } }), ["method", "path", "headers.x_one"], MembersAreOptional: true),
        new("POST", Credentials, async () => await Of(At("credentials"), new
        {
            name = Fresh("cred").Replace('-', '_'), type = "api_key", fields = new { value = "value-of-the-sweep-0001" }, description = "For the sweep", provider = "acme", verify = false,
            scope = new { tools = new[] { await ToolAsync() } }, allowed_hosts = new[] { "127.0.0.1" },
        }), ["name", "type", "fields.value", "description", "provider", "scope.tools.0", "allowed_hosts.0"]),
        new("PATCH", Credentials + "/{name}", async () => await Of(At($"credentials/{await CredentialAsync()}"), new { description = "Changed", provider = "acme", allowed_hosts = new[] { "127.0.0.1" } }), ["description", "provider", "allowed_hosts.0"], BodyIsOptional: true),
        new("DELETE", Credentials + "/{name}", async () => new(At($"credentials/{await CredentialAsync()}")), []),
        new("POST", Rotation, async () => await Of(At($"credentials/{await CredentialAsync()}/rotation"), new { fields = new { value = "next-value-of-the-sweep-0001" }, skip_verify = true, skip_verify_reason = "tested by hand" }), ["fields.value", "skip_verify_reason"]),
        new("DELETE", Rotation, async () => new(At($"credentials/{await RotatingAsync()}/rotation")), []),
        new("POST", Rotation + "/verify", async () => await Of(At($"credentials/{await RotatingAsync()}/rotation/verify"), new { path = "/x" }), ["tool", "path"], BodyIsOptional: true),
        new("POST", Rotation + "/promote", async () => await Of(At($"credentials/{await RotatingAsync()}/rotation/promote"), new { grace = "01:00:00" }), ["grace"], BodyIsOptional: true),
        new("POST", Rotation + "/rollback", async () => new(At($"credentials/{await RotatingAsync(promoted: true)}/rotation/rollback")), []),
        new("POST", Rotation + "/retire", async () => await Of(At($"credentials/{await RotatingAsync(promoted: true)}/rotation/retire"), new { force = true }), [], BodyIsOptional: true),
        new("PUT", "/api/v1/providers/{id}", () =>
        {
            var id = Fresh("acme").Replace('-', '_');
            return Of("/api/v1/providers/" + id, new
            {
                id, name = new { en = "Acme", zh = "顶点" }, type = "custom", base_url = "https://api.acme.example/v1", hosts = new[] { "api.acme.example" },
                inputs = new[] { new { name = "user_name", label = new { en = "user", zh = "用户" }, is_secret = false, place = "basic_user", pattern = "[a-z]+" }, new { name = "phrase", label = new { en = "phrase", zh = "口令" }, is_secret = true, place = "basic_password", pattern = "[a-z]+" } },
                headers = new { x_one = "1" }, probe = new { method = "GET", url = "https://api.acme.example/v1/me", alive = new[] { 200 } }, console_url = "https://acme.example/keys",
                steps = new { en = new[] { "Make a key." }, zh = new[] { "新建密钥。" } }, notes = new { en = "A note", zh = "说明" }, unconfirmed = new[] { "steps" },
            });
        }, ["id", "name.en", "name.zh", "type", "base_url", "hosts.0", "inputs.0.name", "inputs.0.label.en", "inputs.0.place", "inputs.0.pattern", "headers.x_one", "probe.method", "probe.url", "console_url", "steps.en.0", "steps.zh.0", "unconfirmed.0"], OwnedByWorkspace: false),
        new("DELETE", "/api/v1/providers/{id}", async () => new("/api/v1/providers/" + await ProviderAsync()), [], OwnedByWorkspace: false),
        new("PUT", Credentials + "/{name}/reminders", async () => await Of(At($"credentials/{await CredentialAsync()}/reminders"), new { ladder = new[] { 60, 30, 0 } }), ["ladder.0"], MembersAreOptional: true),
        new("PUT", "/api/v1/workspaces/{ws}/notification-settings", () => Of(At("notification-settings"), new { ladder = new[] { 60, 30, 0 }, escalate_after_days = 2, banner_from_day = 5 }), ["ladder.0", "escalate_after_days", "banner_from_day"], MembersAreOptional: true),
        new("POST", "/api/v1/webhooks", () => Of("/api/v1/webhooks", new { kind = "webhook", workspace = ws, name = "A channel", url = upstream.Url + "/hook", secret = "a-secret-of-the-sweep", events = new[] { "expired" }, min_severity = "warning", language = "zh" }),
            ["kind", "workspace", "name", "url", "secret", "events.0", "min_severity", "language"], OwnedByWorkspace: false),
        new("PATCH", "/api/v1/webhooks/{id:guid}", async () => await Of($"/api/v1/webhooks/{await ChannelAsync()}", new { name = "Another name", url = upstream.Url + "/hook/2", secret = "another-secret-of-the-sweep", events = new[] { "expired" }, min_severity = "warning", language = "zh" }),
            ["name", "url", "secret", "events.0", "min_severity", "language"], BodyIsOptional: true),
        new("DELETE", "/api/v1/webhooks/{id:guid}", async () => new($"/api/v1/webhooks/{await ChannelAsync()}"), []),
        new("POST", "/api/v1/webhooks/{id:guid}/test", async () => new($"/api/v1/webhooks/{await ChannelAsync()}/test"), []),
        new("POST", "/api/v1/webhooks/{id:guid}/deliveries/{delivery:guid}/resend", async () => new(await DeliveryAsync()), []),
        new("POST", "/api/v1/notifications/{id:guid}/snooze", async () => await Of($"/api/v1/notifications/{await NotificationAsync()}/snooze", new { until = TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(1) }), ["until"]),
        new("POST", "/api/v1/workspaces/{ws}/hygiene/look", () => Task.FromResult<Ready>(new(At("hygiene/look"))), []),
        new("POST", "/api/v1/workspaces/{ws}/findings/{id:guid}/acceptance", async () => await Of(At($"findings/{await FindingAsync("no-owner")}/acceptance"), new { reason = "It is made for a sweep", until = TimeProvider.System.GetUtcNow().AddDays(30).ToString("O", System.Globalization.CultureInfo.InvariantCulture) }), ["reason", "until"]),
        new("DELETE", "/api/v1/workspaces/{ws}/findings/{id:guid}/acceptance", async () =>
        {
            var id = await FindingAsync("no-owner");
            await MustAsync("POST", At($"findings/{id}/acceptance"), new { reason = "It is made for a sweep", until = TimeProvider.System.GetUtcNow().AddDays(30).ToString("O", System.Globalization.CultureInfo.InvariantCulture) });
            return new(At($"findings/{id}/acceptance"));
        }, []),
        new("POST", "/api/v1/workspaces/{ws}/findings/{id:guid}/fix", async () => new(At($"findings/{await FindingAsync("allow-in-url")}/fix")), []),
        new("POST", Credentials + "/{name}/leak", async () => await Of(At($"credentials/{await CredentialAsync()}/leak"), new { source = "manual", note = "Seen in a chat", freeze = true, since = "2026-01-31T08:00:00Z" }), ["source", "note", "since"], BodyIsOptional: true),
        new("POST", Credentials + "/{name}/freeze", async () => new(At($"credentials/{await CredentialAsync()}/freeze")), []),
        new("DELETE", Credentials + "/{name}/freeze", async () => new(At($"credentials/{await CredentialAsync()}/freeze")), []),
        new("POST", "/api/v1/workspaces/{ws}/leaks/{id}/close", async () => await Of(At($"leaks/{await LeakAsync(await CredentialAsync())}/close"), new { resolution = "false_positive", note = "Not ours" }), ["resolution", "note"]),
        new("POST", "/api/v1/workspaces/{ws}/leaks/{id}/assign", async () => await Of($"{ApiGroup.Prefix}/workspaces/org/leaks/{await UnknownLeakAsync()}/assign", new { workspace = ws, credential = await CredentialAsync(), version = 1 }), ["workspace", "credential"]),
        new("POST", "/api/v1/workspaces/{ws}/leaks/{id}/evidence", async () => new(At($"leaks/{await LeakAsync(await CredentialAsync())}/evidence")), []),
        new("POST", "/api/v1/leaks/check", () => Of("/api/v1/leaks/check", new { text = "Nothing of ours stands in this line." }), [], OwnedByWorkspace: false),
        new("POST", "/api/v1/notifications/{id:guid}/acknowledge", async () => new($"/api/v1/notifications/{await NotificationAsync()}/acknowledge"), []),
    ];

    /// <summary>Every address under the API-key policy, with its methods.</summary>
    public static IEnumerable<(string Method, string Pattern)> Mapped(AdminApp app) =>
        from endpoint in app.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        where endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(a => a.Policy == IdentitySetup.ApiPolicy)
        from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
        select (method, "/" + endpoint.RoutePattern.RawText!.Trim('/'));

    public async Task<HttpResponseMessage> SendAsync(HttpClient client, string method, string path, JsonNode? body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return await client.SendAsync(request);
    }

    public async Task<string> CredentialAsync()
    {
        var name = Fresh("cred").Replace('-', '_');
        await MustAsync("POST", At("credentials"), new { name, type = "api_key", fields = new { value = "value-" + name }, allowed_hosts = new[] { "127.0.0.1" } });
        return name;
    }

    public async Task<string> ToolAsync()
    {
        var name = Fresh("tool");
        await MustAsync("PUT", At("tools/" + name), new { base_url = upstream.Url });
        return name;
    }

    public async Task<string> RotatingAsync(bool promoted = false)
    {
        var name = await CredentialAsync();
        await MustAsync("POST", At($"credentials/{name}/rotation"), new { fields = new { value = "next-" + name }, skip_verify = true, skip_verify_reason = "tested by hand" });
        if (promoted) await MustAsync("POST", At($"credentials/{name}/rotation/promote"), new { grace = "01:00:00" });
        return name;
    }

    public async Task<string> LeakAsync(string credential) => (await MustAsync("POST", At($"credentials/{credential}/leak"), new { })).GetProperty("id").GetString()!;

    /// <summary>A report that came without the value.</summary>
    private async Task<Guid> UnknownLeakAsync()
    {
        await using var db = await app.DbAsync();
        await using var write = await db.BeginWriteAsync(default);
        var report = await app.Get<LeakDesk>().OpenUnknownAsync(db, Actor.Job("github"), new Sighting(LeakSource.GitHub, Fresh("https://github.test/alert")), default);
        await write.CommitAsync(default);
        return report.Id;
    }

    public async Task<string> ProviderAsync()
    {
        var id = Fresh("acme").Replace('-', '_');
        await MustAsync("PUT", "/api/v1/providers/" + id, new
        {
            name = new { en = "Acme", zh = "顶点" }, base_url = "https://api.acme.example", hosts = new[] { "api.acme.example" },
            inputs = new[] { new { label = new { en = "key", zh = "密钥" }, place = "header", at = "X-Key" } }, steps = new { en = new[] { "Make it." }, zh = new[] { "新建。" } },
        });
        return id;
    }

    public async Task<string> KeyAsync()
    {
        var made = await MustAsync("POST", "/api/v1/api-keys", new { name = Fresh("key"), scopes = new[] { "read" }, workspaces = new[] { ws } });
        return made.GetProperty("id").GetString()!;
    }

    public async Task<Guid> ChannelAsync() =>
        (await MustAsync("POST", "/api/v1/webhooks", new { workspace = ws, name = Fresh("channel"), url = upstream.Url + "/hook", secret = "a-secret-of-the-sweep", events = new[] { "escalated" } })).GetProperty("id").GetGuid();

    // Given up, so that it can be sent again.
    private async Task<string> DeliveryAsync()
    {
        var (channel, told) = (await ChannelAsync(), await NotificationAsync());
        await using var db = await app.DbAsync();
        var now = TimeProvider.System.GetUtcNow();
        var delivery = Delivery.Of(Guid.CreateVersion7(now), channel, told, 1, now);
        delivery.GiveUp("For the sweep.", now);
        db.Deliveries.Add(delivery);
        await db.SaveChangesAsync();
        return $"/api/v1/webhooks/{channel}/deliveries/{delivery.Id}/resend";
    }

    public async Task<Guid> NotificationAsync()
    {
        await using var db = await app.DbAsync();
        await using var write = await db.BeginWriteAsync(default);
        var now = TimeProvider.System.GetUtcNow();
        var row = new Notification
        {
            Id = Guid.CreateVersion7(now), WorkspaceId = await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync(), Kind = NotificationKind.ExpirySoon, Key = Fresh("sweep"),
            Title = "A title", Body = "A body", CreatedAt = now,
        };
        Assert.True(await NotificationOutbox.RaiseAsync(db, row, default));
        await write.CommitAsync(default);
        return row.Id;
    }

    /// <summary>A finding of the rule, of a credential made for it: one that nobody owns and that may stand in an address.</summary>
    public async Task<Guid> FindingAsync(string rule)
    {
        var name = await CredentialAsync();
        await MustAsync("PATCH", At($"credentials/{name}"), new { allow_in_url = true });
        await using var db = await app.DbAsync();
        await app.Get<EvaluateHygiene>().OneAsync(await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync(), default);
        return await db.HygieneFindings.Where(f => f.Rule == rule && f.Subject == name).Select(f => f.Id).SingleAsync();
    }

    private async Task<string> PutAsync(string kind, object body)
    {
        var name = Fresh("group");
        await MustAsync("PUT", At($"{kind}/{name}"), body);
        return name;
    }

    private async Task<JsonElement> MustAsync(string method, string path, object body)
    {
        using var api = app.Api();
        using var answer = await SendAsync(api, method, path, JsonSerializer.SerializeToNode(body));
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return answer.StatusCode == HttpStatusCode.NoContent ? default : await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private string At(string rest) => $"{ApiGroup.Prefix}/workspaces/{ws}/{rest}";

    private string Fresh(string prefix) => $"{prefix}-{Interlocked.Increment(ref _made)}";

    private static Task<Ready> Of(string path, object body) => Task.FromResult(new Ready(path, JsonSerializer.SerializeToNode(body)!.AsObject()));
}
