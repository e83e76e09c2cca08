using System.Collections.Concurrent;
using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace Evose.Admin.Tests.Support;

/// <summary>
/// One browser for all tests, started by the first that needs it. <c>EVOSE_CHROMIUM</c> says which program; else the system's, else Playwright's own.
/// Without any, the test is skipped; where <c>CI</c> is <c>true</c> that is a failure.
/// </summary>
public sealed class Chromium : IAsyncDisposable
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private readonly SemaphoreSlim _one = new(1, 1);
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private string? _missing;

    /// <summary>A window of its own, without cookies, in which everything the page complains about is noted.</summary>
    public async Task<Window> OpenAsync(string url, int width = 1440, int height = 900)
    {
        var browser = await BrowserAsync();
        // Over HTTPS a test has a certificate that it made itself.
        var context = await browser.NewContextAsync(new BrowserNewContextOptions { BaseURL = url, IgnoreHTTPSErrors = url.StartsWith("https:", StringComparison.Ordinal), ViewportSize = new ViewportSize { Width = width, Height = height } });
        context.SetDefaultTimeout(60_000);
        return await Window.OpenAsync(context);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        _one.Dispose();
    }

    private async Task<IBrowser> BrowserAsync()
    {
        await _one.WaitAsync();
        try
        {
            if (_browser is not null) return _browser;
            if (_missing is null)
            {
                try
                {
                    _playwright ??= await Playwright.CreateAsync();
                    var path = Environment.GetEnvironmentVariable("EVOSE_CHROMIUM") ?? Array.Find(Places, File.Exists);
                    return _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = path, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
                }
                catch (PlaywrightException e)
                {
                    _missing = e.Message.Split('\n')[0];
                }
            }
            if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail($"There is no browser: {_missing}");
            Assert.Skip($"There is no browser: {_missing}");
            throw new InvalidOperationException();
        }
        finally
        {
            _one.Release();
        }
    }
}

/// <summary>A browser window and what went wrong in it.</summary>
public sealed class Window : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    private Window(IBrowserContext context, IPage page) => (_context, Page) = (context, page);

    public IPage Page { get; }

    /// <summary>Errors on the console and exceptions of scripts; violations of the content security policy are among them.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    internal static async Task<Window> OpenAsync(IBrowserContext context)
    {
        var window = new Window(context, await context.NewPageAsync());
        window.Page.Console += (_, message) =>
        {
            if (message.Type == "error") window.Complaints.Enqueue(message.Text);
        };
        window.Page.PageError += (_, error) => window.Complaints.Enqueue(error);
        await window.Page.AddInitScriptAsync("document.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI));");
        return window;
    }

    /// <summary>Signs in through the form and waits for the page that follows.</summary>
    public async Task SignInAsync(string email = AdminApp.AdminEmail, string password = AdminApp.AdminPassword)
    {
        await Page.GotoAsync("/account/login");
        await Page.GetByTestId("email").FillAsync(email);
        await Page.GetByTestId("password").FillAsync(password);
        await Page.GetByTestId("sign-in").ClickAsync();
        await InteractiveAsync();
    }

    /// <summary>Waits until the page is alive: its circuit is there and has drawn a heading.</summary>
    public async Task InteractiveAsync()
    {
        await Page.Locator("#app-state[data-interactive=true]").WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Attached });
        await Page.Locator("main h1").First.WaitForAsync();
    }

    /// <summary>Does it, and when it fails says what the page showed.</summary>
    public async Task TellingAsync(AdminApp app, Func<Task> doIt)
    {
        try
        {
            await doIt();
        }
        catch (Exception e)
        {
            var text = await Page.Locator("body").InnerTextAsync();
            throw new InvalidOperationException($"{e.Message}\nAt {Page.Url}, which shows: {text}\nComplaints: {string.Join('\n', Complaints)}\nLog: {string.Join('\n', app.Log.Lines.TakeLast(20))}", e);
        }
    }

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
