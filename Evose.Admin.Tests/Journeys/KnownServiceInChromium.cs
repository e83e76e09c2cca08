using System.Net;
using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Journeys;

/// <summary>A key of a known service: found, checked, registered, used and rotated in a browser, without typing a host, a header or a URL.</summary>
public sealed class KnownServiceInChromium(Chromium chromium)
{
    private const string First = "sk-alive-First7f3Kq9Zt2Wm5Xc8";
    private const string Wrong = "sk-gone-Wrong4h6Jr1Yb3Vn7Pd0";
    private const string Second = "sk-alive-Second2b8Lm4Qw6Er9Ty1";

    [Fact]
    public async Task From_the_picker_to_a_call_and_a_wrong_key_that_changes_nothing()
    {
        await using var upstream = await Upstream.StartAsync(ProviderDialects.AnswerAsync);
        await using var app = new AdminApp(new(ProviderDialects.Settings(upstream)) { ["Rotation:SweepInterval"] = "1.00:00:00" });
        await Given.WorkspaceAsync(app, "cs");
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, () => WalkAsync(app, window, upstream));
        Assert.Empty(window.Complaints);
        foreach (var value in new[] { First, Wrong, Second }) Assert.DoesNotContain(app.Log.Lines, l => l.Contains(value, StringComparison.Ordinal));
    }

    private static async Task WalkAsync(AdminApp app, Window window, Upstream upstream)
    {
        var tap = new WireTap(window);
        var page = window.Page;
        await window.SignInAsync();
        await OpenAsync("/w/cs/credentials/new");

        // Found by its Chinese name as well; chosen with the keyboard, which does not send the form.
        await page.GetByTestId("credential-provider").PressSequentiallyAsync("飞");
        await Assertions.Expect(page.GetByTestId("provider-feishu")).ToBeVisibleAsync();
        await page.GetByTestId("credential-provider").FillAsync("opena");
        await page.GetByTestId("credential-provider").PressAsync("ArrowDown");
        await Assertions.Expect(page.Locator("[role=option][aria-selected=true]")).ToContainTextAsync("OpenAI");
        await page.GetByTestId("credential-provider").PressAsync("Enter");
        await Assertions.Expect(page.GetByTestId("credential-name")).ToHaveValueAsync("openai_prod");
        await Assertions.Expect(page.GetByTestId("remove-host")).ToHaveCountAsync(1);
        await page.GetByTestId("provider-help").Locator("summary").ClickAsync();
        var link = page.GetByTestId("console-link");
        await Assertions.Expect(link).ToHaveAttributeAsync("href", "https://platform.openai.com/api-keys");
        await Assertions.Expect(link).ToHaveAttributeAsync("rel", "noopener noreferrer");
        await page.GetByTestId("provider-language").ClickAsync();
        await Assertions.Expect(page.GetByTestId("provider-steps")).ToContainTextAsync("复制密钥");

        await page.GetByTestId("credential-value").PressSequentiallyAsync("nothing like a key");
        await Assertions.Expect(page.GetByTestId("credential-value-hint")).ToContainTextAsync("does not have the form");
        await page.GetByTestId("credential-value").FillAsync("");
        await page.GetByTestId("credential-value").PressSequentiallyAsync(Wrong);
        await Assertions.Expect(page.GetByTestId("credential-value-hint")).ToContainTextAsync("Has the form");
        await page.GetByTestId("check-value").ClickAsync();
        await Assertions.Expect(page.GetByTestId("check-result")).ToContainTextAsync("not accepted");
        await page.GetByTestId("credential-value").PressSequentiallyAsync(First);
        await page.GetByTestId("check-value").ClickAsync();
        await Assertions.Expect(page.GetByTestId("check-result").Locator("[data-state=alive]")).ToBeVisibleAsync();
        await page.GetByTestId("confirm-empty-scope").CheckAsync();
        await tap.LookAsync();
        await page.GetByTestId("register-save").ClickAsync();
        await page.AtAsync("/w/cs/credentials/openai_prod");
        await OpenAsync("/w/cs/credentials/openai_prod?tab=versions");
        await Assertions.Expect(page.GetByText("accepted", new() { Exact = true })).ToBeVisibleAsync();

        // A tool begins from the same record.
        await OpenAsync("/w/cs/tools/new");
        await page.GetByTestId("tool-provider").FillAsync("OpenAI");
        await Assertions.Expect(page.GetByTestId("tool-base-url")).ToHaveValueAsync(upstream.Url + "/v1");
        await Assertions.Expect(page.GetByTestId("headers-value-1")).ToHaveValueAsync("Bearer {{credential:openai_prod}}");
        await page.GetByTestId("tool-name").FillAsync("gpt");
        await page.GetByTestId("tool-save").ClickAsync();
        await page.AtAsync("/w/cs/tools/gpt");
        using var api = app.Api();
        using (var scoped = await api.PatchAsync("/api/v1/workspaces/cs/credentials/openai_prod", new StringContent("""{"scope":{"tools":["gpt"]}}""", System.Text.Encoding.UTF8, "application/json"))) Assert.Equal(HttpStatusCode.OK, scoped.StatusCode);
        await CallAsync(First);

        // Step 1 says how, with the same link; step 2 asks the service itself.
        await OpenAsync("/w/cs/credentials/openai_prod/rotate");
        await Assertions.Expect(page.GetByTestId("console-link")).ToHaveAttributeAsync("rel", "noopener noreferrer");
        await Assertions.Expect(page.GetByTestId("provider-steps").Locator("li")).ToHaveCountAsync(5);
        await page.GetByTestId("have-key").CheckAsync();
        await page.GetByTestId("to-enter").ClickAsync();
        await EnterAsync(Wrong);
        await Assertions.Expect(page.GetByTestId("not-checked")).ToContainTextAsync("/v1/models");
        await page.GetByTestId("verify").ClickAsync();
        await Assertions.Expect(page.GetByTestId("verify-result").Locator("[data-state=dead]")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByTestId("swap")).ToHaveCountAsync(0);
        await CallAsync(First);
        using (var discarded = await api.DeleteAsync("/api/v1/workspaces/cs/credentials/openai_prod/rotation")) Assert.Equal(HttpStatusCode.OK, discarded.StatusCode);
        await OpenAsync("/w/cs/credentials/openai_prod/rotate?have_key=true");
        await EnterAsync(Second);
        await page.GetByTestId("verify").ClickAsync();
        await page.GetByTestId("swap").ClickAsync();
        await Assertions.Expect(page.GetByTestId("countdown")).ToBeVisibleAsync();
        await CallAsync(Second);
        await tap.LookAsync();
        await tap.SettleAsync();
        // Values went to the intake and nowhere else that a page has.
        foreach (var value in new[] { First, Wrong, Second })
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(value);
            var holding = tap.Pieces.Where(p => p.Bytes.AsSpan().IndexOf(bytes) >= 0).Select(p => (p.What, new Uri(p.Where).AbsolutePath)).Distinct().ToList();
            Assert.Equal([("request body", "/ui/intake")], holding);
        }

        // The record of the organization's own: written with a preview, found by everybody.
        await OpenAsync("/settings/providers");
        await page.GetByTestId("provider-search").FillAsync("钉钉");
        await Assertions.Expect(page.GetByTestId("providers").Locator("tbody tr")).ToHaveCountAsync(1);
        await page.GetByTestId("new-provider").ClickAsync();
        var json = await page.GetByTestId("provider-json").InputValueAsync();
        await page.GetByTestId("provider-json").FillAsync(json.Replace("https://api.acme.example/v1/me", "https://evil.example/me", StringComparison.Ordinal));
        await page.GetByTestId("save-provider").ClickAsync();
        await Assertions.Expect(page.GetByTestId("provider-wrong")).ToContainTextAsync("probe.url");
        await page.GetByTestId("provider-json").FillAsync(json);
        await Assertions.Expect(page.GetByTestId("provider-card")).ToContainTextAsync("Acme CRM");
        await page.GetByTestId("save-provider").ClickAsync();
        await page.AtAsync("/settings/providers/acme_crm");
        await OpenAsync("/w/cs/credentials/new?provider=acme_crm");
        await Assertions.Expect(page.GetByTestId("credential-name")).ToHaveValueAsync("acme_crm_prod");
        await OpenAsync("/settings/providers/acme_crm");
        await page.GetByTestId("delete-provider").ClickAsync();
        await page.AtAsync("/settings/providers");

        async Task OpenAsync(string url)
        {
            await page.GotoAsync(url);
            await window.InteractiveAsync();
        }

        async Task EnterAsync(string value)
        {
            await page.GetByTestId("new-value").PressSequentiallyAsync(value);
            await page.GetByTestId("store").ClickAsync();
            await page.GetByTestId("verify").WaitForAsync();
        }

        async Task CallAsync(string value)
        {
            using var answer = await api.GetAsync("/broker/cs/gpt/models");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal("Bearer " + value, upstream.Requests.Last().Headers["Authorization"]);
        }
    }
}
