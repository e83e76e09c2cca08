using System.Net.Http.Json;
using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Shell;

public sealed class ShellInBrowserTests(Chromium chromium)
{
    [Fact]
    public async Task Signs_in_sees_the_overview_goes_dark_and_signs_out_without_a_complaint_of_the_browser()
    {
        await using var app = new AdminApp();
        using (var api = app.Api()) (await api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Customer service", slug = "cs" })).EnsureSuccessStatusCode();
        await using var window = await chromium.OpenAsync(app.Url);
        var page = window.Page;
        await window.SignInAsync();
        await Assertions.Expect(page.Locator("main h1")).ToHaveTextAsync("Customer service");
        await Assertions.Expect(page.GetByTestId("checklist")).ToBeVisibleAsync();
        Assert.EndsWith("/w/cs", page.Url);

        await page.GetByTestId("theme-toggle").ClickAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await page.ReloadAsync();
        await window.InteractiveAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        Assert.Equal("rgb(16, 18, 28)", await page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor"));

        await page.GetByTestId("user-menu").ClickAsync();
        await page.GetByTestId("sign-out").ClickAsync();
        await page.AtAsync("/account/login");
        await page.GotoAsync("/w/cs");
        Assert.Contains("/account/login", page.Url);
        Assert.Empty(window.Complaints);
    }

    [Fact]
    public async Task Is_dark_where_the_system_is_until_somebody_chooses()
    {
        await using var app = new AdminApp();
        using (var api = app.Api()) (await api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Customer service", slug = "cs" })).EnsureSuccessStatusCode();
        await using var window = await chromium.OpenAsync(app.Url);
        var page = window.Page;
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await page.GotoAsync("/account/login");
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await window.SignInAsync();
        // Both halves: our own styles, and what the component library believes.
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await Assertions.Expect(page.GetByTestId("theme-toggle")).ToHaveAttributeAsync("aria-label", "Use the light theme");

        // In the evening and in the morning: a page that the server made for the other is put right.
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        await page.ReloadAsync();
        await window.InteractiveAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "light");
        await Assertions.Expect(page.GetByTestId("theme-toggle")).ToHaveAttributeAsync("aria-label", "Use the dark theme");

        await page.GetByTestId("theme-toggle").ClickAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await page.ReloadAsync();
        await window.InteractiveAsync();
        await Assertions.Expect(page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        Assert.Empty(window.Complaints);
    }

    [Fact]
    public async Task Makes_the_first_workspace_where_there_is_none()
    {
        await using var app = new AdminApp();
        await using var window = await chromium.OpenAsync(app.Url, 390, 844);
        await window.SignInAsync();
        await window.Page.GetByTestId("workspace-name").FillAsync("Growth");
        await window.Page.GetByTestId("create-workspace").ClickAsync();
        await Assertions.Expect(window.Page.Locator("main h1")).ToHaveTextAsync("Growth");
        await window.Page.GetByTestId("hide-checklist").ClickAsync();
        await Assertions.Expect(window.Page.GetByTestId("checklist")).Not.ToBeVisibleAsync();
        Assert.True(await window.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways at 390 px");
        await window.Page.GotoAsync("/w/other");
        await Assertions.Expect(window.Page.Locator("main h1")).ToHaveTextAsync("Nothing here");
        Assert.Empty(window.Complaints);
    }
}
