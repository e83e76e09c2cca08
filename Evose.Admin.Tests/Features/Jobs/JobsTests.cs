using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Jobs;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Jobs;

public sealed class JobsTests
{
    [Fact]
    public async Task An_admin_runs_a_job_now_and_sees_it_in_the_history()
    {
        await using var app = new AdminApp();
        var admin = await app.AdminAsync();
        Assert.Null((await app.Get<TriggerJob>().ExecuteAsync(admin, HousekeepingJob.Name, CancellationToken.None)).Problem);
        var query = app.Get<JobsQuery>();
        var until = TimeProvider.System.GetTimestamp();
        JobsQuery.View view;
        do
        {
            view = (await query.RunAsync(admin, HousekeepingJob.Name, CancellationToken.None)).Value!;
            Assert.True(TimeProvider.System.GetElapsedTime(until) < TimeSpan.FromMinutes(1), "the job did not run");
            await Task.Delay(50);
        }
        while (view.Runs.Count == 0 || view.Jobs.Single(j => j.Name == HousekeepingJob.Name).State != "ok");
        Assert.True(view.CanRun);
        Assert.Equal("ok", view.Jobs.Single(j => j.Name == HousekeepingJob.Name).State);
        Assert.Contains(view.Jobs, j => j.Name == "scan-expiry" && j.Interval == TimeSpan.FromMinutes(5));
        Assert.Contains(view.Jobs, j => j.Name == "verify-audit-chain");
        await using var db = await app.Dbs().CreateDbContextAsync();
        Assert.Equal(HousekeepingJob.Name, (await db.AuditEvents.SingleAsync(e => e.Action == AuditAction.JobTriggered)).Subject);
    }

    [Fact]
    public async Task The_page_says_what_each_job_is_for()
    {
        await using var app = new AdminApp();
        var jobs = (await app.Get<JobsQuery>().RunAsync(await app.AdminAsync(), null, CancellationToken.None)).Value!.Jobs;
        Assert.NotEmpty(jobs);
        Assert.All(jobs, j => Assert.True(JobsPage.Purpose(j.Name).Length > 0, j.Name));
        Assert.Equal("OAuth keep tokens", JobsPage.Title("oauth-keep-tokens"));
    }

    [Fact]
    public async Task Reviewers_look_and_nobody_else_does_anything()
    {
        await using var app = new AdminApp();
        var ws = await app.WorkspaceAsync("sales");
        var reviewer = await app.PersonAsync("auditor@example.test", OrganizationRole.Reviewer);
        var manager = await app.PersonAsync("manager@example.test", OrganizationRole.Member, (ws.Id, WorkspaceRole.Admin));
        Assert.False((await app.Get<JobsQuery>().RunAsync(reviewer, null, CancellationToken.None)).Value!.CanRun);
        Assert.Equal(ProblemKind.Forbidden, (await app.Get<TriggerJob>().ExecuteAsync(reviewer, HousekeepingJob.Name, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await app.Get<TriggerJob>().ExecuteAsync(manager, HousekeepingJob.Name, CancellationToken.None)).Problem?.Kind);
        Assert.NotNull((await app.Get<JobsQuery>().RunAsync(manager, null, CancellationToken.None)).Problem);
        Assert.Equal(ProblemKind.NotFound, (await app.Get<TriggerJob>().ExecuteAsync(await app.AdminAsync(), "nothing", CancellationToken.None)).Problem?.Kind);
    }

    [Fact]
    public async Task Housekeeping_deletes_what_is_over_and_nothing_else()
    {
        await using var app = new AdminApp();
        var now = app.Get<TimeProvider>().GetUtcNow();
        await using (var db = await app.Dbs().CreateDbContextAsync())
        {
            foreach (var days in new[] { -31, -1 }) db.JobRuns.Add(new JobRun { Id = Guid.CreateVersion7(now), Name = $"job{days}", StartedAt = now.AddDays(days), FinishedAt = now.AddDays(days) });
            foreach (var hours in new[] { -25, -23 }) db.IdempotencyRecords.Add(new IdempotencyRecord { Key = $"k{hours}", CreatedAt = now.AddHours(hours) });
            foreach (var minutes in new[] { -1, 5 }) db.StagedValues.Add(new StagedValue { Id = Guid.CreateVersion7(now), ExpiresAt = now.AddMinutes(minutes) });
            await db.SaveChangesAsync();
        }
        Assert.Equal(3, await app.Get<HousekeepingJob>().RunAsync(CancellationToken.None));
        Assert.Equal(0, await app.Get<HousekeepingJob>().RunAsync(CancellationToken.None));
        await using var after = await app.Dbs().CreateDbContextAsync();
        Assert.Equal("job-1", (await after.JobRuns.SingleAsync(r => r.Name.StartsWith("job-"))).Name);
        Assert.Equal("k-23", (await after.IdempotencyRecords.SingleAsync()).Key);
        Assert.Equal(1, await after.StagedValues.CountAsync());
    }

    [Fact]
    public async Task A_failed_run_is_told_and_stands_in_the_history()
    {
        await using var app = new AdminApp();
        var runner = new JobRunner<FailingJob>(new FailingJob(), app.Dbs(), app.Get<TimeProvider>());
        await Assert.ThrowsAsync<InvalidOperationException>(() => runner.RunAsync(CancellationToken.None));
        var run = Assert.Single((await app.Get<JobsQuery>().RunAsync(await app.AdminAsync(), FailingJob.Name, CancellationToken.None)).Value!.Runs);
        Assert.Equal(nameof(InvalidOperationException), run.Error);
        await using var db = await app.Dbs().CreateDbContextAsync();
        Assert.DoesNotContain("secret", (await db.Notifications.SingleAsync()).Body);
    }

    private sealed class FailingJob : IJob
    {
        public static string Name => "failing";

        public Task<int> RunAsync(CancellationToken ct) => throw new InvalidOperationException("secret text");
    }
}
