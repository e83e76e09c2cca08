using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Features.Channels;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Notifications;

public sealed class LadderTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = ChannelWorld.Start;
    private static readonly string[] Reminders = ["expiry_soon", "expired"];

    private ChannelWorld _world = null!;

    public async ValueTask InitializeAsync() => _world = await ChannelWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Forty_days_give_exactly_one_delivery_per_step_and_channel()
    {
        var (first, second) = (await _world.ChannelAsync(more: new { events = Reminders }), await _world.ChannelAsync("slack", more: new { events = Reminders }));
        await RegisterAsync("openai_prod", Start.AddDays(40));
        var sent = new List<(double Left, int Count)>();
        for (var hour = 0; hour <= 41 * 24; hour += 3)
        {
            _world.Clock.SetUtcNow(Start.AddHours(hour));
            await SweepAsync();
            if (await _world.DeliverAsync() is var count and > 0) sent.Add((40 - hour / 24.0, count));
        }
        Assert.Equal([(30, 2), (14, 2), (7, 2), (3, 2), (1, 2), (0, 2)], sent);
        foreach (var channel in new[] { first, second })
        {
            var steps = await StepsAsync(channel);
            Assert.Equal(["30", "14", "7", "3", "1", "0"], steps.Select(s => s.Step));
            Assert.All(steps, s => Assert.Equal((DeliveryState.Delivered, 1), (s.State, s.Attempts)));
        }
        Assert.Equal(12, _world.Receiver.Requests.Count);
    }

    [Fact]
    public async Task A_step_is_stamped_only_when_its_channel_took_it_and_the_other_channel_does_not_wait()
    {
        var (down, up) = (await _world.ChannelAsync(path: "/down/0123456789", more: new { events = Reminders }), await _world.ChannelAsync("slack", more: new { events = Reminders }));
        await RegisterAsync("openai_prod", Start.AddDays(14));
        await SweepAsync();
        _world.Answers.Enqueue((503, "down"));
        // In which order they are asked is chance: the one that met the 503 waits.
        Assert.Equal(1, await _world.DeliverAsync());
        var all = (await StepsAsync(down)).Concat(await StepsAsync(up)).ToList();
        Assert.Equal([DeliveryState.Pending, DeliveryState.Delivered], all.Select(s => s.State).Order());
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await SweepAsync();
        Assert.Equal(1, await _world.DeliverAsync());
        Assert.All((await StepsAsync(down)).Concat(await StepsAsync(up)), s => Assert.Equal(("14", DeliveryState.Delivered), (s.Step, s.State)));
    }

    [Fact]
    public async Task A_moved_date_arms_the_ladder_anew_and_a_clock_that_is_put_back_repeats_nothing()
    {
        await _world.ChannelAsync(more: new { events = Reminders });
        var id = await RegisterAsync("openai_prod", Start.AddDays(7));
        await SweepAsync();
        await _world.DeliverAsync();
        _world.Clock.AdjustTime(Start.AddDays(-10));
        await SweepAsync();
        _world.Clock.AdjustTime(Start);
        await SweepAsync();
        await _world.DeliverAsync();
        var told = await KeysAsync(id);
        Assert.Single(told);
        await ChangeAsync(id, c => c.Expire(Start.AddDays(14)));
        await SweepAsync();
        await SweepAsync();
        Assert.Single((await KeysAsync(id)).Except(told));
    }

    [Fact]
    public async Task The_credentials_ladder_goes_before_the_workspaces_and_that_before_the_installations()
    {
        await RegisterAsync("own_prod", Start.AddDays(60));
        await RegisterAsync("shared_prod", Start.AddDays(60));
        await PutAsync("notification-settings", new { ladder = new[] { 50, 2 }, banner_from_day = 7 });
        await PutAsync("credentials/own_prod/reminders", new { ladder = new[] { 55, 40 } });
        var told = new List<(string Name, double Left)>();
        for (var hour = 0; hour <= 61 * 24; hour += 12)
        {
            _world.Clock.SetUtcNow(Start.AddHours(hour));
            var before = (await AllAsync()).Count;
            await _world.App.Get<ScanExpiryJob>().RunAsync(default);
            told.AddRange((await AllAsync()).Skip(before).Select(n => (n.Facts["name"], 60 - hour / 24.0)));
        }
        Assert.Equal([("own_prod", 55), ("shared_prod", 50), ("own_prod", 40), ("shared_prod", 2)], told);
        var reminders = await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/sales/credentials/own_prod/reminders");
        Assert.Equal("credential", reminders.GetProperty("from").GetString());
        Assert.All(reminders.GetProperty("steps").EnumerateArray(), s => Assert.NotEqual(JsonValueKind.Null, s.GetProperty("told_at").ValueKind));
        await PutAsync("credentials/own_prod/reminders", new { ladder = (int[]?)null });
        Assert.Equal("workspace", (await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/sales/credentials/own_prod/reminders")).GetProperty("from").GetString());
    }

    [Theory]
    [InlineData("""{"ladder":[1,7]}""")]
    [InlineData("""{"ladder":[]}""")]
    [InlineData("""{"ladder":[400]}""")]
    [InlineData("""{"ladder":[7,7]}""")]
    [InlineData("""{"ladder":[3,-1]}""")]
    public async Task A_ladder_that_makes_no_sense_is_refused(string body)
    {
        await RegisterAsync("own_prod", Start.AddDays(60));
        foreach (var path in new[] { "notification-settings", "credentials/own_prod/reminders" })
        {
            using var answer = await _world.Api.PutAsync($"/api/v1/workspaces/sales/{path}", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
            Assert.Equal(422, (int)answer.StatusCode);
        }
    }

    [Fact]
    public async Task When_nobody_reacts_the_workspaces_admins_are_told_and_then_the_organizations_once_each()
    {
        await _world.ChannelAsync(more: new { events = new[] { "escalated" } });
        await _world.ChannelAsync("slack", workspace: "org", more: new { events = new[] { "escalated" }, includes_workspaces = false });
        await RegisterAsync("openai_prod", Start.AddDays(20));
        Assert.Equal([(7, "Nobody looks after openai_prod", true), (4, "Nobody looks after openai_prod in sales", false)], await EscalationsAsync(20));
        // One for the workspace's channel, one for the organization's.
        Assert.Equal(2, await _world.DeliverAsync());
        Assert.Single(_world.Receiver.Requests, r => r.Headers.GetValueOrDefault("X-Evose-Event") == "credential.escalated");
        Assert.Single(_world.Receiver.Requests, r => !r.Headers.ContainsKey("X-Evose-Event"));
    }

    [Fact]
    public async Task An_acknowledgement_an_update_or_a_setting_stops_the_escalation_and_a_snooze_only_until_then()
    {
        var (known, updated, aside) = (await RegisterAsync("known_prod", Start.AddDays(20)), await RegisterAsync("updated_prod", Start.AddDays(20)), await RegisterAsync("aside_prod", Start.AddDays(20)));
        var admin = await _world.App.AdminAsync();
        _world.Clock.SetUtcNow(Start.AddDays(6));
        await SweepAsync();
        _world.Clock.SetUtcNow(Start.AddDays(12.9));
        foreach (var n in await AllAsync())
        {
            if (n.CredentialId == known) Assert.Null((await _world.App.Get<AcknowledgeNotification>().ExecuteAsync(admin, n.Id, default)).Problem);
            if (n.CredentialId == aside) Assert.Null((await _world.App.Get<SnoozeNotification>().ExecuteAsync(admin, n.Id, Start.AddDays(15), default)).Problem);
        }
        await ChangeAsync(updated, c => c.Expire(Start.AddDays(200)));
        // The seven-day step of the first is a new reminder, and nobody answers that one.
        var told = await EscalationsAsync(20, from: 13);
        Assert.Equal([("aside_prod", 5.0), ("known_prod", 4.0), ("aside_prod", 2.0), ("known_prod", 1.0)], told.Select(t => (t.Title.Split(' ')[3], t.Left)));
        await PutAsync("notification-settings", new { escalate_after_days = 0 });
        await RegisterAsync("late_prod", _world.Clock.GetUtcNow().AddDays(5));
        Assert.Empty(await EscalationsAsync(5, from: 0, start: _world.Clock.GetUtcNow()));
    }

    [Fact]
    public async Task A_notification_that_is_put_aside_leaves_the_bell_and_comes_back_by_itself()
    {
        var admin = await _world.App.AdminAsync();
        var (inbox, snooze) = (_world.App.Get<InboxQuery>(), _world.App.Get<SnoozeNotification>());
        var id = await _world.RaiseAsync("one", NotificationKind.Expired);
        await _world.RaiseAsync("two", NotificationKind.VersionRetired);
        foreach (var until in new[] { Start, Start.AddDays(31), Start.AddDays(-1) }) Assert.NotNull((await snooze.ExecuteAsync(admin, id, until, default)).Problem);
        Assert.Null((await snooze.ExecuteAsync(admin, id, Start.AddDays(3), default)).Problem);
        Assert.Equal(1, await inbox.CountOpenAsync(admin, default));
        Assert.Equal(["one"], (await inbox.RunAsync(admin, "snoozed", null, null, null, default)).Value!.Data.Select(n => n.Title));
        Assert.Equal(["two"], (await inbox.RunAsync(admin, "open", null, null, null, default)).Value!.Data.Select(n => n.Title));
        Assert.Empty((await inbox.RunAsync(admin, "open", null, null, null, default, "critical")).Value!.Data);
        _world.Clock.Advance(TimeSpan.FromDays(3));
        Assert.Equal(2, await inbox.CountOpenAsync(admin, default));
        Assert.Equal(["one"], (await inbox.RunAsync(admin, "open", null, null, null, default, "critical")).Value!.Data.Select(n => n.Title));
        var builder = await _world.App.PersonAsync("builder@example.test", OrganizationRole.Member, (_world.Workspace.Id, WorkspaceRole.Builder));
        Assert.Equal(Evose.Admin.Domain.ProblemKind.Forbidden, (await snooze.ExecuteAsync(builder, id, Start.AddDays(4), default)).Problem?.Kind);
    }

    // (days left, title, in the workspace)
    private async Task<List<(double Left, string Title, bool InWorkspace)>> EscalationsAsync(int days, double from = 0, DateTimeOffset? start = null)
    {
        var told = new List<(double, string, bool)>();
        for (var hour = from * 24; hour <= days * 24; hour += 6)
        {
            _world.Clock.SetUtcNow((start ?? Start).AddHours(hour));
            await _world.App.Get<ScanExpiryJob>().RunAsync(default);
            var before = (await AllAsync()).Where(n => n.Kind == NotificationKind.Escalated).Select(n => n.Id).ToHashSet();
            await _world.App.Get<EscalateJob>().RunAsync(default);
            told.AddRange((await AllAsync()).Where(n => n.Kind == NotificationKind.Escalated && !before.Contains(n.Id)).OrderBy(n => n.Title, StringComparer.Ordinal).Select(n => (days - hour / 24, n.Title, n.WorkspaceId == _world.Workspace.Id)));
        }
        return told;
    }

    private async Task SweepAsync()
    {
        await _world.App.Get<ScanExpiryJob>().RunAsync(default);
        await _world.App.Get<EscalateJob>().RunAsync(default);
    }

    private async Task PutAsync(string path, object body)
    {
        using var answer = await _world.Api.PutAsJsonAsync($"/api/v1/workspaces/sales/{path}", body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<List<Notification>> AllAsync()
    {
        await using var db = await _world.App.Dbs().CreateDbContextAsync();
        return await db.Notifications.AsNoTracking().OrderBy(n => n.CreatedAt).ThenBy(n => n.Key).ToListAsync();
    }

    private async Task<List<string>> KeysAsync(Guid credential) => [.. (await AllAsync()).Where(n => n.CredentialId == credential).Select(n => n.Key)];

    private async Task<List<(string Step, DeliveryState State, int Attempts)>> StepsAsync(Guid channel)
    {
        await using var db = await _world.App.Dbs().CreateDbContextAsync();
        var rows = await (from d in db.Deliveries where d.ChannelId == channel join n in db.Notifications on d.NotificationId equals n.Id orderby d.Number select new { n.Key, d.State, d.Attempts }).ToListAsync();
        return rows.ConvertAll(r => (r.Key.Split(':')[^1], r.State, r.Attempts));
    }

    private async Task<Guid> RegisterAsync(string name, DateTimeOffset expiresAt)
    {
        await using var db = await _world.App.Dbs().CreateDbContextAsync();
        var credential = Credential.Register(Guid.CreateVersion7(_world.Clock.GetUtcNow()), _world.Workspace.Id, name, CredentialType.ApiKey, _world.Clock.GetUtcNow());
        credential.Expire(expiresAt);
        db.Credentials.Add(credential);
        await db.SaveChangesAsync();
        return credential.Id;
    }

    private async Task ChangeAsync(Guid id, Action<Credential> change)
    {
        await using var db = await _world.App.Dbs().CreateDbContextAsync();
        change(await db.Credentials.Include(c => c.Versions).SingleAsync(c => c.Id == id));
        await db.SaveChangesAsync();
    }
}
