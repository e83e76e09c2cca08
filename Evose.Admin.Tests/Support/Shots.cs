using Microsoft.Playwright;

namespace Evose.Admin.Tests.Support;

/// <summary>Pictures of pages for people who look at them: with <c>EVOSE_SHOTS</c> naming a folder, each at two widths and in both themes; without it, nothing.</summary>
internal static class Shots
{
    public static async Task TakeAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("EVOSE_SHOTS") is not { } folder) return;
        foreach (var width in new[] { 1440, 390 })
        {
            await page.SetViewportSizeAsync(width, 900);
            foreach (var theme in new[] { "a", "b" })
            {
                await page.WaitForTimeoutAsync(300);
                await page.ScreenshotAsync(new() { Path = $"{folder}/{name}-{width}-{theme}.png", FullPage = true });
                await page.GetByTestId("theme-toggle").ClickAsync();
            }
        }
        await page.SetViewportSizeAsync(1440, 900);
    }
}
