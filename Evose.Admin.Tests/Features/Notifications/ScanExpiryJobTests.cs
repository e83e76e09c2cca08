using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;

namespace Evose.Admin.Tests.Features.Notifications;

public sealed class ScanExpiryJobTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _clock = new(Start);
    private readonly AdminApp _app;
    private Workspace _workspace = null!;

    // Scans once a day by itself, which is never during a test: the tests say when.
    public ScanExpiryJobTests() => _app = new AdminApp(new() { ["Notifications:ScanInterval"] = "1.00:00:00", ["Notifications:DeliverInterval"] = "1.00:00:00" }, services: s => s.Replace(ServiceDescriptor.Singleton<TimeProvider>(_clock)));

    public async ValueTask InitializeAsync() => _workspace = await _app.WorkspaceAsync("sales");

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private ScanExpiryJob Job => _app.Get<ScanExpiryJob>();

    [Fact]
    public async Task Tells_once_at_each_step_of_the_ladder_and_at_the_date_itself()
    {
        await RegisterAsync("openai_prod", Start.AddDays(40));
        var told = new List<(double Left, int Count)>();
        for (var hour = 0; hour <= 41 * 24; hour += 6)
        {
            _clock.SetUtcNow(Start.AddHours(hour));
            if (await Job.RunAsync(CancellationToken.None) is var raised and > 0) told.Add((40 - hour / 24.0, raised));
        }
        Assert.Equal([(30, 1), (14, 1), (7, 1), (3, 1), (1, 1), (0, 1)], told);
        var all = await AllAsync();
        Assert.Equal(["openai_prod expires in 30 days", "openai_prod expires in 14 days", "openai_prod expires in 7 days", "openai_prod expires in 3 days", "openai_prod expires in 1 day", "openai_prod has expired"], all.Select(n => n.Title));
        Assert.Equal([.. Enumerable.Repeat(NotificationKind.ExpirySoon, 5), NotificationKind.Expired], all.Select(n => n.Kind));
        Assert.All(all, n => Assert.Equal(("/w/sales/credentials/openai_prod/rotate", _workspace.Id), (n.Url, n.WorkspaceId!.Value)));
    }

    [Fact]
    public async Task Of_several_missed_steps_only_the_nearest_is_told()
    {
        await RegisterAsync("late_prod", Start.AddDays(2));
        Assert.Equal(1, await Job.RunAsync(CancellationToken.None));
        Assert.Equal("late_prod expires in 2 days", Assert.Single(await AllAsync()).Title);
        _clock.SetUtcNow(Start.AddDays(400));
        Assert.Equal((1, 0), (await Job.RunAsync(CancellationToken.None), await Job.RunAsync(CancellationToken.None)));
        Assert.Equal("late_prod has expired", (await AllAsync())[^1].Title);
    }

    [Fact]
    public async Task A_changed_date_starts_the_ladder_anew()
    {
        var id = await RegisterAsync("openai_prod", Start.AddDays(5));
        Assert.Equal(1, await Job.RunAsync(CancellationToken.None));
        await ChangeAsync(id, c => c.Expire(Start.AddDays(6)));
        Assert.Equal((1, 0), (await Job.RunAsync(CancellationToken.None), await Job.RunAsync(CancellationToken.None)));
        await ChangeAsync(id, c => c.Expire(Start.AddDays(300)));
        Assert.Equal(0, await Job.RunAsync(CancellationToken.None));
        await ChangeAsync(id, c => c.Expire(null));
        Assert.Equal(0, await Job.RunAsync(CancellationToken.None));
        Assert.Equal(["openai_prod expires in 5 days", "openai_prod expires in 6 days"], (await AllAsync()).Select(n => n.Title));
    }

    [Fact]
    public async Task Archived_credentials_are_silent()
    {
        var id = await RegisterAsync("old_prod", Start.AddDays(1));
        await ChangeAsync(id, c => c.Archive(Start));
        Assert.Equal(0, await Job.RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Twice_at_once_and_three_times_in_a_row_is_one_notification()
    {
        await RegisterAsync("openai_prod", Start.AddDays(7));
        var raised = await Task.WhenAll(Task.Run(() => Job.RunAsync(CancellationToken.None)), Task.Run(() => Job.RunAsync(CancellationToken.None)));
        for (var i = 0; i < 3; i++) Assert.Equal(0, await Job.RunAsync(CancellationToken.None));
        Assert.Equal(1, raised.Sum());
        Assert.Single(await AllAsync());
    }

    private async Task<Guid> RegisterAsync(string name, DateTimeOffset expiresAt)
    {
        await using var db = await _app.Dbs().CreateDbContextAsync();
        var credential = Credential.Register(Guid.CreateVersion7(_clock.GetUtcNow()), _workspace.Id, name, CredentialType.ApiKey, _clock.GetUtcNow());
        credential.Expire(expiresAt);
        db.Credentials.Add(credential);
        await db.SaveChangesAsync();
        return credential.Id;
    }

    private async Task ChangeAsync(Guid id, Action<Credential> change)
    {
        await using var db = await _app.Dbs().CreateDbContextAsync();
        change(await db.Credentials.Include(c => c.Versions).SingleAsync(c => c.Id == id));
        await db.SaveChangesAsync();
    }

    private async Task<List<Notification>> AllAsync()
    {
        await using var db = await _app.Dbs().CreateDbContextAsync();
        return await db.Notifications.AsNoTracking().Where(n => n.CredentialId != null).OrderBy(n => n.CreatedAt).ToListAsync();
    }
}
