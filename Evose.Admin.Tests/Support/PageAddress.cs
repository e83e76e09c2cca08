using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Support;

/// <summary>Where a browser's page is.</summary>
internal static class PageAddress
{
    /// <summary>Waits until the page's address ends with the path, whatever its query. Asks again and again: Playwright's own wait for a navigation misses one that happens while it begins to listen.</summary>
    public static async Task AtAsync(this IPage page, string path)
    {
        await Assertions.Expect(page).ToHaveURLAsync(new Regex(Regex.Escape(path) + "(?:\\?.*)?$", RegexOptions.None, TimeSpan.FromSeconds(1)));
        await page.WaitForLoadStateAsync();
    }
}
