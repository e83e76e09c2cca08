using System.Globalization;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Features.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Evose.Admin.Tests.Platform.Postgres;

/// <summary>The data layer on PostgreSQL: writers, schema, parts, privileges.</summary>
public sealed class PostgresDataTests
{
    [Fact]
    public void Neither_engine_has_model_changes_without_a_migration()
    {
        using var gate = new WriteGate();
        using var sqlite = new AdminDb(new DbContextOptionsBuilder<AdminDb>().UseSqlite("Data Source=:memory:").Options, gate, new CatalogStamp());
        using var postgres = new PostgresAdminDb(new DbContextOptionsBuilder<PostgresAdminDb>().UseNpgsql("Host=none").Options, gate, new CatalogStamp());
        Assert.False(sqlite.Database.HasPendingModelChanges(), "SQLite: run ./dev migrate NAME");
        Assert.False(postgres.Database.HasPendingModelChanges(), "PostgreSQL: run ./dev migrate NAME");
    }

    [Fact]
    public async Task A_writer_waits_for_the_writer_of_another_node_and_gives_up_after_ten_seconds()
    {
        await using var nodes = await Nodes.StartAsync();
        await using var first = await nodes.First.DbAsync();
        await using var second = await nodes.Second.DbAsync();
        await using (var write = await first.BeginWriteAsync(CancellationToken.None))
        {
            var began = TimeProvider.System.GetTimestamp();
            await Assert.ThrowsAsync<TimeoutException>(() => second.BeginWriteAsync(CancellationToken.None));
            Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalSeconds, 9.5, 60);
        }
        await using var free = await second.BeginWriteAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_lock_of_the_queue_that_a_killed_node_left_keeps_nobody_from_starting()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        await using (var app = new AdminApp(Nodes.Settings(database))) await app.CallsAsync(null, 1);
        foreach (var name in new[] { "deliver-notifications", "oauth-keep-tokens" })
            await ScalarAsync(database, $"INSERT INTO hangfire.lock (resource, acquired) VALUES ('hangfire:lock:recurring-job:{name}', now() AT TIME ZONE 'utc')");
        var began = TimeProvider.System.GetTimestamp();
        await using (var app = new AdminApp(Nodes.Settings(database))) await app.CallsAsync(null, 1);
        // Two of them, one after the other.
        Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalSeconds, 0, 60);
        await PostgresServer.DropAsync(database);
    }

    [Fact]
    public async Task Calls_lie_in_the_part_of_their_month_and_the_next_months_have_theirs()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        await using (var app = new AdminApp(Nodes.Settings(database)))
        {
            await app.CallsAsync(null, 3);
            var now = app.Get<TimeProvider>().GetUtcNow();
            for (var i = 0; i <= 2; i++) Assert.Equal(2L, await ScalarAsync(database, $"SELECT count(*) FROM pg_class WHERE relname LIKE 'call\\_%\\_{now.AddMonths(i).ToString("yyyyMM", CultureInfo.InvariantCulture)}' AND relispartition"));
            Assert.Equal(0L, await ScalarAsync(database, "SELECT count(*) FROM call_record_rest"));
            Assert.Equal(3L, await ScalarAsync(database, $"SELECT count(*) FROM call_completion_{now.ToString("yyyyMM", CultureInfo.InvariantCulture)}"));
            await using var db = await app.DbAsync();
            Assert.Equal(0, await Partitions.PrepareAsync(db, now, CancellationToken.None));
            Assert.Equal(2, await Partitions.PrepareAsync(db, now.AddMonths(1), CancellationToken.None));
        }
        await PostgresServer.DropAsync(database);
    }

    [Fact]
    public async Task A_month_whose_calls_are_over_is_dropped_and_the_rest_is_still_proven()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        var clock = new MovedClock { By = TimeSpan.FromDays(-100) };
        await using (var app = new AdminApp(Nodes.Settings(database), services: s => s.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock))))
        {
            var month = clock.GetUtcNow().ToString("yyyyMM", CultureInfo.InvariantCulture);
            await app.CallsAsync(null, 4);
            var late = new CallEntry
            {
                Id = Guid.CreateVersion7(clock.GetUtcNow()), At = clock.GetUtcNow(), Stamp = app.Get<CatalogStamp>().Latest, Tool = "crm", UserId = "u-late", Method = "GET", Rule = "scope:tool", RequestId = "late",
                Uses = [new VersionUse(Guid.AllBitsSet, "openai_prod", 1)],
            };
            var answer = await app.Get<UsageLedger>().AuthorizeAsync(late);
            clock.By = TimeSpan.FromDays(-40);
            await app.CallsAsync(null, 3);
            // Its row stands in the chain behind those of a later month.
            app.Get<UsageLedger>().Complete(late, answer.FirstSeq, 200, 1, CallOutcome.Succeeded, null);
            await app.SettledAsync();
            clock.By = TimeSpan.Zero;
            await app.CallsAsync(null, 2);
            var job = ActivatorUtilities.CreateInstance<RetireCallsJob>(app.Services, Options.Create(new RetentionOptions { Calls = "50" }));
            // With the empty month behind it, where that is over too.
            Assert.InRange(await job.RunAsync(CancellationToken.None), 1, 2);
            Assert.Equal(0, await job.RunAsync(CancellationToken.None));
            Assert.Equal(0L, await ScalarAsync(database, $"SELECT count(*) FROM pg_class WHERE relname LIKE 'call\\_%\\_{month}'"));
            Assert.Equal((5L, 6L), (await ScalarAsync(database, "SELECT count(*) FROM call_record"), await ScalarAsync(database, "SELECT count(*) FROM call_completion")));
            var report = await Nodes.VerifyAsync(app);
            Assert.Null(report.FirstBreak);
            Assert.Equal((9L, 11L), (report.Retired, report.CallSeq));
            await using (var db = await app.DbAsync()) Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.CallsRetired));
            // Whatever the app asks for, the last 28 days stay.
            await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync(database, $"SELECT place FROM evose_call_drop('{clock.GetUtcNow().ToString("yyyyMM", CultureInfo.InvariantCulture)}', {CallNumber.First(clock.GetUtcNow())})"));
            Assert.Equal(1, await PostgresServer.ExecuteAsync(database, "DELETE FROM retired_calls"));
            Assert.NotNull((await Nodes.VerifyAsync(app)).FirstBreak);
        }
        await PostgresServer.DropAsync(database);
    }

    /// <summary>The system's clock, moved.</summary>
    private sealed class MovedClock : TimeProvider
    {
        public TimeSpan By { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + By;
    }

    [Fact]
    public async Task The_role_of_the_app_adds_to_ledger_and_trail_and_can_change_nothing_in_them()
    {
        var database = await PostgresServer.NewDatabaseAsync(empty: true);
        var roles = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "postgres-roles.sql"));
        await PostgresServer.ExecuteAsync(database, roles);
        var app = new NpgsqlConnectionStringBuilder(database) { Username = "evose_app" }.ConnectionString;
        var owner = Nodes.Settings(new NpgsqlConnectionStringBuilder(database) { Username = "evose_owner" }.ConnectionString);
        await using (var migrate = await AppProcess.StartAsync(Directory.CreateTempSubdirectory("evose-migrate-").FullName, settings: owner.ToDictionary(s => s.Key, s => s.Value!), waitReady: false, verb: "migrate"))
            Assert.Equal(0, await migrate.ExitAsync());
        await PostgresServer.ExecuteAsync(database, roles);

        await using (var world = await BrokerWorld.StartAsync(settings: Nodes.Settings(app)))
        {
            using var api = world.Caller();
            Assert.Equal(200, (int)(await api.GetAsync("/broker/cs/gpt-call/models")).StatusCode);
            await world.App.SettledAsync();
            Assert.True((await Nodes.VerifyAsync(world.App)).Verified);
            foreach (var table in new[] { "call_record", "call_completion", "audit_event" })
            {
                Assert.True(await ScalarAsync(database, $"SELECT count(*) FROM {table}") is > 0L, table);
                foreach (var sql in new[] { $"UPDATE {table} SET link = ''", $"DELETE FROM {table}", $"TRUNCATE {table}", $"DROP TABLE {table}", $"ALTER TABLE {table} DISABLE TRIGGER ALL" })
                    Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => PostgresServer.ExecuteAsync(app, sql))).SqlState);
            }
            var part = "call_record_" + world.App.Get<TimeProvider>().GetUtcNow().ToString("yyyyMM", CultureInfo.InvariantCulture);
            foreach (var sql in new[] { $"DELETE FROM {part}", $"INSERT INTO {part} SELECT * FROM {part}", "DELETE FROM chain_head", "CREATE TABLE mine (n int)" })
                Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => PostgresServer.ExecuteAsync(app, sql))).SqlState);
        }
        await PostgresServer.DropAsync(database);
    }

    [Fact]
    public async Task A_root_that_other_nodes_cannot_read_ends_the_start_and_says_what_to_set()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        var settings = Nodes.Settings(database);
        settings.Remove("SECRET_KEY");
        var refused = Assert.Throws<OptionsValidationException>(() => new AdminApp(settings));
        Assert.Contains("SECRET_KEY", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Root:IsShared", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0L, await ScalarAsync(database, "SELECT count(*) FROM key_generation"));
        await PostgresServer.DropAsync(database);
    }

    private static async Task<object?> ScalarAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private static string Root()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at!.FullName, "appsettings.sample.json"))) at = at.Parent;
        return at.FullName;
    }
}
