using System.Text.RegularExpressions;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Journeys;

/// <summary>The app as somebody gets it who typed its one command: no environment named, an empty data directory.</summary>
public sealed partial class StartedByItsOneCommand
{
    [Fact]
    public async Task The_first_page_has_its_styles_and_scripts()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using (var app = await AppProcess.StartAsync(directory))
        {
            using var browser = new HttpClient { BaseAddress = new Uri(app.Url) };
            var page = await browser.GetStringAsync("/");
            var assets = Asset().Matches(page).Select(m => m.Groups["path"].Value).Distinct().ToList();
            Assert.True(assets.Count >= 3, page);
            foreach (var asset in assets)
            {
                using var answer = await browser.GetAsync("/" + asset.TrimStart('/'));
                var bytes = await answer.Content.ReadAsByteArrayAsync();
                Assert.True(answer.IsSuccessStatusCode && bytes.Length > 0, $"{asset}: {(int)answer.StatusCode}, {bytes.Length} bytes");
            }
            Assert.DoesNotContain("Static files may be unavailable", app.Output, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("(?:href|src)=\"(?<path>[^\"]+\\.(?:css|js))\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Asset();
}
