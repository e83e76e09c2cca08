using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Features.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Sessions;

/// <summary>Which cookies travel with a call, what is refused, and what happens when a site says that nobody is signed in.</summary>
public sealed class SessionUseTests
{
    [Fact]
    public async Task Cookies_of_another_domain_or_path_never_travel_and_the_callers_own_are_dropped()
    {
        await using var world = await SessionWorld.StartAsync();
        world.Site.LoggedOut = context => context.Response.WriteAsync("ok");
        var made = await world.RegisterAsync("127.0.0.1\tFALSE\t/\tFALSE\t0\tmine\tv1\n127.0.0.1\tFALSE\t/deep\tTRUE\t0\tdeep\tv2\n.example.com\tTRUE\t/\tFALSE\t0\tother\tCANARYv3\nlocalhost\tFALSE\t/\tFALSE\t0\tthird\tCANARYv4");
        Assert.Contains("2 cookies are for example.com, localhost", made.GetProperty("warnings").ToString());
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/broker/{world.Ws}/site/deep/x");
        request.Headers.Add("Cookie", "mine=theirs; extra=1");
        (await world.Api.SendAsync(request)).EnsureSuccessStatusCode().Dispose();
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync("/"));
        Assert.Equal(["deep=v2; mine=v1", "mine=v1"], world.Site.Upstream.Requests.Select(r => r.Headers["Cookie"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Calls_under_way_at_once_each_carry_the_cookies_of_their_own_address_and_none_comes_back(bool attached)
    {
        await using var world = await SessionWorld.StartAsync(attached: attached);
        var together = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = 0;
        world.Site.LoggedOut = async context =>
        {
            if (Interlocked.Increment(ref arrived) == 8) together.SetResult();
            await together.Task;
            await context.Response.WriteAsync("you sent " + context.Request.Headers.Cookie);
        };
        const string Mine = "mine-0123456789abcdef", Deep = "deep-fedcba9876543210";
        await world.RegisterAsync($"127.0.0.1\tFALSE\t/\tFALSE\t0\tmine\t{Mine}\n127.0.0.1\tFALSE\t/deep\tTRUE\t0\tdeep\t{Deep}");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            using var answer = await world.CallAsync(i % 2 == 0 ? "/deep/x" : "/");
            return (answer.StatusCode, Text: await answer.Content.ReadAsStringAsync());
        })).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        Assert.All(answers, a => Assert.DoesNotContain("0123456789", a.Text, StringComparison.Ordinal));
        Assert.All(answers, a => Assert.DoesNotContain("9876543210", a.Text, StringComparison.Ordinal));
        Assert.All(answers, a => Assert.Contains("mine=•", a.Text, StringComparison.Ordinal));
        Assert.All(world.Site.Upstream.Requests, r => Assert.Equal(r.Path.Contains("deep", StringComparison.Ordinal) ? $"deep={Deep}; mine={Mine}" : $"mine={Mine}", r.Headers["Cookie"]));
        Assert.Equal(4, world.Site.Upstream.Requests.Count(r => r.Path.Contains("deep", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_call_for_which_no_cookie_is_meant_is_refused_and_not_sent_without()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.RegisterAsync("127.0.0.1\tFALSE\t/app\tFALSE\t0\tsid\tv1");
        using var answer = await world.CallAsync("/elsewhere");
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        var error = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
        Assert.Equal("CREDENTIAL_UNAVAILABLE", error.GetProperty("code").GetString());
        Assert.Contains("None of the session's cookies belongs to this address", error.GetProperty("message").GetString());
        Assert.Empty(world.Site.Upstream.Requests);
        await using var db = await world.App.DbAsync();
        Assert.Equal(1, await db.CallCompletions.CountAsync(c => c.Reason == "cookie_none"));
    }

    [Fact]
    public async Task A_field_is_the_cookie_of_that_name()
    {
        await using var world = await SessionWorld.StartAsync(headers: new() { ["Cookie"] = "{{credential:site_prod}}; fixed=1", ["X-Csrf"] = "{{credential:site_prod.xsrf_token}}" });
        world.Site.LoggedOut = context => context.Response.WriteAsync("ok");
        await world.RegisterAsync("Cookie: sid=abc; XSRF-TOKEN=t0k3n");
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        var seen = Assert.Single(world.Site.Upstream.Requests);
        Assert.Equal(("sid=abc; XSRF-TOKEN=t0k3n; fixed=1", "t0k3n"), (seen.Headers["Cookie"], seen.Headers["X-Csrf"]));
        // A tool may name any cookie, also one that the site has not set yet; a call for which there is none is refused.
        using var saved = await world.Api.PutAsJsonAsync($"/api/v1/workspaces/{world.Ws}/tools/site", new { base_url = world.Site.Url, headers = new Dictionary<string, string> { ["X-Csrf"] = "{{credential:site_prod.not_yet}}" } });
        Assert.True(saved.IsSuccessStatusCode, await saved.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.Forbidden, await world.StatusAsync());
    }

    [Fact]
    public async Task Two_hundred_cookies_go_in_one_header()
    {
        await using var world = await SessionWorld.StartAsync();
        world.Site.LoggedOut = context => context.Response.WriteAsync("ok");
        var header = string.Join("; ", Enumerable.Range(0, 200).Select(i => $"cookie_{i:000}={new string('v', 60)}"));
        await world.RegisterAsync("Cookie: " + header);
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        Assert.Equal(header, Assert.Single(world.Site.Upstream.Requests).Headers["Cookie"]);
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, HttpMethod.Post, $"/{SessionWorld.Name}/rotation", new { fields = new { value = header + "; one_more=1" } });
    }

    [Theory]
    [InlineData("CANARYcanaryCANARYcanary", "has no '='")]
    [InlineData("# Netscape HTTP Cookie File\n.example.com\tTRUE\t/\tTRUE\tCANARY\tsid\tx", "Line 2:")]
    [InlineData("[{\"name\":\"sid\",\n\"value\":\"CANARY\"", "Line 2:")]
    [InlineData("curl 'https://app.example.com/' \\\n -b 'sid=CANARY", "Line 2:")]
    public async Task A_malformed_export_is_refused_with_its_line_and_nothing_of_it_is_kept(string value, string why)
    {
        await using var world = await SessionWorld.StartAsync();
        var refused = await world.MustAsync(HttpStatusCode.UnprocessableEntity, HttpMethod.Post, "", new { name = SessionWorld.Name, type = "cookie", fields = new { value } });
        Assert.Contains(why, refused.GetProperty("error").GetProperty("message").GetString());
        Assert.Equal("fields.value", refused.GetProperty("error").GetProperty("details").GetProperty("field").GetString());
        Assert.DoesNotContain("CANARY", refused.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(world.App.Log.Lines, l => l.Contains("CANARY", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Cookies_that_could_never_travel_are_refused()
    {
        await using var world = await SessionWorld.StartAsync();
        var refused = await world.MustAsync(HttpStatusCode.UnprocessableEntity, HttpMethod.Post, "", new { name = SessionWorld.Name, type = "cookie", fields = new { value = ".example.com\tTRUE\t/\tFALSE\t0\tsid\tCANARY" }, allowed_hosts = new[] { "app.other.test" } });
        Assert.Contains("These cookies are for example.com", refused.ToString());
        Assert.DoesNotContain("CANARY", refused.ToString());
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, HttpMethod.Post, "", new { name = "key_prod", type = "api_key", fields = new { value = "abc" }, session = new { marker = "Sign in" } });
    }

    [Fact]
    public async Task The_same_session_is_not_entered_twice_however_it_was_copied()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.RegisterAsync($"curl '{world.Site.Url}/' -H 'Cookie: a=1; b=2'");
        var refused = await world.MustAsync(HttpStatusCode.UnprocessableEntity, HttpMethod.Post, $"/{SessionWorld.Name}/rotation", new { fields = new { value = $"curl -b 'a=1; b=2' {world.Site.Url}/other" } });
        Assert.Contains("in use already", refused.ToString());
    }

    [Fact]
    public async Task A_logged_out_answer_marks_the_session_tells_once_and_calls_go_on_until_a_new_one_is_entered()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync();
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        world.Site.SignOut();
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.Unauthorized, await world.StatusAsync());

        var read = await world.ReadAsync();
        Assert.Equal("needs_sign_in", read.GetProperty("status").GetString());
        Assert.True(read.GetProperty("session").GetProperty("needs_sign_in").GetBoolean());
        Assert.Equal("the site answered 401", read.GetProperty("session").GetProperty("needs_sign_in_why").GetString());
        var told = Assert.Single(await world.ToldAsync());
        Assert.Contains("site_prod needs a sign-in", told.Title);
        Assert.Equal($"/w/{world.Ws}/credentials/site_prod/rotate", told.Url);
        foreach (var (status, count) in new[] { ("needs_sign_in", 1), ("active", 0) })
            Assert.Equal(count, (await world.MustAsync(HttpStatusCode.OK, HttpMethod.Get, "?status=" + status)).GetProperty("data").GetArrayLength());

        await world.ReplaceAsync($"Cookie: sid={world.Site.SignIn()}");
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        Assert.False((await world.ReadAsync()).GetProperty("session").GetProperty("needs_sign_in").GetBoolean());
        // Over once more, told once more.
        world.Site.SignOut();
        Assert.Equal(HttpStatusCode.Unauthorized, await world.StatusAsync());
        Assert.Equal(2, (await world.ToldAsync()).Count);
        // Somebody looked into it: it was nothing.
        await world.MustAsync(HttpStatusCode.OK, HttpMethod.Patch, "/" + SessionWorld.Name, new { session = new { needs_sign_in = false } });
        Assert.Null((await world.RowAsync()).NeedsSignInAt);
    }

    [Fact]
    public async Task Where_the_rules_say_so_calls_are_refused_until_a_new_session_is_entered()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync(new { when_logged_out = "refuse", logged_out_statuses = new[] { 401, 403 } });
        world.Site.LoggedOut = context =>
        {
            context.Response.StatusCode = 403;
            return Task.CompletedTask;
        };
        world.Site.SignOut();
        Assert.Equal(HttpStatusCode.Forbidden, await world.StatusAsync());
        var before = world.Site.Upstream.Requests.Count;
        using (var answer = await world.CallAsync())
        {
            Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
            var error = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
            Assert.Equal("CREDENTIAL_UNAVAILABLE", error.GetProperty("code").GetString());
            Assert.Contains("Sign in there again", error.GetProperty("message").GetString());
        }
        Assert.Equal(before, world.Site.Upstream.Requests.Count);
        await world.ReplaceAsync($"Cookie: sid={world.Site.SignIn()}");
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
    }

    [Theory]
    [InlineData(null, "/users/sign_in?return=1", true)]
    [InlineData(null, "/somewhere", false)]
    [InlineData("/portal", "/portal/start", true)]
    public async Task A_redirect_to_the_login_page_says_so_too(string? loginPath, string location, bool over)
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync(loginPath is null ? null : new { login_path = loginPath });
        world.Site.LoggedOut = context =>
        {
            context.Response.Redirect(location);
            return Task.CompletedTask;
        };
        world.Site.SignOut();
        Assert.Equal(HttpStatusCode.Found, await world.StatusAsync());
        Assert.Equal(over, (await world.RowAsync()).NeedsSignInAt is not null);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_text_on_the_page_says_so_while_the_page_streams_on(bool invoke)
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync(new { marker = "Bitte anmelden ✓" });
        var sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Site.LoggedOut = async context =>
        {
            // Uncompressed, or the text could not be seen.
            Assert.Equal("identity", context.Request.Headers.AcceptEncoding);
            var bytes = Encoding.UTF8.GetBytes("<html>" + new string('x', 5000) + "<h1>Bitte anmelden ✓</h1>");
            await context.Response.Body.WriteAsync(bytes.AsMemory(0, 5015));
            await context.Response.Body.FlushAsync();
            await sent.Task;
            await context.Response.Body.WriteAsync(bytes.AsMemory(5015));
        };
        world.Site.SignOut();
        if (invoke)
        {
            sent.SetResult();
            using var answer = await world.Api.PostAsJsonAsync($"/api/v1/workspaces/{world.Ws}/tools/site/invoke", new { path = "/me" });
            Assert.Contains("Bitte anmelden", (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("body").GetString());
        }
        else
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/broker/{world.Ws}/site/me");
            request.Headers.Add("Accept-Encoding", "gzip");
            using var answer = await world.Api.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await using var stream = await answer.Content.ReadAsStreamAsync();
            // The first half is here while the second was not sent yet.
            var first = new byte[5000];
            await stream.ReadExactlyAsync(first);
            Assert.Null((await world.RowAsync()).NeedsSignInAt);
            sent.SetResult();
            using var rest = new StreamReader(stream);
            Assert.EndsWith("<h1>Bitte anmelden ✓</h1>", await rest.ReadToEndAsync());
        }
        Assert.Equal("an answer held the text that says so", (await world.RowAsync()).NeedsSignInWhy);
        Assert.Single(await world.ToldAsync());
    }

    [Fact]
    public async Task A_marker_is_found_across_the_borders_of_pieces_and_only_near_the_beginning()
    {
        foreach (var size in new[] { 1, 2, 3, 5, 7, 64, 100_000 })
        {
            Assert.True(await FindsAsync(new string('a', 1000) + "aanmelden-marke" + new string('b', 50), "anmelden-marke", size), $"pieces of {size}");
            Assert.False(await FindsAsync(new string('a', 1000) + "anmelden-mark" + new string('b', 50), "anmelden-marke", size), $"pieces of {size}");
        }
        Assert.True(await FindsAsync(new string('a', (64 * 1024) - 14) + "anmelden-marke", "anmelden-marke", 4096));
        Assert.False(await FindsAsync(new string('a', 64 * 1024) + "anmelden-marke", "anmelden-marke", 4096));
    }

    [Fact]
    public async Task The_end_of_a_session_that_its_site_prolongs_is_told_of_only_when_it_has_come()
    {
        await using var world = await SessionWorld.StartAsync();
        world.Site.AlsoSets = _ => ["flash=1; Path=/; Max-Age=600"];
        await world.SignInAsync();
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        Assert.NotNull((await world.RowAsync()).ExpiresAt);
        await world.App.Get<ScanExpiryJob>().RunAsync(default);
        await using var db = await world.App.DbAsync();
        Assert.Equal(0, await db.Notifications.CountAsync());
    }

    private static async Task<bool> FindsAsync(string text, string marker, int size)
    {
        var found = 0;
        await using var stream = new WatchedStream(new MemoryStream(Encoding.ASCII.GetBytes(text)), Encoding.ASCII.GetBytes(marker), () =>
        {
            found++;
            return Task.CompletedTask;
        });
        using var copy = new MemoryStream();
        var buffer = new byte[size];
        int n;
        while ((n = await stream.ReadAsync(buffer)) > 0) copy.Write(buffer, 0, n);
        Assert.Equal(text, Encoding.ASCII.GetString(copy.ToArray()));
        Assert.InRange(found, 0, 1);
        return found == 1;
    }
}
