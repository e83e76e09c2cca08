using System.Net;
using System.Net.Http.Json;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Journeys;

/// <summary>A leaked key in a browser, from the pasted log to the closed report: found, frozen, replaced without grace, put back into use, evidence taken.</summary>
public sealed class LeakInChromium(Chromium chromium)
{
    private const string Leaked = "sk-live-7Qw2Er4Ty6Ui8Op0As1Df3Gh5";
    private const string Next = "sk-next-8Zx6Cv4Bn2Mm0Lk9Jh7Gf5";

    [Fact]
    public async Task A_leak_is_led_from_the_pasted_text_to_the_rotated_key()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00" });
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.ToolAsync(app, ws, "gpt-call", upstream.Url, "openai_prod");
        await Given.CredentialAsync(app, ws, "openai_prod", Leaked, tools: ["gpt-call"]);
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync($"/broker/{ws}/gpt-call/a")).StatusCode);
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var page = window.Page;
            var tap = new WireTap(window);
            await window.SignInAsync();
            await page.GotoAsync($"/w/{ws}/leaks");
            await window.InteractiveAsync();
            await page.GetByTestId("check-text").FillAsync($"2026-01-31 ERROR sent Authorization: Bearer {Leaked} to api.test");
            await page.GetByTestId("check").ClickAsync();
            await page.GetByTestId("check-hit").ClickAsync();
            await Assertions.Expect(page.GetByTestId("task-replace")).ToHaveAttributeAsync("data-done", "false");
            var report = page.Url;

            await page.GetByTestId("freeze").ClickAsync();
            await Assertions.Expect(page.GetByTestId("task-decide")).ToHaveAttributeAsync("data-done", "true");
            await Assertions.Expect(page.GetByTestId("thaw")).ToBeVisibleAsync();
            Assert.Equal(HttpStatusCode.Conflict, (await api.GetAsync($"/broker/{ws}/gpt-call/b")).StatusCode);

            // The banner stands on the credential's own page.
            await page.GotoAsync($"/w/{ws}/credentials/openai_prod");
            await window.InteractiveAsync();
            await Assertions.Expect(page.GetByTestId("alert-frozen")).ToBeVisibleAsync();
            await page.GetByTestId("open-leak").ClickAsync();
            await page.GetByTestId("rotate-leaked").ClickAsync();
            await Assertions.Expect(page.GetByTestId("rotation-leak")).ToBeVisibleAsync();
            await page.GotoAsync($"/w/{ws}/credentials/openai_prod/rotate?have_key=true");
            await window.InteractiveAsync();
            await page.GetByTestId("new-value").FillAsync(Next);
            await page.GetByTestId("store").ClickAsync();
            await page.GetByTestId("skip-reason").FillAsync("the old one leaked");
            await page.GetByTestId("skip").ClickAsync();
            await Assertions.Expect(page.GetByTestId("no-grace")).ToBeVisibleAsync();
            await page.GetByTestId("swap").ClickAsync();
            await Assertions.Expect(page.GetByTestId("finished")).ToBeVisibleAsync();
            await page.GetByTestId("to-leak").ClickAsync();

            await Assertions.Expect(page.GetByTestId("task-replace")).ToHaveAttributeAsync("data-done", "true");
            Assert.Equal(report, page.Url);
            await page.GetByTestId("thaw").ClickAsync();
            await Assertions.Expect(page.GetByTestId("thaw")).ToHaveCountAsync(0);
            using (var again = await api.GetAsync($"/broker/{ws}/gpt-call/c")) Assert.Equal(HttpStatusCode.OK, again.StatusCode);
            Assert.Equal("Bearer " + Next, upstream.Requests.Last().Headers["Authorization"]);
            var download = await page.RunAndWaitForDownloadAsync(() => page.GetByTestId("take-evidence").ClickAsync());
            Assert.EndsWith(".zip", download.SuggestedFilename, StringComparison.Ordinal);
            await Assertions.Expect(page.GetByTestId("task-evidence")).ToHaveAttributeAsync("data-done", "true");
            await page.GetByTestId("close-note").FillAsync("Revoked at the provider");
            await page.GetByTestId("close-leak").ClickAsync();
            await Assertions.Expect(page.GetByTestId("closed")).ToBeVisibleAsync();

            await tap.SettleAsync();
            Assert.DoesNotContain(tap.Pieces, p => !p.Where.EndsWith("/ui/intake", StringComparison.Ordinal) && !p.Where.EndsWith("/ui/leaks/check", StringComparison.Ordinal)
                && (Encoding.UTF8.GetString(p.Bytes).Contains(Leaked, StringComparison.Ordinal) || Encoding.UTF8.GetString(p.Bytes).Contains(Next, StringComparison.Ordinal)));
            Assert.Empty(window.Complaints);
        });
        await using var db = await app.DbAsync();
        Assert.Equal(["Reported", "Notified", "Frozen", "Replaced", "Destroyed", "Unfrozen", "EvidenceTaken", "Closed"], (await db.LeakSteps.OrderBy(s => s.At).ThenBy(s => s.Act).ToListAsync()).Select(s => s.Act.ToString()));
    }

    [Fact]
    public async Task A_report_that_nobody_could_match_is_assigned_on_its_page_and_leads_through_the_rest()
    {
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00" });
        var (ws, other) = (await Given.WorkspaceAsync(app), await Given.WorkspaceAsync(app));
        await Given.CredentialAsync(app, ws, "openai_prod", Leaked, hosts: ["127.0.0.1"]);
        await Given.CredentialAsync(app, other, "crm_prod", hosts: ["127.0.0.1"]);
        Guid id;
        await using (var db = await app.DbAsync())
        {
            await using var write = await db.BeginWriteAsync(default);
            id = (await app.Get<LeakDesk>().OpenUnknownAsync(db, Actor.Job("github"), new Sighting(LeakSource.GitHub, "https://github.test/acme/site/security/secret-scanning/9", "GitHub calls it OpenAI API Key."), default)).Id;
            await write.CommitAsync(default);
        }
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var page = window.Page;
            await window.SignInAsync();
            await page.GotoAsync($"/w/org/leaks/{id}");
            await window.InteractiveAsync();
            await page.GetByTestId("assign-place").SelectOptionAsync(other);
            await page.GetByTestId("assign-credential").FillAsync("openai_prod");
            await page.GetByTestId("assign-credential").BlurAsync();
            await Assertions.Expect(page.GetByTestId("assign-none")).ToBeVisibleAsync();
            await Assertions.Expect(page.GetByTestId("assign-send")).ToBeDisabledAsync();
            await page.GetByTestId("assign-place").SelectOptionAsync(ws);
            await Assertions.Expect(page.GetByTestId("assign-credential")).ToHaveValueAsync("");
            await page.GetByTestId("assign-credential").FillAsync("openai_prod");
            await page.GetByTestId("assign-credential").BlurAsync();
            await Assertions.Expect(page.GetByTestId("assign-version")).ToHaveValueAsync("1");
            await Shots.TakeAsync(page, "leak-unknown");
            await page.GetByTestId("assign-send").ClickAsync();
            await page.AtAsync($"/w/{ws}/leaks/{id}");
            await Assertions.Expect(page.GetByTestId("task-replace")).ToHaveAttributeAsync("data-done", "false");
            await Assertions.Expect(page.GetByTestId("leak-steps")).ToContainTextAsync("Said whose value it is");
            await Shots.TakeAsync(page, "leak-assigned");
            // The address that people were told of leads there.
            await page.GotoAsync($"/w/org/leaks/{id}");
            await page.AtAsync($"/w/{ws}/leaks/{id}");
            Assert.Empty(window.Complaints);
        });
    }
}
