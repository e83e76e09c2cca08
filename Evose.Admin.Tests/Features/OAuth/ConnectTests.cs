using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.OAuth;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>Signing in at a real OAuth server and coming back, and everything that can go wrong on the way.</summary>
public sealed class ConnectTests
{
    [Fact]
    public async Task A_token_is_registered_first_connected_then_and_used_in_a_real_call()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        using var api = world.App.Api();
        var before = await api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{world.Ws}/credentials/{OAuthWorld.Name}");
        Assert.Equal("needs_sign_in", before.GetProperty("status").GetString());
        var (status, body) = await world.CallAsync();
        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains("CREDENTIAL_UNAVAILABLE", body);
        Assert.Contains("choose Connect", body);

        Assert.Equal("connected", await world.ConnectAsync());
        (status, body) = await world.CallAsync();
        Assert.True(status == HttpStatusCode.OK, body);
        Assert.Contains("user-1", body);

        var credential = await world.CredentialAsync();
        Assert.Equal(CredentialStatus.Active, CredentialStatusPolicy.Of(credential, TimeProvider.System.GetUtcNow()));
        Assert.Equal(["refresh_token", "value"], credential.Active!.Fields.Select(f => f.Name).Order());
        Assert.InRange(credential.Active.ExpiresAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(55), TimeSpan.FromMinutes(60));
        Assert.Null(credential.ExpiresAt);
        var grant = await world.GrantAsync();
        Assert.Equal((world.Actor.Id, world.Actor.Name), (grant.AuthorizedById, grant.AuthorizedBy));
        Assert.InRange(grant.RefreshAt!.Value - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(40), TimeSpan.FromMinutes(48));
        var sent = Assert.Single(server.TokenRequests);
        Assert.Equal((OAuthServer.ClientId, OAuthServer.ClientSecret, world.RedirectUri), (sent["client_id"], sent["client_secret"], sent["redirect_uri"]));
    }

    [Fact]
    public async Task Connecting_again_replaces_the_sign_in_and_the_old_tokens_are_destroyed()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        Assert.Equal("connected", await world.ConnectAsync());
        var credential = await world.CredentialAsync();
        Assert.Equal(2, credential.ActiveVersion);
        Assert.Empty(credential.Versions.Single(v => v.Number == 1).Fields);
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
    }

    [Fact]
    public async Task A_state_works_once_for_its_person_in_its_browser_for_ten_minutes()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        var callback = await OAuthWorld.AtProviderAsync(await world.LeaveAsync());

        // Another person, and this person without the browser's own half.
        await world.App.AddUserAsync("eve@example.test", OrganizationRole.Admin);
        using var eve = await world.App.BrowserAsync("eve@example.test");
        Assert.Equal("failed page: browser", OAuthWorld.ResultOf(await world.ReturnAsync(callback, eve)));
        using var elsewhere = await world.App.BrowserAsync();
        Assert.Equal("failed page: browser", OAuthWorld.ResultOf(await world.ReturnAsync(callback, elsewhere)));
        Assert.Equal("failed page: state", OAuthWorld.ResultOf(await world.ReturnAsync(new Uri(world.App.Url + "/oauth/callback?code=x&state=made-up"))));
        Assert.Equal("failed page: state", OAuthWorld.ResultOf(await world.ReturnAsync(new Uri(world.App.Url + "/oauth/callback?code=x"))));
        Assert.Null((await world.CredentialAsync()).ActiveVersion);

        // Coming back the first time deleted the cookie, so the browser begins again.
        callback = await OAuthWorld.AtProviderAsync(await world.LeaveAsync());
        Assert.Equal("connected", OAuthWorld.ResultOf(await world.ReturnAsync(callback)));
        Assert.Equal("failed page: used", OAuthWorld.ResultOf(await world.ReturnAsync(callback)));
        Assert.Single(server.TokenRequests);

        callback = await OAuthWorld.AtProviderAsync(await world.LeaveAsync());
        await using (var db = await world.App.DbAsync())
        {
            var past = TimeProvider.System.GetUtcNow().AddSeconds(-1);
            await db.ConnectAttempts.Where(a => a.UsedAt == null).ExecuteUpdateAsync(s => s.SetProperty(a => a.ExpiresAt, past));
        }
        Assert.Equal("failed page: expired", OAuthWorld.ResultOf(await world.ReturnAsync(callback)));
        Assert.Equal(1, (await world.CredentialAsync()).ActiveVersion);
    }

    [Fact]
    public async Task A_code_that_was_used_is_refused_and_what_was_in_use_stays()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        var first = HttpUtility.ParseQueryString((await OAuthWorld.AtProviderAsync(await world.LeaveAsync())) is var callback ? callback.Query : "");
        Assert.Equal("connected", OAuthWorld.ResultOf(await world.ReturnAsync(callback)));
        var second = HttpUtility.ParseQueryString((await OAuthWorld.AtProviderAsync(await world.LeaveAsync())).Query);
        // The first code with the second state.
        Assert.Equal("failed", OAuthWorld.ResultOf(await world.ReturnAsync(new Uri($"{world.App.Url}/oauth/callback?code={Uri.EscapeDataString(first["code"]!)}&state={second["state"]}"))));
        Assert.Equal(1, (await world.CredentialAsync()).ActiveVersion);
        await using var db = await world.App.DbAsync();
        Assert.Contains("invalid_grant", (await db.AuditEvents.SingleAsync(e => e.Action == AuditAction.OAuthRefused)).Detail);
    }

    [Fact]
    public async Task Refused_consent_a_wrong_redirect_address_and_a_provider_that_is_down_change_nothing()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        server.Refuses = true;
        Assert.Equal("refused", await world.ConnectAsync());
        server.Refuses = false;

        // The provider knows another address than the one that is sent.
        var callback = await OAuthWorld.AtProviderAsync(await world.LeaveAsync());
        await using (var db = await world.App.DbAsync()) await db.ConnectAttempts.Where(a => a.UsedAt == null).ExecuteUpdateAsync(s => s.SetProperty(a => a.RedirectUri, "http://localhost:1/oauth/callback"));
        Assert.Equal("failed", OAuthWorld.ResultOf(await world.ReturnAsync(callback)));

        foreach (var status in (int[])[500, 503, 429])
        {
            server.BeforeToken = context =>
            {
                context.Response.StatusCode = status;
                return Task.FromResult(true);
            };
            Assert.Equal("provider_down", await world.ConnectAsync());
        }
        server.BeforeToken = context =>
        {
            context.Abort();
            return Task.FromResult(true);
        };
        Assert.Equal("provider_down", await world.ConnectAsync());
        Assert.Null((await world.CredentialAsync()).ActiveVersion);

        server.BeforeToken = null;
        Assert.Equal("connected", await world.ConnectAsync());
    }

    [Fact]
    public async Task A_browser_that_comes_from_another_site_is_led_once_over_a_page_of_our_own()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        using var stranger = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(world.App.Url) };
        using var first = await stranger.GetAsync("/oauth/callback?code=a%22%3E%3Cscript%3E&state=b");
        var page = await first.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Contains("http-equiv=\"refresh\"", page);
        Assert.Contains("again=1", page);
        Assert.DoesNotContain("<script", page);
        Assert.Equal("no-referrer", first.Headers.GetValues("Referrer-Policy").Single());
        using var second = await stranger.GetAsync("/oauth/callback?code=a&state=b&again=1");
        Assert.Equal("failed page: session", OAuthWorld.ResultOf(second.Headers.Location!.ToString()));
        using var start = await stranger.GetAsync("/ui/oauth/start?ticket=x");
        Assert.Equal(HttpStatusCode.Unauthorized, start.StatusCode);
    }

    [Fact]
    public async Task A_client_that_was_moved_in_the_database_or_put_back_to_an_older_one_is_not_obeyed()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        var older = (await world.GrantAsync()).SealedApp!;
        var save = world.App.Get<SaveOAuthApp>();
        var app = new Evose.Admin.Platform.OAuth.OAuthAppInput("oauth2", OAuthServer.ClientId, "drive.read", server.Url + "/authorize", server.Url + "/token");
        Assert.Null((await save.ExecuteAsync(world.Actor, world.Ws, OAuthWorld.Name, new(app, null), default)).Problem);
        await world.ChangeAsync((_, _, grant) =>
        {
            grant.SealedApp = older;
            return Task.CompletedTask;
        });
        await world.EndTokenAsync();
        Assert.Equal(HttpStatusCode.Conflict, (await world.CallAsync()).Status);
        Assert.Empty(server.RefreshTokensSent);
        Assert.Single(await world.NotificationsAsync("integrity_violation"));

        // Whoever sends the secret to another host must know it.
        var moved = app with { TokenUrl = "http://localhost:9/token" };
        Assert.Contains("Enter the client's secret again", (await save.ExecuteAsync(world.Actor, world.Ws, OAuthWorld.Name, new(moved, null), default)).Problem!.Message);
        Assert.Null((await save.ExecuteAsync(world.Actor, world.Ws, OAuthWorld.Name, new(app, null), default)).Problem);
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
    }

    [Fact]
    public async Task Only_the_access_token_ever_stands_in_a_request()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        await Given.ToolAsync(world.App, world.Ws, "thief", server.Url + "/api", headers: new() { ["X-Stolen"] = $$$"""{{credential:{{{OAuthWorld.Name}}}.refresh_token}}""" });
        using var api = world.App.Api();
        using var scoped = await api.PatchAsJsonAsync($"/api/v1/workspaces/{world.Ws}/credentials/{OAuthWorld.Name}", new { scope = new { tools = new[] { "thief" } } });
        Assert.True(scoped.IsSuccessStatusCode);
        using var refused = await api.GetAsync($"/broker/{world.Ws}/thief/me");
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("field_unknown", await refused.Content.ReadAsStringAsync());
        Assert.Empty(server.ApiCalls);
    }

    [Fact]
    public async Task When_the_person_who_authorized_it_is_shut_out_it_is_listed_and_works_on()
    {
        var (world, server) = await OAuthWorld.WithServerAsync();
        await using var _ = world;
        await using var __ = server;
        await world.ConnectAsync();
        var other = await world.App.AddUserAsync("boss@example.test", OrganizationRole.Admin);
        Assert.Null((await world.App.Get<DisableUser>().ExecuteAsync(other, world.Actor.Id, default)).Problem);
        var listed = Assert.Single(await world.NotificationsAsync("authorizer_gone"));
        Assert.Contains(OAuthWorld.Name, listed.GetProperty("title").GetString());
        Assert.Equal($"/w/{world.Ws}/credentials/{OAuthWorld.Name}/connect", listed.GetProperty("url").GetString());
        Assert.Equal(HttpStatusCode.OK, (await world.CallAsync()).Status);
        var view = (await world.App.Get<Evose.Admin.Features.Credentials.CredentialDetailQuery>().RunAsync(other, world.Ws, OAuthWorld.Name, default)).Value!;
        Assert.True(view.Grant!.AuthorizerIsGone);
    }

    [Theory]
    [InlineData("""{"fields":{"refresh_token":"abc"}}""", "fields.value")]
    [InlineData("""{"fields":{"value":"abc","refresh_token":"def"}}""", "fields.client_id")]
    [InlineData("""{"fields":{"client_secret":"abc"}}""", "fields.client_id")]
    [InlineData("""{"fields":{"value":"abc","other":"def"}}""", "fields")]
    [InlineData("""{"fields":{"value":"two\nlines"}}""", "fields.value")]
    [InlineData("""{"provider":"oauth2","fields":{"client_id":"a"}}""", "authorize_url")]
    [InlineData("""{"provider":"oauth2","fields":{"client_id":"a"},"oauth":{"authorize_url":"https://a.example.test/x","token_url":"http://10.0.0.1/token"}}""", "token_url")]
    [InlineData("""{"provider":"nowhere","fields":{"client_id":"a"}}""", "provider")]
    [InlineData("""{"provider":"google","fields":{"client_id":"a"},"oauth":{"body":"xml"}}""", "body")]
    public async Task What_cannot_be_registered_is_refused_at_its_place(string body, string field)
    {
        await using var world = await OAuthWorld.StartAsync();
        using var api = world.App.Api();
        var json = System.Text.Json.Nodes.JsonNode.Parse(body)!.AsObject();
        (json["name"], json["type"]) = ("a_prod", "oauth_token");
        using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{world.Ws}/credentials", json);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Equal(field, problem.GetProperty("error").GetProperty("details").GetProperty("field").GetString());
    }
}
