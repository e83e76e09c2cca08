using Bunit;
using Evose.Admin.UI;

namespace Evose.Admin.Tests.UI;

public sealed class FrameBannerTests : IDisposable
{
    private readonly BunitContext _page = new();

    [Fact]
    public void A_press_shows_the_rest_and_another_hides_it_and_there_is_no_way_to_close_it()
    {
        var banner = Render("warn");
        var more = banner.Find("[data-testid='forced-more']");
        Assert.Equal(("false", "More: 2 credentials must be updated", "forced-text"), (more.GetAttribute("aria-expanded"), more.GetAttribute("aria-label"), more.GetAttribute("aria-controls")));
        Assert.NotNull(banner.Find("#forced-text"));
        more.Click();
        Assert.Contains("open", banner.Find(".frame-banner").ClassList);
        Assert.Equal(("true", "Less"), (banner.Find("[data-testid='forced-more']").GetAttribute("aria-expanded"), banner.Find("[data-testid='forced-more']").TextContent));
        banner.Find("[data-testid='forced-more']").Click();
        Assert.DoesNotContain("open", banner.Find(".frame-banner").ClassList);
        Assert.Single(banner.FindAll("button"));
    }

    [Theory]
    [InlineData("bad", "alert")]
    [InlineData("warn", "status")]
    public void Only_what_is_bad_interrupts_who_listens(string tone, string role)
    {
        Assert.Equal(role, Render(tone).Find(".frame-banner").GetAttribute("role"));
    }

    private IRenderedComponent<FrameBanner> Render(string tone) => _page.Render<FrameBanner>(p => p
        .Add(b => b.Name, "forced").Add(b => b.Tone, tone).Add(b => b.Title, "2 credentials must be updated").AddChildContent("They end tomorrow."));

    public void Dispose() => _page.Dispose();
}
