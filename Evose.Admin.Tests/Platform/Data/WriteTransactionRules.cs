using Evose.Admin.Features.Jobs;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Rules;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Platform.Data;

/// <summary>Q-02: no transaction that began as a reading one is ever written in, and nothing is written past the gate.</summary>
public sealed class WriteTransactionRules
{
    [Fact]
    public async Task Every_write_of_a_full_exercise_is_immediate_and_inside_the_gate()
    {
        var trace = new WriteTrace();
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp(services: s => s.AddSingleton<ISaveChangesInterceptor>(trace));
        var good = new GoodRequests(app, await Given.WorkspaceAsync(app), upstream);
        var actor = await app.AdminAsync();
        using var api = app.Api();
        await CallAsync();
        await app.Get<UsageLedger>().CaughtUpAsync(CancellationToken.None);
        trace.Attach(app.Get<JournalImport>());
        trace.Begin(app.Get<WriteGate>());

        foreach (var row in good.All)
        {
            var ready = await row.Prepare();
            using var answer = await good.SendAsync(api, row.Method, ready.Path, ready.Body);
            Assert.True(answer.IsSuccessStatusCode, $"{row.Name}: {(int)answer.StatusCode}");
        }
        await CallAsync();
        using (var person = new Browserless(app.Url))
        {
            await person.SignInAsync();
            await person.SubmitAsync("/account/logout", []);
        }
        foreach (var path in (string[])["audit/verify", "audit/export?format=csv", "audit/events", "api-keys", "notifications"])
        {
            using var read = await api.GetAsync("/api/v1/" + path);
            Assert.True(read.IsSuccessStatusCode, path);
        }
        foreach (var job in app.Get<JobList>().Entries) Assert.Null((await app.Get<TriggerJob>().ExecuteAsync(actor, job.Name, default)).Problem);
        foreach (var job in app.Get<JobList>().Entries)
        {
            await Given.UntilAsync(async () =>
            {
                await using var db = await app.DbAsync();
                return await db.JobRuns.AnyAsync(r => r.Name == job.Name);
            });
        }

        Assert.Empty(trace.Violations);
        Assert.True(trace is { Saves: >= 30, Writes: >= 100, LedgerWrites: >= 1 }, $"{trace.Saves} saves, {trace.Writes} writes, {trace.LedgerWrites} of the ledger were seen");
        Assert.Equal(trace.Writes, trace.Immediate);

        async Task CallAsync()
        {
            using var call = await api.GetAsync($"/broker/{good.Ws}/{await good.ToolAsync()}/x");
            Assert.True(call.IsSuccessStatusCode);
        }
    }

    [Fact]
    public async Task The_trace_sees_a_write_past_the_gate_and_a_read_that_turns_into_a_write()
    {
        var trace = new WriteTrace();
        await using var app = new AdminApp(services: s => s.AddSingleton<ISaveChangesInterceptor>(trace));
        trace.Begin(app.Get<WriteGate>());
        await using (var db = await app.DbAsync()) await db.Database.ExecuteSqlRawAsync("UPDATE installation SET stamp = stamp");
        Assert.Contains(trace.Violations, v => v.StartsWith("written outside of the gate", StringComparison.Ordinal));

        await using (var db = await app.DbAsync())
        {
            await using var read = await db.BeginReadAsync(default);
            await db.Database.ExecuteSqlRawAsync("UPDATE installation SET stamp = stamp");
        }
        Assert.Contains(trace.Violations, v => v.StartsWith("written in a transaction that is Deferred", StringComparison.Ordinal));
    }
}
