using System.Net;
using System.Text;
using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Features.Sessions;

/// <summary>A session pasted in a browser in each of the forms people have it in, used in a real call, lost, and replaced.</summary>
public sealed class SessionInChromium(Chromium chromium)
{
    [Fact]
    public async Task Every_format_is_pasted_used_and_shown_without_a_value()
    {
        await using var world = await SessionWorld.StartAsync();
        await using var window = await chromium.OpenAsync(world.App.Url);
        await window.TellingAsync(world.App, () => WalkAsync(world, window));
    }

    private static async Task WalkAsync(SessionWorld world, Window window)
    {
        var page = window.Page;
        var tap = new WireTap(window);
        await window.SignInAsync();
        var formats = new (string Name, Func<string, string> Text)[]
        {
            ("header_prod", sid => $"Cookie: sid={sid}; theme=dark"),
            ("curl_prod", sid => $"curl '{world.Site.Url}/home' \\\n  -H 'accept: */*' \\\n  -b $'sid={sid}; theme=da\\u0072k' \\\n  --compressed"),
            ("netscape_prod", sid => $"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\t{sid}\n#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t4070908800\ttheme\tdark\n"),
            ("json_prod", sid => $"{{\"cookies\":[{{\"name\":\"sid\",\"value\":\"{sid}\",\"domain\":\"127.0.0.1\",\"path\":\"/\",\"expires\":-1}},\n{{\"name\":\"theme\",\"value\":\"dark\",\"domain\":\"127.0.0.1\",\"path\":\"/\",\"expires\":4070908800.5}}]}}"),
        };
        var values = new List<string>();
        foreach (var (name, text) in formats)
        {
            var tool = name.Replace('_', '-');
            await Given.ToolAsync(world.App, world.Ws, tool, world.Site.Url, headers: new() { ["Cookie"] = $"{{{{credential:{name}}}}}" });
            var sid = world.Site.SignIn();
            values.Add(sid);
            await page.GotoAsync($"/w/{world.Ws}/credentials/new?type=cookie");
            await window.InteractiveAsync();
            await page.GetByTestId("credential-name").FillAsync(name);
            await page.GetByTestId("credential-value").FillAsync(text(sid));
            await page.GetByTestId("scope-tool-" + tool).CheckAsync();
            await page.GetByTestId("register-save").ClickAsync();
            await page.AtAsync($"/credentials/{name}");
            var rows = page.GetByTestId("cookie-rows").Locator("tbody tr");
            await Assertions.Expect(rows).ToHaveCountAsync(2);
            await Assertions.Expect(rows.Nth(0)).ToContainTextAsync("sid");
            await Assertions.Expect(rows.Nth(1)).ToContainTextAsync("theme");
            await Assertions.Expect(rows.Nth(0)).ToContainTextAsync(name == "header_prod" ? "the allowed hosts" : "127.0.0.1");
            await tap.LookAsync();
            using var answer = await world.Api.GetAsync($"/broker/{world.Ws}/{tool}/me");
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{name}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            Assert.Equal($"sid={sid}; theme=dark", world.Site.Upstream.Requests.Last().Headers["Cookie"]);
        }

        // What is no export is refused with its line; the page says so and takes the corrected one.
        await page.GotoAsync($"/w/{world.Ws}/credentials/new?type=cookie");
        await window.InteractiveAsync();
        await page.GetByTestId("credential-name").FillAsync("broken_prod");
        await page.GetByTestId("credential-value").FillAsync("# Netscape HTTP Cookie File\n127.0.0.1 FALSE / FALSE 0 sid broken-canary-value\n");
        await page.GetByTestId("confirm-empty-scope").CheckAsync();
        await page.GetByTestId("register-save").ClickAsync();
        await Assertions.Expect(page.GetByTestId("register-error")).ToContainTextAsync("Line 2");
        values.Add("broken-canary-value");
        await tap.LookAsync();

        // The site ends the session: the page says so, and the wizard takes a new one.
        world.Site.SignOut();
        using (var lost = await world.Api.GetAsync($"/broker/{world.Ws}/json-prod/me")) Assert.Equal(HttpStatusCode.Unauthorized, lost.StatusCode);
        await page.GotoAsync($"/w/{world.Ws}/credentials/json_prod");
        await Assertions.Expect(page.GetByTestId("alert-sign-in")).ToContainTextAsync("the site answered 401");
        await tap.LookAsync();
        var next = world.Site.SignIn();
        values.Add(next);
        await page.GotoAsync($"/w/{world.Ws}/credentials/json_prod/rotate");
        await window.InteractiveAsync();
        await Assertions.Expect(page.GetByTestId("cookie-guide")).ToBeVisibleAsync();
        await page.GetByTestId("have-key").CheckAsync();
        await page.GetByTestId("to-enter").ClickAsync();
        await page.GetByTestId("new-value").FillAsync($"Cookie: sid={next}");
        await page.GetByTestId("store").ClickAsync();
        await Assertions.Expect(page.GetByTestId("cookie-rows").Locator("tbody tr")).ToHaveCountAsync(1);
        await tap.LookAsync();
        await page.GetByTestId("skip-reason").FillAsync("the site has no page to ask");
        await page.GetByTestId("skip").ClickAsync();
        await page.GetByTestId("swap").ClickAsync();
        await Assertions.Expect(page.GetByTestId("wizard")).ToHaveAttributeAsync("data-step", "4");
        using (var back = await world.Api.GetAsync($"/broker/{world.Ws}/json-prod/me")) Assert.Equal(HttpStatusCode.OK, back.StatusCode);
        await page.GotoAsync($"/w/{world.Ws}/credentials/json_prod");
        await Assertions.Expect(page.GetByTestId("cookie-rows")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByTestId("alert-sign-in")).ToHaveCountAsync(0);
        await tap.SettleAsync();

        Assert.Empty(window.Complaints);
        // Only the intake ever got a value; what Playwright typed is no part of the page's state.
        foreach (var piece in tap.Pieces)
        {
            if (piece.Where.EndsWith("/ui/intake", StringComparison.Ordinal) && piece.What.StartsWith("request", StringComparison.Ordinal)) continue;
            var text = Encoding.UTF8.GetString(piece.Bytes);
            foreach (var value in values) Assert.False(text.Contains(value, StringComparison.Ordinal), $"{piece.What} {piece.Where} holds a value");
        }
        Assert.DoesNotContain(world.App.Log.Lines, l => values.Exists(v => l.Contains(v, StringComparison.Ordinal)));
    }
}
