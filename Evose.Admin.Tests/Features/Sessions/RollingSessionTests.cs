using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Sessions;

/// <summary>A site that changes its session with every answer is a site that one stays signed in at.</summary>
public sealed class RollingSessionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_site_that_knows_only_its_newest_session_id_knows_us_for_100_calls(bool attached)
    {
        await using var world = await SessionWorld.StartAsync(attached: attached);
        var first = await world.SignInAsync();
        for (var i = 0; i < 100; i++)
        {
            using var answer = await world.CallAsync();
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"call {i + 1}: {(int)answer.StatusCode}");
            Assert.False(answer.Headers.Contains("Set-Cookie"));
        }
        Assert.Equal(101, world.Site.Issued);
        var sent = world.Site.Upstream.Requests.Select(r => r.Headers["Cookie"]).ToList();
        Assert.Equal($"sid={first}; theme=dark", sent[0]);
        Assert.Equal(100, sent.Distinct().Count());
        Assert.All(sent, c => Assert.EndsWith("; theme=dark", c));

        // One version is in use, and of those that the site replaced only the newest are kept; the first is a person's and stays.
        var row = await world.RowAsync();
        Assert.Equal((101, 101), (row.ActiveVersion, row.Versions.Count(v => v.State == VersionState.Active) + 100));
        Assert.Equal([1, .. Enumerable.Range(101 - RollSession.Kept, RollSession.Kept), 101], row.Versions.Select(v => v.Number).Order());
        Assert.All(row.Versions.Where(v => v.Number > 1), v => Assert.Equal((true, 1), (v.IsRolled, v.Origin)));
        Assert.All(row.Versions.Where(v => v.State != VersionState.Active), v => Assert.Null(v.WrappedKey));
        Assert.Null(row.NeedsSignInAt);

        await using var db = await world.App.DbAsync();
        var audited = await db.AuditEvents.AsNoTracking().Where(e => e.Action == AuditAction.SessionRolled).OrderBy(e => e.Seq).ToListAsync();
        Assert.Equal(100, audited.Count);
        Assert.Equal("Version 2 is in use instead of version 1: 127.0.0.1 set sid.", audited[0].Detail);
        Assert.DoesNotContain(audited, e => e.Detail!.Contains("sid-", StringComparison.Ordinal));
        Assert.All(await db.Calls.AsNoTracking().OrderBy(c => c.Seq).Select(c => c.Version).ToListAsync(), (version, i) => Assert.Equal(i + 1, version));
    }

    [Fact]
    public async Task Ten_at_a_time_stay_signed_in_for_100_calls_and_none_fails()
    {
        // An id is over when 40 newer ones were given, so the first ones could not last to the end.
        await using var world = await SessionWorld.StartAsync(patience: 40);
        await world.SignInAsync();
        var left = 100;
        var statuses = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            var mine = new List<HttpStatusCode>();
            while (Interlocked.Decrement(ref left) >= 0) mine.Add(await world.StatusAsync());
            return mine;
        }));
        Assert.Equal(100, statuses.Sum(s => s.Count));
        Assert.All(statuses.SelectMany(s => s), s => Assert.Equal(HttpStatusCode.OK, s));
        Assert.Equal(101, world.Site.Issued);
        var row = await world.RowAsync();
        // Every answer brought a new id, and every one was kept.
        Assert.Equal(101, row.ActiveVersion);
        Assert.Null(row.NeedsSignInAt);
        Assert.Empty(await world.ToldAsync());
    }

    [Fact]
    public async Task Answers_that_come_at_once_do_not_undo_each_other()
    {
        await using var world = await SessionWorld.StartAsync(patience: 100);
        var together = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = 0;
        world.Site.Before = _ =>
        {
            if (Interlocked.Increment(ref arrived) == 8) together.SetResult();
            return together.Task;
        };
        world.Site.AlsoSets = context => [$"part_{context.Request.Path.Value!.TrimStart('/')}=1; Path=/"];
        await world.SignInAsync();
        var statuses = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => world.StatusAsync("/" + i)));
        Assert.All(statuses, s => Assert.Equal(HttpStatusCode.OK, s));
        var names = (await world.ReadAsync()).GetProperty("cookies").EnumerateArray().Select(c => c.GetProperty("name").GetString()).Order().ToList();
        Assert.Equal(["part_0", "part_1", "part_2", "part_3", "part_4", "part_5", "part_6", "part_7", "sid", "theme"], names);
    }

    [Fact]
    public async Task A_site_that_repeats_itself_makes_no_new_version()
    {
        await using var world = await SessionWorld.StartAsync();
        world.Site.LoggedOut = async context =>
        {
            context.Response.Headers.Append("Set-Cookie", "sid=always-the-same; Path=/");
            await context.Response.WriteAsync("ok");
        };
        await world.RegisterAsync($"curl {world.Site.Url}/ -b 'sid=always-the-same'");
        for (var i = 0; i < 5; i++) Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        Assert.Equal(1, (await world.RowAsync()).ActiveVersion);
    }

    [Fact]
    public async Task The_invoke_address_rolls_the_session_too_and_shows_no_cookie()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync();
        for (var i = 1; i <= 3; i++)
        {
            using var answer = await world.Api.PostAsJsonAsync($"/api/v1/workspaces/{world.Ws}/tools/site/invoke", new { path = "/me", headers = new { Cookie = "sid=mine" } });
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.IsSuccessStatusCode, text);
            var json = JsonDocument.Parse(text).RootElement;
            Assert.Equal((200, i), (json.GetProperty("status").GetInt32(), json.GetProperty("credential_version").GetInt32()));
            Assert.DoesNotContain("sid-", text);
            Assert.False(json.GetProperty("headers").TryGetProperty("set-cookie", out _));
        }
        Assert.DoesNotContain(world.Site.Upstream.Requests, r => r.Headers["Cookie"].Contains("mine", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_late_answer_to_an_old_session_does_not_touch_the_one_that_was_entered_meanwhile()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Site.Before = context =>
        {
            if (context.Request.Path != "/slow") return Task.CompletedTask;
            reached.SetResult();
            return answered.Task;
        };
        world.Site.LoggedOut = context =>
        {
            context.Response.Headers.Append("Set-Cookie", "sid=; Path=/; Max-Age=0");
            context.Response.StatusCode = 401;
            return Task.CompletedTask;
        };
        var slow = world.StatusAsync("/slow");
        await reached.Task;
        await world.ReplaceAsync($"Cookie: sid={world.Site.SignIn()}");
        answered.SetResult();
        Assert.Equal(HttpStatusCode.Unauthorized, await slow);

        Assert.Null((await world.RowAsync()).NeedsSignInAt);
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
    }

    [Fact]
    public async Task A_new_session_is_alive_after_it_was_checked_at_a_site_that_rolls_it()
    {
        await using var world = await SessionWorld.StartAsync();
        await world.SignInAsync();
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        await world.MustAsync(HttpStatusCode.Created, HttpMethod.Post, $"/{SessionWorld.Name}/rotation", new { fields = new { value = $"Cookie: sid={world.Site.SignIn()}" } });
        for (var i = 0; i < 2; i++)
        {
            var checkedNow = await world.MustAsync(HttpStatusCode.OK, HttpMethod.Post, $"/{SessionWorld.Name}/rotation/verify", new { path = "/me" });
            Assert.Contains("alive", checkedNow.ToString());
        }
        await world.MustAsync(HttpStatusCode.OK, HttpMethod.Post, $"/{SessionWorld.Name}/rotation/promote");
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        Assert.Null((await world.RowAsync()).NeedsSignInAt);
    }

    [Fact]
    public async Task A_cookie_that_the_site_takes_away_is_gone_and_the_sessions_end_follows_the_cookies()
    {
        await using var world = await SessionWorld.StartAsync();
        world.Site.AlsoSets = _ => ["theme=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "flash=1; Path=/; Max-Age=600"];
        await world.SignInAsync();
        Assert.Equal(JsonValueKind.Null, (await world.ReadAsync()).GetProperty("expires_at").ValueKind);
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        var read = await world.ReadAsync();
        Assert.Equal(["sid", "flash"], read.GetProperty("cookies").EnumerateArray().Select(c => c.GetProperty("name").GetString()));
        Assert.InRange(read.GetProperty("expires_at").GetDateTimeOffset(), TimeProvider.System.GetUtcNow().AddMinutes(8), TimeProvider.System.GetUtcNow().AddMinutes(11));
        // A person's page is not stale because the site moved on.
        await world.MustAsync(HttpStatusCode.OK, HttpMethod.Patch, "/" + SessionWorld.Name, new { description = "The intranet", revision = (await world.RowAsync()).Revision });
    }

    [Fact]
    public async Task A_date_that_a_person_gave_stays()
    {
        await using var world = await SessionWorld.StartAsync();
        world.Site.AlsoSets = _ => ["flash=1; Path=/; Max-Age=600"];
        await world.RegisterAsync($"Cookie: sid={world.Site.SignIn()}", expiresAt: "2099-01-01T00:00:00Z");
        Assert.Equal(HttpStatusCode.OK, await world.StatusAsync());
        Assert.Equal(2099, (await world.ReadAsync()).GetProperty("expires_at").GetDateTimeOffset().Year);
    }
}
