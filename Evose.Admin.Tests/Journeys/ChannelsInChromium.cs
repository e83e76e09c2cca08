using System.Text.RegularExpressions;
using System.Net.Http.Json;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Journeys;

/// <summary>Notifications in a browser: a channel is added, tested and looked after; a notification arrives in the bell by itself, is put aside and acknowledged; a policy shows its banner.</summary>
public sealed class ChannelsInChromium(Chromium chromium)
{
    private const string Secret = "Kq9Zt2Wm5Xc8-signing-secret-of-the-walk";
    private const string Path = "/hook/4h6Jr1Yb3Vn7Pd0q";

    [Fact]
    public async Task From_a_channel_to_a_test_a_failure_and_a_second_try()
    {
        var broken = false;
        await using var receiver = await Upstream.StartAsync(async (context, _) =>
        {
            context.Response.StatusCode = broken ? 400 : 200;
            await context.Response.WriteAsync(broken ? "no such room" : "ok");
        });
        await using var app = new AdminApp(new() { ["Notifications:DeliverInterval"] = "00:00:01" });
        await Given.WorkspaceAsync(app, "cs");
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var tap = new WireTap(window);
            var page = window.Page;
            await window.SignInAsync();
            await OpenAsync("/w/cs/channels");
            await page.GetByTestId("add-channel").ClickAsync();
            await page.AtAsync("/w/cs/channels/new");
            await page.GetByTestId("channel-name").FillAsync("Ops webhook");
            // A secret is asked for by name before anything is kept.
            await page.GetByTestId("channel-url").PressSequentiallyAsync(receiver.Url + Path);
            await page.GetByTestId("save-channel").ClickAsync();
            await Assertions.Expect(page.GetByText("Give the secret that the receiver checks signatures with.")).ToBeVisibleAsync();
            await page.GetByTestId("channel-url").PressSequentiallyAsync(receiver.Url + Path);
            await page.GetByTestId("channel-secret").PressSequentiallyAsync(Secret);
            await page.GetByTestId("save-channel").ClickAsync();
            await Assertions.Expect(page.Locator("main h1")).ToContainTextAsync("Ops webhook");
            await page.GetByTestId("send-test").ClickAsync();
            await Assertions.Expect(page.GetByTestId("test-result")).ToHaveAttributeAsync("data-delivered", "true");
            await Assertions.Expect(page.Locator("[data-testid=delivery][data-state=delivered]")).ToHaveCountAsync(1);
            Assert.Equal("webhook.test", Assert.Single(receiver.Requests).Headers["X-Evose-Event"]);

            broken = true;
            await RaiseAsync(app, "cs", "A thing of the walk", NotificationKind.JobFailed);
            await Given.UntilAsync(async () =>
            {
                await using var db = await app.Dbs().CreateDbContextAsync();
                return await db.Deliveries.AnyAsync(d => d.State == DeliveryState.Failed);
            });
            await page.ReloadAsync();
            await window.InteractiveAsync();
            var failed = page.Locator("[data-testid=delivery][data-state=failed]");
            await Assertions.Expect(failed).ToContainTextAsync("no such room");
            broken = false;
            await failed.GetByTestId("resend").ClickAsync();
            await Given.UntilAsync(() => Task.FromResult(receiver.Requests.Count(r => r.Body.Contains("A thing of the walk", StringComparison.Ordinal)) == 2));
            await page.GetByTestId("tab-settings").ClickAsync();
            await page.GetByTestId("min-severity").SelectOptionAsync("critical");
            await page.GetByTestId("save-channel").ClickAsync();
            await Assertions.Expect(page.GetByText("Saved.")).ToBeVisibleAsync();
            await OpenAsync("/w/cs/channels");
            await Assertions.Expect(page.GetByTestId("channel")).ToContainTextAsync("if critical");
            await Assertions.Expect(page.GetByTestId("channel")).ToContainTextAsync("127.0.0.1");

            await tap.LookAsync();
            await tap.SettleAsync();
            // Over the circuit and into the page nothing of them ever came; they went by the intake's requests.
            var seen = tap.Pieces.Where(p => p.What is "frame sent" or "frame received" or "page" or "response body").ToList();
            Assert.True(seen.Count(p => p.What.StartsWith("frame", StringComparison.Ordinal)) > 20);
            foreach (var value in new[] { Secret, Path }) Assert.DoesNotContain(seen, p => p.Bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(value)) >= 0);

            async Task OpenAsync(string path)
            {
                await page.GotoAsync(path);
                await window.InteractiveAsync();
            }
        });
        Assert.Empty(window.Complaints);
        foreach (var value in new[] { Secret, Path }) Assert.DoesNotContain(app.Log.Lines, l => l.Contains(value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_notification_arrives_in_the_bell_without_a_reload_is_put_aside_and_acknowledged()
    {
        await using var app = new AdminApp();
        await Given.WorkspaceAsync(app, "cs");
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var page = window.Page;
            await window.SignInAsync();
            await page.GotoAsync("/w/cs/credentials");
            await window.InteractiveAsync();
            await Assertions.Expect(page.GetByTestId("bell-count")).ToHaveCountAsync(0);
            await page.EvaluateAsync("window.sameDocument = true");
            await RaiseAsync(app, "cs", "Something to put aside", NotificationKind.Expired);
            await RaiseAsync(app, "cs", "Something to acknowledge", NotificationKind.ExpirySoon);
            await Assertions.Expect(page.GetByTestId("bell-count")).ToHaveTextAsync("2", new() { Timeout = 60_000 });
            Assert.True(await page.EvaluateAsync<bool>("window.sameDocument === true"));

            await page.GetByTestId("bell").ClickAsync();
            await page.AtAsync("/notifications");
            await page.GetByTestId("notification").Filter(new() { HasText = "Something to acknowledge" }).GetByTestId("acknowledge").ClickAsync();
            await Assertions.Expect(page.GetByTestId("notification")).ToHaveCountAsync(1);
            await page.GetByTestId("snooze").SelectOptionAsync("3");
            await Assertions.Expect(page.GetByTestId("notification")).ToHaveCountAsync(0);
            await page.GetByTestId("tab-snoozed").ClickAsync();
            await Assertions.Expect(page.GetByTestId("snoozed")).ToContainTextAsync("comes back");
            await page.GetByTestId("severity").SelectOptionAsync("critical");
            // The list is the same before and after: the address says that the choice has arrived.
            await Assertions.Expect(page).ToHaveURLAsync(new Regex("severity=critical"));
            await Assertions.Expect(page.GetByTestId("notification")).ToHaveCountAsync(1);
            await page.GetByTestId("tab-acknowledged").ClickAsync();
            await Assertions.Expect(page.GetByTestId("notification")).ToHaveCountAsync(0);
            await page.GetByTestId("severity").SelectOptionAsync("info");
            await Assertions.Expect(page.GetByTestId("notification")).ToContainTextAsync("Something to acknowledge");
            await Assertions.Expect(page.GetByTestId("bell-count")).ToHaveCountAsync(0, new() { Timeout = 60_000 });
        });
        Assert.Empty(window.Complaints);
    }

    [Fact]
    public async Task A_policy_that_is_set_in_the_browser_shows_its_banner_on_every_page_and_a_ladder_is_a_credentials_own()
    {
        await using var app = new AdminApp();
        await Given.WorkspaceAsync(app, "cs");
        await Given.CredentialAsync(app, "cs", "openai_prod");
        using (var api = app.Api())
        using (var dated = await api.PatchAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod", new { expires_at = TimeProvider.System.GetUtcNow().AddDays(5).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) }))
            Assert.True(dated.IsSuccessStatusCode);
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var page = window.Page;
            await window.SignInAsync();
            await page.GotoAsync("/w/cs/notification-settings");
            await window.InteractiveAsync();
            await page.GetByTestId("ladder").FillAsync("7, 14");
            await page.GetByTestId("save-settings").ClickAsync();
            await Assertions.Expect(page.GetByText("The ladder is 1 to 12 days")).ToBeVisibleAsync();
            await page.GetByTestId("ladder").FillAsync("14, 7, 0");
            await page.GetByTestId("block-on").CheckAsync();
            await page.GetByTestId("block-day").FillAsync("2");
            await page.GetByTestId("block-side").SelectOptionAsync("true");
            await page.GetByTestId("save-settings").ClickAsync();
            await Assertions.Expect(page.GetByText("Saved.")).ToBeVisibleAsync();
            await page.GotoAsync("/w/cs/credentials/openai_prod");
            await window.InteractiveAsync();
            await Assertions.Expect(page.GetByTestId("forced-update")).ToContainTextAsync("Must be updated: openai_prod");
            await Assertions.Expect(page.GetByTestId("forced-update").Locator("button:visible")).ToHaveCountAsync(0);
            await Assertions.Expect(page.GetByTestId("blocked-from")).ToBeVisibleAsync();
            await Assertions.Expect(page.GetByTestId("reminder-steps").Locator("li")).ToHaveCountAsync(3);
            await page.GetByTestId("own-ladder").FillAsync("60, 10");
            await page.GetByTestId("save-ladder").ClickAsync();
            await Assertions.Expect(page.GetByTestId("reminder-steps").Locator("li")).ToHaveCountAsync(2);
            await page.GetByTestId("nav-tools").ClickAsync();
            await page.AtAsync("/w/cs/tools");
            await Assertions.Expect(page.GetByTestId("forced-update")).ToBeVisibleAsync();
        });
        Assert.Empty(window.Complaints);
    }

    private static async Task RaiseAsync(AdminApp app, string ws, string title, NotificationKind kind)
    {
        await using var db = await app.Dbs().CreateDbContextAsync();
        await using var write = await db.BeginWriteAsync(default);
        var now = app.Get<TimeProvider>().GetUtcNow();
        Assert.True(await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now), WorkspaceId = await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync(), Kind = kind, Key = Guid.CreateVersion7(TimeProvider.System.GetUtcNow()).ToString("N"), Title = title, Body = "Told by the walk.", CreatedAt = now,
        }, default));
        await write.CommitAsync(default);
    }
}
