using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Support;

/// <summary>One server that answers as many services do, each to its own way of saying yes and no. A value is alive when it holds <c>alive</c>, may do little when it holds <c>little</c>, and is dead otherwise.</summary>
public static class ProviderDialects
{
    public static readonly string[] Words = ["Hello", " from", " Claude"];

    /// <summary>Ids of the providers that it stands for.</summary>
    public static readonly string[] Ids = ["openai", "anthropic", "slack", "feishu", "lark", "dingtalk", "twilio", "stripe", "github", "gitlab", "linear", "cloudflare", "datadog", "gemini", "sendgrid", "hubspot"];

    /// <summary>The settings that move those providers to the server.</summary>
    public static Dictionary<string, string?> Settings(Upstream upstream) => Ids.ToDictionary(id => "Providers:Bases:" + id, _ => (string?)upstream.Url);

    public static async Task AnswerAsync(HttpContext context, Upstream.Seen seen)
    {
        var h = seen.Headers;
        var bearer = h.GetValueOrDefault("Authorization", "");
        var task = (seen.Method, seen.Path) switch
        {
            ("POST", "/api/auth.test") => Json(200, bearer.Contains("alive") ? new { ok = true, error = "" } : bearer.Contains("little") ? new { ok = false, error = "missing_scope" } : bearer.Contains("limited") ? new { ok = false, error = "ratelimited" } : new { ok = false, error = "invalid_auth" }),
            ("POST", "/open-apis/auth/v3/tenant_access_token/internal") => FeishuAsync(),
            ("POST", "/v1.0/oauth2/accessToken") => Body("appSecret").Contains("alive") ? Json(200, new { accessToken = "at", expireIn = 7200 }) : Json(400, new { code = "invalidClientIdOrSecret", message = "no" }),
            ("GET", "/v2/Services") => ByStatus(Encoding.UTF8.GetString(Convert.FromBase64String(bearer["Basic ".Length..])).Split(':')[1]),
            ("GET", "/v1/charges") => ByStatus(bearer),
            ("GET", "/api/v4/users") => ByStatus(h.GetValueOrDefault("PRIVATE-TOKEN", "")),
            ("POST", "/graphql") => h.GetValueOrDefault("Authorization", "").Contains("alive") ? Json(200, new { data = new { viewer = new { id = "u" } } }) : Json(400, new { errors = new[] { new { message = "no" } } }),
            ("GET", "/client/v4/user/tokens/verify") => bearer.Contains("alive") ? Json(200, new { success = true, result = new { status = "active" } }) : bearer.Contains("expired") ? Json(200, new { success = true, result = new { status = "expired" } }) : Json(401, new { success = false }),
            ("GET", "/api/v1/validate") => h.GetValueOrDefault("DD-API-KEY", "").Contains("alive") ? Json(200, new { valid = true }) : Json(403, new { errors = new[] { "Forbidden" } }),
            ("GET", "/v1/models") when h.ContainsKey("x-goog-api-key") => h["x-goog-api-key"].Contains("alive") ? Json(200, new { models = Array.Empty<string>() }) : Json(400, new { error = new { status = "INVALID_ARGUMENT" } }),
            ("GET", "/v1/models") when h.ContainsKey("x-api-key") => h.GetValueOrDefault("anthropic-version") is null ? Json(400, new { type = "error" }) : ByStatus(h["x-api-key"]),
            ("POST", "/v1/messages") => MessagesAsync(context, seen),
            ("POST", "/v1/chat/completions") => OpenAiDialect.Answer(() => bearer.Contains("alive") ? bearer["Bearer ".Length..] : "nothing")(context, seen),
            _ => ByStatus(bearer),
        };
        await task;

        Task ByStatus(string value) => value.Contains("slow") ? SlowAsync() : value.Contains("alive") ? Json(200, new { data = Array.Empty<string>() }) : value.Contains("little") ? Json(403, new { error = "forbidden" })
            : value.Contains("busy") ? Json(429, new { error = "slow down" }) : value.Contains("broken") ? Json(503, new { error = "trouble" }) : value.Contains("moved") ? Json(302, new { }) : Json(401, new { error = "who are you, " + value });

        async Task SlowAsync()
        {
            await Task.Delay(TimeSpan.FromSeconds(60), context.RequestAborted);
        }

        Task FeishuAsync() => Body("app_secret") is var secret && secret.Contains("alive") && Body("app_id").Length > 0 ? Json(200, new { code = 0, msg = "ok", tenant_access_token = "t-secret-of-the-tenant", expire = 7200 })
            : secret.Contains("limited") ? Json(400, new { code = 99991400, msg = "frequency limit" }) : Json(secret.Contains("as400") ? 400 : 200, new { code = 10014, msg = "app secret invalid" });

        string Body(string member)
        {
            using var json = JsonDocument.Parse(seen.Body);
            return json.RootElement.GetProperty(member).GetString()!;
        }

        Task Json(int status, object body)
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsJsonAsync(body);
        }
    }

    private static async Task MessagesAsync(HttpContext context, Upstream.Seen seen)
    {
        if (!seen.Headers.GetValueOrDefault("x-api-key", "").Contains("alive") || !seen.Headers.ContainsKey("anthropic-version"))
        {
            context.Response.StatusCode = 401;
            await context.Response.WriteAsJsonAsync(new { type = "error", error = new { type = "authentication_error", message = "invalid x-api-key" } });
            return;
        }
        using var body = JsonDocument.Parse(seen.Body);
        var model = body.RootElement.GetProperty("model").GetString();
        if (model == "no-such-model")
        {
            context.Response.StatusCode = 404;
            await context.Response.WriteAsJsonAsync(new { type = "error", error = new { type = "not_found_error", message = "model: no-such-model" } });
            return;
        }
        var start = new { id = "msg_1", type = "message", role = "assistant", model, content = Array.Empty<object>(), stop_reason = (string?)null, stop_sequence = (string?)null, usage = new { input_tokens = 1, output_tokens = 1 } };
        if (!body.RootElement.TryGetProperty("stream", out var stream) || !stream.GetBoolean())
        {
            await context.Response.WriteAsJsonAsync(new { start.id, start.type, start.role, start.model, content = new[] { new { type = "text", text = string.Concat(Words) } }, stop_reason = "end_turn", start.stop_sequence, start.usage });
            return;
        }
        context.Response.ContentType = "text/event-stream";
        await EventAsync("message_start", new { type = "message_start", message = start });
        await EventAsync("content_block_start", new { type = "content_block_start", index = 0, content_block = new { type = "text", text = "" } });
        foreach (var word in Words) await EventAsync("content_block_delta", new { type = "content_block_delta", index = 0, delta = new { type = "text_delta", text = word } });
        await EventAsync("content_block_stop", new { type = "content_block_stop", index = 0 });
        await EventAsync("message_delta", new { type = "message_delta", delta = new { stop_reason = "end_turn", stop_sequence = (string?)null }, usage = new { output_tokens = 3 } });
        await EventAsync("message_stop", new { type = "message_stop" });

        async Task EventAsync(string name, object data)
        {
            await context.Response.WriteAsync($"event: {name}\ndata: {JsonSerializer.Serialize(data)}\n\n");
            await context.Response.Body.FlushAsync();
        }
    }
}
