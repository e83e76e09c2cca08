using System.Net;
using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>A person registers an OAuth token, connects it at a real server on another site, and connects it again.</summary>
public sealed class ConnectInChromiumTests(Chromium chromium)
{
    [Fact]
    public async Task A_person_registers_connects_uses_and_reconnects_a_token()
    {
        await using var server = await OAuthServer.StartAsync();
        await using var world = await OAuthWorld.StartAsync();
        await server.AllowAsync(world.RedirectUri);
        await Given.ToolAsync(world.App, world.Ws, OAuthWorld.ToolOf(OAuthWorld.Name), server.Url + "/api", OAuthWorld.Name);
        await using var window = await chromium.OpenAsync(world.App.Url);
        await window.TellingAsync(world.App, () => WalkAsync(world, server, window));
        Assert.Empty(window.Complaints);
    }

    private static async Task WalkAsync(OAuthWorld world, OAuthServer server, Window window)
    {
        var tap = new WireTap(window);
        var page = window.Page;
        var tool = OAuthWorld.ToolOf(OAuthWorld.Name);
        await window.SignInAsync();
        await page.GotoAsync($"/w/{world.Ws}/credentials/new?type=oauth_token");
        await page.GetByTestId("credential-name").FillAsync(OAuthWorld.Name);
        await Assertions.Expect(page.GetByTestId("oauth-later")).ToBeVisibleAsync();
        await Shots.TakeAsync(page, "register");
        await page.GetByTestId("scope-tool-" + tool).CheckAsync();
        await page.GetByTestId("register-save").ClickAsync();

        await page.GetByTestId("app-form").WaitForAsync();
        await page.GetByTestId("app-provider").SelectOptionAsync("feishu");
        await Shots.TakeAsync(page, "connect-feishu");
        await page.GetByTestId("app-provider").SelectOptionAsync("oauth2");
        Assert.Equal(world.RedirectUri, await page.GetByTestId("redirect-uri").InputValueAsync());
        await page.GetByTestId("client-id").FillAsync(OAuthServer.ClientId);
        await page.GetByTestId("client-secret").FillAsync(OAuthServer.ClientSecret);
        await page.GetByTestId("app-scopes").FillAsync("drive.read offline_access");
        await page.GetByTestId("authorize-url").FillAsync(server.Url + "/authorize");
        await page.GetByTestId("token-url").FillAsync(server.Url + "/token");
        await page.GetByTestId("connect").ClickAsync();

        await Assertions.Expect(page.GetByTestId("connect-result")).ToHaveAttributeAsync("data-result", "connected");
        Assert.StartsWith(world.App.Url, page.Url, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        await Assertions.Expect(page.GetByTestId("connect-authorized")).ToContainTextAsync(AdminApp.AdminEmail);
        await Shots.TakeAsync(page, "connected");
        await tap.LookAsync();

        await page.GotoAsync($"/w/{world.Ws}/credentials/{OAuthWorld.Name}");
        await Assertions.Expect(page.GetByTestId("authorized-by")).ToContainTextAsync(AdminApp.AdminEmail);
        await Shots.TakeAsync(page, "credential");

        // The person withdraws the consent at the provider: a call finds out, the page says so, one click leads back.
        await server.WithdrawAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.CallAsync()).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync()).Status);
        await page.GotoAsync("/notifications");
        await Assertions.Expect(page.Locator("[data-kind=sign_in_needed]")).ToContainTextAsync(OAuthWorld.Name);
        await page.GotoAsync($"/w/{world.Ws}/credentials/{OAuthWorld.Name}");
        await Assertions.Expect(page.GetByTestId("alert-sign-in")).ToBeVisibleAsync();
        await Shots.TakeAsync(page, "needs-sign-in");
        await page.GetByTestId("connect-credential").ClickAsync();
        await page.GetByTestId("connect").ClickAsync();
        await Assertions.Expect(page.GetByTestId("connect-result")).ToHaveAttributeAsync("data-result", "connected");
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        Assert.Equal(2, (await world.CredentialAsync()).ActiveVersion);

        // Refused at the provider: nothing changes.
        server.Refuses = true;
        await page.GetByTestId("connect").ClickAsync();
        await Assertions.Expect(page.GetByTestId("connect-result")).ToHaveAttributeAsync("data-result", "refused");
        await Shots.TakeAsync(page, "refused");
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        await page.GotoAsync("/oauth/failed?reason=used");
        await Assertions.Expect(page.GetByTestId("oauth-failed")).ToBeVisibleAsync();

        await tap.SettleAsync();
        Assert.Equal(["/ui/intake"], Holding(tap, OAuthServer.ClientSecret).Distinct());
        foreach (var token in server.ApiCalls.Distinct()) Assert.Empty(Holding(tap, token["Bearer ".Length..]));
    }

    private static IEnumerable<string> Holding(WireTap tap, string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        return tap.Pieces.Where(p => p.Bytes.AsSpan().IndexOf(bytes) >= 0).Select(p => new Uri(p.Where).AbsolutePath);
    }
}
