using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Features.Hygiene;

public sealed class HygieneInChromium(Chromium chromium)
{
    [Fact]
    public async Task A_person_sees_what_is_wrong_accepts_one_thing_puts_another_right_and_takes_that_back()
    {
        await using var world = new HygieneWorld();
        await Given.WorkspaceAsync(world.App, "cs");
        foreach (var agent in new[] { "a", "b" }) await world.AgentAsync("cs", agent);
        await world.CredentialAsync("cs", "openai_prod", more: new { scope = new { agents = new[] { "a", "b" } } });
        await world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null });
        await world.AllAsync();

        await using var window = await chromium.OpenAsync(world.App.Url);
        var page = window.Page;
        await window.TellingAsync(world.App, async () =>
        {
            await window.SignInAsync();
            await Assertions.Expect(page.GetByTestId("nav-hygiene-count")).ToContainTextAsync("2");
            await page.GetByTestId("nav-hygiene").ClickAsync();
            await Assertions.Expect(page.Locator("main h1")).ToHaveTextAsync("Hygiene");
            await Assertions.Expect(page.GetByTestId("score")).ToHaveAttributeAsync("data-score", "88");
            await page.GetByTestId("arithmetic").ClickAsync();
            await Assertions.Expect(page.Locator("main")).ToContainTextAsync("176 points left ÷ 2 = 88");

            // One is accepted, with a reason that must be there.
            var shared = page.GetByTestId("rule-shared-agents");
            await Assertions.Expect(shared).ToContainTextAsync("2 agents use it or may: a and b.");
            await shared.GetByTestId("accept").ClickAsync();
            await Assertions.Expect(page.GetByTestId("accept-confirm")).ToBeDisabledAsync();
            await page.GetByTestId("accept-reason").FillAsync("Both belong to one team");
            await page.GetByTestId("accept-confirm").ClickAsync();
            await Assertions.Expect(shared).ToHaveCountAsync(0);
            await Assertions.Expect(page.GetByTestId("score")).ToHaveAttributeAsync("data-score", "90");
            await page.GetByTestId("state-accepted").ClickAsync();
            await page.AtAsync("/w/cs/hygiene?state=accepted");
            await Assertions.Expect(page.GetByTestId("acceptance")).ToContainTextAsync("Both belong to one team");
            await Assertions.Expect(page.GetByTestId("reopen")).ToHaveTextAsync("Reopen");
            await Shots.TakeAsync(page, "hygiene-accepted");

            // The other is put right by a click, taken back, and put right again.
            await page.GetByTestId("state-open").ClickAsync();
            await FixAsync(page);
            await Assertions.Expect(page.GetByTestId("all-clear")).ToContainTextAsync("All clear");
            await Assertions.Expect(page.GetByTestId("score")).ToHaveAttributeAsync("data-score", "100");
            await page.GetByTestId("undo").ClickAsync();
            await Assertions.Expect(page.GetByTestId("rule-no-owner")).ToContainTextAsync("crm_prod");
            await FixAsync(page);
            await Assertions.Expect(page.GetByTestId("all-clear")).ToBeVisibleAsync();
            await page.GotoAsync("/w/cs/credentials/crm_prod");
            await window.InteractiveAsync();
            await Assertions.Expect(page.GetByTestId("findings-card")).ToContainTextAsync("Nothing to find fault with");
            await Assertions.Expect(page.GetByTestId("credential-score")).ToHaveTextAsync("100 of 100");
            Assert.Equal(["(cs shared-agents openai_prod)"], await world.FoundAsync());

            // The address alone says what is shown, also on a telephone; an unknown word in it counts for nothing.
            await page.SetViewportSizeAsync(390, 844);
            await page.GotoAsync("/w/cs/hygiene?state=resolved&rule=no-owner&severity=worst");
            await window.InteractiveAsync();
            await Assertions.Expect(page.GetByTestId("finding")).ToHaveCountAsync(1);
            await Assertions.Expect(page.GetByTestId("filter-rule")).ToHaveValueAsync("no-owner");
            Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways at 390 px");
            Assert.Empty(window.Complaints);
        });
    }

    [Fact]
    public async Task The_organization_sees_every_workspace_and_a_user_is_told_who_may()
    {
        await using var world = new HygieneWorld();
        await Given.WorkspaceAsync(world.App, "cs");
        await Given.WorkspaceAsync(world.App, "growth");
        await world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null });
        await world.AllAsync();
        await world.App.AddUserAsync("user@example.test", workspace: "cs");

        await using (var window = await chromium.OpenAsync(world.App.Url))
        {
            await window.SignInAsync();
            await window.Page.GotoAsync("/w/org/hygiene");
            await window.InteractiveAsync();
            await Assertions.Expect(window.Page.GetByTestId("hygiene-places")).ToContainTextAsync("growth");
            await Assertions.Expect(window.Page.GetByTestId("finding")).ToHaveCountAsync(1);
            await window.Page.GetByTestId("fix").ClickAsync();
            await window.Page.GetByTestId("fix-confirm").ClickAsync();
            await Assertions.Expect(window.Page.GetByTestId("all-clear")).ToBeVisibleAsync();
            await window.Page.GotoAsync("/w/nowhere/hygiene");
            await Assertions.Expect(window.Page.Locator("main h1")).ToHaveTextAsync("Nothing here");
            Assert.Empty(window.Complaints);
        }
        await using (var window = await chromium.OpenAsync(world.App.Url))
        {
            var cookie = await world.App.CookieAsync("user@example.test");
            await window.Page.Context.AddCookiesAsync([new() { Name = cookie.Name, Value = cookie.Value, Url = world.App.Url }]);
            await window.Page.GotoAsync("/w/cs/hygiene");
            await window.InteractiveAsync();
            await Assertions.Expect(window.Page.Locator("main")).ToContainTextAsync("This is for those who may see calls");
            await Assertions.Expect(window.Page.GetByTestId("nav-hygiene")).ToHaveCountAsync(0);
            Assert.Empty(window.Complaints);
        }
    }

    private static async Task FixAsync(IPage page)
    {
        await page.GetByTestId("fix").ClickAsync();
        await page.GetByTestId("fix-confirm").ClickAsync();
        await Assertions.Expect(page.GetByTestId("fixed")).ToContainTextAsync("admin@example.test owns it");
    }
}
