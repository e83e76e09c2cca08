using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>Providers that speak OAuth 2 in their own way: Feishu and DingTalk to the letter of their documentation, and a second, independent server that speaks the standard.</summary>
public sealed partial class DialectTests
{
    [Fact]
    public async Task Feishu_takes_JSON_says_errors_with_status_200_and_gives_each_refresh_token_once()
    {
        var spent = new ConcurrentDictionary<string, bool>();
        var (given, redirectUri) = (0, "");
        var dead = new ConcurrentDictionary<string, bool>();
        await using var feishu = await Upstream.StartAsync(async (context, seen) =>
        {
            switch (seen.Path)
            {
                case "/open-apis/authen/v1/authorize":
                    var query = QueryHelpers.ParseQuery(seen.Query);
                    Assert.Equal(("cli_a1b2", "code", "contact:user.base:readonly offline_access", "S256"), (query["client_id"].ToString(), query["response_type"].ToString(), query["scope"].ToString(), query["code_challenge_method"].ToString()));
                    context.Response.Redirect($"{query["redirect_uri"]}?code=c0de&state={query["state"]}");
                    return;
                case "/open-apis/authen/v2/oauth/token":
                    await context.Response.WriteAsJsonAsync(Token(seen));
                    return;
                default:
                    var token = seen.Headers["Authorization"];
                    await context.Response.WriteAsJsonAsync(dead.ContainsKey(token) ? (object)new { code = 99991663, msg = "token attach failed" } : new { code = 0, data = new { name = "Ann" } });
                    return;
            }
        });
        await using var world = await OAuthWorld.StartAsync();
        redirectUri = world.RedirectUri;
        await world.RegisterAsync("feishu", "cli_a1b2", "feishu-secret", feishu.Url + "/open-apis/authen/v1/authorize", feishu.Url + "/open-apis/authen/v2/oauth/token", "contact:user.base:readonly offline_access", feishu.Url + "/open-apis/authen/v1");
        Assert.Equal("connected", await world.ConnectAsync());
        Assert.NotNull((await world.GrantAsync()).RefreshTokenEndsAt);
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync("/user_info")).Status);

        // The token is over, says the body of a 200.
        dead["Bearer u-access-1"] = true;
        var (status, body) = await world.CallAsync("/user_info");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("Ann", body);
        Assert.Equal(2, (await world.CredentialAsync()).ActiveVersion);
        await world.EndTokenAsync();
        Assert.Contains("Ann", (await world.CallAsync("/user_info")).Body);

        // Somebody left the company: 20026 with status 200.
        spent["ur-refresh-3"] = true;
        await world.EndTokenAsync();
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync("/user_info")).Status);
        Assert.Equal("20026", (await world.GrantAsync()).LastFaultCode);
        Assert.Single(await world.NotificationsAsync("sign_in_needed"));

        object Token(Upstream.Seen seen)
        {
            Assert.Equal("application/json; charset=utf-8", seen.Headers["Content-Type"]);
            var sent = JsonDocument.Parse(seen.Body).RootElement;
            Assert.Equal(("cli_a1b2", "feishu-secret"), (sent.GetProperty("client_id").GetString(), sent.GetProperty("client_secret").GetString()));
            if (sent.GetProperty("grant_type").GetString() == "authorization_code")
            {
                Assert.Equal(("c0de", redirectUri), (sent.GetProperty("code").GetString(), sent.GetProperty("redirect_uri").GetString()));
                Assert.Equal(43, sent.GetProperty("code_verifier").GetString()!.Length);
            }
            else if (!spent.TryAdd(sent.GetProperty("refresh_token").GetString()!, true))
            {
                return new { code = 20026, error = "invalid_grant", error_description = "The refresh token is invalid." };
            }
            var number = Interlocked.Increment(ref given);
            return new { code = 0, access_token = $"u-access-{number}", expires_in = 7200, refresh_token = $"ur-refresh-{number}", refresh_token_expires_in = 604800, scope = "contact:user.base:readonly offline_access", token_type = "Bearer" };
        }
    }

    [Fact]
    public async Task DingTalk_calls_everything_otherwise_and_sends_the_browser_back_with_an_authCode()
    {
        var given = 0;
        await using var dingtalk = await Upstream.StartAsync(async (context, seen) =>
        {
            switch (seen.Path)
            {
                case "/oauth2/auth":
                    var query = QueryHelpers.ParseQuery(seen.Query);
                    Assert.Equal(("dingabc", "code", "openid corpid", "consent"), (query["client_id"].ToString(), query["response_type"].ToString(), query["scope"].ToString(), query["prompt"].ToString()));
                    context.Response.Redirect($"{query["redirect_uri"]}?authCode=c0de&state={query["state"]}");
                    return;
                case "/v1.0/oauth2/userAccessToken":
                    var sent = JsonDocument.Parse(seen.Body).RootElement;
                    var names = sent.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal).ToList();
                    Assert.Equal(("dingabc", "ding-secret"), (sent.GetProperty("clientId").GetString(), sent.GetProperty("clientSecret").GetString()));
                    if (sent.GetProperty("grantType").GetString() == "authorization_code")
                    {
                        Assert.Equal(["clientId", "clientSecret", "code", "grantType"], names);
                        Assert.Equal("c0de", sent.GetProperty("code").GetString());
                    }
                    else
                    {
                        Assert.Equal(["clientId", "clientSecret", "grantType", "refreshToken"], names);
                        Assert.Equal("ding-refresh-1", sent.GetProperty("refreshToken").GetString());
                    }
                    var number = Interlocked.Increment(ref given);
                    await context.Response.WriteAsJsonAsync(new { accessToken = $"ding-access-{number}", refreshToken = $"ding-refresh-{number}", expireIn = 7200, corpId = "ding0" });
                    return;
                default:
                    context.Response.StatusCode = seen.Headers.GetValueOrDefault("x-acs-dingtalk-access-token")?.StartsWith("ding-access-", StringComparison.Ordinal) == true && !seen.Headers.ContainsKey("Authorization") ? 200 : 401;
                    await context.Response.WriteAsJsonAsync(new { nick = "Ann" });
                    return;
            }
        });
        await using var world = await OAuthWorld.StartAsync();
        await world.RegisterAsync("dingtalk", "dingabc", "ding-secret", dingtalk.Url + "/oauth2/auth", dingtalk.Url + "/v1.0/oauth2/userAccessToken", "openid corpid", dingtalk.Url + "/v1.0/contact/users",
            headers: new() { ["x-acs-dingtalk-access-token"] = $$$"""{{credential:{{{OAuthWorld.Name}}}}}""" });
        Assert.Equal("connected", await world.ConnectAsync());
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync("/me")).Status);
        await world.EndTokenAsync();
        var (status, body) = await world.CallAsync("/me");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("Ann", body);
        Assert.Equal(2, given);
        Assert.InRange((await world.CredentialAsync()).Active!.ExpiresAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(7000), TimeSpan.FromSeconds(7200));
    }

    [Fact]
    public async Task An_independent_OpenID_Connect_provider_connects_refreshes_and_answers_calls()
    {
        const string Secret = "an-independent-secret";
        await using var world = await OAuthWorld.StartAsync();
        var start = new ProcessStartInfo("node", "oidc-provider.mjs") { WorkingDirectory = SdkDirectory(), RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["REDIRECT_URI"] = world.RedirectUri;
        start.Environment["CLIENT_SECRET"] = Secret;
        using var node = Process.Start(start)!;
        try
        {
            // It says much on both; a pipe that nobody empties would stop it.
            var issuer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            node.OutputDataReceived += (_, e) =>
            {
                if (e.Data?.StartsWith("http", StringComparison.Ordinal) == true) issuer.TrySetResult(e.Data.Trim());
                if (e.Data is null) issuer.TrySetException(new InvalidOperationException("it ended"));
            };
            node.ErrorDataReceived += (_, _) => { };
            node.BeginOutputReadLine();
            node.BeginErrorReadLine();
            var url = await issuer.Task.WaitAsync(TimeSpan.FromMinutes(1));
            await world.RegisterAsync("oauth2", "evose", Secret, url + "/auth?prompt=consent", url + "/token", "openid offline_access", url);
            await BasicAsync(world, url);
            Assert.Equal("connected", OAuthWorld.ResultOf(await world.ReturnAsync(await SignInThereAsync(await world.LeaveAsync(), url))));
            var (status, body) = await world.CallAsync("/me");
            Assert.True(status == HttpStatusCode.OK, body);
            Assert.Contains("\"sub\":\"ann\"", body);
            for (var i = 2; i <= 4; i++)
            {
                await world.EndTokenAsync();
                Assert.Contains("\"sub\":\"ann\"", (await world.CallAsync("/me")).Body);
                Assert.Equal(i, (await world.CredentialAsync()).ActiveVersion);
            }
        }
        finally
        {
            if (!node.HasExited) node.Kill();
            await node.WaitForExitAsync();
        }
    }

    // Its client says who it is with HTTP Basic, which the registration leaves to the provider's record.
    private static async Task BasicAsync(OAuthWorld world, string url)
    {
        var app = new Evose.Admin.Platform.OAuth.OAuthAppInput("oauth2", "evose", "openid offline_access", url + "/auth?prompt=consent", url + "/token", ClientAuth: "basic");
        Assert.Null((await world.App.Get<Evose.Admin.Features.OAuth.SaveOAuthApp>().ExecuteAsync(world.Actor, world.Ws, OAuthWorld.Name, new(app, null), default)).Problem);
    }

    // Through its own pages: a login form, then a consent form.
    private static async Task<Uri> SignInThereAsync(Uri authorize, string url)
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() });
        var at = authorize;
        for (var i = 0; i < 10; i++)
        {
            using var answer = await browser.GetAsync(at);
            if (answer.Headers.Location is { } next)
            {
                if (!next.IsAbsoluteUri) next = new Uri(new Uri(url), next);
                if (next.AbsolutePath == "/oauth/callback") return next;
                at = next;
                continue;
            }
            var page = await answer.Content.ReadAsStringAsync();
            var prompt = Prompt().Match(page).Groups[1].Value;
            using var form = new FormUrlEncodedContent(prompt == "login" ? new() { ["prompt"] = "login", ["login"] = "ann", ["password"] = "x" } : new Dictionary<string, string> { ["prompt"] = prompt });
            using var sent = await browser.PostAsync(at, form);
            at = sent.Headers.Location!.IsAbsoluteUri ? sent.Headers.Location : new Uri(new Uri(url), sent.Headers.Location);
        }
        throw new InvalidOperationException("the provider never sent the browser back");
    }

    private static string SdkDirectory()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var found = Path.Combine(at.FullName, "Evose.Admin.Tests", "Sdk");
            if (Directory.Exists(Path.Combine(found, "node_modules", "oidc-provider"))) return found;
        }
        Assert.Fail("npm's oidc-provider package is not installed; run ./dev test, or npm ci in Evose.Admin.Tests/Sdk.");
        return "";
    }

    [GeneratedRegex("name=\"prompt\" value=\"(\\w+)\"")]
    private static partial Regex Prompt();
}
