using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Evose.Admin.Features.Account;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Journeys;

/// <summary>An organization's first day with the app, in a browser from the first page on, and the proof that no value ever went where pages go.</summary>
public sealed class FirstDayInChromium(Chromium chromium)
{
    private const string Admin = "first@example.test";
    private const string Reviewer = "reviewer@example.test";
    private const string Password = "a long enough sentence";
    private const string OldCore = "Old7f3Kq9Zt2Wm5Xc8";
    private const string NewCore = "New4h6Jr1Yb3Vn7Pd0";
    private const string OldValue = "sk-\"\\/+%&=<" + OldCore + ">";
    private const string NewValue = "sk-\"\\/+%&=<" + NewCore + ">";
    private const string Credential = "/w/cs/credentials/openai_prod";

    private static readonly Dictionary<string, string?> Settings = new()
    {
        ["Bootstrap:AdminEmail"] = "",
        ["Bootstrap:AdminPassword"] = "",
        ["Bootstrap:ApiKey"] = "",
        ["Rotation:GracePeriod"] = "00:00:04",
        ["Rotation:QuietPeriod"] = "00:00:02",
        ["Rotation:SweepInterval"] = "00:00:01",
        ["Notifications:ScanInterval"] = "00:00:01",
    };

    // Every page on which a reviewer could want to change something: what must be there first, and what only others have.
    private static readonly (string Url, string There, string[] Changing)[] Places =
    [
        ("/w/cs/credentials", "credential-rows", ["new-credential"]),
        (Credential, "tab-versions", ["edit-credential", "archive-credential", "rotate-credential"]),
        (Credential + "?tab=access", "ask-access", ["save-access", "scope-tool", "scope-agent", "host-input", "add-host"]),
        ("/w/cs/tools", "consumer-rows", ["new-consumer"]),
        ("/w/cs/tools/gpt-call", "template", ["tool-edit", "consumer-delete"]),
        ("/w/cs/tools/gpt-call?edit=true", "uses-openai_prod", ["tool-save", "tool-name", "headers-add"]),
        ("/w/cs/agents", "consumer-rows", ["new-consumer"]),
        ("/w/cs/agents/cs-pro", "consumer-facts", ["group-save", "group-name", "consumer-delete"]),
        ("/org/members", "members", ["invite", "organization-role", "switch-user", "remove-member"]),
        ("/org/api-keys", "api-keys", ["issue-api-key", "rotate-api-key", "revoke-api-key"]),
        ("/org/workspaces", "workspaces", ["new-workspace"]),
        ("/system/jobs", "jobs", ["run-housekeeping"]),
        ("/settings/providers", "providers", ["new-provider"]),
        ("/settings/providers/openai", "provider-card", ["edit-provider"]),
        ("/notifications", "notifications", ["acknowledge"]),
    ];

    private static readonly string[] NotForReviewers = ["/w/cs/credentials/new", "/w/cs/tools/new", "/w/cs/agents/new", "/w/cs/workflows/new", "/w/other"];

    private readonly ConcurrentDictionary<string, bool> _accepted = new() { [OldValue] = true };

    [Fact]
    public async Task From_the_set_up_to_a_rotated_key_and_a_reviewer_without_a_failed_call_or_a_value_on_a_page()
    {
        await using var upstream = await Upstream.StartAsync((context, seen) =>
        {
            var sent = seen.Headers.GetValueOrDefault("Authorization", "")["Bearer ".Length..];
            return OpenAiDialect.Answer(() => _accepted.ContainsKey(sent) ? sent : "nothing", TimeSpan.FromMilliseconds(20))(context, seen);
        });
        await using var app = new AdminApp(Settings);
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, () => WalkAsync(app, window, upstream));
    }

    private async Task WalkAsync(AdminApp app, Window window, Upstream upstream)
    {
        var tap = new WireTap(window);
        var page = window.Page;

        var recovery = await SetUpAsync(window, app.Get<SetupToken>().Text);
        await RegisterAsync(window, tap, upstream);
        await MakeToolAndAgentAsync(window, tap, upstream);
        await ScopeAsync(page, tap);
        var key = await IssueKeyAsync(page, tap);

        using var system = new HttpClient { BaseAddress = new Uri(app.Url) };
        system.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        system.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        Assert.Equal(HttpStatusCode.OK, await CallAsync(system));
        await page.GotoAsync(Credential + "?tab=calls");
        var call = page.GetByTestId("call-rows").Locator("tbody tr").First;
        await Assertions.Expect(call).ToContainTextAsync("succeeded");
        foreach (var part in new[] { "gpt-call", "cs-pro", "support-bot", "v1", "POST 127.0.0.1", "200" }) await Assertions.Expect(call).ToContainTextAsync(part);
        await tap.LookAsync();

        await page.GotoAsync("/notifications");
        await Assertions.Expect(page.Locator("[data-kind=expiry_soon]")).ToContainTextAsync("openai_prod");
        await Assertions.Expect(page.GetByTestId("bell-count")).ToHaveTextAsync("1");

        await RotateAsync(page, tap, system);
        _accepted.Remove(OldValue, out _);
        Assert.Equal(HttpStatusCode.OK, await CallAsync(system));
        await page.GotoAsync(Credential + "?tab=versions");
        await Assertions.Expect(Version(page, 1)).ToContainTextAsync("retired");
        await Assertions.Expect(Version(page, 1)).ToContainTextAsync("destroyed");
        await Assertions.Expect(Version(page, 2)).ToContainTextAsync("active");
        await Assertions.Expect(Version(page, 2)).ToContainTextAsync("accepted");
        await tap.LookAsync();

        var link = await InviteAsync(page, tap);
        foreach (var (url, there, changing) in Places)
        {
            await OpenAsync(window, url, there);
            foreach (var testId in changing) await Assertions.Expect(page.GetByTestId(testId).First).ToBeAttachedAsync();
            await tap.LookAsync();
        }

        await using var second = await chromium.OpenAsync(app.Url);
        var secondTap = new WireTap(second);
        await ReviewAsync(second, secondTap, link);

        foreach (var t in new[] { tap, secondTap }) await t.SettleAsync();
        AssertNothingLeaked([tap, secondTap], key, recovery);
        Assert.Empty(window.Complaints);
        Assert.Empty(second.Complaints);
        Assert.DoesNotContain(app.Log.Lines, l => l.Contains(OldCore, StringComparison.Ordinal) || l.Contains(NewCore, StringComparison.Ordinal));
    }

    private static async Task<string> SetUpAsync(Window window, string token)
    {
        var page = window.Page;
        await page.GotoAsync("/");
        await page.GetByTestId("setup-token").FillAsync(token);
        await page.GetByTestId("continue").ClickAsync();
        await page.GetByTestId("email").FillAsync(Admin);
        await page.GetByTestId("password").FillAsync(Password);
        await page.GetByTestId("create").ClickAsync();
        var recovery = (await page.GetByTestId("recovery-key").TextContentAsync())!.Trim();
        Assert.Equal(RecoveryKey.TextLength, recovery.Length);
        await page.GetByTestId("recovery-saved").CheckAsync();
        await page.GetByTestId("continue").ClickAsync();
        await page.AtAsync("/account/login");
        await window.SignInAsync(Admin, Password);
        await page.GetByTestId("workspace-name").FillAsync("CS");
        await page.GetByTestId("create-workspace").ClickAsync();
        await page.AtAsync("/w/cs");
        return recovery;
    }

    private static async Task RegisterAsync(Window window, WireTap tap, Upstream upstream)
    {
        var page = window.Page;
        await OpenAsync(window, "/w/cs/credentials/new", "register-form");
        await page.GetByTestId("credential-name").FillAsync("openai_prod");
        // Typed key by key, as a person does: a page that listened would hear it.
        await page.GetByTestId("credential-value").PressSequentiallyAsync(OldValue);
        await page.GetByTestId("credential-description").FillAsync("Answers customers");
        await page.GetByTestId("credential-provider").FillAsync("openai");
        // The known service's host was filled in; this key goes to another.
        await page.GetByTestId("remove-host").ClickAsync();
        await page.GetByTestId("confirm-empty-scope").CheckAsync();
        await page.GetByTestId("host-input").FillAsync(new Uri(upstream.Url).Authority);
        await page.GetByTestId("add-host").ClickAsync();
        await Assertions.Expect(page.GetByTestId("remove-host")).ToBeVisibleAsync();
        await page.GetByTestId("expires-at").FillAsync(TimeProvider.System.GetUtcNow().AddDays(5).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        await page.GetByTestId("register-save").ClickAsync();
        await page.AtAsync(Credential);
        await Assertions.Expect(page.GetByTestId("alert-scope")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByTestId("alert-expiry")).ToBeVisibleAsync();
        await tap.LookAsync();
    }

    private static async Task MakeToolAndAgentAsync(Window window, WireTap tap, Upstream upstream)
    {
        var page = window.Page;
        await OpenAsync(window, "/w/cs/tools/new", "tool-name");
        await page.GetByTestId("tool-name").FillAsync("gpt-call");
        await page.GetByTestId("tool-base-url").FillAsync(upstream.Url + "/v1");
        if (await page.GetByTestId("headers-name-1").CountAsync() == 0) await page.GetByTestId("headers-add").ClickAsync();
        await page.GetByTestId("headers-name-1").FillAsync("Authorization");
        await page.GetByTestId("headers-pick-1").ClickAsync();
        await page.Locator(".mud-menu-item", new PageLocatorOptions { HasText = "openai_prod" }).ClickAsync();
        await Assertions.Expect(page.GetByTestId("headers-value-1")).ToHaveValueAsync("Bearer {{credential:openai_prod}}");
        await page.GetByTestId("tool-save").ClickAsync();
        await page.AtAsync("/w/cs/tools/gpt-call");
        await Assertions.Expect(page.GetByTestId("template").Last).ToHaveTextAsync("Bearer {{credential:openai_prod}}");
        await tap.LookAsync();

        await OpenAsync(window, "/w/cs/agents/new", "group-name");
        await page.GetByTestId("group-name").FillAsync("cs-pro");
        await page.GetByTestId("tool-gpt-call").CheckAsync();
        await page.GetByTestId("group-save").ClickAsync();
        await page.AtAsync("/w/cs/agents/cs-pro");
    }

    private static async Task ScopeAsync(IPage page, WireTap tap)
    {
        await page.GotoAsync(Credential + "?tab=access");
        await page.GetByTestId("scope-tool-gpt-call").CheckAsync();
        await page.GetByTestId("scope-agent-cs-pro").CheckAsync();
        await page.GetByTestId("save-access").ClickAsync();
        await Assertions.Expect(page.GetByTestId("alert-scope")).ToHaveCountAsync(0);
        await page.GetByTestId("ask-access").ClickAsync();
        await Assertions.Expect(page.GetByTestId("access-answer")).ToBeVisibleAsync();
        await tap.LookAsync();
    }

    private static async Task<string> IssueKeyAsync(IPage page, WireTap tap)
    {
        await page.GotoAsync("/org/api-keys");
        await page.GetByTestId("issue-api-key").ClickAsync();
        await page.GetByTestId("api-key-name").FillAsync("support-bot");
        await Assertions.Expect(page.GetByTestId("scope-tool:invoke")).ToBeCheckedAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Dialog).GetByTestId("workspace-cs")).ToBeCheckedAsync();
        await page.GetByTestId("send").ClickAsync();
        await Assertions.Expect(page.GetByTestId("show-once-value")).ToBeVisibleAsync();
        var key = await page.GetByTestId("show-once-value").InputValueAsync();
        await page.GetByTestId("stored").ClickAsync();
        await Assertions.Expect(page.GetByTestId("api-key-row")).ToContainTextAsync("support-bot");
        await Assertions.Expect(page.GetByTestId("show-once-value")).ToHaveCountAsync(0);
        await tap.LookAsync();
        return key;
    }

    private async Task RotateAsync(IPage page, WireTap tap, HttpClient system)
    {
        using var stop = new CancellationTokenSource();
        var traffic = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var seen = new List<HttpStatusCode>();
            while (!stop.IsCancellationRequested) seen.Add(await CallAsync(system));
            return seen;
        })).ToList();

        await page.GotoAsync(Credential);
        await page.GetByTestId("rotate-credential").ClickAsync();
        await AtStepAsync(page, 1);
        await page.GetByTestId("have-key").CheckAsync();
        await page.GetByTestId("to-enter").ClickAsync();
        await AtStepAsync(page, 2);
        _accepted[NewValue] = true;
        await page.GetByTestId("new-value").PressSequentiallyAsync(NewValue);
        await page.GetByTestId("store").ClickAsync();
        await page.GetByTestId("verify-path").FillAsync("/models");
        await tap.LookAsync();
        await page.GetByTestId("verify").ClickAsync();
        await AtStepAsync(page, 3);
        await tap.LookAsync();
        await page.GetByTestId("swap").ClickAsync();
        await AtStepAsync(page, 4);
        await Assertions.Expect(page.GetByTestId("countdown")).ToBeVisibleAsync();
        await tap.LookAsync();
        await Assertions.Expect(page.GetByTestId("finished")).ToContainTextAsync("Done: version 2 is in use", new() { Timeout = 120_000 });
        await tap.LookAsync();

        await stop.CancelAsync();
        var calls = (await Task.WhenAll(traffic)).SelectMany(c => c).ToList();
        Assert.True(calls.Count > 50, $"only {calls.Count} calls");
        Assert.All(calls, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    private static async Task<string> InviteAsync(IPage page, WireTap tap)
    {
        await page.GotoAsync("/org/members");
        await page.GetByTestId("invite").ClickAsync();
        await page.GetByTestId("invite-email").FillAsync(Reviewer);
        await page.GetByTestId("send").ClickAsync();
        await Assertions.Expect(page.GetByTestId("show-once-value")).ToBeVisibleAsync();
        var link = await page.GetByTestId("show-once-value").InputValueAsync();
        await page.GetByTestId("stored").ClickAsync();
        await Assertions.Expect(page.GetByTestId("invitations")).ToContainTextAsync(Reviewer);
        await tap.LookAsync();
        return link;
    }

    private static async Task ReviewAsync(Window window, WireTap tap, string link)
    {
        var page = window.Page;
        await page.GotoAsync(link);
        await page.GetByTestId("password").FillAsync("another long sentence");
        await page.GetByTestId("join").ClickAsync();
        await window.InteractiveAsync();

        await OpenAsync(window, "/audit", "events");
        foreach (var action in new[] { "credential.registered", "rotation.promoted", "rotation.retired", "api_key.issued", "member.joined" })
        {
            await OpenAsync(window, "/audit?action=" + action, "events");
            await Assertions.Expect(page.GetByTestId("event").First).ToContainTextAsync(action);
        }
        await page.GetByTestId("verify").ClickAsync();
        await Assertions.Expect(page.GetByTestId("chain")).ToContainTextAsync("Chain verified");
        await tap.LookAsync();

        foreach (var (url, there, changing) in Places)
        {
            await OpenAsync(window, url, there);
            foreach (var testId in changing) Assert.True(await page.GetByTestId(testId).CountAsync() == 0, $"a reviewer finds {testId} on {url}");
            await tap.LookAsync();
        }
        foreach (var url in NotForReviewers)
        {
            await page.GotoAsync(url);
            await window.InteractiveAsync();
            await Assertions.Expect(page.Locator("main h1")).ToHaveTextAsync("Nothing here");
            await Assertions.Expect(page.Locator("main form, main input")).ToHaveCountAsync(0);
        }
        await page.GotoAsync(Credential + "/rotate");
        await Assertions.Expect(page.GetByTestId("wizard")).ToContainTextAsync("Moving it takes a workspace admin");
        await Assertions.Expect(page.GetByTestId("wizard").Locator("button, input")).ToHaveCountAsync(0);
    }

    private static void AssertNothingLeaked(WireTap[] taps, string key, string recovery)
    {
        var pieces = taps.SelectMany(t => t.Pieces).ToList();
        // The recording itself works: pages arrived as frames, what was typed into other fields left as frames.
        Assert.All(taps, t => Assert.NotEmpty(t.Sockets));
        Assert.Contains(pieces, p => p.What == "frame received" && p.Bytes.AsSpan().IndexOf("openai_prod"u8) >= 0);
        Assert.Contains(pieces, p => p.What == "frame sent" && p.Bytes.AsSpan().IndexOf("Answers customers"u8) >= 0);
        Assert.Contains(pieces, p => p.What == "response body" && p.Bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(key)) >= 0);

        foreach (var traces in new[] { new Traces(OldValue, OldCore), new Traces(NewValue, NewCore) })
        {
            var found = pieces.SelectMany(p => traces.In(p.Bytes).Select(shape => (p.What, new Uri(p.Where).AbsolutePath, shape))).ToList();
            Assert.Equal([("request body", "/ui/intake", "value"), ("request body", "/ui/intake", "core")], found);
        }
        // The browser lets go of what no script reads: the intake's answer, and the logo. Any other answer must have been read.
        Assert.DoesNotContain(taps.SelectMany(t => t.Unread), url => !url.EndsWith("/ui/intake", StringComparison.Ordinal) && !url.EndsWith(".js", StringComparison.Ordinal) && !url.EndsWith(".css", StringComparison.Ordinal) && !url.EndsWith(".svg", StringComparison.Ordinal));
        // What is shown once is not for the page's connection either.
        foreach (var once in new[] { key, recovery })
            Assert.DoesNotContain(pieces, p => p.What is "frame sent" or "frame received" && p.Bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(once)) >= 0);
    }

    private static async Task OpenAsync(Window window, string url, string there)
    {
        await window.Page.GotoAsync(url);
        await window.InteractiveAsync();
        await window.Page.GetByTestId(there).First.WaitForAsync();
    }

    private static Task AtStepAsync(IPage page, int step) => Assertions.Expect(page.GetByTestId("wizard")).ToHaveAttributeAsync("data-step", step.ToString(CultureInfo.InvariantCulture));

    private static ILocator Version(IPage page, int number) =>
        page.GetByTestId("version-rows").Locator("tbody tr").Filter(new LocatorFilterOptions { Has = page.GetByRole(AriaRole.Rowheader, new() { Name = $"v{number}", Exact = true }) });

    private static async Task<HttpStatusCode> CallAsync(HttpClient system)
    {
        using var answer = await system.PostAsJsonAsync("/broker/cs/gpt-call/chat/completions", new { model = "gpt-test", messages = new[] { new { role = "user", content = "hi" } } });
        return answer.StatusCode;
    }
}
