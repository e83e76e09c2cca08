using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Features.OAuth;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>Tokens stay alive: ahead of their end, at a call that finds them over, and after a 401.</summary>
public sealed class KeeperTests
{
    [Fact]
    public async Task Fifty_callers_at_the_end_of_a_token_cause_one_refresh_and_none_of_them_fails()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        await world.EndTokenAsync();
        server.BeforeToken = async _ =>
        {
            await Task.Delay(300);
            return false;
        };
        using var api = world.App.Api();
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => world.CallAsync(api: api)));
        Assert.All(answers, a => Assert.True(a.Status == HttpStatusCode.OK, a.Body));
        Assert.Single(server.RefreshTokensSent);
        Assert.Equal(2, (await world.CredentialAsync()).ActiveVersion);

        // The next one goes on with the refresh token that came with it: the family still lives.
        await world.EndTokenAsync();
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        Assert.Equal(2, server.RefreshTokensSent.Distinct().Count());
        Assert.Equal(3, (await world.CredentialAsync()).ActiveVersion);
    }

    [Fact]
    public async Task The_sweep_refreshes_ahead_of_the_end_and_nothing_that_is_not_due()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        var job = world.App.Get<KeepTokensJob>();
        Assert.Equal(0, await job.RunAsync(default));
        await world.ChangeAsync((db, _, grant) =>
        {
            db.Entry(grant).Property(g => g.RefreshAt).CurrentValue = TimeProvider.System.GetUtcNow();
            return Task.CompletedTask;
        });
        Assert.Equal(1, await job.RunAsync(default));
        Assert.Equal(0, await job.RunAsync(default));
        Assert.Single(server.RefreshTokensSent);
        var credential = await world.CredentialAsync();
        Assert.Equal((2, true), (credential.ActiveVersion, credential.Active!.IsRolled));
        await using var db = await world.App.DbAsync();
        Assert.Equal("oauth-keeper", (await db.AuditEvents.SingleAsync(e => e.Action == AuditAction.OAuthRefreshed)).ActorName);
    }

    [Fact]
    public async Task A_call_that_the_upstream_answers_401_is_sent_once_more_with_a_new_token_and_both_uses_are_on_record()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        await server.EndAccessTokensAsync();
        using var small = new StringContent("""{"a":1}""", System.Text.Encoding.UTF8, "application/json");
        var (status, body) = await world.CallAsync(body: small);
        Assert.True(status == HttpStatusCode.OK, body);
        Assert.Equal("""{"a":1}""", JsonDocument.Parse(body).RootElement.GetProperty("body").GetString());
        Assert.Equal(2, server.ApiCalls.Distinct().Count());
        Assert.Single(server.RefreshTokensSent);

        await server.EndAccessTokensAsync();
        await AgeAsync(world);
        using (var api = world.App.Api())
        {
            using var invoked = await api.PostAsJsonAsync($"/api/v1/workspaces/{world.Ws}/tools/{OAuthWorld.ToolOf(OAuthWorld.Name)}/invoke", new { path = "/me" });
            var answer = await invoked.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal((200, 3), (answer.GetProperty("status").GetInt32(), answer.GetProperty("credential_version").GetInt32()));
        }

        await Given.UntilAsync(async () =>
        {
            await using var db = await world.App.DbAsync();
            return await db.CallCompletions.CountAsync() == 4;
        });
        await using var rows = await world.App.DbAsync();
        var calls = await rows.Calls.AsNoTracking().OrderBy(c => c.Seq).Join(rows.CallCompletions, c => c.Seq, e => e.CallSeq, (c, e) => new { c.Version, e.Status, e.Outcome, e.Reason }).ToListAsync();
        Assert.Equal([(1, 401, "token_refused"), (2, 200, null), (2, 401, "token_refused"), (3, 200, null)], calls.Select(c => (c.Version!.Value, c.Status!.Value, c.Reason)).Order());
        Assert.Equal(2, calls.Count(c => c.Outcome == CallOutcome.UpstreamError));
    }

    [Fact]
    public async Task A_call_too_large_to_repeat_gets_the_401_and_the_next_one_a_new_token()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        await server.EndAccessTokensAsync();
        using var large = new ByteArrayContent(new byte[200 * 1024]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.CallAsync(body: large)).Status);
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        Assert.Single(server.RefreshTokensSent);
    }

    [Fact]
    public async Task An_upstream_that_refuses_every_token_is_passed_on_and_causes_no_storm_of_refreshes()
    {
        await using var upstream = await Upstream.StartAsync((context, _) =>
        {
            context.Response.StatusCode = 401;
            return context.Response.WriteAsync("""{"error":"no such right"}""");
        });
        await using var server = await OAuthServer.StartAsync();
        await using var world = await OAuthWorld.StartAsync();
        await server.AllowAsync(world.RedirectUri);
        await world.RegisterAsync("oauth2", OAuthServer.ClientId, OAuthServer.ClientSecret, server.Url + "/authorize", server.Url + "/token", "drive.read offline_access", upstream.Url);
        await world.ConnectAsync();
        for (var i = 0; i < 5; i++)
        {
            var (status, body) = await world.CallAsync();
            Assert.Equal(HttpStatusCode.Unauthorized, status);
            Assert.Contains("no such right", body);
        }
        Assert.Single(server.RefreshTokensSent);
    }

    [Fact]
    public async Task Withdrawn_consent_is_told_once_and_answers_calls_with_a_sentence_until_somebody_signs_in_again()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        await server.WithdrawAsync();
        // The upstream's own answer the first time; from then on it is known.
        Assert.Equal(HttpStatusCode.Unauthorized, (await world.CallAsync()).Status);
        for (var i = 0; i < 3; i++)
        {
            var (status, body) = await world.CallAsync();
            Assert.Equal(HttpStatusCode.Conflict, status);
            Assert.Contains("choose Connect", body);
        }
        Assert.Equal(0, await world.App.Get<KeepTokensJob>().RunAsync(default));
        Assert.Single(server.RefreshTokensSent);
        var told = Assert.Single(await world.NotificationsAsync("sign_in_needed"));
        Assert.Equal($"/w/{world.Ws}/credentials/{OAuthWorld.Name}/connect", told.GetProperty("url").GetString());
        using var api = world.App.Api();
        Assert.Equal("needs_sign_in", (await api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{world.Ws}/credentials/{OAuthWorld.Name}")).GetProperty("status").GetString());
        await using (var db = await world.App.DbAsync()) Assert.Equal(3, await db.Calls.CountAsync(c => c.Refused && c.Rule == "consent_needed"));

        Assert.Equal("connected", await world.ConnectAsync());
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
    }

    [Fact]
    public async Task An_answer_without_a_refresh_token_keeps_the_old_one()
    {
        await using var provider = new SimpleProvider { RotatesRefreshTokens = false };
        await using var world = await provider.WorldAsync();
        Assert.Equal("connected", await world.ConnectAsync());
        for (var i = 0; i < 3; i++)
        {
            await world.EndTokenAsync();
            Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        }
        Assert.Equal(["refresh-1", "refresh-1", "refresh-1"], provider.Refreshes);
        Assert.Equal(4, (await world.CredentialAsync()).ActiveVersion);
    }

    [Fact]
    public async Task A_provider_that_is_down_is_left_alone_for_a_while_and_then_asked_again()
    {
        await using var provider = new SimpleProvider();
        await using var world = await provider.WorldAsync();
        await world.ConnectAsync();
        await world.EndTokenAsync();
        provider.Status = 503;
        for (var i = 0; i < 3; i++)
        {
            var (status, body) = await world.CallAsync();
            Assert.Equal(HttpStatusCode.Conflict, status);
            Assert.Contains("tried again by itself", body);
        }
        Assert.Single(provider.Refreshes);
        Assert.Empty(await world.NotificationsAsync("sign_in_needed"));
        var grant = await world.GrantAsync();
        Assert.Equal((TokenFault.Transient, 1, null), (grant.LastFault, grant.Failures, grant.SentVersion));

        provider.Status = 200;
        await world.ChangeAsync((db, _, g) =>
        {
            db.Entry(g).Property(x => x.NotBefore).CurrentValue = TimeProvider.System.GetUtcNow().AddSeconds(-1);
            return Task.CompletedTask;
        });
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
    }

    [Fact]
    public async Task A_token_that_is_about_to_end_is_used_when_there_is_no_new_one()
    {
        await using var provider = new SimpleProvider();
        await using var world = await provider.WorldAsync();
        await world.ConnectAsync();
        await world.ChangeAsync((_, credential, _) =>
        {
            credential.Active!.ExpiresAt = TimeProvider.System.GetUtcNow().AddSeconds(4);
            return Task.CompletedTask;
        });
        provider.Status = 500;
        // Within the margin, so a refresh was tried; not over yet, unless this machine sleeps.
        var (status, _) = await world.CallAsync();
        Assert.Contains(status, new[] { HttpStatusCode.OK, HttpStatusCode.Conflict });
        Assert.Single(provider.Refreshes);
    }

    [Fact]
    public async Task A_refresh_token_that_works_once_is_never_sent_again_when_its_answer_was_lost()
    {
        await using var provider = new SimpleProvider();
        await using var world = await provider.WorldAsync();
        await world.ConnectAsync();
        await world.EndTokenAsync();
        provider.CutsOff = true;
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync()).Status);
        provider.CutsOff = false;
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync()).Status);
        Assert.Single(provider.Refreshes);
        Assert.Single(await world.NotificationsAsync("sign_in_needed"));
    }

    [Fact]
    public async Task A_process_that_died_in_the_middle_of_a_refresh_leaves_a_token_that_is_not_sent_again()
    {
        await using var provider = new SimpleProvider();
        await using var world = await provider.WorldAsync();
        await world.ConnectAsync();
        await world.EndTokenAsync();
        var now = TimeProvider.System.GetUtcNow();
        await world.ChangeAsync((_, credential, grant) =>
        {
            grant.Lease(Guid.CreateVersion7(now), credential.ActiveVersion!.Value, now.AddSeconds(-1));
            return Task.CompletedTask;
        });
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync()).Status);
        Assert.Empty(provider.Refreshes);
        Assert.Contains("works only once", (await world.CredentialAsync()).NeedsSignInWhy);
    }

    [Fact]
    public async Task While_another_node_has_the_lease_calls_wait_for_its_token()
    {
        await using var provider = new SimpleProvider();
        await using var world = await provider.WorldAsync();
        await world.ConnectAsync();
        await world.EndTokenAsync();
        var now = TimeProvider.System.GetUtcNow();
        await world.ChangeAsync((_, credential, grant) =>
        {
            grant.Lease(Guid.CreateVersion7(now), credential.ActiveVersion!.Value, now.AddMinutes(1));
            return Task.CompletedTask;
        });
        var call = world.CallAsync();
        await Task.Delay(300);
        Assert.False(call.IsCompleted);
        // The other node is done.
        await world.ConnectAsync();
        Assert.Equal(HttpStatusCode.OK, (await call).Status);
        Assert.Empty(provider.Refreshes);
    }

    [Fact]
    public async Task A_client_that_is_not_accepted_is_told_and_works_again_once_it_is_corrected()
    {
        await using var provider = new SimpleProvider();
        await using var world = await provider.WorldAsync();
        await world.ConnectAsync();
        await world.EndTokenAsync();
        (provider.Status, provider.Error) = (401, "invalid_client");
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync()).Status);
        Assert.Contains("client has to be corrected", Assert.Single(await world.NotificationsAsync("sign_in_needed")).GetProperty("title").GetString());
        (provider.Status, provider.Error) = (200, null);
        var app = new OAuthAppInput("oauth2", "client", "a", provider.Url + "/authorize", provider.Url + "/token", ClientAuth: "basic");
        Assert.Null((await world.App.Get<SaveOAuthApp>().ExecuteAsync(world.Actor, world.Ws, OAuthWorld.Name, new(app, null), default)).Problem);
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
    }

    // A token of this minute is not refreshed for a 401.
    private static Task AgeAsync(OAuthWorld world) => world.ChangeAsync((db, _, grant) =>
    {
        db.Entry(grant).Property(g => g.RefreshedAt).CurrentValue = TimeProvider.System.GetUtcNow().AddMinutes(-2);
        return Task.CompletedTask;
    });
}
