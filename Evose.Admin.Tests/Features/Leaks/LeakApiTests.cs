using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Leaks;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Leaks;

/// <summary>How leaks come in and what is done about them, over the REST surface.</summary>
public sealed class LeakApiTests
{
    private const string Value = "sk-live-7Qw2Er4Ty6Ui8Op0As1Df3Gh5";
    private const string GitHubSecret = "It's a Secret to Everybody";

    [Fact]
    public async Task A_report_by_hand_marks_credential_and_version_and_tells_its_admins()
    {
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/openai_prod/leak", new { source = "manual", note = "Seen in a chat" });
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((HttpStatusCode.Created, 1, "open", false), (answer.StatusCode, body.GetProperty("version").GetInt32(), body.GetProperty("state").GetString(), body.GetProperty("frozen").GetBoolean()));

        var credential = await api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{ws}/credentials/openai_prod");
        Assert.Equal("open", credential.GetProperty("leak").GetProperty("state").GetString());
        var listed = Assert.Single((await api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{ws}/leaks?state=open")).GetProperty("data").EnumerateArray());
        Assert.Equal(("openai_prod", "Seen in a chat"), (listed.GetProperty("credential").GetString(), listed.GetProperty("note").GetString()));
        await using var db = await app.DbAsync();
        var told = await db.Notifications.SingleAsync(n => n.Kind == NotificationKind.LeakReported);
        Assert.Equal($"/w/{ws}/leaks/{body.GetProperty("id").GetString()}", told.Url);
        Assert.Single(await db.AuditEvents.Where(e => e.Action == AuditAction.LeakReported).ToListAsync());
    }

    [Fact]
    public async Task A_leak_is_led_to_its_end_and_each_step_is_remembered()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00" });
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.ToolAsync(app, ws, "gpt-call", upstream.Url, "openai_prod");
        await Given.CredentialAsync(app, ws, "openai_prod", Value, tools: ["gpt-call"]);
        var credential = $"/api/v1/workspaces/{ws}/credentials/openai_prod";
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/broker/{ws}/gpt-call/a")).StatusCode);

        using var reported = await api.PostAsJsonAsync(credential + "/leak", new { freeze = true });
        var id = (await reported.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString();
        // The very next call is refused, with what to do.
        using (var refused = await api.GetAsync($"/broker/{ws}/gpt-call/b"))
        {
            Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
            var error = (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
            Assert.Equal("CREDENTIAL_UNAVAILABLE", error.GetProperty("code").GetString());
            Assert.Contains("frozen", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        }
        Assert.Single(upstream.Requests);
        Assert.Equal("frozen", (await api.GetFromJsonAsync<JsonElement>(credential)).GetProperty("status").GetString());
        var access = await api.GetFromJsonAsync<JsonElement>(credential + "/access?tool=gpt-call");
        Assert.Equal((false, "credential_frozen"), (access.GetProperty("allowed").GetBoolean(), access.GetProperty("rule").GetString()));
        // It cannot be called revoked while it is not.
        var report = $"/api/v1/workspaces/{ws}/leaks/{id}";
        using (var early = await api.PostAsJsonAsync(report + "/close", new { resolution = "revoked" })) Assert.Equal(HttpStatusCode.Conflict, early.StatusCode);

        await GivenRemote.OkAsync(api.PostAsJsonAsync(credential + "/rotation", new { fields = new { value = "sk-next-8Zx6Cv4Bn2Mm0Lk9Jh7" }, skip_verify = true, skip_verify_reason = "the old one leaked" }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(credential + "/rotation/promote", new { grace = 0 }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(credential + "/rotation/retire", new { force = true }));
        Assert.Equal(HttpStatusCode.NoContent, (await api.DeleteAsync(credential + "/freeze")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/broker/{ws}/gpt-call/c")).StatusCode);
        Assert.Equal("Bearer sk-next-8Zx6Cv4Bn2Mm0Lk9Jh7", upstream.Requests.Last().Headers["Authorization"]);

        using (var evidence = await api.PostAsync(report + "/evidence", null)) await LookIntoAsync(app, await evidence.Content.ReadAsByteArrayAsync());
        using (var closed = await api.PostAsJsonAsync(report + "/close", new { resolution = "revoked", note = "Revoked at the provider" })) Assert.Equal(HttpStatusCode.NoContent, closed.StatusCode);
        var view = await api.GetFromJsonAsync<JsonElement>(report);
        Assert.Equal("closed", view.GetProperty("report").GetProperty("state").GetString());
        Assert.Equal(["reported", "notified", "frozen", "replaced", "destroyed", "unfrozen", "evidence_taken", "closed"], view.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("act").GetString()));
        Assert.Equal((1, 1), (view.GetProperty("opened").GetProperty("calls").GetInt32(), view.GetProperty("opened").GetProperty("refused").GetInt32()));
        Assert.Equal("gpt-call", view.GetProperty("opened").GetProperty("tools")[0].GetProperty("name").GetString());
        Assert.False((await api.GetFromJsonAsync<JsonElement>(credential)).TryGetProperty("leak", out _));
    }

    private static async Task LookIntoAsync(AdminApp app, byte[] file)
    {
        await using var zip = await ZipArchive.CreateAsync(new MemoryStream(file), ZipArchiveMode.Read, false, null);
        var parts = new Dictionary<string, byte[]>();
        foreach (var entry in zip.Entries)
        {
            using var bytes = new MemoryStream();
            await using var stream = await entry.OpenAsync();
            await stream.CopyToAsync(bytes);
            parts[entry.FullName] = bytes.ToArray();
        }
        Assert.Equal(["audit.jsonl", "calls.jsonl", "chain.json", "manifest.json", "manifest.sig", "report.json"], parts.Keys.Order());
        Assert.Equal(Convert.ToHexStringLower(LeakEvidence.Sign(app.Get<SecretVault>(), parts["manifest.json"])), Encoding.ASCII.GetString(parts["manifest.sig"]).Trim());
        using var manifest = JsonDocument.Parse(parts["manifest.json"]);
        foreach (var part in manifest.RootElement.GetProperty("parts").EnumerateArray())
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(parts[part.GetProperty("name").GetString()!])), part.GetProperty("sha256").GetString());
        Assert.Equal(2, Encoding.UTF8.GetString(parts["calls.jsonl"]).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.DoesNotContain(Value, Encoding.UTF8.GetString([.. parts.Values.SelectMany(p => p)]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_frozen_credential_is_not_thawed_by_who_writes_to_the_database()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.ToolAsync(app, ws, "gpt-call", upstream.Url, "openai_prod");
        await Given.CredentialAsync(app, ws, "openai_prod", Value, tools: ["gpt-call"]);
        Assert.Equal(HttpStatusCode.NoContent, (await api.PostAsync($"/api/v1/workspaces/{ws}/credentials/openai_prod/freeze", null)).StatusCode);
        await using (var db = await app.DbAsync()) await db.Database.ExecuteSqlRawAsync("UPDATE credential SET frozen_at = NULL, stamp = stamp + 1000");
        using var refused = await api.GetAsync($"/broker/{ws}/gpt-call/x");
        Assert.True(refused.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Conflict, $"{(int)refused.StatusCode}");
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData(GitHubSecret, "Hello, World!", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", true)]
    [InlineData(GitHubSecret, "Hello, World?", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false)]
    [InlineData("another secret of ours", "Hello, World!", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false)]
    [InlineData(GitHubSecret, "Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false)]
    [InlineData(GitHubSecret, "Hello, World!", "sha256=", false)]
    [InlineData(GitHubSecret, "Hello, World!", "sha256=zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", false)]
    [InlineData(GitHubSecret, "Hello, World!", null, false)]
    public void The_signature_is_the_one_that_GitHub_documents(string secret, string body, string? header, bool valid) =>
        Assert.Equal(valid, GitHubSignature.IsValid(secret, Encoding.UTF8.GetBytes(body), header));

    [Fact]
    public async Task GitHub_reports_what_is_ours_and_what_nobody_knows_and_is_refused_without_its_signature()
    {
        await using var app = new AdminApp(new() { ["Leaks:GitHubSecret"] = GitHubSecret });
        using var api = app.Api(key: null);
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        var alert = JsonSerializer.Serialize(new
        {
            action = "created", alert = new { number = 7, created_at = "2026-01-31T08:00:00Z", html_url = "https://github.test/a/b/security/secret-scanning/7", secret_type = "openai_api_key", secret = Value },
            repository = new { full_name = "a/b" },
        });
        using (var wrong = await SendAsync(api, alert, "secret_scanning_alert", "sha256=" + new string('0', 64))) Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        using (var none = await SendAsync(api, alert, "secret_scanning_alert", null)) Assert.Equal(HttpStatusCode.Unauthorized, none.StatusCode);
        foreach (var (body, kind) in new[] { (alert, "ping"), (alert, "push"), (alert.Replace("created\"", "validated\"", StringComparison.Ordinal), "secret_scanning_alert"), (alert.Replace("created\"", "invented\"", StringComparison.Ordinal), "secret_scanning_alert"), ("{}", "secret_scanning_alert") })
            using (var tolerated = await SendAsync(api, body, kind, Sign(body))) Assert.Equal(HttpStatusCode.Accepted, tolerated.StatusCode);
        using (var broken = await SendAsync(api, "{\"action\":", "secret_scanning_alert", Sign("{\"action\":"))) Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);
        await using (var db = await app.DbAsync())
        {
            Assert.Empty(await db.LeakReports.ToListAsync());
            Assert.Equal(2, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.LeakWebhookRefused));
        }

        var began = Stopwatch.GetTimestamp();
        using (var taken = await SendAsync(api, alert, "secret_scanning_alert", Sign(alert))) Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        // The same delivery once more is no second leak.
        using (var again = await SendAsync(api, alert, "secret_scanning_alert", Sign(alert))) Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        var unknown = alert.Replace(Value, "sk-none-of-ours-0123456789abcdef", StringComparison.Ordinal).Replace("/7\"", "/8\"", StringComparison.Ordinal);
        using (var other = await SendAsync(api, unknown, "secret_scanning_alert", Sign(unknown))) Assert.Equal(HttpStatusCode.Accepted, other.StatusCode);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30));
        await using var after = await app.DbAsync();
        var reports = await after.LeakReports.OrderBy(r => r.Id).ToListAsync();
        Assert.Equal(2, reports.Count);
        Assert.Equal(("openai_prod", (int?)1, LeakSource.GitHub, 2, "https://github.test/a/b/security/secret-scanning/7"), (reports[0].Credential, reports[0].Version, reports[0].Source, reports[0].Seen, reports[0].Place));
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 8, 0, 0, TimeSpan.Zero), reports[0].SuspectedSince);
        Assert.Equal((null, Workspace.OrganizationId), (reports[1].CredentialId, reports[1].WorkspaceId));
        Assert.DoesNotContain(app.Log.Lines, l => l.Contains(Value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_report_that_came_without_the_value_is_assigned_by_hand_once_and_moves_to_its_credential()
    {
        await using var app = new AdminApp(new() { ["Leaks:GitHubSecret"] = GitHubSecret });
        using var api = app.Api();
        var (ws, elsewhere) = (await Given.WorkspaceAsync(app), await Given.WorkspaceAsync(app));
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        await Given.CredentialAsync(app, elsewhere, "other_prod", hosts: ["127.0.0.1"]);
        var alert = JsonSerializer.Serialize(new { action = "created", alert = new { created_at = "2026-01-31T08:00:00Z", html_url = "https://github.test/a/b/security/secret-scanning/9", secret_type = "openai_api_key" } });
        using (var taken = await SendAsync(api, alert, "secret_scanning_alert", Sign(alert))) Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        var listed = Assert.Single((await api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/org/leaks")).GetProperty("data").EnumerateArray());
        var id = listed.GetProperty("id").GetGuid();
        var assign = $"/api/v1/workspaces/org/leaks/{id}/assign";

        async Task<(HttpStatusCode, string?)> TryAsync(HttpClient who, object body, string? at = null)
        {
            using var answer = await who.PostAsJsonAsync(at ?? assign, body);
            var error = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
            return (answer.StatusCode, error.TryGetProperty("details", out var d) && d.TryGetProperty("field", out var f) ? f.GetString() : null);
        }

        Assert.Equal((HttpStatusCode.UnprocessableEntity, "credential"), await TryAsync(api, new { workspace = ws }));
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "version"), await TryAsync(api, new { workspace = ws, credential = "openai_prod", version = 7 }));
        Assert.Equal((HttpStatusCode.NotFound, null), await TryAsync(api, new { workspace = ws, credential = "other_prod" }));
        Assert.Equal((HttpStatusCode.NotFound, null), await TryAsync(api, new { workspace = "never", credential = "openai_prod" }));
        Assert.Equal((HttpStatusCode.NotFound, null), await TryAsync(api, new { workspace = ws, credential = "openai_prod" }, $"/api/v1/workspaces/org/leaks/{Guid.Empty}/assign"));
        Assert.Equal((HttpStatusCode.NotFound, null), await TryAsync(api, new { workspace = ws, credential = "openai_prod" }, $"/api/v1/workspaces/{ws}/leaks/{id}/assign"));
        await using (var db = await app.DbAsync())
        {
            using var bound = app.Api(await app.KeyAsync(await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync(), "*"));
            Assert.Equal((HttpStatusCode.NotFound, null), await TryAsync(bound, new { workspace = ws, credential = "openai_prod" }));
            Assert.Null((await db.LeakReports.SingleAsync()).CredentialId);
        }

        using (var done = await api.PostAsJsonAsync(assign, new { workspace = ws, credential = "openai_prod" }))
        {
            var body = await done.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal((HttpStatusCode.OK, ws, 1, "open"), (done.StatusCode, body.GetProperty("workspace").GetString(), body.GetProperty("version").GetInt32(), body.GetProperty("state").GetString()));
        }
        // Once: then it is not the organization's any more, and about something.
        Assert.Equal((HttpStatusCode.NotFound, null), await TryAsync(api, new { workspace = ws, credential = "openai_prod" }));
        Assert.Equal((HttpStatusCode.Conflict, null), await TryAsync(api, new { workspace = elsewhere, credential = "other_prod" }, $"/api/v1/workspaces/{ws}/leaks/{id}/assign"));
        // The same alert once more is no second leak, and no unknown one.
        using (var again = await SendAsync(api, alert, "secret_scanning_alert", Sign(alert))) Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);
        var view = await api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{ws}/leaks/{id}");
        Assert.Equal(("openai_prod", 2, "2026-01-31T08:00:00Z"), (view.GetProperty("report").GetProperty("credential").GetString(), view.GetProperty("report").GetProperty("seen").GetInt32(), view.GetProperty("report").GetProperty("suspected_since").GetString()));
        Assert.Equal(["reported", "notified", "assigned"], view.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("act").GetString()));
        Assert.Equal("open", (await api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{ws}/credentials/openai_prod")).GetProperty("leak").GetProperty("state").GetString());
        await using var after = await app.DbAsync();
        Assert.Single(await after.LeakReports.ToListAsync());
        var told = await after.Notifications.Where(n => n.Kind == NotificationKind.LeakReported).OrderBy(n => n.CreatedAt).Select(n => n.Url).ToListAsync();
        Assert.Equal([$"/w/org/leaks/{id}", $"/w/{ws}/leaks/{id}"], told);
        var audited = Assert.Single(await after.AuditEvents.Where(e => e.Action == AuditAction.LeakHandled).ToListAsync());
        Assert.Equal((id, "openai_prod", "Said whose value it is: version 1 (https://github.test/a/b/security/secret-scanning/9)."), (audited.SubjectId!.Value, audited.Subject, audited.Detail));
    }

    [Fact]
    public async Task Assigned_to_a_version_that_is_out_of_use_a_report_is_contained_at_once()
    {
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00", ["Leaks:GitHubSecret"] = GitHubSecret });
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        var rotation = $"/api/v1/workspaces/{ws}/credentials/openai_prod/rotation";
        await GivenRemote.OkAsync(api.PostAsJsonAsync(rotation, new { fields = new { value = "sk-next-8Zx6Cv4Bn2Mm0Lk9Jh7" }, skip_verify = true, skip_verify_reason = "r" }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(rotation + "/promote", new { grace = 0 }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(rotation + "/retire", new { force = true }));
        const string Alert = """{"action":"created","alert":{"html_url":"https://github.test/a/b/security/secret-scanning/9"}}""";
        using (var taken = await SendAsync(api, Alert, "secret_scanning_alert", Sign(Alert))) Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        var id = (await api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/org/leaks")).GetProperty("data")[0].GetProperty("id").GetGuid();
        using var done = await api.PostAsJsonAsync($"/api/v1/workspaces/org/leaks/{id}/assign", new { workspace = ws, credential = "openai_prod", version = 1 });
        Assert.Equal("contained", (await done.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Without_a_secret_nothing_is_taken_from_GitHub()
    {
        await using var app = new AdminApp();
        using var api = app.Api(key: null);
        using var answer = await SendAsync(api, "{}", "secret_scanning_alert", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData([], "{}"u8)));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task A_value_in_a_tool_a_description_or_an_address_is_refused_and_reported_even_when_it_looks_like_nothing()
    {
        const string Plain = "correcthorsebatterystaple";
        await using var app = new AdminApp();
        using var api = app.Api();
        var (ws, elsewhere) = (await Given.WorkspaceAsync(app), await Given.WorkspaceAsync(app));
        await Given.CredentialAsync(app, ws, "crm_prod", Plain, hosts: ["127.0.0.1"]);
        object[] tools =
        [
            new { base_url = "https://x.test", headers = new { x_key = Plain } }, new { base_url = "https://x.test", headers = new { authorization = "Bearer " + Plain } }, new { base_url = "https://x.test", query = new { q = Plain } },
            new { base_url = "https://x.test/v1/" + Plain }, new { base_url = "https://x.test", body = $"{{\"phrase\":\"{Plain}\"}}" }, new { base_url = "https://x.test", description = $"Use {Plain} here" },
        ];
        foreach (var tool in tools)
        {
            using var refused = await api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/crm", tool);
            var text = await refused.Content.ReadAsStringAsync();
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
            Assert.Contains("{{credential:crm_prod}}", text, StringComparison.Ordinal);
            Assert.DoesNotContain(Plain, text, StringComparison.Ordinal);
        }
        // In another workspace the name is not told.
        using (var other = await api.PutAsJsonAsync($"/api/v1/workspaces/{elsewhere}/tools/crm", tools[0]))
        {
            Assert.Equal(HttpStatusCode.UnprocessableEntity, other.StatusCode);
            Assert.DoesNotContain("crm_prod", await other.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        using (var described = await api.PatchAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod", new { description = $"It is {Plain}" })) Assert.Equal(HttpStatusCode.UnprocessableEntity, described.StatusCode);
        await using var db = await app.DbAsync();
        var reports = await db.LeakReports.ToListAsync();
        Assert.All(reports, r => Assert.Equal((LeakSource.Config, "crm_prod", (int?)1), (r.Source, r.Credential, r.Version)));
        Assert.Contains(reports, r => r.Place == "tool crm, headers.authorization");
        Assert.False(await db.Consumers.AnyAsync(c => c.Name == "crm"));
    }

    [Fact]
    public async Task A_value_of_one_field_of_many_and_one_cookie_of_a_session_are_known_and_what_people_may_see_is_not()
    {
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await GivenRemote.OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", new
        {
            name = "aws_prod", type = "custom", fields = new { key_id = "AKIDEXAMPLE-OF-OURS", region = "eu-central-and-west", phrase = "wJalrXUtnFEMIK7MDENGbPxRfiCYKEY" }, allowed_hosts = new[] { "x.test" },
            injection = new { fields = new object[] { new { name = "key_id", secret = true }, new { name = "region", secret = false }, new { name = "phrase", secret = true } } },
        }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", new { name = "shop_prod", type = "cookie", fields = new { value = "sid=0a1b2c3d4e5f60718293a4b5c6d7e8f9; theme=dark" }, allowed_hosts = new[] { "x.test" } }));
        Assert.Equal(["aws_prod"], await FoundAsync(api, "secret = wJalrXUtnFEMIK7MDENGbPxRfiCYKEY"));
        Assert.Equal(["shop_prod"], await FoundAsync(api, "Cookie: a=b; sid=0a1b2c3d4e5f60718293a4b5c6d7e8f9; c=d"));
        Assert.Empty(await FoundAsync(api, "region: eu-central-and-west"));
    }

    [Fact]
    public async Task An_old_version_is_known_after_its_value_was_destroyed()
    {
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00" });
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        var rotation = $"/api/v1/workspaces/{ws}/credentials/openai_prod/rotation";
        await GivenRemote.OkAsync(api.PostAsJsonAsync(rotation, new { fields = new { value = "sk-next-8Zx6Cv4Bn2Mm0Lk9Jh7" }, skip_verify = true, skip_verify_reason = "r" }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(rotation + "/promote", new { grace = 0 }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(rotation + "/retire", new { force = true }));
        using var checkedText = await api.PostAsJsonAsync("/api/v1/leaks/check", new { text = Value });
        var hit = Assert.Single((await checkedText.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("found").EnumerateArray());
        Assert.Equal((1, "retired"), (hit.GetProperty("version").GetInt32(), hit.GetProperty("state").GetString()));
        await using var db = await app.DbAsync();
        Assert.Equal(LeakState.Contained, (await db.LeakReports.SingleAsync()).State);
    }

    internal static async Task<List<string?>> FoundAsync(HttpClient api, string text)
    {
        using var answer = await api.PostAsJsonAsync("/api/v1/leaks/check", new { text });
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return [.. (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("found").EnumerateArray().Select(f => f.GetProperty("credential").GetString())];
    }

    private static string Sign(string body) => "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(GitHubSecret), Encoding.UTF8.GetBytes(body)));

    private static async Task<HttpResponseMessage> SendAsync(HttpClient api, string body, string kind, string? signature)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/leaks/github") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("X-GitHub-Event", kind);
        request.Headers.Add("X-GitHub-Delivery", Guid.CreateVersion7().ToString());
        if (signature is not null) request.Headers.Add("X-Hub-Signature-256", signature);
        return await api.SendAsync(request);
    }
}
