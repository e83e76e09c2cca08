using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Broker;

public sealed class BrokerTests
{
    [Fact]
    public async Task Passes_a_call_on_with_the_value_in_place_and_nothing_of_ours()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        caller.DefaultRequestHeaders.Add("X-Evose-User-Id", "u-17");
        caller.DefaultRequestHeaders.Add("X-Forwarded-For", "6.6.6.6");
        caller.DefaultRequestHeaders.Add("Cookie", "evose=1");
        caller.DefaultRequestHeaders.Add("X-Custom", "kept");
        using var answer = await caller.PostAsJsonAsync("/broker/cs/gpt-call/chat/completions?stream=false&q=%2Fa%20b", new { model = "gpt" });

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var seen = Assert.Single(world.Upstream.Requests);
        Assert.Equal("/v1/chat/completions", seen.Path);
        Assert.Equal("?stream=false&q=%2Fa%20b", seen.Query);
        Assert.Equal("{\"model\":\"gpt\"}", seen.Body);
        Assert.Equal("Bearer " + BrokerWorld.Secret, seen.Headers["Authorization"]);
        Assert.Equal("kept", seen.Headers["X-Custom"]);
        Assert.DoesNotContain(seen.Headers, h => h.Key.StartsWith("X-Evose", StringComparison.OrdinalIgnoreCase) || h.Key is "Cookie" or "X-Forwarded-For" || h.Value.Contains(AdminApp.Key, StringComparison.Ordinal));

        var (call, end) = Assert.Single(await world.CallsAsync(1));
        Assert.Equal(("gpt-call", "cs-pro", "u-17", "bootstrap", "openai_prod", 1), (call.Tool, call.Agent, call.UserId, call.ApiKey, call.Credential, call.Version));
        Assert.Equal(("POST", "127.0.0.1", "/v1/chat/completions", "granted_tool_and_agent", false), (call.Method, call.Host, call.Path, call.Rule, call.Refused));
        Assert.Equal((200, CallOutcome.Succeeded), (end!.Status, end.Outcome));
    }

    [Theory]
    [InlineData("x-api-key")]
    [InlineData("x-goog-api-key")]
    [InlineData("api-key")]
    public async Task Takes_the_key_where_an_SDK_puts_its_own(string header)
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller(key: null);
        caller.DefaultRequestHeaders.Add(header, AdminApp.Key);
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/models")).StatusCode);
        Assert.False(Assert.Single(world.Upstream.Requests).Headers.ContainsKey(header));
    }

    [Fact]
    public async Task Refuses_with_the_rule_records_it_and_sends_nothing()
    {
        await using var world = await BrokerWorld.StartAsync();
        var noInvoke = await world.KeyAsync(["read"]);
        var elsewhere = await world.KeyAsync(["*"], [Guid.CreateVersion7()]);
        var expired = await world.KeyAsync(["*"], expires: TimeProvider.System.GetUtcNow().AddSeconds(-1));
        var bound = await world.KeyAsync(["tool:invoke"], [world.WorkspaceId], world.AgentId);
        (string? Key, string? Agent, string Path, int Status, string Code, string? Rule)[] cases =
        [
            (null, null, "cs/gpt-call/x", 401, "UNAUTHORIZED", null),
            (AdminApp.Key[..^1] + "x", null, "cs/gpt-call/x", 401, "UNAUTHORIZED", null),
            (expired, "cs-pro", "cs/gpt-call/x", 401, "UNAUTHORIZED", null),
            (noInvoke, "cs-pro", "cs/gpt-call/x", 403, "FORBIDDEN", "key_scope"),
            (elsewhere, "cs-pro", "cs/gpt-call/x", 404, "RESOURCE_NOT_FOUND", null),
            ("", "cs-pro", "nowhere/gpt-call/x", 404, "RESOURCE_NOT_FOUND", null),
            ("", "cs-pro", "other/gpt-call/x", 404, "RESOURCE_NOT_FOUND", null),
            ("", "cs-pro", "cs/no-tool/x", 404, "RESOURCE_NOT_FOUND", null),
            ("", null, "cs/gpt-call/x", 403, "FORBIDDEN", "scope_nobody_acts"),
            ("", "stranger", "cs/gpt-call/x", 403, "FORBIDDEN", "scope_agent"),
            ("", "unknown", "cs/gpt-call/x", 403, "FORBIDDEN", "agent_unknown"),
            (bound, "stranger", "cs/gpt-call/x", 403, "FORBIDDEN", "key_agent_mismatch"),
        ];
        foreach (var (key, agent, path, status, code, rule) in cases)
        {
            using var caller = world.Caller(key, agent);
            using var answer = await caller.GetAsync("/broker/" + path);
            var error = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
            Assert.Equal((status, code), ((int)answer.StatusCode, error.GetProperty("code").GetString()));
            if (rule is not null) Assert.Equal(rule, error.GetProperty("details").GetProperty("rule").GetString());
        }
        Assert.Empty(world.Upstream.Requests);
        var recorded = await world.CallsAsync(cases.Length);
        Assert.All(recorded, r => Assert.True(r.Call.Refused));
        using var asItself = world.Caller(bound, agent: null);
        Assert.Equal(HttpStatusCode.OK, (await asItself.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
    }

    [Fact]
    public async Task A_change_of_scope_holds_for_the_very_next_call()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        await world.ChangeAsync((db, c) =>
        {
            c.ChangePolicy([], c.AllowedHosts, x => Evose.Admin.Platform.Catalog.PolicySeal.Of(world.App.Get<Evose.Admin.Platform.Vault.SecretVault>(), x));
            Evose.Admin.Platform.Audit.AuditTrail.Append(db, c.CreatedAt, Evose.Admin.Domain.Actor.Job("t"), Evose.Admin.Domain.Audit.AuditAction.CredentialPolicyChanged, Evose.Admin.Platform.Audit.AuditSubject.Credential(c, policy: true));
        });
        using var refused = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("scope_empty", await refused.Content.ReadAsStringAsync());
        Assert.Single(world.Upstream.Requests);
    }

    [Theory]
    [InlineData("UPDATE credential SET allowed_hosts = '[\"evil.test\"]', stamp = stamp + 1000")]
    [InlineData("DELETE FROM scope_member; UPDATE credential SET stamp = stamp + 1000")]
    [InlineData("UPDATE consumer SET config = replace(config, 'Authorization', 'X-Leak'), stamp = stamp + 1000 WHERE name = 'gpt-call'")]
    [InlineData("DELETE FROM consumer_link; UPDATE consumer SET stamp = stamp + 1000 WHERE name = 'cs-pro'")]
    [InlineData("UPDATE consumer SET config = replace(config, 'http://', 'https://'), stamp = stamp + 1000 WHERE name = 'gpt-call'")]
    [InlineData("UPDATE consumer SET config = replace(config, 'Bearer ', ''), stamp = stamp + 1000 WHERE name = 'gpt-call'")]
    [InlineData("UPDATE consumer SET workspace_id = (SELECT id FROM workspace WHERE slug = 'other'), stamp = stamp + 1000 WHERE name = 'stranger'; UPDATE consumer SET name = 'stranger2', stamp = stamp + 1000 WHERE name = 'cs-pro'; UPDATE consumer SET name = 'cs-pro', workspace_id = (SELECT id FROM workspace WHERE slug = 'cs'), stamp = stamp + 1000 WHERE name = 'stranger'")]
    [InlineData("UPDATE credential SET policy_version = policy_version + 1, stamp = stamp + 1000")]
    public async Task A_row_changed_behind_the_apps_back_is_refused_before_any_connection(string sql)
    {
        await using var world = await BrokerWorld.StartAsync();
        await using (var db = await world.DbAsync()) await db.Database.ExecuteSqlRawAsync(sql + "; UPDATE installation SET stamp = stamp + 2000;");
        using var caller = world.Caller();
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        // The catalogue may still be the genuine one; then the ledger finds it stale and the call is decided again on what the database now says.
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("policy_tampered", await answer.Content.ReadAsStringAsync());
        Assert.Empty(world.Upstream.Requests);
    }

    // K-15: every part of the row is genuine and was sealed by the app; only it is not the newest.
    [Fact]
    public async Task An_older_genuine_policy_put_back_is_refused_before_any_connection()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        using var api = world.App.Api();
        Evose.Admin.Domain.Credentials.Credential credential;
        Evose.Admin.Domain.Consumers.Consumer tool;
        await using (var db = await world.DbAsync())
        {
            credential = await db.Credentials.AsNoTracking().SingleAsync();
            tool = await db.Consumers.AsNoTracking().SingleAsync(c => c.Name == "gpt-call");
        }
        await GivenRemote.OkAsync(api.PatchAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod", new { allowed_hosts = new[] { new Uri(world.Upstream.Url).Authority, "safe.example.test" } }));
        await GivenRemote.OkAsync(api.PutAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call", new { base_url = world.Upstream.Url + "/v2", headers = new Dictionary<string, string> { ["X-Key"] = "{{credential:openai_prod}}" } }));
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);

        await RefusedAsync((db, stamp) => db.Credentials.Where(c => c.Id == credential.Id).ExecuteUpdateAsync(s => s
            .SetProperty(c => c.AllowedHosts, credential.AllowedHosts).SetProperty(c => c.PolicyVersion, credential.PolicyVersion).SetProperty(c => c.PolicyMac, credential.PolicyMac).SetProperty(c => c.Stamp, stamp)));
        await GivenRemote.OkAsync(api.PatchAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod", new { allowed_hosts = new[] { new Uri(world.Upstream.Url).Authority }, scope = new { tools = new[] { "gpt-call" } } }));
        Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call/x")).StatusCode);
        await RefusedAsync((db, stamp) => db.Consumers.Where(c => c.Id == tool.Id).ExecuteUpdateAsync(s => s
            .SetProperty(c => c.Config, tool.Config).SetProperty(c => c.Revision, tool.Revision).SetProperty(c => c.PolicyMac, tool.PolicyMac).SetProperty(c => c.Stamp, stamp)));

        async Task RefusedAsync(Func<Evose.Admin.Platform.Data.AdminDb, long, Task<int>> putBack)
        {
            world.Upstream.Requests.Clear();
            await using (var db = await world.DbAsync())
            {
                Assert.Equal(1, await putBack(db, await db.Installations.Select(i => i.Stamp).SingleAsync() + 500));
                await db.Database.ExecuteSqlRawAsync("UPDATE installation SET stamp = stamp + 1000");
            }
            // As at the next start, or when another node looks: until then the genuine row in memory decides.
            await world.App.Get<Evose.Admin.Platform.Catalog.CredentialCatalog>().RefreshAsync(default);
            using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
            Assert.Contains("policy_tampered", await answer.Content.ReadAsStringAsync());
            Assert.Empty(world.Upstream.Requests);
        }
    }

    [Fact]
    public async Task Sealed_bytes_moved_to_another_row_are_refused_audited_and_raise_an_alarm()
    {
        await using var world = await BrokerWorld.StartAsync();
        await using (var db = await world.DbAsync())
            await db.Database.ExecuteSqlRawAsync("UPDATE credential_version SET wrapped_key = substr(wrapped_key, 1, length(wrapped_key) - 1) || " + (PostgresServer.IsDefault ? "'\\x00'::bytea" : "x'00'") + "; UPDATE credential SET stamp = stamp + 1000; UPDATE installation SET stamp = stamp + 2000;");
        using var caller = world.Caller();
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Empty(world.Upstream.Requests);
        var (_, end) = Assert.Single(await world.CallsAsync(1));
        Assert.Equal("integrity_violation", end!.Reason);
        await using var read = await world.DbAsync();
        Assert.True(await read.Notifications.AnyAsync(n => n.Kind == Evose.Admin.Domain.Notifications.NotificationKind.IntegrityViolation));
        Assert.True(await read.AuditEvents.AnyAsync(e => e.Action == Evose.Admin.Domain.Audit.AuditAction.IntegrityViolation));
    }

    [Fact]
    public async Task A_value_that_would_split_the_request_is_never_sent()
    {
        await using var world = await BrokerWorld.StartAsync(secret: "sk-abc\r\nX-Injected: 1");
        using var caller = world.Caller();
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Empty(world.Upstream.Requests);
    }

    [Fact]
    public async Task Passes_a_redirect_on_and_does_not_follow_it()
    {
        await using var world = await BrokerWorld.StartAsync((context, _) =>
        {
            context.Response.StatusCode = 307;
            context.Response.Headers.Location = "https://evil.test/";
            context.Response.Headers.SetCookie = "evose=stolen";
            return Task.CompletedTask;
        });
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var caller = new HttpClient(handler) { BaseAddress = new Uri(world.App.Url) };
        caller.DefaultRequestHeaders.Add("Authorization", "Bearer " + AdminApp.Key);
        caller.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(307, (int)answer.StatusCode);
        Assert.Equal("https://evil.test/", answer.Headers.Location!.ToString());
        Assert.False(answer.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Sends_the_headers_before_the_first_byte_and_each_event_as_it_comes()
    {
        var next = new SemaphoreSlim(0);
        await using var world = await BrokerWorld.StartAsync(async (context, _) =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync();
            for (var i = 0; i < 3; i++)
            {
                await next.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
            }
        });
        using var caller = world.Caller();
        // The upstream has sent nothing but headers, and still they arrive.
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/stream", HttpCompletionOption.ResponseHeadersRead).WaitAsync(TimeSpan.FromMinutes(1));
        await using var body = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[100];
        for (var i = 0; i < 3; i++)
        {
            next.Release();
            var n = await body.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromMinutes(1));
            Assert.Equal($"data: {i}\n\n", Encoding.UTF8.GetString(buffer, 0, n));
        }
        Assert.Equal(0, await body.ReadAsync(buffer));
        Assert.Equal(CallOutcome.Succeeded, (await world.CallsAsync(1))[0].End!.Outcome);
    }

    [Fact]
    public async Task An_upstream_that_refuses_resets_or_speaks_nonsense_is_502_with_a_reason_and_a_complete_ledger()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var mode = "reset";
        using var stop = new CancellationTokenSource();
        var server = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var socket = await listener.AcceptSocketAsync(stop.Token);
                var buffer = new byte[4096];
                await socket.ReceiveAsync(buffer, stop.Token);
                if (mode == "nonsense") await socket.SendAsync("HELLO THERE\r\n\r\n"u8.ToArray(), stop.Token);
                if (mode == "midstream") await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"u8.ToArray(), stop.Token);
                socket.LingerState = new LingerOption(mode == "reset", 0);
                socket.Close();
            }
        }, stop.Token);
        await using var world = await BrokerWorld.StartAsync(baseUrl: $"http://127.0.0.1:{port}");
        using var caller = world.Caller();

        foreach (var m in (string[])["reset", "nonsense"])
        {
            mode = m;
            using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
            Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.Contains("TOOL_INVOCATION_FAILED", text);
            Assert.DoesNotContain(BrokerWorld.Secret, text);
        }
        mode = "midstream";
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => caller.GetAsync("/broker/cs/gpt-call/x"));
        await stop.CancelAsync();
        listener.Stop();
        using (var refused = await caller.GetAsync("/broker/cs/gpt-call/x"))
            Assert.Contains("refused", await refused.Content.ReadAsStringAsync());

        var calls = await world.CallsAsync(4);
        Assert.All(calls, c => Assert.Equal(CallOutcome.Failed, c.End!.Outcome));
        Assert.All(calls, c => Assert.NotNull(c.End!.Reason));
        Assert.DoesNotContain(world.App.Log.Lines, l => l.Contains(BrokerWorld.Secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_upstream_that_is_silent_too_long_is_a_timeout()
    {
        await using var world = await BrokerWorld.StartAsync((context, _) => Task.Delay(TimeSpan.FromMinutes(5), context.RequestAborted), new() { ["Broker:ActivityTimeout"] = "00:00:01" });
        using var caller = world.Caller();
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal("timeout", (await world.CallsAsync(1))[0].End!.Reason);
    }

    [Fact]
    public async Task A_caller_who_leaves_is_recorded_as_having_left()
    {
        await using var world = await BrokerWorld.StartAsync((context, _) => Task.Delay(TimeSpan.FromMinutes(5), context.RequestAborted));
        using var caller = world.Caller();
        using var cancel = new CancellationTokenSource();
        var call = caller.GetAsync("/broker/cs/gpt-call/x", cancel.Token);
        await Given.UntilAsync(() => Task.FromResult(!world.Upstream.Requests.IsEmpty));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal("caller_left", (await world.CallsAsync(1))[0].End!.Reason);
    }

    [Fact]
    public async Task Invoke_describes_one_call_in_JSON_and_answers_in_JSON()
    {
        await using var world = await BrokerWorld.StartAsync((context, seen) => context.Response.WriteAsJsonAsync(new { echo = seen.Body, got = seen.Query }));
        using var api = world.App.Api();
        using var answer = await api.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke",
            new { path = "/../v2/./x", query = new { a = "1 2" }, body = new { hi = 1 }, headers = new { Authorization = "mine", Accept = "x/y" }, context = new { agent = "cs-pro", user_id = "u" } });
        var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal((200, 1), (json.GetProperty("status").GetInt32(), json.GetProperty("credential_version").GetInt32()));
        Assert.Equal("{\"hi\":1}", json.GetProperty("body").GetProperty("echo").GetString());
        var seen = Assert.Single(world.Upstream.Requests);
        Assert.Equal(("POST", "/v1/v2/x", "?a=1%202", "Bearer " + BrokerWorld.Secret, "x/y"), (seen.Method, seen.Path, seen.Query, seen.Headers["Authorization"], seen.Headers["Accept"]));
        Assert.Equal("u", (await world.CallsAsync(1))[0].Call.UserId);
    }

    [Theory]
    [InlineData("""{"method":"BREW"}""", 422)]
    [InlineData("""{"path":"a?b"}""", 422)]
    [InlineData("""{"path":7}""", 400)]
    [InlineData("""{"unknown":7}""", 400)]
    [InlineData("""{"headers":{"X":"a\r\nb"}}""", 422)]
    [InlineData("""{"context":{"agent":"a\u0000"}}""", 422)]
    [InlineData("""nonsense""", 400)]
    public async Task Invoke_refuses_bad_input_before_anything_leaves(string body, int status)
    {
        await using var world = await BrokerWorld.StartAsync();
        using var api = world.App.Api();
        using var answer = await api.PostAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Contains("INVALID_REQUEST", await answer.Content.ReadAsStringAsync());
        Assert.Empty(world.Upstream.Requests);
    }

    [Fact]
    public async Task A_placeholder_in_what_the_caller_sends_is_never_resolved()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        caller.DefaultRequestHeaders.Add("X-Trick", "{{credential:openai_prod}}");
        await caller.PostAsync("/broker/cs/gpt-call/x?q={{credential:openai_prod}}", new StringContent("{{credential:openai_prod}}"));
        var seen = Assert.Single(world.Upstream.Requests);
        Assert.DoesNotContain(BrokerWorld.Secret, seen.Body + seen.Query + seen.Headers["X-Trick"]);
    }

    [Fact]
    public async Task Calls_of_one_tool_each_go_to_their_own_path_and_are_recorded_there()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        // Of equal length, with equal ends, twice the same, with and without a query: none may take another's address.
        string[] asked = ["/aa/x", "/bb/x", "/bb/x", "/aa/x?q=1", "/aa/x", "/x", "/x?q=2", "/x/x"];
        foreach (var path in asked) Assert.Equal(HttpStatusCode.OK, (await caller.GetAsync("/broker/cs/gpt-call" + path)).StatusCode);
        Assert.Equal(asked.Select(p => "/v1" + p), world.Upstream.Requests.Select(r => r.Path + r.Query));
        Assert.Equal(asked.Select(p => "/v1" + p.Split('?')[0]), (await world.CallsAsync(asked.Length)).Select(c => c.Item1.Path));
    }

    [Theory]
    [InlineData("/projects/group%2Fproject/x", "/v1/projects/group%2Fproject/x")]
    [InlineData("/a%20b/%C3%A4", "/v1/a%20b/%C3%A4")]
    [InlineData("/a/%2e%2e/b", "/v1/b")]
    [InlineData("", "/v1")]
    public async Task Sends_the_path_as_it_was_asked_for_and_never_above_the_tools_base(string asked, string sent)
    {
        string? raw = null;
        await using var world = await BrokerWorld.StartAsync((context, _) =>
        {
            raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
            return Task.CompletedTask;
        });
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(world.App.Url).Port);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /broker/cs/gpt-call{asked} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {AdminApp.Key}\r\nX-Evose-Agent: cs-pro\r\nConnection: close\r\n\r\n"));
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 200", await reader.ReadToEndAsync());
        Assert.Equal(sent, raw);
    }

    [Theory]
    [InlineData("TRACE", "/broker/cs/gpt-call/x", 422)]
    [InlineData("BREW", "/broker/cs/gpt-call/x", 422)]
    [InlineData("GET", "/broker", 404)]
    [InlineData("GET", "/broker/", 404)]
    [InlineData("GET", "/broker/cs", 404)]
    [InlineData("GET", "/broker/CS/../x/y", 404)]
    public async Task Odd_methods_and_addresses_are_refused_in_words(string method, string path, int status)
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = world.Caller();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var answer = await caller.SendAsync(request);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Contains("request_id", await answer.Content.ReadAsStringAsync());
        Assert.Empty(world.Upstream.Requests);
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_the_callers_fault_and_says_nothing_about_the_key()
    {
        await using var world = await BrokerWorld.StartAsync(settings: new() { ["Broker:MaxRequestBytes"] = "1000" });
        using var caller = world.Caller();
        using var answer = await caller.PostAsync("/broker/cs/gpt-call/x", new StringContent(new string('x', 5000)));
        Assert.True((int)answer.StatusCode is 400 or 413, answer.StatusCode.ToString());
        var (_, end) = Assert.Single(await world.CallsAsync(1));
        Assert.False(Evose.Admin.Platform.Ledger.LedgerRows.SpeaksAgainstKey(end!.Outcome, end.Status, end.Reason), end.Reason);
    }
}
