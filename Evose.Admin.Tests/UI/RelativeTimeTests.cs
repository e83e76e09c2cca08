using Bunit;
using Evose.Admin.UI;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.UI;

public sealed class RelativeTimeTests
{
    [Fact]
    public async Task Nothing_stands_between_the_words_and_what_follows_them()
    {
        await using var browser = new BunitContext();
        browser.Services.AddSingleton(TimeProvider.System);
        foreach (var at in new DateTimeOffset?[] { TimeProvider.System.GetUtcNow().AddDays(-2), null })
        {
            var markup = browser.Render<RelativeTime>(p => p.Add(x => x.At, at)).Markup;
            Assert.NotEmpty(markup);
            Assert.Equal(markup.Trim(), markup);
        }
    }
}
