using System.Net.Http.Json;
using Evose.Admin.Features.Demo;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Shell;

/// <summary>W-01 where it counts: every page of the app, alive in a browser on demo data, without a violation of the content security policy or any other complaint, and without scrolling sideways on a telephone.</summary>
public sealed class EveryPageInBrowserTests(Chromium chromium)
{
    // What stands for the parts of an address; a page whose parts are not here fails the test.
    private static readonly Dictionary<string, string> Parts = new()
    {
        ["{Ws}"] = DemoData.Slug, ["{Name}"] = "openai_prod", ["{Code:int}"] = "404", ["{Id}"] = "openai", ["{Channel}"] = "new", ["{Leak:guid}"] = DemoData.LeakId.ToString(),
    };

    // The page that connects is only there for an OAuth token.
    private const string Token = "drive_prod";

    private static readonly string[] Tabs = ["usage", "calls", "versions", "access"];

    // Leaving the session or a state that is not this one.
    private static readonly string[] Elsewhere = ["/account/logout", "/account/accept-invite", "/setup", "/sealed", "/status/404", "/not-found"];

    [Fact]
    public async Task No_page_makes_the_browser_complain()
    {
        await using var app = new AdminApp(new() { ["Bootstrap:DemoData"] = "true", ["Hygiene:WatchInterval"] = "00:00:01" });
        await Given.UntilAsync(async () =>
        {
            await using var db = await app.DbAsync();
            return await db.Rotations.AnyAsync() && await db.Calls.AnyAsync() && await db.HygieneFindings.AnyAsync();
        });
        using (var api = app.Api())
        using (var made = await api.PostAsJsonAsync($"/api/v1/workspaces/{DemoData.Slug}/credentials", new
        {
            name = Token, type = "oauth_token", provider = "oauth2", allowed_hosts = new[] { "api.example.com" }, fields = new { client_id = "client" },
            oauth = new { authorize_url = "https://login.example.com/authorize", token_url = "https://login.example.com/token" },
        }))
            Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        await using var window = await chromium.OpenAsync(app.Url, 390, 844);
        await window.TellingAsync(app, async () =>
        {
            await window.SignInAsync();
            var pages = Addresses(app).ToList();
            Assert.True(pages.Count >= 25, $"only {pages.Count} pages: {string.Join(' ', pages)}");
            foreach (var path in pages) await LookAsync(window, path);
        });
    }

    private static async Task LookAsync(Window window, string path)
    {
        var page = window.Page;
        await page.GotoAsync(path);
        // Pages about passwords and keys have no circuit.
        if (await page.Locator("#boot").CountAsync() > 0) await window.InteractiveAsync();
        await page.Locator("main h1").First.WaitForAsync();
        await Assertions.Expect(page.Locator(".skeleton")).ToHaveCountAsync(0);
        Assert.True(window.Complaints.IsEmpty, $"{path}: {string.Join('\n', window.Complaints)}");
        Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), $"{path} scrolls sideways at 390 px");
        Assert.NotEqual("Nothing here", await page.Locator("main h1").First.InnerTextAsync());
    }

    private static IEnumerable<string> Addresses(AdminApp app)
    {
        foreach (var endpoint in app.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(e => e.Metadata.GetMetadata<ComponentTypeMetadata>() is not null))
        {
            var path = "/" + endpoint.RoutePattern.RawText!.TrimStart('/');
            if (path.Contains("/tools/{Name}", StringComparison.Ordinal)) path = path.Replace("{Name}", "gpt-call", StringComparison.Ordinal);
            if (path.Contains("/agents/{Name}", StringComparison.Ordinal)) path = path.Replace("{Name}", "cs-pro", StringComparison.Ordinal);
            if (path.Contains("/workflows/{Name}", StringComparison.Ordinal)) path = path.Replace("{Name}", "nightly-digest", StringComparison.Ordinal);
            if (path.EndsWith("/connect", StringComparison.Ordinal)) path = path.Replace("{Name}", Token, StringComparison.Ordinal);
            foreach (var (part, value) in Parts) path = path.Replace(part, value, StringComparison.Ordinal);
            Assert.DoesNotContain("{", path, StringComparison.Ordinal);
            if (Elsewhere.Contains(path)) continue;
            yield return path;
            if (path.EndsWith("/credentials/openai_prod", StringComparison.Ordinal)) foreach (var tab in Tabs) yield return $"{path}?tab={tab}";
        }
        yield return $"/w/{DemoData.Slug}/credentials/sendgrid_prod/rotate";
        yield return "/w/org/hygiene";
        yield return $"/w/{DemoData.Slug}/tools/gpt-call?edit=true";
        yield return "/settings/providers/new";
    }
}
