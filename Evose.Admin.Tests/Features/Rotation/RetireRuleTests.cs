using System.Net;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Rotation;

public sealed class RetireRuleTests : IAsyncLifetime
{
    private RotationWorld _world = null!;
    private Upstream _upstream = null!;
    private volatile int _status = 200;
    private volatile TaskCompletionSource? _wait;

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync(async (context, _) =>
        {
            if (_wait is { } wait) await wait.Task;
            context.Response.StatusCode = _status;
        });
        _world = await RotationWorld.StartAsync(fakeClock: true);
        await _world.SeedAsync(_upstream.Url, "key-one");
    }

    public async ValueTask DisposeAsync()
    {
        _wait?.TrySetResult();
        await _world.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    private async Task SwapAsync(object? grace = null)
    {
        (await _world.StartAsync("key-two")).Expect(HttpStatusCode.Created);
        (await _world.PostAsync("/promote", grace is null ? null : new { grace })).Expect(HttpStatusCode.OK, "grace");
    }

    private async Task<VersionState> OldAsync() => (await _world.CredentialAsync()).Versions.Single(v => v.Number == 1).State;

    private async Task<List<Notification>> NotesAsync()
    {
        await using var db = _world.Db();
        return await db.Notifications.AsNoTracking().OrderBy(n => n.CreatedAt).ToListAsync();
    }

    [Fact]
    public async Task Retires_once_and_never_before_24_hours_whatever_the_clock_of_the_jobs_does()
    {
        await SwapAsync();
        Assert.Equal(0, await _world.SweepAsync());
        _world.Clock!.Advance(TimeSpan.FromHours(12));
        await _world.RestartAsync();
        Assert.Equal(0, await _world.SweepAsync());
        _world.Clock.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(_world.SweepAsync))), ended => Assert.Equal(0, ended));
        Assert.Equal(VersionState.Retiring, await OldAsync());

        // No sweep at the due moment: the next one, after another restart, does it.
        _world.Clock.Advance(TimeSpan.FromSeconds(1) + TimeSpan.FromHours(3));
        await _world.RestartAsync();
        var runs = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(_world.SweepAsync)));
        Assert.Equal(1, runs.Sum());
        for (var i = 0; i < 3; i++) Assert.Equal(0, await _world.SweepAsync());

        Assert.Equal(VersionState.Retired, await OldAsync());
        var credential = await _world.CredentialAsync();
        Assert.Equal([AuditAction.RotationStarted, AuditAction.RotationPromoted, AuditAction.RotationRetired], await _world.AuditAsync(credential.Id));
        Assert.Equal([NotificationKind.VersionRetired], (await NotesAsync()).Select(n => n.Kind));
    }

    [Fact]
    public async Task A_failing_new_version_holds_until_it_was_sound_for_the_quiet_window()
    {
        await SwapAsync();
        _world.Clock!.Advance(TimeSpan.FromHours(23.5));
        _status = 401;
        Assert.Equal(HttpStatusCode.Unauthorized, (await _world.CallAsync()).Status);
        _status = 200;
        _world.Clock.Advance(TimeSpan.FromMinutes(30));
        await PollAsync(async () => (await _world.GetAsync()).Holds is ["new_version_failing"]);
        for (var i = 0; i < 3; i++) Assert.Equal(0, await _world.SweepAsync());
        Assert.Contains("new_version_failing", (await _world.PostAsync("/retire")).Expect(HttpStatusCode.Conflict, "grace").Holds);

        var note = Assert.Single(await NotesAsync());
        Assert.Equal(NotificationKind.RetirementHeld, note.Kind);
        Assert.Contains("failed", note.Body);
        Assert.Equal(1, (await _world.AuditAsync((await _world.CredentialAsync()).Id)).Count(a => a == AuditAction.RotationHeld));

        _world.Clock.Advance(TimeSpan.FromMinutes(31));
        Assert.Equal(1, await _world.SweepAsync());
        Assert.Equal(VersionState.Retired, await OldAsync());
    }

    [Fact]
    public async Task An_answer_that_is_the_callers_fault_does_not_hold()
    {
        await SwapAsync();
        _world.Clock!.Advance(TimeSpan.FromHours(24));
        _status = 404;
        await _world.CallAsync();
        Assert.Equal(1, await _world.SweepAsync());
    }

    [Fact]
    public async Task A_straggler_that_uses_the_old_version_holds()
    {
        await SwapAsync();
        _world.Clock!.Advance(TimeSpan.FromHours(24));
        // No call of this process can: another node that decided on old rows is played by hand.
        await UseOldAsync();
        Assert.Equal(0, await _world.SweepAsync());
        Assert.Equal(["old_version_used"], (await _world.GetAsync()).Holds);
        _world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, await _world.SweepAsync());
    }

    private async Task UseOldAsync()
    {
        var credential = await _world.CredentialAsync();
        await using var db = _world.Db();
        var now = _world.Clock!.GetUtcNow();
        var entry = new CallEntry
        {
            Id = Guid.CreateVersion7(now), At = now, Stamp = (await db.Installations.SingleAsync()).Stamp, WorkspaceId = credential.WorkspaceId, Method = "GET", Rule = "tool", RequestId = "straggler",
            Uses = [new VersionUse(credential.Id, credential.Name, 1)],
        };
        var ledger = _world.App.Get<UsageLedger>();
        var answer = await ledger.AuthorizeAsync(entry);
        Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
        ledger.Complete(entry, answer.FirstSeq, 200, 1, Evose.Admin.Domain.Calls.CallOutcome.Succeeded, null);
    }

    [Fact]
    public async Task A_call_under_way_on_the_old_version_holds_and_ends_on_it()
    {
        _wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var call = _world.CallAsync();
        await PollAsync(() => Task.FromResult(!_upstream.Requests.IsEmpty));
        await SwapAsync(grace: 0);
        Assert.Equal(0, await _world.SweepAsync());
        Assert.Equal(["old_version_in_flight"], (await _world.GetAsync()).Holds);
        _wait.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await call).Status);
        Assert.Equal("key-one", _upstream.Requests.First().Headers["X-Key"]);
        await PollAsync(async () => (await _world.GetAsync()).Holds is []);
        Assert.Equal(1, await _world.SweepAsync());
    }

    [Fact]
    public async Task A_grace_that_was_set_shorter_than_the_quiet_period_shortens_it()
    {
        await SwapAsync(grace: 600);
        _status = 500;
        await _world.CallAsync();
        _world.Clock!.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(1, await _world.SweepAsync());
    }

    [Fact]
    public async Task A_rollback_before_the_end_leaves_the_sweep_nothing()
    {
        await SwapAsync();
        _world.Clock!.Advance(TimeSpan.FromHours(24));
        (await _world.PostAsync("/rollback")).Expect(HttpStatusCode.OK, "rolled_back");
        Assert.Equal(0, await _world.SweepAsync());
        Assert.Equal(VersionState.Active, await OldAsync());
    }

    private static async Task PollAsync(Func<Task<bool>> until)
    {
        for (var deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(1); !await until();)
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, "it did not happen in time");
            await Task.Delay(20);
        }
    }
}
