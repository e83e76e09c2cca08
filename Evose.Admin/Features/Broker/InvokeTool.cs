using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Outbound;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Broker;

/// <summary>One call described in JSON: the same nine steps as the pass-through, with the answer read whole and given back in JSON.</summary>
public sealed class InvokeTool(CallGate gate, OutboundClient outbound, LiveTokens tokens, IEnumerable<IAnswerWatcher> watchers, EchoSignal echo, IOptions<BrokerOptions> options)
{
    /// <param name="Path">Below the tool's base URL; with or without a leading slash, without a query.</param>
    /// <param name="Body">A text is sent as it is, anything else as JSON.</param>
    public sealed record Input(string? Method, string? Path, Dictionary<string, string>? Query, Dictionary<string, string>? Headers, JsonElement? Body, ContextBody? Context);

    public sealed record ContextBody(string? Agent, string? Workflow, string? RunId, string? UserId, string? UserName, string? UserEmail);

    public sealed record Answer(int Status, IReadOnlyDictionary<string, string> Headers, object? Body, long DurationMs, int? CredentialVersion);

    public async Task<Outcome<Answer>> ExecuteAsync(HttpContext context, string workspace, string tool, Input input, CancellationToken ct)
    {
        if (!Slug.IsValid(workspace) || !Slug.IsValid(tool)) return Problem.NotFound("tool");
        if (Refuse(input) is { } bad) return bad;
        var said = input.Context is { } c ? new CallContext(c.Agent, c.Workflow, c.RunId, c.UserId, c.UserName, c.UserEmail) : CallContext.Of(context.Request.Headers);
        // The record names the method that will be used; a tool's own default is known only after it is found, so it is looked up there.
        var request = new CallRequest(workspace, tool, input.Method?.ToUpperInvariant() ?? "", PathOf(input.Path), said, context.Connection.RemoteIpAddress?.ToString(), context.TraceIdentifier,
            HasBody: input.Body is not null);
        var query = input.Query is { Count: > 0 } q ? QueryString.Create(q!) : QueryString.Empty;

        for (var again = false; ; again = true)
        {
            var entered = await gate.EnterAsync(ApiKeyAuthenticator.HeaderOf(context.Request, sdkHeaders: false), request, query, ct, fresh: again);
            if (entered.Failed(out var problem, out var call)) return problem;
            using (call)
            {
                try
                {
                    // Null: the token was refused and is renewed. This use is over; the same call is decided, recorded and sent once more.
                    if (await SendAsync(call, input, !again && LiveTokens.AreRenewable(call.Recorded.Call.Versions), ct) is { } answer) return answer;
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
                {
                    call.Recorded.Complete(null, CallOutcome.Failed, ct.IsCancellationRequested ? "caller_left" : OutboundFailures.Reason(e));
                    return OutboundFailures.Describe(e);
                }
                catch (FormatException)
                {
                    call.Recorded.Complete(null, CallOutcome.Failed, Denial.ValueUnsafe.Rule());
                    return Denial.ValueUnsafe.ToProblem();
                }
                finally
                {
                    call.Recorded.Complete(null, CallOutcome.Failed, "internal");
                }
            }
        }
    }

    private async Task<Outcome<Answer>?> SendAsync(OpenedCall call, Input input, bool renews, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(options.Value.ActivityTimeout);
        using var request = new HttpRequestMessage(new HttpMethod(call.Recorded.Call.Entry.Method), call.Request.Target) { Version = System.Net.HttpVersion.Version20 };
        request.Content = ContentOf(call, input);
        byte[]? body = null;
        if (call.Request.ReadsBody)
        {
            var given = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(limit.Token);
            if (call.Request.BodyOf(given, request.Content?.Headers.ContentType?.ToString() ?? "").Failed(out var wrong, out body))
            {
                call.Recorded.Complete(null, CallOutcome.Failed, Platform.Ledger.LedgerRows.CallerBody);
                return wrong;
            }
            if (request.Content is not null || call.Request.ChangesBody) request.Content = new ByteArrayContent(body) { Headers = { ContentType = request.Content?.Headers.ContentType ?? new MediaTypeHeaderValue("application/json") } };
        }
        foreach (var (name, value) in input.Headers ?? [])
            if (!HeaderRules.IsStripped(name) && !string.Equals(name, "Authorization", StringComparison.OrdinalIgnoreCase) && !call.Request.Sets(name)) Add(request, name, value);
        // Checked in RenderedRequest.Render.
        foreach (var (name, value) in call.Request.Headers) Add(request, name, value);
        if (!call.Request.Sign(request, body, call.Recorded.Call.Entry.At)) throw new FormatException("a field cannot be used for the signature");

        using var response = await outbound.For(call.Recorded.Call.Workspace!.Id).SendAsync(request, limit.Token);
        foreach (var watcher in watchers) await watcher.AnsweredAsync(call.Recorded.Call.Versions, call.Request.Target, response, limit.Token);
        if (renews && await tokens.RenewedAfterAsync(call.Recorded.Call.Versions, response, limit.Token))
        {
            call.Recorded.Complete((int)response.StatusCode, CallOutcome.UpstreamError, LedgerRows.TokenRefused);
            return null;
        }
        // 8 Scrub.
        var echoes = call.Values.Echoes;
        if (echoes?.TryWatch(response) == false)
        {
            call.Recorded.Complete((int)response.StatusCode, CallOutcome.Failed, BrokerEndpoint.UnreadableReason);
            return (Outcome<Answer>)BrokerEndpoint.Unreadable;
        }
        var bytes = await ReadAsync(response.Content, limit.Token);
        if (bytes is null)
        {
            call.Recorded.Complete((int)response.StatusCode, CallOutcome.Failed, "answer_too_large");
            return (Outcome<Answer>)Problem.UpstreamFailed($"The answer is larger than {options.Value.MaxInvokeAnswerBytes} bytes. Call it through /broker, which streams.", "answer_too_large");
        }
        var status = (int)response.StatusCode;
        var headers = HeadersOf(response, echoes);
        if (echoes is { HasFound: true }) await echo.TellAsync(call.Recorded.Call, echoes.Found());
        call.Recorded.Complete(status, status < 400 ? CallOutcome.Succeeded : CallOutcome.UpstreamError, null);
        var versions = call.Recorded.Call.Versions;
        return (Outcome<Answer>)new Answer(status, headers, BodyOf(response.Content, bytes), (long)call.Recorded.Elapsed.TotalMilliseconds, versions.Count > 0 ? versions[0].Version : null);
    }

    private static Problem? Refuse(Input input)
    {
        if (input.Method is { } m && m.ToUpperInvariant() is not ("GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE" or "OPTIONS"))
            return Problem.Invalid("method", "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.");
        if (FreeText.Refuse(input.Path, 2048) is { } path) return Problem.Invalid("path", path);
        if (input.Path is { } p && (p.Contains('?', StringComparison.Ordinal) || p.Contains('#', StringComparison.Ordinal))) return Problem.Invalid("path", "Put the query into 'query'.");
        if (input.Body is { ValueKind: JsonValueKind.String } text && !IsText(text)) return Problem.Invalid("body", "The body holds a text that is not valid Unicode.");
        foreach (var (name, value) in input.Headers ?? [])
        {
            if (!HeaderRules.IsName(name)) return Problem.Invalid("headers", "A header's name is not one.");
            if (value is null || HeaderRules.RefuseValue(value) is not null) return Problem.Invalid("headers." + name, "The header's value cannot be sent: one line of at most 8 KiB of visible ASCII.");
        }
        return null;
    }

    // Half of a surrogate pair can be written in JSON and is no text.
    private static bool IsText(JsonElement text)
    {
        try
        {
            return text.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    // Dot segments are resolved before the destination is decided, so that it is decided on what is sent.
    private static string PathOf(string? path) =>
        string.IsNullOrEmpty(path) || path == "/" ? "" : new Uri(new Uri("http://x/"), "/" + path.TrimStart('/').Replace('\\', '/')).AbsolutePath;

    private static ByteArrayContent? ContentOf(OpenedCall call, Input input)
    {
        var template = call.Recorded.Call.Request!.Body;
        if (input.Body is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } body)
        {
            var isText = body.ValueKind == JsonValueKind.String;
            return Typed(Encoding.UTF8.GetBytes(isText ? body.GetString()! : body.GetRawText()), isText ? "text/plain" : "application/json");
        }
        if (template is null) return null;
        var type = call.Recorded.Call.Request.Headers.FirstOrDefault(h => string.Equals(h.Name, "Content-Type", StringComparison.OrdinalIgnoreCase)).Template?.ToString() ?? "";
        var slot = type.Contains("x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) ? TemplateSlot.FormBody
            : type.Contains("json", StringComparison.OrdinalIgnoreCase) || template.ToString().AsSpan().TrimStart() is ['{' or '[', ..] ? TemplateSlot.JsonBody : TemplateSlot.TextBody;
        return Typed(Encoding.UTF8.GetBytes(call.Values.Render(template, slot)), slot switch
        {
            TemplateSlot.FormBody => "application/x-www-form-urlencoded",
            TemplateSlot.JsonBody => "application/json",
            _ => "text/plain",
        });
    }

    private static ByteArrayContent Typed(byte[] bytes, string type) => new(bytes) { Headers = { ContentType = new MediaTypeHeaderValue(type) { CharSet = type == "text/plain" ? "utf-8" : null } } };

    private static void Add(HttpRequestMessage request, string name, string value)
    {
        if (request.Headers.TryAddWithoutValidation(name, value)) return;
        // A content header: the tool's or the caller's replaces the one made from the body.
        request.Content?.Headers.Remove(name);
        request.Content?.Headers.TryAddWithoutValidation(name, value);
    }

    private async Task<byte[]?> ReadAsync(HttpContent content, CancellationToken ct)
    {
        await using var stream = await content.ReadAsStreamAsync(ct);
        using var kept = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int n;
        while ((n = await stream.ReadAsync(buffer, ct)) > 0)
        {
            if (kept.Length + n > options.Value.MaxInvokeAnswerBytes) return null;
            kept.Write(buffer, 0, n);
        }
        return kept.ToArray();
    }

    private static Dictionary<string, string> HeadersOf(HttpResponseMessage response, EchoGuard? echoes)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var h in response.Headers.NonValidated)
        {
            // A site's cookies are the session that the vault keeps, and nothing for the caller.
            if (!string.Equals(h.Key, "Set-Cookie", StringComparison.OrdinalIgnoreCase)) Keep(h.Key, h.Value.ToString());
        }
        foreach (var h in response.Content.Headers.NonValidated) Keep(h.Key, h.Value.ToString());
        return headers;

        void Keep(string name, string value)
        {
            if (echoes is null) headers[name.ToLowerInvariant()] = value;
            else if (name.Length < EchoPatterns.MinLength || echoes.Clean(name) == name) headers[name.ToLowerInvariant()] = echoes.Clean(value);
        }
    }

    // JSON is given as JSON, text as text, anything else as base64.
    private static object? BodyOf(HttpContent content, byte[] bytes)
    {
        if (bytes.Length == 0) return null;
        var type = content.Headers.ContentType?.MediaType ?? "";
        if (type.Contains("json", StringComparison.OrdinalIgnoreCase))
        {
            try
            {
                using var document = JsonDocument.Parse(bytes);
                return document.RootElement.Clone();
            }
            catch (JsonException)
            {
                // It says JSON and is not: given as text.
            }
        }
        try
        {
            return new UTF8Encoding(false, true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return new { base64 = Convert.ToBase64String(bytes) };
        }
    }
}
