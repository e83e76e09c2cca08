using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Features.Channels;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Channels;

public sealed class DeliverNotificationsJobTests : IAsyncLifetime
{
    private ChannelWorld _world = null!;

    public async ValueTask InitializeAsync() => _world = await ChannelWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task A_notification_and_its_deliveries_are_made_together_and_sent_once()
    {
        await _world.ChannelAsync();
        await _world.ChannelAsync(more: new { min_severity = "critical" });
        await _world.ChannelAsync(more: new { events = new[] { "job_failed" } });
        await _world.ChannelAsync(more: new { events = new[] { "expired" } });
        await _world.RaiseAsync("one");
        Assert.Equal(2, (await _world.DeliveriesAsync()).Count);
        Assert.Equal(2, await _world.DeliverAsync());
        for (var i = 0; i < 3; i++) Assert.Equal(0, await _world.DeliverAsync());
        Assert.Equal(2, _world.Receiver.Requests.Count);
        Assert.All(await _world.DeliveriesAsync(), d => Assert.Equal((DeliveryState.Delivered, 1, 200, ChannelWorld.Start), (d.State, d.Attempts, d.LastStatus, d.FinishedAt)));
    }

    [Fact]
    public async Task The_organizations_channel_hears_of_workspaces_only_when_it_was_asked_to()
    {
        await _world.ChannelAsync(workspace: null, more: new { name = "everything" });
        await _world.ChannelAsync(workspace: "org", more: new { name = "own", includes_workspaces = false });
        await _world.ChannelAsync(more: new { name = "sales" });
        await _world.RaiseAsync("of sales");
        await _world.RaiseAsync("of the organization", organization: true);
        await using var db = await _world.App.Dbs().CreateDbContextAsync();
        var sent = await (from d in db.Deliveries
                          join c in db.NotificationChannels on d.ChannelId equals c.Id
                          join n in db.Notifications on d.NotificationId equals n.Id
                          orderby c.Name, n.Key
                          select c.Name + " " + n.Key).ToListAsync();
        Assert.Equal(["everything of sales", "everything of the organization", "own of the organization", "sales of sales"], sent);
    }

    // The receiver's own arithmetic, not ours.
    [Fact]
    public async Task A_webhook_carries_the_platforms_headers_and_a_signature_that_the_receiver_can_check()
    {
        const string Standard = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        await _world.ChannelAsync(secret: Standard, more: new { standard_headers = true });
        var id = await _world.RaiseAsync("told", NotificationKind.Expired, title: "openai_prod has expired");
        Assert.Equal(1, await _world.DeliverAsync());
        var seen = Assert.Single(_world.Receiver.Requests);
        Assert.Equal(("POST", "/hook/0123456789abcdef", "application/json; charset=utf-8"), (seen.Method, seen.Path, seen.Headers["Content-Type"]));
        Assert.Equal("sha256=" + Convert.ToHexStringLower(new HMACSHA256(Encoding.UTF8.GetBytes(Standard)).ComputeHash(Encoding.UTF8.GetBytes(seen.Body))), seen.Headers["X-Evose-Signature"]);
        Assert.Equal("credential.expired", seen.Headers["X-Evose-Event"]);
        var delivery = (await _world.DeliveriesAsync())[0];
        Assert.Equal(delivery.Id.ToString(), seen.Headers["X-Evose-Delivery-Id"]);
        Assert.Equal(ChannelWorld.Start.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), seen.Headers["webhook-timestamp"]);
        using var mac = new HMACSHA256(Convert.FromBase64String(Standard["whsec_".Length..]));
        Assert.Equal("v1," + Convert.ToBase64String(mac.ComputeHash(Encoding.UTF8.GetBytes($"{seen.Headers["webhook-id"]}.{seen.Headers["webhook-timestamp"]}.{seen.Body}"))), seen.Headers["webhook-signature"]);
        var body = JsonDocument.Parse(seen.Body).RootElement;
        Assert.Equal(("credential.expired", "credential.expired"), (body.GetProperty("event").GetString(), body.GetProperty("type").GetString()));
        Assert.Equal(ChannelWorld.Start.UtcDateTime, body.GetProperty("delivered_at").GetDateTime());
        var data = body.GetProperty("data");
        Assert.Equal((id, "expired", "critical", "sales", "openai_prod has expired", "https://evose.example.test/notifications"),
            (data.GetProperty("id").GetGuid(), data.GetProperty("kind").GetString(), data.GetProperty("severity").GetString(), data.GetProperty("workspace").GetString(), data.GetProperty("title").GetString(), data.GetProperty("url").GetString()));
    }

    [Fact]
    public async Task A_Feishu_bot_gets_its_text_in_Chinese_signed_by_its_formula()
    {
        _world.Usual = (200, """{"code":0,"msg":"success","data":{}}""");
        await _world.ChannelAsync("feishu", more: new { language = "zh" });
        await _world.RaiseAsync("told", NotificationKind.Expired, facts: new Dictionary<string, string> { ["name"] = "openai_prod", ["date"] = "2026-03-01 00:00" });
        Assert.Equal(1, await _world.DeliverAsync());
        var body = JsonDocument.Parse(Assert.Single(_world.Receiver.Requests).Body).RootElement;
        var time = body.GetProperty("timestamp").GetString()!;
        // key = timestamp, line feed, secret; message = nothing
        using var mac = new HMACSHA256(Encoding.UTF8.GetBytes(time + "\n" + ChannelWorld.Secret));
        Assert.Equal((Convert.ToBase64String(mac.ComputeHash([])), "text"), (body.GetProperty("sign").GetString(), body.GetProperty("msg_type").GetString()));
        Assert.Equal(ChannelWorld.Start.ToUnixTimeSeconds(), long.Parse(time, CultureInfo.InvariantCulture));
        var text = body.GetProperty("content").GetProperty("text").GetString()!;
        Assert.Contains("[严重] openai_prod 已过期", text, StringComparison.Ordinal);
        Assert.DoesNotContain("The body of", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_DingTalk_robot_gets_its_signature_in_the_address_by_the_other_formula()
    {
        _world.Usual = (200, """{"errcode":0,"errmsg":"ok"}""");
        await _world.ChannelAsync("dingtalk", "/robot/send?access_token=0123456789abcdef");
        await _world.RaiseAsync("told");
        Assert.Equal(1, await _world.DeliverAsync());
        var seen = Assert.Single(_world.Receiver.Requests);
        var query = seen.Query.TrimStart('?').Split('&').Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1]));
        Assert.Equal(("0123456789abcdef", ChannelWorld.Start.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)), (query["access_token"], query["timestamp"]));
        // key = secret; message = timestamp, line feed, secret
        using var mac = new HMACSHA256(Encoding.UTF8.GetBytes(ChannelWorld.Secret));
        Assert.Equal(Convert.ToBase64String(mac.ComputeHash(Encoding.UTF8.GetBytes(query["timestamp"] + "\n" + ChannelWorld.Secret))), query["sign"]);
        Assert.Contains("told", JsonDocument.Parse(seen.Body).RootElement.GetProperty("text").GetProperty("content").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slack_gets_a_text_in_which_nothing_rings_a_whole_channel()
    {
        await _world.ChannelAsync("slack");
        await _world.RaiseAsync("told", title: "<!channel> & co");
        Assert.Equal(1, await _world.DeliverAsync());
        Assert.StartsWith("*[warning] &lt;!channel&gt; &amp; co*", JsonDocument.Parse(Assert.Single(_world.Receiver.Requests).Body).RootElement.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_fails_four_times_gets_the_fifth_on_the_platforms_schedule()
    {
        await _world.ChannelAsync();
        await _world.RaiseAsync("one");
        for (var i = 0; i < 4; i++) _world.Answers.Enqueue((i == 2 ? 429 : 503, "not now"));
        var at = new List<TimeSpan>();
        for (var second = 0; second <= 3600; second += 30)
        {
            var before = _world.Receiver.Requests.Count;
            await _world.DeliverAsync();
            if (_world.Receiver.Requests.Count > before) at.Add(_world.Clock.GetUtcNow() - ChannelWorld.Start);
            _world.Clock.Advance(TimeSpan.FromSeconds(30));
        }
        Assert.Equal([0, 30, 90, 390, 2190], at.Select(t => (int)t.TotalSeconds));
        var delivery = Assert.Single(await _world.DeliveriesAsync());
        Assert.Equal((DeliveryState.Delivered, 5), (delivery.State, delivery.Attempts));
        // The same delivery each time, so that a receiver can tell a repetition.
        Assert.Single(_world.Receiver.Requests.Select(r => r.Headers["X-Evose-Delivery-Id"]).Distinct());
    }

    [Fact]
    public async Task A_receiver_that_is_down_for_a_day_loses_nothing_gets_everything_in_order_and_is_not_stormed()
    {
        await _world.ChannelAsync();
        await _world.ChannelAsync("slack");
        _world.Usual = (503, "down");
        for (var hour = 0; hour < 24; hour++)
        {
            await _world.RaiseAsync($"hour {hour:00}");
            for (var i = 0; i < 12; i++)
            {
                await _world.DeliverAsync();
                _world.Clock.Advance(TimeSpan.FromMinutes(5));
            }
        }
        // Only the first of each queue was ever tried, and not often.
        var webhook = _world.Receiver.Requests.Where(r => r.Headers.ContainsKey("X-Evose-Event")).ToList();
        Assert.Single(webhook.Select(r => r.Headers["X-Evose-Delivery-Id"]).Distinct());
        Assert.InRange(webhook.Count, 10, 18);
        Assert.InRange(_world.Receiver.Requests.Count - webhook.Count, 10, 18);

        _world.Usual = (200, "ok");
        _world.Receiver.Requests.Clear();
        _world.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Equal(48, await _world.DeliverAsync());
        Assert.Equal(0, await _world.DeliverAsync());
        webhook = [.. _world.Receiver.Requests.Where(r => r.Headers.ContainsKey("X-Evose-Event"))];
        Assert.Equal(Enumerable.Range(0, 24).Select(h => $"hour {h:00}"), webhook.Select(r => JsonDocument.Parse(r.Body).RootElement.GetProperty("data").GetProperty("title").GetString()));
        // People get one message that lists them, in order.
        var text = JsonDocument.Parse(Assert.Single(_world.Receiver.Requests, r => !r.Headers.ContainsKey("X-Evose-Event")).Body).RootElement.GetProperty("text").GetString()!;
        Assert.StartsWith("*24 notifications*", text, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(0, 24), text.Split('\n').Skip(1).Select(l => int.Parse(l.Split("hour ")[1][..2], CultureInfo.InvariantCulture)));
        Assert.All(await _world.DeliveriesAsync(), d => Assert.Equal(DeliveryState.Delivered, d.State));
    }

    [Fact]
    public async Task DingTalk_never_gets_more_than_twenty_a_minute()
    {
        _world.Usual = (200, """{"errcode":0,"errmsg":"ok"}""");
        await _world.ChannelAsync("dingtalk", "/robot/send?access_token=0123456789abcdef");
        var sent = new List<(DateTimeOffset At, string Text)>();
        var random = new Random(4711);
        var raised = 0;
        for (var second = 0; second < 600; second += 5)
        {
            for (var n = random.Next(second is > 200 and < 300 ? 12 : 3); n > 0; n--) await _world.RaiseAsync($"n{raised++:0000}");
            var before = _world.Receiver.Requests.Count;
            await _world.DeliverAsync();
            sent.AddRange(_world.Receiver.Requests.Skip(before).Select(r => (_world.Clock.GetUtcNow(), JsonDocument.Parse(r.Body).RootElement.GetProperty("text").GetProperty("content").GetString()!)));
            _world.Clock.Advance(TimeSpan.FromSeconds(5));
        }
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        var last = _world.Receiver.Requests.Count;
        await _world.DeliverAsync();
        sent.AddRange(_world.Receiver.Requests.Skip(last).Select(r => (_world.Clock.GetUtcNow(), JsonDocument.Parse(r.Body).RootElement.GetProperty("text").GetProperty("content").GetString()!)));
        Assert.True(raised > 150, $"only {raised}");
        foreach (var (at, _) in sent) Assert.InRange(sent.Count(s => s.At >= at && s.At < at + TimeSpan.FromMinutes(1)), 1, 20);
        Assert.All(await _world.DeliveriesAsync(), d => Assert.Equal(DeliveryState.Delivered, d.State));
        Assert.Contains(sent, s => s.Text.Contains("notifications", StringComparison.Ordinal));
        // Every one of them stands in exactly one message, or in the rest of a list that says how many more there are.
        var named = sent.SelectMany(s => System.Text.RegularExpressions.Regex.Matches(s.Text, "\\] (n\\d{4})").Select(m => m.Groups[1].Value)).ToList();
        var more = sent.Sum(s => System.Text.RegularExpressions.Regex.Match(s.Text, "And (\\d+) more") is { Success: true } m ? int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture) : 0);
        Assert.Equal(named.Count, named.Distinct().Count());
        Assert.Equal(raised, named.Count + more);
        Assert.Equal(named.Order(StringComparer.Ordinal), named);
    }

    [Fact]
    public async Task An_answer_of_410_shuts_the_channel_and_tells_the_inbox()
    {
        var gone = await _world.ChannelAsync();
        await _world.ChannelAsync("slack");
        await _world.RaiseAsync("one");
        await _world.RaiseAsync("two");
        _world.Usual = (410, "no such hook");
        await using (var db = await _world.App.Dbs().CreateDbContextAsync())
        {
            // Only the webhook is asked: the other waits for its time.
            await db.Deliveries.Where(d => d.ChannelId != gone).ExecuteUpdateAsync(s => s.SetProperty(d => d.NextAttemptAt, ChannelWorld.Start + TimeSpan.FromMinutes(10)));
        }
        Assert.Equal(0, await _world.DeliverAsync());
        _world.Usual = (200, "ok");
        await _world.RaiseAsync("three");
        Assert.Single(_world.Receiver.Requests);
        await using (var db = await _world.App.Dbs().CreateDbContextAsync())
        {
            var channel = await db.NotificationChannels.AsNoTracking().SingleAsync(c => c.Id == gone);
            Assert.Equal(ChannelWorld.Start, channel.DisabledAt);
            Assert.Contains("410", channel.DisabledWhy, StringComparison.Ordinal);
            Assert.Equal([DeliveryState.Failed, DeliveryState.GivenUp], (await db.Deliveries.AsNoTracking().Where(d => d.ChannelId == gone).OrderBy(d => d.Number).ToListAsync()).Select(d => d.State));
            Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.ChannelDisabled));
            // The other channel is told of it.
            var told = await db.Notifications.AsNoTracking().SingleAsync(n => n.Kind == NotificationKind.ChannelDisabled);
            Assert.Equal(1, await db.Deliveries.CountAsync(d => d.NotificationId == told.Id && d.ChannelId != gone));
        }
        var inbox = (await _world.App.Get<InboxQuery>().RunAsync(await _world.App.AdminAsync(), null, null, null, null, default)).Value!.Data;
        Assert.Contains(inbox, n => n.Kind == "channel_disabled" && n.Title.Contains("webhook of the test", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_stands_in_the_log()
    {
        await _world.ChannelAsync();
        await _world.RaiseAsync("one");
        await _world.RaiseAsync("two");
        _world.Answers.Enqueue((307, "over there"));
        Assert.Equal(1, await _world.DeliverAsync());
        Assert.Equal(["/hook/0123456789abcdef", "/hook/0123456789abcdef"], _world.Receiver.Requests.Select(r => r.Path));
        var log = await _world.DeliveriesAsync();
        Assert.Equal([(DeliveryState.Failed, 307), (DeliveryState.Delivered, 200)], log.Select(d => (d.State, d.LastStatus!.Value)));
        Assert.Contains("not followed", log[0].LastAnswer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_runs_at_once_send_each_delivery_once_and_in_order()
    {
        await _world.ChannelAsync();
        for (var i = 0; i < 10; i++) await _world.RaiseAsync($"n{i}");
        _world.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var runs = Enumerable.Range(0, 4).Select(_ => Task.Run(() => _world.DeliverAsync())).ToList();
        await Given.UntilAsync(() => Task.FromResult(!_world.Receiver.Requests.IsEmpty));
        // While the first is on its way the others find the channel taken.
        await Given.UntilAsync(() => Task.FromResult(runs.Count(r => r.IsCompleted) >= 3));
        Assert.Single(_world.Receiver.Requests);
        _world.Gate.SetResult();
        Assert.Equal(10, (await Task.WhenAll(runs)).Sum());
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"n{i}"), _world.Titles);
        Assert.Equal(10, _world.Receiver.Requests.Select(r => r.Headers["X-Evose-Delivery-Id"]).Distinct().Count());
    }

    [Fact]
    public async Task A_run_that_died_is_taken_over_after_its_lease_and_the_attempt_counts()
    {
        await _world.ChannelAsync();
        await _world.RaiseAsync("one");
        await using (var db = await _world.App.Dbs().CreateDbContextAsync())
        {
            // As a node leaves it that was killed while it sent.
            var now = _world.Clock.GetUtcNow();
            (await db.NotificationChannels.SingleAsync()).Lease(Guid.CreateVersion7(TimeProvider.System.GetUtcNow()), now);
            (await db.Deliveries.SingleAsync()).Begin(null, now);
            await db.SaveChangesAsync();
        }
        _world.Clock.Advance(TimeSpan.FromSeconds(90));
        Assert.Equal(0, await _world.DeliverAsync());
        _world.Clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(1, await _world.DeliverAsync());
        Assert.Equal(2, Assert.Single(await _world.DeliveriesAsync()).Attempts);
    }

    [Fact]
    public async Task A_clock_that_is_put_back_neither_stops_nor_repeats_anything()
    {
        await _world.ChannelAsync();
        await _world.RaiseAsync("one");
        Assert.Equal(1, await _world.DeliverAsync());
        await _world.RaiseAsync("two");
        _world.Answers.Enqueue((503, "not now"));
        Assert.Equal(0, await _world.DeliverAsync());
        _world.Clock.AdjustTime(ChannelWorld.Start - TimeSpan.FromDays(2));
        await _world.RaiseAsync("three");
        Assert.Equal(2, await _world.DeliverAsync());
        Assert.Equal(0, await _world.DeliverAsync());
        Assert.Equal(["one", "two", "two", "three"], _world.Titles);
    }

    [Fact]
    public async Task The_outbound_guard_stands_before_every_receiver()
    {
        await using var strict = new AdminApp(new(ChannelWorld.Settings) { ["Egress:AllowedPrivateHosts:0"] = "other.internal", ["Egress:AllowedPrivateHosts:1"] = "another.internal" });
        using var api = strict.Api();
        await strict.WorkspaceAsync("sales");
        foreach (var url in new[] { _world.Receiver.Url + "/hook", "http://169.254.169.254/latest", "https://127.0.0.1/x", "ftp://example.test/x", "https://user:pass@example.test/x", "not a url" })
        {
            using var answer = await api.PostAsync("/api/v1/webhooks", new StringContent(JsonSerializer.Serialize(new { workspace = "sales", url, secret = ChannelWorld.Secret }), Encoding.UTF8, "application/json"));
            Assert.Equal(422, (int)answer.StatusCode);
            Assert.DoesNotContain(url, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        Assert.Empty(_world.Receiver.Requests);
    }

    [Fact]
    public async Task Old_deliveries_leave_the_log()
    {
        await _world.ChannelAsync();
        await _world.RaiseAsync("one");
        await _world.DeliverAsync();
        _world.Clock.Advance(TimeSpan.FromDays(89));
        await _world.DeliverAsync();
        Assert.Single(await _world.DeliveriesAsync());
        _world.Clock.Advance(TimeSpan.FromDays(2));
        await _world.DeliverAsync();
        Assert.Empty(await _world.DeliveriesAsync());
    }

    [Fact]
    public async Task A_channel_whose_row_was_changed_behind_the_apps_back_sends_nowhere()
    {
        var first = await _world.ChannelAsync();
        var second = await _world.ChannelAsync(path: "/other/fedcba9876543210");
        await using (var db = await _world.App.Dbs().CreateDbContextAsync())
        {
            var bytes = await db.NotificationChannels.Where(c => c.Id == second).Select(c => c.SealedUrl).SingleAsync();
            await db.NotificationChannels.Where(c => c.Id == first).ExecuteUpdateAsync(s => s.SetProperty(c => c.SealedUrl, bytes));
        }
        await _world.RaiseAsync("one");
        // The other one is told of it as well, in this run or in the next.
        Assert.Equal(2, await _world.DeliverAsync() + await _world.DeliverAsync());
        Assert.Equal(["/other/fedcba9876543210", "/other/fedcba9876543210"], _world.Receiver.Requests.Select(r => r.Path));
        await using var after = await _world.App.Dbs().CreateDbContextAsync();
        Assert.Contains("changed outside the app", (await after.NotificationChannels.AsNoTracking().SingleAsync(c => c.Id == first)).DisabledWhy, StringComparison.Ordinal);
    }
}
