using Bunit;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Home;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Tests.Features.Hygiene;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Features.Home;

/// <summary>The overview's tile of the hygiene score says what the page of findings says.</summary>
public sealed class OverviewHygieneTests(Chromium chromium)
{
    [Fact]
    public async Task It_has_the_score_and_the_open_findings_and_is_not_there_for_who_may_not_see_them()
    {
        await using var world = new HygieneWorld();
        await Given.WorkspaceAsync(world.App, "cs");
        var admin = await world.App.AdminAsync();
        Guid id;
        await using (var db = await world.App.DbAsync()) id = await db.Workspaces.Where(w => w.Slug == "cs").Select(w => w.Id).SingleAsync();

        Assert.Equal(("–", "not looked at yet", "tile-note"), await TileAsync(world, admin));
        await world.AllAsync();
        Assert.Equal(("–", "nothing to judge yet", "tile-note"), await TileAsync(world, admin));
        await world.CredentialAsync("cs", "openai_prod");
        await world.AllAsync();
        Assert.Equal(("100 of 100", "no finding is open", "tile-note"), await TileAsync(world, admin));
        foreach (var agent in new[] { "a", "b" }) await world.AgentAsync("cs", agent);
        await world.PatchAsync("cs", "openai_prod", new { scope = new { agents = new[] { "a", "b" } } });
        await world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null, expires_at = (string?)null });
        await world.AllAsync();
        var summary = (await world.App.Get<FindingsQuery>().SummaryAsync(admin, "cs", new FindingsQuery.Filter(), default)).Value!;
        Assert.Equal(($"{summary.Score.Value} of 100", "2 medium · 1 low", "tile-note warn"), await TileAsync(world, admin));
        // What is accepted costs nothing.
        var shared = await world.FindingAsync("shared-agents", "openai_prod");
        Assert.Null((await world.App.Get<AcceptFinding>().ExecuteAsync(admin, "cs", shared.Id, new AcceptFinding.Input("One team", world.Clock.GetUtcNow().AddDays(30).ToString("O", System.Globalization.CultureInfo.InvariantCulture)), default)).Problem);
        Assert.Equal("1 medium · 1 low", (await TileAsync(world, admin))!.Value.Note);

        Assert.Equal("1 medium · 1 low", (await TileAsync(world, await world.App.PersonAsync(id, WorkspaceRole.Reviewer)))!.Value.Note);
        Assert.Null(await TileAsync(world, await world.App.PersonAsync(id, WorkspaceRole.User)));
    }

    [Fact]
    public async Task On_a_telephone_the_tiles_fit_the_banners_are_one_line_each_and_no_list_scrolls_sideways()
    {
        await using var world = new HygieneWorld();
        await Given.WorkspaceAsync(world.App, "cs");
        await world.CredentialAsync("cs", "openai_prod", more: new { owner = (string?)null, expires_at = world.Clock.GetUtcNow().AddDays(5).ToString("O", System.Globalization.CultureInfo.InvariantCulture) });
        await world.AllAsync();
        await using var window = await chromium.OpenAsync(world.App.Url, 390, 844);
        var page = window.Page;
        await window.TellingAsync(world.App, async () =>
        {
            await window.SignInAsync();
            await page.GotoAsync("/w/cs");
            await window.InteractiveAsync();
            await Assertions.Expect(page.GetByTestId("tile-hygiene")).ToContainTextAsync("1 medium");
            foreach (var name in new[] { "recovery-banner", "forced-update" })
            {
                var (banner, more) = (page.GetByTestId(name), page.GetByTestId(name + "-more"));
                Assert.InRange((await banner.BoundingBoxAsync())!.Height, 20, 48);
                await Assertions.Expect(banner.Locator("a.button")).ToBeHiddenAsync();
                await more.ClickAsync();
                await Assertions.Expect(more).ToHaveAttributeAsync("aria-expanded", "true");
                await Assertions.Expect(banner.Locator("a.button")).ToBeVisibleAsync();
                await more.ClickAsync();
                await Assertions.Expect(banner.Locator("a.button")).ToBeHiddenAsync();
            }
            await FitsAsync();
            await Shots.TakeAsync(page, "overview");
            await page.SetViewportSizeAsync(390, 844);
            await page.GotoAsync("/settings/providers");
            await window.InteractiveAsync();
            await page.GetByTestId("provider-link").First.WaitForAsync();
            Assert.True(await page.EvaluateAsync<bool>("(w => w.scrollWidth <= w.clientWidth)(document.querySelector('[data-testid=providers]').parentElement)"), "the table scrolls sideways inside its card");
            await FitsAsync();
            await Shots.TakeAsync(page, "providers");
            await page.SetViewportSizeAsync(1440, 900);
            // Where there is room nothing is hidden, and nothing is to be pressed.
            await Assertions.Expect(page.GetByTestId("recovery-banner-more")).ToBeHiddenAsync();
            await Assertions.Expect(page.GetByTestId("recovery-banner").Locator("a.button")).ToBeVisibleAsync();
            Assert.Empty(window.Complaints);
        });

        async Task FitsAsync() => Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways at 390 px");
    }

    private static async Task<(string Number, string Note, string Class)?> TileAsync(HygieneWorld world, Actor actor)
    {
        await using var browser = new BunitContext();
        browser.JSInterop.Mode = JSRuntimeMode.Loose;
        browser.Services.AddMudServices();
        browser.Services.AddFallbackServiceProvider(world.App.Services);
        var page = browser.Render<OverviewPage>(p => p.AddCascadingValue(actor).Add(x => x.Ws, "cs"));
        page.WaitForElement("[data-testid=tile-credentials]");
        if (page.FindAll("[data-testid=tile-hygiene]") is not [var tile]) return null;
        Assert.Equal("/w/cs/hygiene", tile.GetAttribute("href"));
        var note = tile.QuerySelector(".tile-note")!;
        return (string.Join(' ', tile.QuerySelector(".tile-number")!.TextContent.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)), note.TextContent, note.ClassName!.Trim());
    }
}
