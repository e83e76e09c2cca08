using System.Collections.Concurrent;
using System.Data.Common;
using System.Net;
using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.ApiKeys;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Rules;

/// <summary>What holds for every address of the REST surface, found by asking the app for all of them: .</summary>
public sealed class EndpointRules : IAsyncLifetime
{
    private static readonly string[] NamesOfValues = ["value", "secret", "fields", "password", "plaintext", "token", "hash", "ciphertext", "wrapped_key"];

    private readonly Statements _statements = new();
    private readonly AdminApp _app;
    private Upstream _upstream = null!;
    private GoodRequests _good = null!;

    public EndpointRules() => _app = new(new() { ["Rotation:SweepInterval"] = "1.00:00:00", ["Notifications:ScanInterval"] = "1.00:00:00", ["Notifications:DeliverInterval"] = "1.00:00:00" }, services: s => s.AddSingleton<ISaveChangesInterceptor>(_statements));

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync();
        _good = new GoodRequests(_app, await Given.WorkspaceAsync(_app), _upstream);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    [Fact]
    public void Every_address_that_changes_something_has_its_row_in_the_table()
    {
        var mapped = GoodRequests.Mapped(_app).Where(e => e.Method is not ("GET" or "HEAD")).Select(e => $"{e.Method} {e.Pattern}").Order().ToList();
        Assert.Equal(mapped, _good.All.Select(r => r.Name).Order().ToList());
    }

    [Fact]
    public async Task What_belongs_to_another_workspace_does_not_exist_and_is_not_changed()
    {
        var other = await Given.WorkspaceAsync(_app);
        await using var db = await _app.DbAsync();
        using var stranger = _app.Api(await _app.KeyAsync(await db.Workspaces.Where(w => w.Slug == other).Select(w => w.Id).SingleAsync(), "*"));
        foreach (var row in _good.All.Where(r => r.OwnedByWorkspace))
        {
            var ready = await row.Prepare();
            var before = await Rows.PictureAsync(_app);
            using (var refused = await _good.SendAsync(stranger, row.Method, ready.Path, ready.Body))
                Assert.True(refused.StatusCode == HttpStatusCode.NotFound, $"{row.Name}: {(int)refused.StatusCode} {await refused.Content.ReadAsStringAsync()}");
            // An attempt to use is recorded, even one that is answered as if there were nothing.
            var changed = Rows.Changed(before, await Rows.PictureAsync(_app));
            if (!row.Pattern.EndsWith("/invoke", StringComparison.Ordinal)) Assert.True(changed.Length == 0, $"{row.Name} changed {changed}");
            // The same request is a good one: it was refused for who sent it.
            using var api = _app.Api();
            using var done = await _good.SendAsync(api, row.Method, ready.Path, ready.Body);
            Assert.True(done.IsSuccessStatusCode, $"{row.Name}: {(int)done.StatusCode} {await done.Content.ReadAsStringAsync()}");
        }

        var (credential, tool) = (await _good.RotatingAsync(), await _good.ToolAsync());
        using (var owner = _app.Api())
            foreach (var (path, known) in await ReadsAsync(credential, tool))
            {
                using var refused = await stranger.GetAsync(path);
                Assert.True(refused.StatusCode == HttpStatusCode.NotFound, $"GET {path}: {(int)refused.StatusCode} {await refused.Content.ReadAsStringAsync()}");
                if (!known) continue;
                using var read = await owner.GetAsync(path);
                Assert.True(read.IsSuccessStatusCode, $"GET {path}: {(int)read.StatusCode}");
            }
        // Lists of the organization name no foreign workspace's things; asked for that workspace they do not know it.
        foreach (var list in (string[])["api-keys", "notifications", "webhooks", "audit/events", "audit/export"])
        {
            using var answer = await stranger.GetAsync($"/api/v1/{list}?workspace={_good.Ws}");
            Assert.True(answer.StatusCode == HttpStatusCode.NotFound, $"{list}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            using var all = await stranger.GetAsync($"/api/v1/{list}");
            if (all.IsSuccessStatusCode) Assert.DoesNotContain(_good.Ws, await all.Content.ReadAsStringAsync());
        }
    }

    // A-02's same class of time, told by what decides the time: the database is asked the same questions, whether the thing is foreign, gone or was never there.
    [Fact]
    public async Task A_foreign_thing_is_looked_for_no_longer_than_one_that_never_was()
    {
        var other = await Given.WorkspaceAsync(_app);
        await using var db = await _app.DbAsync();
        using var stranger = _app.Api(await _app.KeyAsync(await db.Workspaces.Where(w => w.Slug == other).Select(w => w.Id).SingleAsync(), "*"));
        var (credential, tool) = (await _good.RotatingAsync(), await _good.ToolAsync());
        var compared = 0;
        foreach (var (path, _) in await ReadsAsync(credential, tool))
        {
            var foreign = await AskedAsync(stranger, path);
            var never = await AskedAsync(stranger, path.Replace($"/workspaces/{_good.Ws}/", "/workspaces/never-was/", StringComparison.Ordinal));
            Assert.Equal(never.Text, foreign.Text);
            Assert.True(never.Asked.SequenceEqual(foreign.Asked), $"{path}\n{string.Join('\n', foreign.Asked)}\ninstead of\n{string.Join('\n', never.Asked)}");
            compared++;
        }
        Assert.True(compared >= 12, $"only {compared} addresses were compared");
        // The comparison sees a difference: the owner's read asks for more.
        using var owner = _app.Api();
        var found = await AskedAsync(owner, $"/api/v1/workspaces/{_good.Ws}/credentials/{credential}");
        Assert.True(found.Asked.Count > (await AskedAsync(stranger, $"/api/v1/workspaces/{_good.Ws}/credentials/{credential}")).Asked.Count);
    }

    // The shortest of some tries: a job that runs at this moment asks questions of its own.
    private async Task<(string Text, IReadOnlyList<string> Asked)> AskedAsync(HttpClient client, string path)
    {
        var best = default((string, IReadOnlyList<string> Asked));
        for (var i = 0; i < 5; i++)
        {
            _statements.Clear();
            using var answer = await client.GetAsync(path);
            var error = await answer.Content.ReadFromJsonAsync<JsonElement>();
            var text = error.TryGetProperty("error", out var e) ? $"{(int)answer.StatusCode} {e}" : "";
            var asked = _statements.All;
            if (best.Asked is null || asked.Count < best.Asked.Count) best = (text, asked);
        }
        return best;
    }

    /// <summary>The text of every statement, in order.</summary>
    private sealed class Statements : DbCommandInterceptor, ISaveChangesInterceptor
    {
        private readonly ConcurrentQueue<string> _texts = new();

        public IReadOnlyList<string> All => [.. _texts];

        public void Clear() => _texts.Clear();

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            _texts.Enqueue(command.CommandText);
            return ValueTask.FromResult(result);
        }
    }

    [Fact]
    public async Task Every_change_leaves_an_audit_event_or_a_ledger_row()
    {
        using var api = _app.Api();
        foreach (var row in _good.All)
        {
            var ready = await row.Prepare();
            var before = await TrailAsync();
            using var answer = await _good.SendAsync(api, row.Method, ready.Path, ready.Body);
            Assert.True(answer.IsSuccessStatusCode, $"{row.Name}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            Assert.True(await TrailAsync() > before, row.Name + " left no trace");
        }
    }

    [Fact]
    public async Task No_answer_of_a_read_has_a_member_for_a_value()
    {
        var (credential, tool) = (await _good.RotatingAsync(promoted: true), await _good.ToolAsync());
        await _good.KeyAsync();
        await _good.NotificationAsync();
        using var api = _app.Api();
        var seen = 0;
        foreach (var path in (await ReadsAsync(credential, tool)).Select(r => r.Path).Concat(["/api/v1/workspaces", "/api/v1/providers", "/api/v1/providers/twilio", "/api/v1/api-keys", "/api/v1/notifications", "/api/v1/webhooks", "/api/v1/audit/events", "/api/v1/audit/verify"]))
        {
            using var answer = await api.GetAsync(path);
            if (!answer.IsSuccessStatusCode) continue;
            seen++;
            using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
            Assert.Empty(Members(json.RootElement).Where(m => NamesOfValues.Contains(m)).Select(m => $"{path}: {m}"));
        }
        Assert.True(seen >= 15, $"only {seen} reads answered");

        // The document promises no such answer either.
        using var document = JsonDocument.Parse(await api.GetStringAsync("/openapi/v1.json"));
        foreach (var path in document.RootElement.GetProperty("paths").EnumerateObject())
            foreach (var operation in path.Value.EnumerateObject().Where(o => o.Value.ValueKind == JsonValueKind.Object && o.Value.TryGetProperty("responses", out _)))
                Assert.Empty(Members(operation.Value.GetProperty("responses")).Where(m => NamesOfValues.Contains(m)).Select(m => $"{operation.Name} {path.Name}: {m}"));
    }

    [Fact]
    public void No_answer_of_a_use_case_or_query_can_hold_a_value()
    {
        // The two documented ones: a key at the one moment when it is shown, and the row it becomes, which holds a keyed hash.
        (Type Type, string Name)[] documented = [(typeof(ApiKey), nameof(ApiKey.Hash))];
        var answers = typeof(Program).Assembly.GetTypes()
            .Where(t => t is { IsClass: true, Namespace: not null } && t.Namespace.StartsWith("Evose.Admin.Features", StringComparison.Ordinal))
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(m => m.Name is "RunAsync" or "ExecuteAsync" or "ViewsAsync" or "ListAsync").Select(m => m.ReturnType)).ToList();
        Assert.True(answers.Count >= 40, $"only {answers.Count} use cases and queries were found");
        var reached = new HashSet<Type>();
        foreach (var answer in answers) Reach(answer, reached);
        Assert.Contains(typeof(IssuedKey), reached);
        var found = reached.SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.GetIndexParameters().Length == 0 && IsValue(p) && !documented.Contains((t, p.Name))).Select(p => $"{t.Name}.{p.Name}")).ToList();
        Assert.Empty(found);

        // The rule can fail: it finds what does hold values.
        Assert.Contains(typeof(CredentialVersion).GetProperties(), IsValue);
        Assert.Contains(typeof(StagedValue).GetProperties(), IsValue);
    }

    private static bool IsValue(PropertyInfo p) =>
        p.PropertyType == typeof(Plaintext) || p.PropertyType == typeof(byte[]) || p.PropertyType == typeof(SealedValue) || p.PropertyType == typeof(SealedField)
        || p.PropertyType.GetGenericArguments().Any(a => a == typeof(Plaintext) || a == typeof(SealedField))
        || (p.PropertyType == typeof(string) && NamesOfValues.Contains(p.Name.ToLowerInvariant()));

    private static void Reach(Type type, HashSet<Type> reached)
    {
        foreach (var argument in type.GetGenericArguments()) Reach(argument, reached);
        if (type.HasElementType) Reach(type.GetElementType()!, reached);
        if (type.Namespace?.StartsWith("Evose.Admin", StringComparison.Ordinal) != true || type.IsEnum || type.IsGenericType || !reached.Add(type)) return;
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)) Reach(property.PropertyType, reached);
    }

    private async Task<long> TrailAsync()
    {
        await using var db = await _app.DbAsync();
        return await db.AuditEvents.LongCountAsync() + await db.Calls.LongCountAsync();
    }

    // Every read with a workspace in its address, filled in; whether the owner of the workspace gets an answer.
    private async Task<List<(string Path, bool Known)>> ReadsAsync(string credential, string tool)
    {
        using var api = _app.Api();
        var (agent, workflow) = ("reader-agent", "reader-flow");
        using (var made = await _good.SendAsync(api, "PUT", $"/api/v1/workspaces/{_good.Ws}/agents/{agent}", JsonSerializer.SerializeToNode(new { tools = new[] { tool } }))) Assert.True(made.IsSuccessStatusCode);
        using (var made = await _good.SendAsync(api, "PUT", $"/api/v1/workspaces/{_good.Ws}/workflows/{workflow}", JsonSerializer.SerializeToNode(new { tools = new[] { tool } }))) Assert.True(made.IsSuccessStatusCode);
        var leak = await _good.LeakAsync(credential);
        var reads = GoodRequests.Mapped(_app).Where(e => e.Method == "GET" && e.Pattern.Contains("{ws}", StringComparison.Ordinal)).Select(e =>
        {
            var name = e.Pattern.Contains("/tools/", StringComparison.Ordinal) ? tool : e.Pattern.Contains("/agents/", StringComparison.Ordinal) ? agent : e.Pattern.Contains("/workflows/", StringComparison.Ordinal) ? workflow : credential;
            var path = e.Pattern.Replace("{ws}", _good.Ws, StringComparison.Ordinal).Replace("{name}", name, StringComparison.Ordinal).Replace("{id}", leak, StringComparison.Ordinal);
            Assert.DoesNotContain("{", path);
            return (path, true);
        }).ToList();
        Assert.True(reads.Count >= 12, $"only {reads.Count} reads were found");
        return reads;
    }

    private static IEnumerable<string> Members(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => Members(p.Value).Prepend(p.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Members),
        _ => [],
    };
}
