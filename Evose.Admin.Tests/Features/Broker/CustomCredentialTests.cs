using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>Custom credentials in real calls: every place of a field, signatures that the server checks itself, addresses only with consent.</summary>
public sealed class CustomCredentialTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    [Fact]
    public async Task Fields_of_an_attached_credential_go_where_their_rules_say_in_both_kinds_of_call()
    {
        await using var upstream = await Upstream.StartAsync();
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await RegisterAsync(api, ws, "named_prod", upstream, new { token = "t0ken-value", code = "a b&c", key = "say \"hi\"", user = "reader", password = "pa:ss" }, new
        {
            fields = new object[]
            {
                new { name = "token", place = "header", at = "X-Token", format = "Token {}" }, new { name = "code", place = "query", at = "code" }, new { name = "key", place = "body", at = "key" },
                new { name = "user", secret = false, place = "basic_user" }, new { name = "password", place = "basic_password" },
            },
        }, allowInUrl: true);
        await ToolAsync(api, ws, "svc", new { base_url = upstream.Url + "/v1", method = "POST", body = "{\"a\":1}", credentials = new[] { "named_prod" } }, "named_prod");

        using var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/svc/invoke", new { path = "/things", query = new { code = "mine", q = "1" } });
        await OkAsync(invoked);
        using var passed = await api.PostAsync($"/broker/{ws}/svc/things?code=mine&q=1", new StringContent("{\"a\":1,\"key\":\"mine\"}", Encoding.UTF8, "application/json"));
        await OkAsync(passed);
        Assert.Equal(2, upstream.Requests.Count);
        foreach (var seen in upstream.Requests)
        {
            Assert.Equal("Token t0ken-value", seen.Headers["X-Token"]);
            Assert.Equal("Basic " + Convert.ToBase64String("reader:pa:ss"u8), seen.Headers["Authorization"]);
            Assert.Equal("?q=1&code=a%20b%26c", seen.Query);
            Assert.Equal("{\"a\":1,\"key\":\"say \\\"hi\\\"\"}", seen.Body);
        }

        using var form = await api.PostAsync($"/broker/{ws}/svc/form", new StringContent("x=1&key=mine", Encoding.UTF8, "application/x-www-form-urlencoded"));
        await OkAsync(form);
        Assert.Equal("x=1&key=say%20%22hi%22", upstream.Requests.Last().Body);
        foreach (var (body, type) in new[] { ("[1]", "application/json"), ("{", "application/json"), ("plain", "text/plain") })
        {
            using var refused = await api.PostAsync($"/broker/{ws}/svc/x", new StringContent(body, Encoding.UTF8, type));
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
        }
        Assert.Equal(3, upstream.Requests.Count);

        var shown = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/named_prod");
        Assert.Equal("reader", JsonDocument.Parse(shown).RootElement.GetProperty("fields").GetProperty("user").GetString());
        foreach (var secret in new[] { "t0ken-value", "pa:ss", "say " }) Assert.DoesNotContain(secret, shown + string.Join('\n', _app.Log.Lines), StringComparison.Ordinal);
        var references = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/named_prod/references");
        Assert.Contains("\"credentials\"", references, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("execute-api", "signed")]
    [InlineData("s3", "signed")]
    [InlineData("s3", "unsigned")]
    public async Task A_server_that_checks_AWS_signatures_itself_accepts_what_the_broker_signs(string service, string payload)
    {
        const string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        await using var upstream = await Upstream.StartAsync((context, seen) =>
        {
            context.Response.StatusCode = AwsCheck.Accepts(seen, secret, "eu-west-1", service) ? 200 : 403;
            return context.Response.WriteAsync("{}");
        });
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await RegisterAsync(api, ws, "aws_prod", upstream, new { access_key_id = "AKIDEXAMPLE", secret_access_key = secret, session_token = "session-of-today", region = "eu-west-1" },
            new { fields = new[] { new { name = "region", secret = false } }, signing = "aws_sigv4", signing_options = new { service, payload } });
        await ToolAsync(api, ws, "aws", new { base_url = upstream.Url, credentials = new[] { "aws_prod" } }, "aws_prod");

        foreach (var (method, path, body) in new[] { ("GET", "/", ""), ("GET", "/a%20b/c:d?z=1&a=x%20y&a=b", ""), ("PUT", "/things/1?versioning", "{\"n\":1}"), ("POST", "/caf%C3%A9//x", new string('x', 100_000)), ("DELETE", "/things/1", "") })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), $"/broker/{ws}/aws{path}");
            if (body.Length > 0) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            // What the caller signs or dates itself does not go along.
            request.Headers.TryAddWithoutValidation("X-Amz-Date", "20000101T000000Z");
            request.Headers.TryAddWithoutValidation("x-amz-meta-note", "two   words");
            using var answer = await api.SendAsync(request);
            Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {(int)answer.StatusCode}");
        }
        using var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/aws/invoke", new { method = "POST", path = "/invoked", query = new { b = "2", a = "1 2" }, body = new { n = 1 } });
        Assert.Equal(200, (await invoked.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetInt32());
        Assert.All(upstream.Requests, r => Assert.Equal("session-of-today", r.Headers["x-amz-security-token"]));
        Assert.DoesNotContain(upstream.Requests, r => r.Headers.Values.Any(v => v.Contains(secret, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_server_that_checks_keyed_hashes_itself_accepts_what_the_broker_signs()
    {
        const string key = "hmac-key-of-the-test";
        await using var upstream = await Upstream.StartAsync((context, seen) =>
        {
            var text = $"{seen.Headers["X-Time"]}|{seen.Method}|{seen.Path}{seen.Query}|{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(seen.Body)))}|{seen.Headers.GetValueOrDefault("X-Nonce")}";
            var fresh = Math.Abs(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() - long.Parse(seen.Headers["X-Time"], CultureInfo.InvariantCulture)) < 60_000;
            context.Response.StatusCode = fresh && seen.Headers["X-Auth"] == "V1 key-7:" + Convert.ToBase64String(HMACSHA512.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(text))) ? 200 : 401;
            return context.Response.WriteAsync(text);
        });
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await RegisterAsync(api, ws, "hmac_prod", upstream, new { key_id = "key-7", secret = key }, new
        {
            fields = new[] { new { name = "key_id", secret = false } }, signing = "hmac",
            signing_options = new { algorithm = "sha512", parts = "timestamp, method, path_query, body_sha256, header:X-Nonce", separator = "|", encoding = "base64", header = "X-Auth", format = "V1 {field:key_id}:{}", timestamp_header = "X-Time", timestamp = "unix_ms" },
        });
        await ToolAsync(api, ws, "signed", new { base_url = upstream.Url, credentials = new[] { "hmac_prod" } }, "hmac_prod");

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/broker/{ws}/signed/orders?page=2") { Content = new StringContent("{\"n\":1}") };
        request.Headers.Add("X-Nonce", "n-1");
        request.Headers.Add("X-Auth", "mine");
        using var answer = await api.SendAsync(request);
        await OkAsync(answer);
        using var empty = await api.GetAsync($"/broker/{ws}/signed/orders");
        await OkAsync(empty);
        using var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/signed/invoke", new { path = "/orders", body = "text", headers = new Dictionary<string, string> { ["X-Nonce"] = "n-2" } });
        Assert.Equal(200, (await invoked.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetInt32());
    }

    [Fact]
    public async Task A_body_that_is_too_large_to_be_signed_is_refused_before_anything_leaves()
    {
        await using var app = new AdminApp(new() { ["Broker:MaxReadBodyBytes"] = "1000" });
        await using var upstream = await Upstream.StartAsync();
        var (ws, api) = (await Given.WorkspaceAsync(app), app.Api());
        await RegisterAsync(api, ws, "hmac_prod", upstream, new { secret = "key" }, new { signing = "hmac" });
        await ToolAsync(api, ws, "signed", new { base_url = upstream.Url, credentials = new[] { "hmac_prod" } }, "hmac_prod");
        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/broker/{ws}/signed/x") { Content = new StringContent(new string('x', 2000)) };
            request.Headers.TransferEncodingChunked = chunked;
            using var answer = await api.SendAsync(request);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
            Assert.Contains("1000 bytes", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        Assert.Empty(upstream.Requests);
        using var small = await api.PostAsync($"/broker/{ws}/signed/x", new StringContent(new string('x', 1000)));
        await OkAsync(small);
    }

    [Fact]
    public async Task A_value_stands_in_the_path_with_consent_only_and_the_record_holds_its_template()
    {
        const string value = "123456:AAbot-token_Value99";
        await using var upstream = await Upstream.StartAsync();
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await Given.CredentialAsync(_app, ws, "tg_prod", value, hosts: [new Uri(upstream.Url).Authority]);
        object tool = new { base_url = upstream.Url + "/bot{{credential:tg_prod}}/" };
        using (var refused = await api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/tg", tool))
        {
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
            Assert.Contains("allow_in_url", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        await PatchAsync(api, ws, "tg_prod", new { allow_in_url = true });
        await ToolAsync(api, ws, "tg", tool, "tg_prod");
        using (var passed = await api.GetAsync($"/broker/{ws}/tg/sendMessage?text=hi")) await OkAsync(passed);
        using (var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/tg/invoke", new { path = "sendMessage" })) await OkAsync(invoked);
        Assert.All(upstream.Requests, r => Assert.Equal($"/bot{value}/sendMessage", r.Path));

        var calls = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/tg_prod/calls");
        Assert.Equal(2, JsonDocument.Parse(calls).RootElement.GetProperty("data").EnumerateArray().Count(c => c.GetProperty("path").GetString() == "/bot{{credential:tg_prod}}/sendMessage"));
        Assert.DoesNotContain(value, calls + string.Join('\n', _app.Log.Lines), StringComparison.Ordinal);

        // Consent that is taken back ends the calls, and the record says why.
        await PatchAsync(api, ws, "tg_prod", new { allow_in_url = false });
        using var stopped = await api.GetAsync($"/broker/{ws}/tg/sendMessage");
        Assert.Equal(HttpStatusCode.Forbidden, stopped.StatusCode);
        Assert.Equal("place_not_allowed", (await stopped.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").GetProperty("details").GetProperty("rule").GetString());
        Assert.Equal(2, upstream.Requests.Count);
        var access = await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/tg_prod/access?tool=tg");
        Assert.Contains("place_not_allowed", access, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../admin")]
    [InlineData("..")]
    [InlineData("a%2fb")]
    [InlineData("a\\b")]
    [InlineData("a;b")]
    [InlineData("a b")]
    public async Task A_value_that_would_leave_its_segment_of_the_path_is_not_sent(string value)
    {
        await using var upstream = await Upstream.StartAsync();
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await Given.CredentialAsync(_app, ws, "tg_prod", value, hosts: [new Uri(upstream.Url).Authority]);
        await PatchAsync(api, ws, "tg_prod", new { allow_in_url = true });
        await ToolAsync(api, ws, "tg", new { base_url = upstream.Url + "/x/{{credential:tg_prod}}" }, "tg_prod");
        using var answer = await api.GetAsync($"/broker/{ws}/tg/y");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("value_unsafe", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task What_a_caller_writes_like_a_placeholder_stays_text_in_every_place()
    {
        await using var upstream = await Upstream.StartAsync();
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await Given.CredentialAsync(_app, ws, "svc_prod", "never-here-0001", hosts: [new Uri(upstream.Url).Authority]);
        await PatchAsync(api, ws, "svc_prod", new { allow_in_url = true });
        await ToolAsync(api, ws, "svc", new { base_url = upstream.Url, headers = new Dictionary<string, string> { ["X-Key"] = "{{credential:svc_prod}}" } }, "svc_prod");
        const string text = "{{credential:svc_prod}}";
        using var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/svc/invoke", new { method = "POST", path = "/" + text, query = new { q = text }, headers = new Dictionary<string, string> { ["X-Mine"] = text }, body = text });
        await OkAsync(invoked);
        var seen = Assert.Single(upstream.Requests);
        Assert.Equal(("/" + text, text, text), (Uri.UnescapeDataString(seen.Path), seen.Headers["X-Mine"], seen.Body));
        Assert.DoesNotContain("never-here", seen.Path + seen.Query + seen.Body + seen.Headers["X-Mine"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_web_socket_goes_through_the_broker_with_the_credential_in_its_handshake()
    {
        string? handshake = null;
        await using var server = await SocketServer.StartAsync(headers => handshake = $"{headers["Authorization"]}|{headers["X-Token"]}|{headers["X-Api-Key"]}");
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        await Given.CredentialAsync(_app, ws, "ws_prod", "socket-key-0001", hosts: [new Uri(server.Url).Authority]);
        await RegisterAsync(api, ws, "named_prod", server.Url, new { token = "t0ken" }, new { fields = new[] { new { name = "token", place = "header", at = "X-Token" } } });
        await ToolAsync(api, ws, "live", new { base_url = server.Url, headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:ws_prod}}" }, credentials = new[] { "named_prod" } }, "ws_prod", "named_prod");

        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + AdminApp.Key);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await socket.ConnectAsync(new Uri(_app.Url.Replace("http", "ws", StringComparison.Ordinal) + $"/broker/{ws}/live/stream"), limit.Token);
        for (var i = 0; i < 3; i++)
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes("ping " + i), WebSocketMessageType.Text, true, limit.Token);
            var buffer = new byte[100];
            var got = await socket.ReceiveAsync(buffer, limit.Token);
            Assert.Equal("echo ping " + i, Encoding.UTF8.GetString(buffer, 0, got.Count));
        }
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
        Assert.Equal("Bearer socket-key-0001|t0ken|", handshake);
        await Given.UntilAsync(async () => (await api.GetStringAsync($"/api/v1/workspaces/{ws}/credentials/ws_prod/calls")).Contains("\"outcome\":\"succeeded\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_saml_assertion_of_60_KB_is_posted_as_a_form_and_a_rotation_changes_only_the_fields_named()
    {
        await using var upstream = await Upstream.StartAsync();
        var (ws, api) = (await Given.WorkspaceAsync(_app), _app.Api());
        var assertion = Convert.ToBase64String(RandomNumberGenerator.GetBytes(45_000));
        await RegisterAsync(api, ws, "saml_prod", upstream, new { assertion, relay = "state-1" }, new { fields = new object[] { new { name = "relay", secret = false, place = "body", at = "RelayState" } } });
        await ToolAsync(api, ws, "idp", new { base_url = upstream.Url, method = "POST", headers = new Dictionary<string, string> { ["Content-Type"] = "application/x-www-form-urlencoded" }, body = "SAMLResponse={{credential:saml_prod.assertion}}", credentials = new[] { "saml_prod" } }, "saml_prod");
        async Task PostAsync(string relay)
        {
            using var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/idp/invoke", new { path = "/acs" });
            await OkAsync(invoked);
            Assert.Equal($"SAMLResponse={Uri.EscapeDataString(assertion)}&RelayState={relay}", upstream.Requests.Last().Body);
        }
        await PostAsync("state-1");
        var rotation = $"/api/v1/workspaces/{ws}/credentials/saml_prod/rotation";
        using (var started = await api.PostAsJsonAsync(rotation, new { fields = new { relay = "state-2" }, skip_verify = true, skip_verify_reason = "tested by hand" })) Assert.True(started.StatusCode == HttpStatusCode.Created, await started.Content.ReadAsStringAsync());
        await api.DeleteAsync(rotation);
        assertion = Convert.ToBase64String(RandomNumberGenerator.GetBytes(45_000));
        using (var started = await api.PostAsJsonAsync(rotation, new { fields = new { assertion }, skip_verify = true, skip_verify_reason = "tested by hand" })) Assert.True(started.StatusCode == HttpStatusCode.Created, await started.Content.ReadAsStringAsync());
        using (var promoted = await api.PostAsJsonAsync(rotation + "/promote", new { grace = "01:00:00" })) await OkAsync(promoted);
        await PostAsync("state-1");

        // A template that means a main field there is not: refused with the fields that there are.
        using var wrong = await api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/wrong", new { base_url = upstream.Url, headers = new Dictionary<string, string> { ["X-Key"] = "{{credential:saml_prod}}" } });
        var text = await wrong.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.UnprocessableEntity, wrong.StatusCode);
        Assert.Contains("{{credential:saml_prod.assertion}}", text, StringComparison.Ordinal);
        Assert.Contains("{{credential:saml_prod.relay}}", text, StringComparison.Ordinal);
    }

    internal static Task RegisterAsync(HttpClient api, string ws, string name, Upstream upstream, object fields, object injection, bool allowInUrl = false) => RegisterAsync(api, ws, name, upstream.Url, fields, injection, allowInUrl);

    private static async Task RegisterAsync(HttpClient api, string ws, string name, string url, object fields, object injection, bool allowInUrl = false)
    {
        using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", new { name, type = "custom", fields, injection, allow_in_url = allowInUrl, allowed_hosts = new[] { new Uri(url).Authority } });
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>A tool, and the credentials scoped to it.</summary>
    internal static async Task ToolAsync(HttpClient api, string ws, string name, object tool, params string[] credentials)
    {
        await GivenRemote.OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/{name}", tool));
        foreach (var credential in credentials) await PatchAsync(api, ws, credential, new { scope = new { tools = new[] { name } } });
    }

    internal static Task PatchAsync(HttpClient api, string ws, string credential, object body) => GivenRemote.OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/{credential}", body));

    private static async Task OkAsync(HttpResponseMessage answer) => Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");

    /// <summary>An echo on a web socket.</summary>
    private sealed class SocketServer(WebApplication app) : IAsyncDisposable
    {
        public string Url => app.Urls.First();

        public static async Task<SocketServer> StartAsync(Action<IHeaderDictionary> shaken)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
            var app = builder.Build();
            app.UseWebSockets();
            app.Run(async context =>
            {
                shaken(context.Request.Headers);
                using var socket = await context.WebSockets.AcceptWebSocketAsync();
                var buffer = new byte[100];
                while (true)
                {
                    var got = await socket.ReceiveAsync(buffer, context.RequestAborted);
                    if (got.MessageType == WebSocketMessageType.Close) break;
                    await socket.SendAsync(Encoding.UTF8.GetBytes("echo " + Encoding.UTF8.GetString(buffer, 0, got.Count)), WebSocketMessageType.Text, true, context.RequestAborted);
                }
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
            });
            await app.StartAsync();
            return new SocketServer(app);
        }

        public async ValueTask DisposeAsync()
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }
    }
}

/// <summary>The server's side of AWS Signature V4, from the specification and from what arrived; shares no code with the signer.</summary>
internal static class AwsCheck
{
    public static bool Accepts(Upstream.Seen seen, string secret, string region, string service)
    {
        var authorization = seen.Headers.GetValueOrDefault("Authorization", "");
        var signed = Part(authorization, "SignedHeaders=").Split(';');
        var date = seen.Headers["x-amz-date"];
        var payload = seen.Headers.GetValueOrDefault("x-amz-content-sha256") ?? Hex(SHA256.HashData(Encoding.UTF8.GetBytes(seen.Body)));
        if (payload != "UNSIGNED-PAYLOAD" && payload != Hex(SHA256.HashData(Encoding.UTF8.GetBytes(seen.Body)))) return false;
        var isS3 = service == "s3";
        // S3 signs the path encoded once; the other services sign what is on the wire, encoded again.
        var once = string.Join('/', Uri.UnescapeDataString(seen.Path).Split('/').Select(Escape));
        var path = isS3 ? once : string.Join('/', Collapse(Sent(seen)).Split('/').Select(Escape));
        var query = string.Join('&', seen.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Contains('=', StringComparison.Ordinal) ? p : p + "=")
            .Select(p => Escape(Uri.UnescapeDataString(p[..p.IndexOf('=', StringComparison.Ordinal)])) + "=" + Escape(Uri.UnescapeDataString(p[(p.IndexOf('=', StringComparison.Ordinal) + 1)..]))).Order(StringComparer.Ordinal));
        var headers = string.Concat(signed.Select(h => $"{h}:{System.Text.RegularExpressions.Regex.Replace(seen.Headers[h].Trim(), " +", " ")}\n"));
        if (!signed.Contains("host") || !signed.Contains("x-amz-date") || seen.Headers.Keys.Any(k => k.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase) && !signed.Contains(k.ToLowerInvariant()))) return false;
        var canonical = $"{seen.Method}\n{path}\n{query}\n{headers}\n{string.Join(';', signed)}\n{payload}";
        var scope = $"{date[..8]}/{region}/{service}/aws4_request";
        var toSign = $"AWS4-HMAC-SHA256\n{date}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = new[] { date[..8], region, service, "aws4_request" }.Aggregate(Encoding.UTF8.GetBytes("AWS4" + secret), (k, text) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(text)));
        return authorization == $"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={string.Join(';', signed)}, Signature={Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)))}";
    }

    // As it stood on the wire: what a URI writes encoded, encoded again.
    private static string Sent(Upstream.Seen seen) => new Uri("http://x" + string.Join('/', Uri.UnescapeDataString(seen.Path).Split('/').Select(s => Uri.EscapeDataString(s).Replace("%3A", ":", StringComparison.Ordinal)))).AbsolutePath;

    private static string Collapse(string path)
    {
        while (path.Contains("//", StringComparison.Ordinal)) path = path.Replace("//", "/", StringComparison.Ordinal);
        return path;
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static string Part(string text, string name)
    {
        var at = text.IndexOf(name, StringComparison.Ordinal);
        return at < 0 ? "" : text[(at + name.Length)..].Split(',')[0];
    }
}
