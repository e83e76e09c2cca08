using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.ApiKeys;

/// <summary>One app with two workspaces for the tests of this class.</summary>
public sealed class TwoWorkspaces : IAsyncLifetime
{
    public AdminApp App { get; } = new();

    public HttpClient Api { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Api = App.Api();
        foreach (var slug in new[] { "alpha", "beta" }) (await Api.PostAsJsonAsync("/api/v1/workspaces", new { name = slug, slug })).EnsureSuccessStatusCode();
    }

    public async Task<Consumer> AddAsync(string workspace, ConsumerKind kind, string name)
    {
        await using var db = await App.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var now = App.Get<TimeProvider>().GetUtcNow();
        var home = await db.Workspaces.SingleAsync(w => w.Slug == workspace);
        var consumer = new Consumer(Guid.CreateVersion7(now), home.Id, kind, name, now) { Config = kind == ConsumerKind.Tool ? new ToolConfig("http://127.0.0.1:9", null, new Dictionary<string, string>(), new Dictionary<string, string>(), null) : null };
        consumer.PolicyMac = PolicySeal.Of(App.Get<SecretVault>(), consumer, []);
        db.Consumers.Add(consumer);
        AuditTrail.Append(db, now, Evose.Admin.Domain.Actor.Job("test"), AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true));
        await db.SaveChangesAsync();
        return consumer;
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await App.DisposeAsync();
    }
}

public sealed class ApiKeyApiTests(TwoWorkspaces two) : IClassFixture<TwoWorkspaces>
{
    private readonly HttpClient _api = two.Api;

    [Fact]
    public async Task Issues_lists_rotates_and_revokes()
    {
        var issued = await IssueAsync(new { name = "ci", scopes = new[] { "tool:invoke", "read", "read" }, workspaces = new[] { "alpha" } });
        var key = issued.GetProperty("key").GetString()!;
        Assert.True(ApiKeyToken.IsWellFormed(key));
        Assert.Equal(key[..16], issued.GetProperty("prefix").GetString());
        Assert.Equal(90, (issued.GetProperty("expires_at").GetDateTimeOffset() - issued.GetProperty("created_at").GetDateTimeOffset()).TotalDays, 3);
        var id = issued.GetProperty("id").GetString()!;
        using var holder = two.App.Api(key);
        Assert.Equal(HttpStatusCode.OK, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);

        var row = await RowAsync(id);
        Assert.Equal(["read", "tool:invoke"], row.GetProperty("scopes").EnumerateArray().Select(s => s.GetString()));
        Assert.Equal(("live", "alpha", "bootstrap"), (row.GetProperty("status").GetString(), row.GetProperty("workspaces")[0].GetString(), row.GetProperty("created_by").GetString()));
        Assert.NotEqual(JsonValueKind.Null, row.GetProperty("last_used_at").ValueKind);
        Assert.DoesNotContain(key, await _api.GetStringAsync("/api/v1/api-keys?limit=100"));

        var rotated = await JsonAsync(await _api.PostAsJsonAsync($"/api/v1/api-keys/{id}/rotate", new { old_expires_in = 3600 }), HttpStatusCode.Created);
        Assert.NotEqual(key, rotated.GetProperty("key").GetString());
        Assert.Equal(90, (rotated.GetProperty("expires_at").GetDateTimeOffset() - rotated.GetProperty("created_at").GetDateTimeOffset()).TotalDays, 3);
        var left = (await RowAsync(id)).GetProperty("expires_at").GetDateTimeOffset() - two.App.Get<TimeProvider>().GetUtcNow();
        Assert.InRange(left.TotalSeconds, 3500, 3600);
        Assert.Equal(HttpStatusCode.OK, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);

        Assert.Equal(HttpStatusCode.OK, (await _api.DeleteAsync($"/api/v1/api-keys/{id}")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await _api.DeleteAsync($"/api/v1/api-keys/{id}")).StatusCode);
        Assert.Equal("revoked", (await RowAsync(id)).GetProperty("status").GetString());
        var again = await JsonAsync(await _api.PostAsJsonAsync($"/api/v1/api-keys/{id}/rotate", new { }), HttpStatusCode.Conflict);
        Assert.Equal("revoked", again.GetProperty("error").GetProperty("details").GetProperty("state").GetString());

        await using var db = await two.App.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var events = await db.AuditEvents.Where(e => e.SubjectId == Guid.Parse(id)).OrderBy(e => e.Seq).ToListAsync();
        Assert.Equal([AuditAction.ApiKeyIssued, AuditAction.ApiKeyRotated, AuditAction.ApiKeyRevoked], events.Select(e => e.Action));
        Assert.Contains("scopes read tool:invoke; workspaces alpha", events[0].Detail);
    }

    [Fact]
    public async Task Rotation_without_a_body_lets_the_old_key_live_a_day_and_never_longer_than_it_would_have()
    {
        var id = (await IssueAsync(new { name = "day", scopes = new[] { "read" }, expires_at = In(TimeSpan.FromHours(2)) })).GetProperty("id").GetString()!;
        await JsonAsync(await _api.PostAsync($"/api/v1/api-keys/{id}/rotate", null), HttpStatusCode.Created);
        var left = (await RowAsync(id)).GetProperty("expires_at").GetDateTimeOffset() - two.App.Get<TimeProvider>().GetUtcNow();
        Assert.InRange(left.TotalMinutes, 115, 120);
        var longer = (await IssueAsync(new { name = "long", scopes = new[] { "read" } })).GetProperty("id").GetString()!;
        await JsonAsync(await _api.PostAsync($"/api/v1/api-keys/{longer}/rotate", null), HttpStatusCode.Created);
        left = (await RowAsync(longer)).GetProperty("expires_at").GetDateTimeOffset() - two.App.Get<TimeProvider>().GetUtcNow();
        Assert.InRange(left.TotalHours, 23.9, 24);
    }

    [Fact]
    public async Task With_no_overlap_the_old_key_is_dead_at_once()
    {
        var issued = await IssueAsync(new { name = "now", scopes = new[] { "read" } });
        using var holder = two.App.Api(issued.GetProperty("key").GetString());
        Assert.Equal(HttpStatusCode.OK, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);
        await JsonAsync(await _api.PostAsJsonAsync($"/api/v1/api-keys/{issued.GetProperty("id").GetString()}/rotate", new { old_expires_in = 0 }), HttpStatusCode.Created);
        Assert.Equal(HttpStatusCode.Unauthorized, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);
    }

    public static TheoryData<string, string, int> BadBodies => new()
    {
        { """{"scopes":["read"]}""", "name", 422 },
        { """{"name":"","scopes":["read"]}""", "name", 422 },
        { """{"name":"a\u0007b","scopes":["read"]}""", "name", 422 },
        { $$"""{"name":"{{new string('x', 121)}}","scopes":["read"]}""", "name", 422 },
        { $$"""{"name":"{{new string('x', 65537)}}","scopes":["read"]}""", "name", 422 },
        { """{"name":7,"scopes":["read"]}""", "", 400 },
        { """{"name":"x"}""", "scopes", 422 },
        { """{"name":"x","scopes":[]}""", "scopes", 422 },
        { """{"name":"x","scopes":["root"]}""", "scopes", 422 },
        { """{"name":"x","scopes":[null]}""", "scopes", 422 },
        { """{"name":"x","scopes":"read"}""", "", 400 },
        { """{"name":"x","scopes":["read"],"workspaces":[]}""", "workspaces", 422 },
        { """{"name":"x","scopes":["read"],"workspaces":["No Slug"]}""", "workspaces", 422 },
        { """{"name":"x","scopes":["read"],"workspaces":[null]}""", "workspaces", 422 },
        { """{"name":"x","scopes":["read"],"workspaces":["nowhere"]}""", "", 404 },
        { """{"name":"x","scopes":["read"],"agent":"bot"}""", "agent", 422 },
        { """{"name":"x","scopes":["read"],"workspaces":["alpha","beta"],"agent":"bot"}""", "agent", 422 },
        { """{"name":"x","scopes":["read"],"workspaces":["alpha"],"agent":"nobody"}""", "agent", 422 },
        { """{"name":"x","scopes":["read"],"workspaces":["alpha"],"agent":"No Slug"}""", "agent", 422 },
        { """{"name":"x","scopes":["read"],"expires_at":"2020-01-01T00:00:00Z"}""", "expires_at", 422 },
        { """{"name":"x","scopes":["read"],"expires_at":"tomorrow"}""", "expires_at", 422 },
        { """{"name":"x","scopes":["read"],"expires_at":"2099-01-01T00:00:00"}""", "expires_at", 422 },
        { """{"name":"x","scopes":["read"],"expires_at":1893456000}""", "expires_at", 422 },
        { """{"name":"x","scopes":["read"],"ip_allowlist":["10.0.0.0/8"]}""", "ip_allowlist", 422 },
        { """{"name":"x","scopes":["read"],"ip_allowlist":[]}""", "ip_allowlist", 422 },
        { """{"name":"x","scopes":["read"],"rate_limit":5}""", "rate_limit", 422 },
        { """{"name":"x","scopes":["read"],"owner":"me"}""", "", 400 },
        { "[]", "", 400 },
        { "{", "", 400 },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task Refuses_what_cannot_be_a_key_and_issues_nothing(string body, string field, int status)
    {
        var before = await CountAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        var answer = await JsonAsync(await _api.PostAsync("/api/v1/api-keys", content), (HttpStatusCode)status);
        if (field.Length > 0) Assert.Equal(field, answer.GetProperty("error").GetProperty("details").GetProperty("field").GetString());
        Assert.Equal(before, await CountAsync());
    }

    [Theory]
    [InlineData("""{"old_expires_in":-1}""", 422)]
    [InlineData("""{"old_expires_in":2592001}""", 422)]
    [InlineData("""{"old_expires_in":"soon"}""", 422)]
    [InlineData("""{"old_expires_in":99999999999}""", 422)]
    [InlineData("""{"grace":1}""", 400)]
    public async Task Refuses_an_overlap_that_makes_no_sense(string body, int status)
    {
        var id = (await IssueAsync(new { name = "overlap", scopes = new[] { "read" } })).GetProperty("id").GetString();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        await JsonAsync(await _api.PostAsync($"/api/v1/api-keys/{id}/rotate", content), (HttpStatusCode)status);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("019a0000-0000-7000-8000-000000000000")]
    public async Task An_unknown_key_is_404(string id)
    {
        await JsonAsync(await _api.DeleteAsync($"/api/v1/api-keys/{id}"), HttpStatusCode.NotFound);
        await JsonAsync(await _api.PostAsJsonAsync($"/api/v1/api-keys/{id}/rotate", new { }), HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("?limit=0", 400)]
    [InlineData("?limit=101", 400)]
    [InlineData("?cursor=!!", 400)]
    [InlineData("?status=dead", 400)]
    [InlineData("?workspace=nowhere", 404)]
    public async Task Refuses_a_list_that_cannot_be(string query, int status) => await JsonAsync(await _api.GetAsync("/api/v1/api-keys" + query), (HttpStatusCode)status);

    [Fact]
    public async Task Pages_and_filters_the_list()
    {
        var made = new List<string>();
        for (var i = 0; i < 5; i++) made.Add((await IssueAsync(new { name = $"page {i}", scopes = new[] { "read" }, workspaces = new[] { "beta" } })).GetProperty("id").GetString()!);
        await _api.DeleteAsync($"/api/v1/api-keys/{made[2]}");
        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await _api.GetFromJsonAsync<JsonElement>($"/api/v1/api-keys?limit=2&status=live&workspace=beta{(cursor is null ? "" : $"&cursor={cursor}")}");
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(k => k.GetProperty("id").GetString()!));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);
        Assert.Equal(seen.Distinct(), seen);
        Assert.Equal([made[4], made[3], made[1], made[0]], seen.Where(made.Contains));
    }

    [Fact]
    public async Task A_revoked_key_is_refused_by_both_surfaces_at_the_very_next_call()
    {
        await two.AddAsync("alpha", ConsumerKind.Tool, "revoked-tool");
        var issued = await IssueAsync(new { name = "revoked", scopes = new[] { "tool:invoke", "read" }, workspaces = new[] { "alpha" } });
        using var holder = two.App.Api(issued.GetProperty("key").GetString());
        Assert.Equal(HttpStatusCode.BadGateway, (await holder.GetAsync("/broker/alpha/revoked-tool/x")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);
        await _api.DeleteAsync($"/api/v1/api-keys/{issued.GetProperty("id").GetString()}");
        Assert.Equal(HttpStatusCode.Unauthorized, (await holder.GetAsync("/broker/alpha/revoked-tool/x")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);
    }

    [Fact]
    public async Task A_bound_key_reaches_no_other_workspace_and_is_no_other_agent()
    {
        await two.AddAsync("alpha", ConsumerKind.Tool, "crm");
        await two.AddAsync("beta", ConsumerKind.Tool, "crm");
        await two.AddAsync("alpha", ConsumerKind.Agent, "ann");
        await two.AddAsync("alpha", ConsumerKind.Agent, "bob");
        var issued = await IssueAsync(new { name = "ann's", scopes = new[] { "tool:invoke", "read" }, workspaces = new[] { "alpha" }, agent = "ann" });
        Assert.Equal("ann", issued.GetProperty("agent").GetString());
        using var holder = two.App.Api(issued.GetProperty("key").GetString());
        Assert.Equal(HttpStatusCode.BadGateway, (await holder.GetAsync("/broker/alpha/crm/x")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await holder.GetAsync("/broker/beta/crm/x")).StatusCode);
        using var other = new HttpRequestMessage(HttpMethod.Get, "/broker/alpha/crm/x");
        other.Headers.Add("X-Evose-Agent", "bob");
        Assert.Equal(HttpStatusCode.Forbidden, (await holder.SendAsync(other)).StatusCode);
        Assert.DoesNotContain("beta", await holder.GetStringAsync("/api/v1/workspaces"));
        Assert.Equal(HttpStatusCode.NotFound, (await holder.GetAsync("/api/v1/api-keys?workspace=beta")).StatusCode);
    }

    [Fact]
    public async Task A_key_gives_no_more_than_it_has()
    {
        var bound = (await IssueAsync(new { name = "alpha admin", scopes = new[] { "admin" }, workspaces = new[] { "alpha" } })).GetProperty("key").GetString();
        using var admin = two.App.Api(bound);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "read", "audit:read", "admin" }, workspaces = new[] { "alpha" } }), HttpStatusCode.Created);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "tool:invoke" }, workspaces = new[] { "alpha" } }), HttpStatusCode.Forbidden);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "*" }, workspaces = new[] { "alpha" } }), HttpStatusCode.Forbidden);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "read" } }), HttpStatusCode.Forbidden);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "read" }, workspaces = new[] { "beta" } }), HttpStatusCode.NotFound);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "read" }, workspaces = new[] { "alpha" }, expires_at = (string?)null }), HttpStatusCode.UnprocessableEntity);
        await JsonAsync(await admin.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "read" }, workspaces = new[] { "alpha" }, expires_at = In(TimeSpan.FromDays(3650)) }), HttpStatusCode.UnprocessableEntity);

        // What reaches further does not exist for it.
        var wide = (await IssueAsync(new { name = "wide", scopes = new[] { "read" }, workspaces = new[] { "alpha", "beta" } })).GetProperty("id").GetString();
        await JsonAsync(await admin.DeleteAsync($"/api/v1/api-keys/{wide}"), HttpStatusCode.NotFound);
        Assert.DoesNotContain(wide!, await admin.GetStringAsync("/api/v1/api-keys?limit=100"));
        // And what it could not issue, it cannot rotate into its hands.
        var strong = (await IssueAsync(new { name = "strong", scopes = new[] { "*" }, workspaces = new[] { "alpha" } })).GetProperty("id").GetString();
        await JsonAsync(await admin.PostAsJsonAsync($"/api/v1/api-keys/{strong}/rotate", new { }), HttpStatusCode.Forbidden);

        var never = await IssueAsync(new { name = "never", scopes = new[] { "read" }, expires_at = (string?)null });
        Assert.Equal(JsonValueKind.Null, never.GetProperty("expires_at").ValueKind);
    }

    [Theory]
    [InlineData("read")]
    [InlineData("tool:invoke")]
    [InlineData("audit:read")]
    public async Task A_key_without_the_scope_admin_manages_no_keys(string scope)
    {
        var issued = await IssueAsync(new { name = scope, scopes = new[] { scope } });
        using var holder = two.App.Api(issued.GetProperty("key").GetString());
        var refused = await JsonAsync(await holder.PostAsJsonAsync("/api/v1/api-keys", new { name = "x", scopes = new[] { "read" } }), HttpStatusCode.Forbidden);
        Assert.StartsWith("This API key does not allow this", refused.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        var self = await holder.DeleteAsync($"/api/v1/api-keys/{issued.GetProperty("id").GetString()}");
        Assert.Contains(self.StatusCode, new[] { HttpStatusCode.Forbidden, HttpStatusCode.NotFound });
        Assert.Equal(scope == "read" ? HttpStatusCode.OK : HttpStatusCode.Forbidden, (await holder.GetAsync("/api/v1/api-keys")).StatusCode);
    }

    [Fact]
    public async Task The_database_holds_no_key_in_any_encoding()
    {
        var text = (await IssueAsync(new { name = "canary", scopes = new[] { "read" } })).GetProperty("key").GetString()!;
        using var idempotent = new HttpRequestMessage(HttpMethod.Post, "/api/v1/api-keys") { Content = JsonContent.Create(new { name = "canary 2", scopes = new[] { "read" } }) };
        idempotent.Headers.Add("Idempotency-Key", "canary");
        var second = (await JsonAsync(await _api.SendAsync(idempotent), HttpStatusCode.Created)).GetProperty("key").GetString()!;
        using var holder = two.App.Api(text);
        await holder.GetAsync("/api/v1/workspaces");
        await two.App.Get<ApiKeyUses>().WriteAsync(CancellationToken.None);

        var bytes = await DumpAsync();
        Assert.Contains("canary 2", Encoding.UTF8.GetString(bytes));
        foreach (var key in new[] { text, second })
        {
            // Past the public part: that one is stored, and shown.
            var secret = key[(4 + ApiKeyToken.PublicIdLength)..];
            byte[][] forms = [Encoding.UTF8.GetBytes(secret), Encoding.Unicode.GetBytes(secret), .. Base64Forms(secret), Encoding.ASCII.GetBytes(Convert.ToHexString(Encoding.UTF8.GetBytes(secret))),
                Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Encoding.UTF8.GetBytes(secret)))];
            foreach (var form in forms) Assert.True(bytes.AsSpan().IndexOf(form) < 0);
        }
        Assert.DoesNotContain(two.App.Log.Lines, l => l.Contains(text[16..], StringComparison.Ordinal) || l.Contains(second[16..], StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task A_mistyped_key_is_never_looked_up_in_the_database_and_its_calls_are_recorded_as_refused()
    {
        var key = (await IssueAsync(new { name = "typo", scopes = new[] { "read", "tool:invoke" } })).GetProperty("key").GetString()!;
        using (var right = two.App.Api(key)) Assert.Equal(HttpStatusCode.OK, (await right.GetAsync("/api/v1/workspaces")).StatusCode);
        using var commands = new CommandCount(two.App.DataDirectory);
        await using (var db = await two.App.DbAsync()) await db.ApiKeys.CountAsync();
        Assert.NotEqual(0, commands.Of("api_key"));

        var before = commands.Of("api_key");
        var calls = await CallsAsync();
        foreach (var at in new[] { 4, 10, 20, 37, 41 })
        {
            using var wrong = two.App.Api(key[..at] + (key[at] == 'a' ? 'b' : 'a') + key[(at + 1)..]);
            Assert.Equal(HttpStatusCode.Unauthorized, (await wrong.GetAsync("/api/v1/workspaces")).StatusCode);
            Assert.Equal(HttpStatusCode.Unauthorized, (await wrong.GetAsync("/broker/alpha/any/x")).StatusCode);
        }
        Assert.Equal(before, commands.Of("api_key"));
        Assert.Equal(calls + 5, await CallsAsync());
    }

    [Fact]
    public async Task The_last_use_is_written_down_without_making_the_data_plane_read_again()
    {
        var issued = await IssueAsync(new { name = "used", scopes = new[] { "read" } });
        var id = issued.GetProperty("id").GetGuid();
        using var holder = two.App.Api(issued.GetProperty("key").GetString());
        await holder.GetAsync("/api/v1/workspaces");
        await using var db = await two.App.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var stamp = await db.ApiKeys.Where(k => k.Id == id).Select(k => k.Stamp).SingleAsync();
        await two.App.Get<ApiKeyUses>().WriteAsync(CancellationToken.None);
        var row = await db.ApiKeys.AsNoTracking().SingleAsync(k => k.Id == id);
        Assert.NotNull(row.LastUsedAt);
        Assert.Equal(stamp, row.Stamp);
    }

    private string In(TimeSpan span) => (two.App.Get<TimeProvider>().GetUtcNow() + span).UtcDateTime.ToString("O");

    private async Task<JsonElement> IssueAsync(object body) => await JsonAsync(await _api.PostAsJsonAsync("/api/v1/api-keys", body), HttpStatusCode.Created);

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(expected == response.StatusCode, $"{response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private async Task<JsonElement> RowAsync(string id) =>
        (await _api.GetFromJsonAsync<JsonElement>("/api/v1/api-keys?limit=100")).GetProperty("data").EnumerateArray().Single(k => k.GetProperty("id").GetString() == id);

    private async Task<int> CountAsync()
    {
        await using var db = await two.App.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        return await db.ApiKeys.CountAsync();
    }

    private async Task<int> CallsAsync()
    {
        await using var db = await two.App.DbAsync();
        return await db.Calls.CountAsync();
    }

    private async Task<byte[]> DumpAsync()
    {
        await using var db = await two.App.DbAsync();
        await db.Database.OpenConnectionAsync();
        var connection = db.Database.GetDbConnection();
        using var all = new MemoryStream();
        foreach (var table in await ColumnAsync(connection, PostgresServer.IsDefault ? "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'hangfire')" : "SELECT name FROM sqlite_master WHERE type = 'table'"))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"SELECT * FROM {table}";
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                for (var i = 0; i < reader.FieldCount; i++) all.Write(reader.GetValue(i) is byte[] blob ? blob : Encoding.UTF8.GetBytes($"{reader.GetValue(i)}\n"));
        }
        return all.ToArray();
    }

    private static async Task<List<string>> ColumnAsync(System.Data.Common.DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        var names = new List<string>();
        while (await reader.ReadAsync()) names.Add(reader.GetString(0));
        return names;
    }

    // Inside a longer text the Base64 of a part depends on where it begins, so its middle is taken at each of the three places.
    private static IEnumerable<byte[]> Base64Forms(string secret)
    {
        for (var skip = 0; skip < 3; skip++) yield return Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(secret[skip..]))[..24]);
    }

    /// <summary>Texts of the queries that EF sends to one app's database while it lives.</summary>
    private sealed class CommandCount : IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>, IDisposable
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _texts = new();
        private readonly List<IDisposable> _subscriptions = [];
        private readonly string _directory;

        public CommandCount(string directory)
        {
            _directory = directory;
            _subscriptions.Add(DiagnosticListener.AllListeners.Subscribe(this));
        }

        public int Of(string table) => _texts.Count(t => t.Contains($"\"{table}\"", StringComparison.Ordinal));

        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == "Microsoft.EntityFrameworkCore") _subscriptions.Add(value.Subscribe(this));
        }

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value.Value is Microsoft.EntityFrameworkCore.Diagnostics.CommandEventData { Command: { } command } && value.Key.EndsWith("CommandExecuting", StringComparison.Ordinal)
                && command.Connection!.DataSource.StartsWith(_directory, StringComparison.Ordinal) && command.CommandText.Contains("SELECT", StringComparison.Ordinal)) _texts.Enqueue(command.CommandText);
        }

        public void OnCompleted() { }

        public void OnError(Exception error) { }

        public void Dispose() => _subscriptions.ForEach(s => s.Dispose());
    }
}
