using System.Collections.Concurrent;
using System.Data.Common;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Evose.Admin.Tests.Features.Hygiene;

/// <summary>An app on a clock that can be put forward, whose findings come when the test says so, or by themselves every second.</summary>
internal sealed class HygieneWorld : IAsyncDisposable
{
    public HygieneWorld(bool watch = false, Dictionary<string, string?>? settings = null)
    {
        var all = new Dictionary<string, string?>(settings ?? []) { ["Hygiene:WatchInterval"] = watch ? "00:00:01" : "00:00:00", ["Rotation:SweepInterval"] = "1.00:00:00", ["Notifications:ScanInterval"] = "1.00:00:00" };
        App = new AdminApp(all, services: s => s.Replace(ServiceDescriptor.Singleton<TimeProvider>(Clock)).AddSingleton<ISaveChangesInterceptor>(Statements));
        Api = App.Api();
    }

    public ShiftedClock Clock { get; } = new();

    public StatementLog Statements { get; } = new();

    public AdminApp App { get; }

    public HttpClient Api { get; }

    public EvaluateHygiene Evaluate => App.Get<EvaluateHygiene>();

    public Task<int> ChangedAsync() => Evaluate.ChangedAsync(default);

    public Task<int> AllAsync() => Evaluate.AllAsync(default);

    /// <summary>Registers a credential that is in order: a date, an owner, a good name; <paramref name="more"/> wins.</summary>
    public async Task CredentialAsync(string ws, string name, string? value = null, object? more = null)
    {
        var body = new Dictionary<string, object?>
        {
            ["name"] = name, ["type"] = "api_key", ["fields"] = new { value = value ?? "value-of-" + ws + "-" + name }, ["owner"] = AdminApp.AdminEmail,
            ["expires_at"] = Clock.GetUtcNow().AddYears(3).ToString("O", System.Globalization.CultureInfo.InvariantCulture), ["allowed_hosts"] = new[] { "127.0.0.1:9" },
        };
        if (more is not null) foreach (var p in JsonSerializer.SerializeToElement(more).EnumerateObject()) body[p.Name] = p.Value;
        await GivenRemote.OkAsync(Api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", body));
    }

    public Task PatchAsync(string ws, string name, object body) => GivenRemote.OkAsync(Api.PatchAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/{name}", body));

    public Task ToolAsync(string ws, string name, string? credential = null) =>
        GivenRemote.OkAsync(Api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/{name}", new { base_url = "http://127.0.0.1:9", headers = credential is null ? [] : new Dictionary<string, string> { ["Authorization"] = $"Bearer {{{{credential:{credential}}}}}" } }));

    public Task AgentAsync(string ws, string name, params string[] tools) => GivenRemote.OkAsync(Api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/agents/{name}", new { tools }));

    /// <summary>What is not resolved, as <c>workspace rule subject</c>, with what is accepted in brackets.</summary>
    public async Task<List<string>> FoundAsync(string? ws = null)
    {
        await using var db = await App.Dbs().CreateDbContextAsync();
        var now = Clock.GetUtcNow();
        var rows = await (from f in db.HygieneFindings.AsNoTracking() join w in db.Workspaces on f.WorkspaceId equals w.Id where f.ResolvedAt == null && (ws == null || w.Slug == ws) select new { Finding = f, w.Slug }).ToListAsync();
        return [.. rows.Select(r => r.Finding.StateAt(now) == HygieneState.Accepted ? $"({r.Slug} {r.Finding.Rule} {r.Finding.Subject})" : $"{r.Slug} {r.Finding.Rule} {r.Finding.Subject}").Order(StringComparer.Ordinal)];
    }

    public async Task<HygieneFinding> FindingAsync(string rule, string subject)
    {
        await using var db = await App.Dbs().CreateDbContextAsync();
        return await db.HygieneFindings.AsNoTracking().SingleAsync(f => f.Rule == rule && f.Subject == subject);
    }

    public async Task<Guid> CredentialIdAsync(string ws, string name)
    {
        await using var db = await App.Dbs().CreateDbContextAsync();
        return await db.Credentials.Where(c => c.Name == name && db.Workspaces.Any(w => w.Slug == ws && w.Id == c.WorkspaceId)).Select(c => c.Id).SingleAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await App.DisposeAsync();
    }

    /// <summary>The statements of what runs inside it, and on SQLite how each would be executed.</summary>
    internal sealed class StatementLog : DbCommandInterceptor, ISaveChangesInterceptor
    {
        private readonly AsyncLocal<ConcurrentQueue<(string Text, string Plan)>?> _here = new();

        public async Task<IReadOnlyList<(string Text, string Plan)>> OfAsync(Func<Task> run)
        {
            var mine = _here.Value = new ConcurrentQueue<(string, string)>();
            try
            {
                await run();
            }
            finally
            {
                _here.Value = null;
            }
            return [.. mine];
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            _here.Value?.Enqueue((command.CommandText, Plan(command)));
            return ValueTask.FromResult(result);
        }

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            _here.Value?.Enqueue((command.CommandText, ""));
            return ValueTask.FromResult(result);
        }

        private static string Plan(DbCommand command)
        {
            if (command is not Microsoft.Data.Sqlite.SqliteCommand || !command.CommandText.StartsWith("SELECT", StringComparison.Ordinal)) return "";
            using var explain = command.Connection!.CreateCommand();
            explain.Transaction = command.Transaction;
            explain.CommandText = "EXPLAIN QUERY PLAN " + command.CommandText;
            foreach (DbParameter p in command.Parameters)
            {
                var copy = explain.CreateParameter();
                (copy.ParameterName, copy.Value) = (p.ParameterName, p.Value);
                explain.Parameters.Add(copy);
            }
            using var reader = explain.ExecuteReader();
            var lines = new List<string>();
            while (reader.Read()) lines.Add(reader.GetString(3));
            return string.Join('\n', lines);
        }
    }
}
