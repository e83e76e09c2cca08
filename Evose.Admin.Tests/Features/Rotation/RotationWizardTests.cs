using System.Net;
using Bunit;
using Evose.Admin.Domain;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Features.Rotation;

/// <summary>The wizard has no state of its own: a fresh browser always opens at the true step.</summary>
public sealed class RotationWizardTests
{
    private static BunitContext Browser(RotationWorld world)
    {
        var browser = new BunitContext();
        browser.JSInterop.Mode = JSRuntimeMode.Loose;
        browser.Services.AddMudServices();
        browser.Services.AddFallbackServiceProvider(world.App.Services);
        return browser;
    }

    private static IRenderedComponent<RotationWizardPage> Open(BunitContext browser, Actor actor) =>
        browser.Render<RotationWizardPage>(p => p.AddCascadingValue(actor).Add(x => x.Ws, RotationWorld.Ws).Add(x => x.Name, RotationWorld.Name));

    private static void At(IRenderedComponent<RotationWizardPage> page, int step, string state) => page.WaitForAssertion(() =>
    {
        var wizard = page.Find("[data-testid=wizard]");
        Assert.Equal((step.ToString(), state), (wizard.GetAttribute("data-step"), wizard.GetAttribute("data-state")));
        Assert.Equal("step", page.Find($"[data-testid=step-{step}]").GetAttribute("aria-current"));
    }, TimeSpan.FromMinutes(1));

    [Fact]
    public async Task Every_browser_opens_at_the_step_that_the_rows_imply_and_follows_when_another_moves_it()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var world = await RotationWorld.StartAsync();
        await world.SeedAsync(upstream.Url, "key-one");
        var actor = await world.AdminAsync();
        await using var first = Browser(world);
        var followed = Open(first, actor);
        At(followed, 1, "none");
        Assert.StartsWith($"evose-{RotationWorld.Name}-", followed.Find("[data-testid=label]").TextContent);

        (await world.StartAsync("canary-wizard-value", skip: false)).Expect(HttpStatusCode.Created);
        await SecondAsync(2, "pending");
        At(followed, 2, "pending");
        Assert.Contains("entered a new value", followed.Find("[data-testid=moved-elsewhere]").TextContent);
        Assert.DoesNotContain("canary-wizard-value", followed.Markup);

        await world.PostAsync("/verify");
        await SecondAsync(3, "pending");
        At(followed, 3, "pending");
        // A move made in this browser, with what it showed.
        await followed.Find("[data-testid=swap]").ClickAsync(new());
        At(followed, 4, "grace");
        Assert.Empty(followed.FindAll("[data-testid=moved-elsewhere]"));
        Assert.Contains("left", followed.Find("[data-testid=countdown]").TextContent);
        await SecondAsync(4, "grace");

        (await world.PostAsync("/retire", new { force = true })).Expect(HttpStatusCode.OK);
        await SecondAsync(1, "retired");
        followed.WaitForAssertion(() => Assert.Contains("finished=", first.Services.GetRequiredService<Microsoft.AspNetCore.Components.NavigationManager>().Uri), TimeSpan.FromMinutes(1));

        async Task SecondAsync(int step, string state)
        {
            await using var second = Browser(world);
            At(Open(second, actor), step, state);
        }
    }

    [Fact]
    public async Task The_list_shows_open_and_done_and_says_when_nothing_matches()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var world = await RotationWorld.StartAsync();
        await world.SeedAsync(upstream.Url, "key-one");
        await world.StartAsync("key-two");
        var actor = await world.AdminAsync();
        var list = world.App.Get<RotationListQuery>();
        Assert.Single((await list.RunAsync(actor, "cs", RotationListQuery.Filter.Open, "svc", null, CancellationToken.None)).Value!.Data);
        Assert.Empty((await list.RunAsync(actor, "cs", RotationListQuery.Filter.Done, null, null, CancellationToken.None)).Value!.Data);
        await using var browser = Browser(world);
        var page = browser.Render<RotationsPage>(p => p.AddCascadingValue(actor).Add(x => x.Ws, "cs"));
        page.WaitForAssertion(() => Assert.Contains("new value waits", page.Find("[data-testid=rotations]").TextContent), TimeSpan.FromMinutes(1));
    }
}
