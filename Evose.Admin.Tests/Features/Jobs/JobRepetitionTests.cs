using System.Data.Common;
using System.Globalization;
using System.Net.Http.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Features.Audit;
using Evose.Admin.Features.Channels;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Features.Jobs;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Features.OAuth;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Features.Rotation;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Evose.Admin.Tests.Features.Jobs;

/// <summary>S-04: each job, with work to do, run twice at once and three times in a row, and killed at every statement it executes: the end is the same, told once and on record once.</summary>
public sealed class JobRepetitionTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(Start);
    private readonly Killer _killer = new();
    private AdminApp _app = null!;
    private int _eventsAtStart;
    
    public async ValueTask InitializeAsync()
    {
        // By themselves they run once a day, which is never here: the clock stands still.
        _app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00", ["Notifications:ScanInterval"] = "1.00:00:00", ["Notifications:DeliverInterval"] = "1.00:00:00" }, services: s => s.AddSingleton<TimeProvider>(_clock).AddSingleton<ISaveChangesInterceptor>(_killer));
        await WorkForEveryJobAsync();
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Fact]
    public void Every_job_of_the_app_is_tried_here() =>
        Assert.Equal(typeof(Program).Assembly.GetTypes().Where(t => t.IsClass && typeof(IJob).IsAssignableFrom(t)).Select(t => t.Name).Order(),
            // RetireCallsJob does nothing unless a setting tells it to: CallSegmentTests and PostgresDataTests try it. KeepTokensJob needs a provider: KeeperTests kill it between the provider's answer and ours.
            new[] { typeof(RetireCallsJob), typeof(KeepTokensJob), typeof(RetireOverdueJob), typeof(ScanExpiryJob), typeof(HousekeepingJob), typeof(VerifyChainJob), typeof(EscalateJob), typeof(DeliverNotificationsJob), typeof(ScanHygieneJob) }.Select(t => t.Name).Order());

    [Fact]
    public Task A_retirement_is_done_once() => TryAsync<RetireOverdueJob>(notifications: 1, events: 1, async db =>
    {
        var versions = await db.CredentialVersions.AsNoTracking().Include(v => v.Fields).OrderBy(v => v.Number).ToListAsync();
        Assert.Equal([(VersionState.Retired, true), (VersionState.Active, false)], versions.Select(v => (v.State, v.Value is null)));
    });

    [Fact]
    public Task An_expiry_is_told_once() => TryAsync<ScanExpiryJob>(notifications: 1, events: 0, async db =>
        Assert.Equal("svc_prod expires in 5 days", (await db.Notifications.AsNoTracking().SingleAsync()).Title));

    [Fact]
    public async Task Silence_is_escalated_once()
    {
        await _app.Get<ScanExpiryJob>().RunAsync(CancellationToken.None);
        _clock.Advance(TimeSpan.FromDays(3));
        await TryAsync<EscalateJob>(notifications: 1, events: 0, async db => Assert.Equal("Nobody looks after svc_prod", (await db.Notifications.AsNoTracking().SingleAsync(n => n.Kind == NotificationKind.Escalated)).Title));
    }

    // A run that is killed keeps its channel until its lease is over; the receiver may get a message again, under the same id, and never more than once without a kill.
    [Fact]
    public async Task A_delivery_is_done_once_and_a_repetition_can_be_told()
    {
        await using var receiver = await Upstream.StartAsync();
        using var api = _app.Api();
        await GivenRemote.OkAsync(api.PostAsJsonAsync("/api/v1/webhooks", new { workspace = RotationWorld.Ws, url = receiver.Url, secret = "a-secret-of-the-test" }));
        await _app.Get<ScanExpiryJob>().RunAsync(CancellationToken.None);
        var runner = _app.Get<JobRunner<DeliverNotificationsJob>>();
        var kills = 0;
        for (var at = 1; await _killer.KilledAtAsync(at, () => _app.Get<DeliverNotificationsJob>().RunAsync(CancellationToken.None)); at++)
        {
            Assert.True(at < 100, "the job never came through");
            kills++;
            // Past the lease and the wait after an attempt.
            _clock.Advance(TimeSpan.FromHours(2));
        }
        Assert.True(kills >= 4, $"only {kills} kills");
        var sent = receiver.Requests.Count;
        _clock.Advance(TimeSpan.FromHours(2));
        await Task.WhenAll(Task.Run(() => runner.RunAsync(CancellationToken.None)), Task.Run(() => runner.RunAsync(CancellationToken.None)));
        for (var i = 0; i < 3; i++) await runner.RunAsync(CancellationToken.None);
        Assert.Equal(sent, receiver.Requests.Count);
        Assert.Single(receiver.Requests.Select(r => r.Headers["X-Evose-Delivery-Id"]).Distinct());
        await using var db = await _app.DbAsync();
        Assert.Equal(DeliveryState.Delivered, (await db.Deliveries.AsNoTracking().SingleAsync()).State);
    }

    [Fact]
    public Task Housekeeping_is_done_once() => TryAsync<HousekeepingJob>(notifications: 0, events: 0, async db =>
        Assert.Equal((0, 0), (await db.StagedValues.CountAsync(), await db.IdempotencyRecords.CountAsync())));

    [Fact]
    public Task Bad_habits_are_found_once() => TryAsync<ScanHygieneJob>(notifications: 0, events: 0, async db =>
        Assert.Equal(["no-owner"], await db.HygieneFindings.AsNoTracking().Where(f => f.ResolvedAt == null).Select(f => f.Rule).ToListAsync()));

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task A_broken_chain_is_told_once()
    {
        AuditWorld.Sql(Path.Combine(_app.DataDirectory, "evose.db"), "UPDATE audit_event SET detail = 'nothing happened' WHERE seq = 2");
        await TryAsync<VerifyChainJob>(notifications: 1, events: 1, async db =>
            Assert.Equal(AuditAction.IntegrityViolation, (await db.AuditEvents.AsNoTracking().OrderByDescending(e => e.Seq).FirstAsync()).Action));
    }

    private async Task TryAsync<TJob>(int notifications, int events, Func<AdminDb, Task> end)
        where TJob : class, IJob
    {
        var runner = _app.Get<JobRunner<TJob>>();
        var before = await StateAsync();

        // Killed at its first statement, its second, and so on until it comes through.
        var kills = 0;
        for (var at = 1; ; at++)
        {
            Assert.True(at < 500, "the job never came through");
            if (!await _killer.KilledAtAsync(at, () => _app.Get<TJob>().RunAsync(CancellationToken.None))) break;
            kills++;
            var now = await StateAsync();
            Assert.True(now == before || now == (before.Notifications + notifications, before.Events + events), $"killed at statement {at} it left a half: {before} became {now}");
        }
        Assert.True(kills >= 2, $"only {kills} kills");

        // One that has just been done, twice at once and three times in a row.
        await Task.WhenAll(Task.Run(() => runner.RunAsync(CancellationToken.None)), Task.Run(() => runner.RunAsync(CancellationToken.None)));
        for (var i = 0; i < 3; i++) await runner.RunAsync(CancellationToken.None);
        Assert.Equal((before.Notifications + notifications, before.Events + events), await StateAsync());
        await using var db = await _app.DbAsync();
        await end(db);
    }

    [Fact]
    public async Task Two_runs_at_once_share_the_work_and_none_does_it_again()
    {
        foreach (var (run, items) in new (Func<Task<int>>, int)[]
        {
            (() => _app.Get<RetireOverdueJob>().RunAsync(CancellationToken.None), 1),
            (() => _app.Get<ScanExpiryJob>().RunAsync(CancellationToken.None), 1),
            (() => _app.Get<HousekeepingJob>().RunAsync(CancellationToken.None), 2),
        })
        {
            var together = await Task.WhenAll(Task.Run(run), Task.Run(run));
            Assert.Equal(items, together.Sum());
            for (var i = 0; i < 3; i++) Assert.Equal(0, await run());
        }
        var (notifications, events) = await StateAsync();
        Assert.Equal((2, 1), (notifications, events - _eventsAtStart));
    }

    private async Task<(int Notifications, int Events)> StateAsync()
    {
        await using var db = await _app.Dbs().CreateDbContextAsync();
        return (await db.Notifications.CountAsync(), await db.AuditEvents.CountAsync());
    }

    // A grace period that is over, an expiry in five days, a staged value and a kept answer whose time is over.
    private async Task WorkForEveryJobAsync()
    {
        await Given.WorkspaceAsync(_app, RotationWorld.Ws);
        using var api = _app.Api();
        await GivenRemote.OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{RotationWorld.Ws}/credentials", new { name = "svc_prod", type = "api_key", fields = new { value = "first-value-4711" }, expires_at = (Start + TimeSpan.FromDays(3)).ToString("O", CultureInfo.InvariantCulture) }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{RotationWorld.Ws}/credentials/svc_prod/rotation", new { fields = new { value = "second-value-4711" }, skip_verify = true, skip_verify_reason = "tested by hand", expires_at = (Start + TimeSpan.FromDays(7)).ToString("O", CultureInfo.InvariantCulture) }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{RotationWorld.Ws}/credentials/svc_prod/rotation/promote", new { grace = "1.00:00:00" }));
        await using (var db = await _app.DbAsync())
        {
            db.IdempotencyRecords.Add(new IdempotencyRecord { Key = "old", CreatedAt = Start });
            db.StagedValues.Add(new StagedValue { Id = Guid.CreateVersion7(Start), ExpiresAt = Start.AddMinutes(15) });
            await db.SaveChangesAsync();
        }
        _clock.Advance(TimeSpan.FromDays(2));
        _eventsAtStart = (await StateAsync()).Events;
    }

    /// <summary>Ends what runs inside it at its n-th statement, as a kill of the process would: nothing after it is executed, and what was not committed is gone.</summary>
    private sealed class Killer : DbCommandInterceptor, ISaveChangesInterceptor
    {
        private readonly AsyncLocal<Countdown?> _here = new();

        /// <summary>Whether it got that far.</summary>
        public async Task<bool> KilledAtAsync(int statement, Func<Task> run)
        {
            _here.Value = new Countdown { Left = statement };
            try
            {
                await run();
                return false;
            }
            catch (Exception e) when (e is KilledException || e.InnerException is KilledException)
            {
                return true;
            }
            finally
            {
                _here.Value = null;
            }
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            Step();
            return ValueTask.FromResult(result);
        }

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            Step();
            return ValueTask.FromResult(result);
        }

        private void Step()
        {
            if (_here.Value is { } countdown && --countdown.Left == 0) throw new KilledException();
        }

        private sealed class Countdown
        {
            public int Left { get; set; }
        }

        private sealed class KilledException : Exception;
    }
}
