using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Journeys;

/// <summary>L-03: a value that is typed, refused, typed again, carried back and forth through the wizard, and present while the connection breaks and the page sleeps, is in no frame either way and in nothing the server sends.</summary>
public sealed class ValuesStayOffThePage(Chromium chromium)
{
    private const string FirstCore = "First8Kd3Qw7Zx5Vb2";
    private const string SecondCore = "Second1Rt6Yh9Nm4Jc";
    private const string AbandonedCore = "Abandoned5Gs8Pl2Tf";

    // Every socket that the page opens, so that it can be broken as a lost network breaks it.
    private const string RememberSockets = "window.sockets = []; const Native = window.WebSocket; window.WebSocket = class extends Native { constructor(...a) { super(...a); window.sockets.push(this); } };";

    [Fact]
    public async Task Through_errors_steps_back_a_lost_connection_and_a_pause()
    {
        await using var app = new AdminApp();
        await Given.WorkspaceAsync(app, "cs");
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, () => WalkAsync(app, window));
    }

    private static async Task WalkAsync(AdminApp app, Window window)
    {
        var page = window.Page;
        await page.AddInitScriptAsync(RememberSockets);
        await window.SignInAsync();
        var tap = new WireTap(window);

        // Refused for its name, with the value still in the field of the browser; left, come back to, and registered with a value typed anew.
        await page.GotoAsync("/w/cs/credentials/new");
        await window.InteractiveAsync();
        await page.GetByTestId("credential-name").FillAsync("Not A Name");
        await page.GetByTestId("credential-value").PressSequentiallyAsync("sk-" + FirstCore);
        await page.GetByTestId("confirm-empty-scope").CheckAsync();
        await page.GetByTestId("register-save").ClickAsync();
        await Assertions.Expect(page.GetByTestId("credential-name")).ToHaveAttributeAsync("aria-invalid", "true");
        await page.GotoAsync("/w/cs/credentials");
        await window.InteractiveAsync();
        await page.GoBackAsync();
        await window.InteractiveAsync();
        Assert.Equal("", await page.GetByTestId("credential-value").InputValueAsync());
        await page.GetByTestId("credential-name").FillAsync("svc_prod");
        await page.GetByTestId("credential-value").PressSequentiallyAsync("sk-" + FirstCore);
        await page.GetByTestId("confirm-empty-scope").CheckAsync();
        await page.GetByTestId("register-save").ClickAsync();
        await page.AtAsync("/w/cs/credentials/svc_prod");
        await tap.LookAsync();

        // The wizard, forth, back and forth.
        await page.GotoAsync("/w/cs/credentials/svc_prod/rotate?have_key=true");
        await window.InteractiveAsync();
        await page.GetByTestId("new-value").PressSequentiallyAsync("sk-" + AbandonedCore);
        await page.GetByRole(AriaRole.Link, new() { Name = "Back", Exact = true }).ClickAsync();
        await Assertions.Expect(page.GetByTestId("wizard")).ToHaveAttributeAsync("data-step", "1");
        await page.GoBackAsync();
        await Assertions.Expect(page.GetByTestId("wizard")).ToHaveAttributeAsync("data-step", "2");
        Assert.Equal("", await page.GetByTestId("new-value").InputValueAsync());
        await page.GetByTestId("new-value").PressSequentiallyAsync("sk-" + SecondCore);

        // The connection breaks while the value stands in the field; the page comes back with it and sends it only when told to.
        var before = tap.Sockets.Count;
        await page.EvaluateAsync("window.sockets.forEach(s => s.close())");
        await Given.UntilAsync(() => Task.FromResult(tap.Sockets.Count > before));
        await Assertions.Expect(page.Locator("#components-reconnect-modal")).ToBeHiddenAsync();
        Assert.Equal("sk-" + SecondCore, await page.GetByTestId("new-value").InputValueAsync());
        await page.GetByTestId("store").ClickAsync();
        await Assertions.Expect(page.GetByTestId("verify")).ToBeVisibleAsync();
        await tap.LookAsync();

        // The page goes to sleep, leaving its state with the browser, and wakes up.
        await page.EvaluateAsync("async () => { try { await Blazor.pauseCircuit(); await Blazor.resumeCircuit(); } catch { /* Calls that were under way are told that the connection is gone. */ } }");
        await page.GotoAsync("/w/cs/credentials/svc_prod/rotate");
        await window.InteractiveAsync();
        await tap.LookAsync();
        await tap.SettleAsync();

        var pieces = tap.Pieces.ToList();
        Assert.Contains(pieces, p => p.What == "frame received" && p.Bytes.AsSpan().IndexOf("svc_prod"u8) >= 0);
        Assert.Contains(pieces, p => p.What == "frame sent" && p.Bytes.AsSpan().IndexOf("Not A Name"u8) >= 0);
        foreach (var core in (string[])[FirstCore, SecondCore, AbandonedCore])
        {
            var traces = new Traces("sk-" + core, core);
            var found = pieces.SelectMany(p => traces.In(p.Bytes).Select(_ => $"{p.What} {new Uri(p.Where).AbsolutePath}")).Distinct().ToList();
            // What was never stored was never sent at all.
            Assert.Equal(core == AbandonedCore ? [] : ["request body /ui/intake"], found);
            Assert.DoesNotContain(app.Log.Lines, l => l.Contains(core, StringComparison.Ordinal));
        }
        using var api = app.Api();
        Assert.Contains("\"pending\"", await api.GetStringAsync("/api/v1/workspaces/cs/credentials/svc_prod/rotation"), StringComparison.Ordinal);
    }
}
