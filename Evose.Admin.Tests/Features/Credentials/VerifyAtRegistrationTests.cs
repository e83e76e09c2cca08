using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Credentials;

/// <summary>A value is checked at its provider before it is registered, against servers that answer as the providers do.</summary>
public sealed class VerifyAtRegistrationTests : IAsyncLifetime
{
    private Upstream _upstream = null!;
    private AdminApp _app = null!;
    private string _ws = "";

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync(ProviderDialects.AnswerAsync);
        _app = new AdminApp(new(ProviderDialects.Settings(_upstream)) { ["Providers:ProbeTimeout"] = "00:00:01", ["Rotation:SweepInterval"] = "1.00:00:00" });
        _ws = await Given.WorkspaceAsync(_app);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    private async Task<(HttpStatusCode Status, JsonElement Json, string Text)> RegisterAsync(string name, string provider, object fields, string type = "api_key", string[]? hosts = null, bool verify = true)
    {
        using var api = _app.Api();
        using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{_ws}/credentials", new { name, type, fields, provider, allowed_hosts = hosts, verify });
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, JsonDocument.Parse(text).RootElement.Clone(), text);
    }

    [Fact]
    public async Task Every_dialect_is_read_as_its_provider_means_it()
    {
        // Provider, type, fields by name, and what the answer means.
        (string Provider, string[] Names, string Value, string Expected)[] cases =
        [
            ("openai", ["value"], "canary-alive", "alive"), ("openai", ["value"], "canary-little", "lacks_permission"), ("openai", ["value"], "canary-gone", "dead"),
            ("openai", ["value"], "canary-busy", "unclear"), ("openai", ["value"], "canary-broken", "unclear"), ("openai", ["value"], "canary-moved", "unclear"), ("openai", ["value"], "canary-slow", "unclear"),
            ("anthropic", ["value"], "canary-alive", "alive"), ("anthropic", ["value"], "canary-gone", "dead"),
            ("gemini", ["value"], "canary-alive", "alive"), ("gemini", ["value"], "canary-gone", "dead"),
            ("slack", ["value"], "canary-alive", "alive"), ("slack", ["value"], "canary-gone", "dead"), ("slack", ["value"], "canary-little", "lacks_permission"), ("slack", ["value"], "canary-limited", "unclear"),
            ("stripe", ["value"], "canary-alive", "alive"), ("stripe", ["value"], "canary-little", "lacks_permission"), ("stripe", ["value"], "canary-gone", "dead"),
            ("gitlab", ["value"], "canary-alive", "alive"), ("gitlab", ["value"], "canary-gone", "dead"),
            ("linear", ["value"], "canary-alive", "alive"), ("linear", ["value"], "canary-gone", "dead"),
            ("cloudflare", ["value"], "canary-alive", "alive"), ("cloudflare", ["value"], "canary-expired", "dead"), ("cloudflare", ["value"], "canary-gone", "dead"),
            ("datadog", ["value"], "canary-alive", "alive"), ("datadog", ["value"], "canary-gone", "dead"),
            ("feishu", ["app_id", "app_secret"], "canary-alive", "alive"), ("feishu", ["app_id", "app_secret"], "canary-gone", "dead"), ("feishu", ["app_id", "app_secret"], "canary-as400", "dead"), ("feishu", ["app_id", "app_secret"], "canary-limited", "unclear"),
            ("lark", ["app_id", "app_secret"], "canary-\"\\alive", "alive"),
            ("dingtalk", ["app_key", "app_secret"], "canary-alive", "alive"), ("dingtalk", ["app_key", "app_secret"], "canary-gone", "dead"),
            ("twilio", ["account_sid", "auth_token"], "canary-alive", "alive"), ("twilio", ["account_sid", "auth_token"], "canary-gone", "dead"), ("twilio", ["account_sid", "auth_token"], "canary-little", "lacks_permission"),
        ];
        var failures = new List<string>();
        var sent = 0;
        foreach (var (provider, names, value, expected) in cases)
        {
            var before = _upstream.Requests.Count;
            var (status, json, text) = await RegisterAsync($"{provider}_{++sent}_dev", provider, names.ToDictionary(n => n, n => n == names[^1] ? value : "id-that-may-be-read"), names.Length > 1 ? "custom" : "api_key");
            var result = expected == "dead"
                ? status == HttpStatusCode.UnprocessableEntity ? json.GetProperty("error").GetProperty("details").GetProperty("verify").GetString() : "registered"
                : status == HttpStatusCode.Created ? json.GetProperty("verify").GetProperty("result").GetString() : text;
            if (result != expected) failures.Add($"{provider} {value}: {result} instead of {expected}");
            if (_upstream.Requests.Count != before + 1) failures.Add($"{provider} {value}: {_upstream.Requests.Count - before} requests");
            if (text.Contains("canary-", StringComparison.Ordinal) || text.Contains("t-secret", StringComparison.Ordinal)) failures.Add($"{provider} {value}: the answer holds a value: {text}");
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));

        // Recorded before the value left, completed, audited; and the value is nowhere.
        await Given.UntilAsync(async () =>
        {
            await using var waiting = await _app.DbAsync();
            return await waiting.CallCompletions.CountAsync() == cases.Length;
        });
        await using var db = await _app.DbAsync();
        var calls = await db.Calls.AsNoTracking().ToListAsync();
        Assert.Equal(cases.Length, calls.Count);
        Assert.All(calls, c => Assert.Equal((Prober.Rule, "127.0.0.1", false), (c.Rule, c.Host, c.Refused)));
        var checks = await db.AuditEvents.AsNoTracking().Where(e => e.Action == AuditAction.CredentialChecked).ToListAsync();
        Assert.Equal(cases.Length, checks.Count);
        Assert.Equal(cases.Count(c => c.Expected != "dead"), await db.Credentials.CountAsync());
        var notes = await db.CredentialVersions.AsNoTracking().Select(v => v.VerifyNote).ToListAsync();
        var kept = string.Join('\n', [.. notes, .. checks.Select(e => e.Detail), .. calls.Select(c => c.Path), .. _app.Log.Lines]);
        foreach (var canary in new[] { "canary-", "t-secret-of-the-tenant", "who are you" }) Assert.DoesNotContain(canary, kept);
        Assert.Equal("timeout", await db.CallCompletions.Where(c => c.Reason != null).Select(c => c.Reason).SingleAsync());
    }

    [Fact]
    public async Task A_value_goes_only_where_it_may_travel()
    {
        var (status, json, _) = await RegisterAsync("openai_prod", "openai", new { value = "canary-alive" }, hosts: ["api.elsewhere.example"]);
        Assert.Equal((HttpStatusCode.Created, "unclear"), (status, json.GetProperty("verify").GetProperty("result").GetString()));
        Assert.Contains("may not travel", json.GetProperty("verify").GetProperty("note").GetString());
        Assert.Empty(_upstream.Requests);
        await using var db = await _app.DbAsync();
        Assert.True((await db.Calls.AsNoTracking().SingleAsync()).Refused);
    }

    [Fact]
    public async Task Who_cannot_be_asked_is_said_and_the_registration_without_a_check_goes_on()
    {
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await RegisterAsync("acme_prod", "acme", new { value = "canary-x" })).Status);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await RegisterAsync("openai_prod", "openai", new { value = "canary-x" }, type: "custom")).Status);
        var none = await RegisterAsync("azure_prod", "azure_openai", new { value = "canary-x" });
        Assert.Equal((HttpStatusCode.Created, "unclear"), (none.Status, none.Json.GetProperty("verify").GetProperty("result").GetString()));
        var missing = await RegisterAsync("feishu_prod", "feishu", new { app_id = "cli_x" }, type: "custom");
        Assert.Equal((HttpStatusCode.Created, "unclear"), (missing.Status, missing.Json.GetProperty("verify").GetProperty("result").GetString()));
        var unchecked1 = await RegisterAsync("slack_prod", "slack", new { value = "canary-gone" }, verify: false);
        Assert.Equal(HttpStatusCode.Created, unchecked1.Status);
        Assert.False(unchecked1.Json.TryGetProperty("verify", out _));
        Assert.Contains("does not have the form", unchecked1.Json.GetProperty("warnings").GetRawText());
        Assert.Empty(_upstream.Requests);
    }

    [Fact]
    public async Task A_test_key_under_a_production_name_is_pointed_out()
    {
        var key = "sk_" + "test_" + "FAKE0123456789abcdefABCD";
        Assert.Contains("test key", (await RegisterAsync("stripe_prod", "stripe", new { value = key }, verify: false)).Json.GetProperty("warnings").GetRawText());
        Assert.DoesNotContain("test key", (await RegisterAsync("stripe_dev", "stripe", new { value = key + "2" }, verify: false)).Json.GetProperty("warnings").GetRawText());
        Assert.Contains("looks like an Anthropic key", (await RegisterAsync("stripe_staging", "stripe", new { value = "sk-ant-" + new string('a', 30) }, verify: false)).Json.GetProperty("warnings").GetRawText());
    }

    [Fact]
    public async Task A_staged_value_is_checked_stays_staged_and_is_registered_with_what_was_seen()
    {
        var admin = await _app.AdminAsync();
        var (check, staged) = (_app.Get<CheckNewValue>(), await StageAsync(admin, "canary-alive"));
        var first = await check.ExecuteAsync(admin, _ws, new CheckNewValue.Input("openai_prod", "api_key", "openai", staged), default);
        Assert.Equal(VerifyResult.Alive, first.Value!.Answer.Result);
        Assert.Contains("does not have the form", Assert.Single(first.Value.Advice));
        Assert.Equal(VerifyResult.Alive, (await check.ExecuteAsync(admin, _ws, new CheckNewValue.Input("openai_prod", "api_key", "openai", staged), default)).Value!.Answer.Result);
        var made = await _app.Get<RegisterCredential>().ExecuteAsync(admin, _ws, new RegisterCredential.Input("openai_prod", "api_key", Staged: staged, Provider: "openai", Seen: first.Value.Answer), default);
        Assert.Null(made.Problem);
        await using var db = await _app.DbAsync();
        Assert.Equal(VerifyResult.Alive, (await db.CredentialVersions.AsNoTracking().SingleAsync()).Verified);

        // Bad input: no value, somebody else's value, no such provider, a bad host, a bad name.
        foreach (var (input, field) in new (CheckNewValue.Input, string)[]
        {
            (new("a_prod", "api_key", "openai", staged), "value"), (new("a_prod", "api_key", "nobody", staged), "provider"), (new("a_prod", "nonsense", "openai", staged), "type"),
            (new("A B", "api_key", "openai", staged), "name"), (new("a_prod", "api_key", "openai", staged, ["a b"]), "allowed_hosts"),
        })
            Assert.Equal(field, (await check.ExecuteAsync(admin, _ws, input, default)).Problem!.Details!["field"]);
        var user = await _app.AddUserAsync("viewer@example.test", workspace: _ws);
        Assert.Equal(ProblemKind.Forbidden, (await check.ExecuteAsync(user, _ws, new CheckNewValue.Input("a_prod", "api_key", "openai", staged), default)).Problem!.Kind);
        Assert.Equal(ProblemKind.NotFound, (await check.ExecuteAsync(admin, "nowhere", new CheckNewValue.Input("a_prod", "api_key", "openai", staged), default)).Problem!.Kind);
    }

    [Fact]
    public async Task A_cancelled_check_is_completed_and_leaves_the_value_staged()
    {
        await using var app = new AdminApp(new(ProviderDialects.Settings(_upstream)));
        var ws = await Given.WorkspaceAsync(app);
        var admin = await app.AdminAsync();
        var staged = await StageAsync(admin, "canary-slow", app);
        using var cancel = new CancellationTokenSource();
        var asking = app.Get<CheckNewValue>().ExecuteAsync(admin, ws, new CheckNewValue.Input("openai_prod", "api_key", "openai", staged), cancel.Token);
        await Given.UntilAsync(() => Task.FromResult(!_upstream.Requests.IsEmpty));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await Given.UntilAsync(async () =>
        {
            await using var db = await app.DbAsync();
            return await db.CallCompletions.AnyAsync(c => c.Outcome == CallOutcome.Failed && c.Reason == "caller_left") && await db.StagedValues.AnyAsync();
        });
    }

    private async Task<Dictionary<string, Guid>> StageAsync(Actor actor, string value, AdminApp? app = null)
    {
        var staged = (app ?? _app).Get<StagedValues>();
        var (id, ticket) = staged.Issue(actor);
        Assert.Null((await staged.StageAsync(actor, ticket, Plaintext.CopyOf(Encoding.UTF8.GetBytes(value)), default)).Problem);
        return new() { [Credential.MainField] = id };
    }
}
