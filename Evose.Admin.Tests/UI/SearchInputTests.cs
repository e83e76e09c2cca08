using Bunit;
using Evose.Admin.UI;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.UI;

public sealed class SearchInputTests : IDisposable
{
    private readonly BunitContext _page = new();
    private readonly List<string> _asked = [];

    public SearchInputTests() => _page.Services.AddSingleton(TimeProvider.System);

    [Fact]
    public void Keys_that_follow_each_other_are_one_search()
    {
        var input = Render("");
        foreach (var text in new[] { "o", "op", "ope", "open " }) input.Find("input").Input(text);
        input.WaitForAssertion(() => Assert.Equal(["open "], _asked));
        // The address says the same without the blank: what stands in the field is left alone.
        input.Render(p => p.Add(i => i.Value, "open"));
        Assert.Equal("open ", input.Find("input").GetAttribute("value"));
    }

    [Fact]
    public void What_the_address_says_anew_stands_in_the_field()
    {
        var input = Render("stripe");
        Assert.Equal("stripe", input.Find("input").GetAttribute("value"));
        input.Find("input").Input("stripe_prod");
        input.WaitForAssertion(() => Assert.Equal(["stripe_prod"], _asked));
        input.Render(p => p.Add(i => i.Value, "stripe_prod"));
        input.Render(p => p.Add(i => i.Value, null));
        Assert.Equal("", input.Find("input").GetAttribute("value"));
    }

    [Fact]
    public void The_same_text_again_is_no_search()
    {
        var input = Render("stripe");
        input.Find("input").Input("strip");
        input.Find("input").Input("stripe");
        input.Find("input").Input("stripe_dev");
        input.WaitForAssertion(() => Assert.Equal(["stripe_dev"], _asked));
    }

    private IRenderedComponent<SearchInput> Render(string value) =>
        _page.Render<SearchInput>(p => p.Add(i => i.Label, "Search").Add(i => i.Value, value).Add(i => i.ValueChanged, q => _asked.Add(q)));

    public void Dispose() => _page.Dispose();
}
