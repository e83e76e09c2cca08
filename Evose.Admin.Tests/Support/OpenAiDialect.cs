using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Support;

/// <summary>Answers as OpenAI does: chat completion, streamed chat completion, an error for an unknown model, 401 for another key than the expected one.</summary>
public static class OpenAiDialect
{
    public static readonly string[] Words = ["Hello", " from", " upstream"];

    public static Func<HttpContext, Upstream.Seen, Task> Answer(Func<string> key, TimeSpan pause = default) => async (context, seen) =>
    {
        if (seen.Headers.GetValueOrDefault("Authorization") != "Bearer " + key())
        {
            await ErrorAsync(context, 401, "invalid_api_key", "Incorrect API key provided.");
            return;
        }
        if (seen.Path.EndsWith("/models", StringComparison.Ordinal))
        {
            await context.Response.WriteAsJsonAsync(new { @object = "list", data = new[] { new { id = "gpt-test", @object = "model", created = 1, owned_by = "test" } } });
            return;
        }
        using var body = JsonDocument.Parse(seen.Body);
        var model = body.RootElement.GetProperty("model").GetString();
        if (model == "no-such-model")
        {
            await ErrorAsync(context, 404, "model_not_found", "The model does not exist.");
            return;
        }
        if (pause > TimeSpan.Zero) await Task.Delay(pause, context.RequestAborted);
        if (body.RootElement.TryGetProperty("stream", out var stream) && stream.GetBoolean())
        {
            context.Response.ContentType = "text/event-stream";
            foreach (var word in Words)
            {
                await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(new { id = "c1", @object = "chat.completion.chunk", created = 1, model, choices = new[] { new { index = 0, delta = new { role = "assistant", content = word }, finish_reason = (string?)null } } })}\n\n");
                await context.Response.Body.FlushAsync();
            }
            await context.Response.WriteAsync("data: [DONE]\n\n");
            return;
        }
        await context.Response.WriteAsJsonAsync(new
        {
            id = "c1",
            @object = "chat.completion",
            created = 1,
            model,
            choices = new[] { new { index = 0, message = new { role = "assistant", content = string.Concat(Words) }, finish_reason = "stop" } },
            usage = new { prompt_tokens = 1, completion_tokens = 3, total_tokens = 4 },
        });
    };

    private static Task ErrorAsync(HttpContext context, int status, string code, string message)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { error = new { message, type = "invalid_request_error", param = (string?)null, code } });
    }
}
