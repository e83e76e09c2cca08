using System.Collections.Concurrent;
using System.Globalization;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>A provider on loopback that does what a test asks of it: fails, cuts off, or keeps its refresh token. Its API takes any token that it gave.</summary>
public sealed class SimpleProvider : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, bool> _access = new();
    private Upstream? _server;
    private int _given;

    public string Url => _server!.Url;

    public int Status { get; set; } = 200;

    public string? Error { get; set; }

    public bool CutsOff { get; set; }

    public bool RotatesRefreshTokens { get; init; } = true;

    /// <summary>What its tokens begin with.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>The refresh tokens that came, in order.</summary>
    public ConcurrentQueue<string> Refreshes { get; } = new();

    /// <summary>Everything it gave away.</summary>
    public ConcurrentQueue<string> Given { get; } = new();

    public ConcurrentQueue<Upstream.Seen> Requests => _server!.Requests;

    public async Task<OAuthWorld> WorldAsync(string clientSecret = "secret", AdminApp? app = null)
    {
        _server ??= await Upstream.StartAsync(AnswerAsync);
        var world = await OAuthWorld.StartAsync(app);
        await world.RegisterAsync("oauth2", "client", clientSecret, Url + "/authorize", Url + "/token", "a", Url + "/api");
        return world;
    }

    private async Task AnswerAsync(HttpContext context, Upstream.Seen seen)
    {
        var query = QueryHelpers.ParseQuery(seen.Query);
        if (seen.Path == "/authorize")
        {
            context.Response.Redirect($"{query["redirect_uri"]}?code=code&state={Uri.EscapeDataString(query["state"].ToString())}");
            return;
        }
        if (seen.Path != "/token")
        {
            context.Response.StatusCode = _access.ContainsKey(seen.Headers.GetValueOrDefault("Authorization", "")) ? 200 : 401;
            await context.Response.WriteAsJsonAsync(new { ok = true });
            return;
        }
        var form = QueryHelpers.ParseQuery(seen.Body);
        if (form["grant_type"] == "refresh_token") Refreshes.Enqueue(form["refresh_token"].ToString());
        if (CutsOff)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = Status;
        if (Status != 200)
        {
            await context.Response.WriteAsJsonAsync(new { error = Error ?? "server_error", error_description = "what was sent: " + seen.Body });
            return;
        }
        var number = Interlocked.Increment(ref _given);
        var access = $"{Prefix}access-{number.ToString(CultureInfo.InvariantCulture)}";
        var refresh = number == 1 || RotatesRefreshTokens ? $"{Prefix}refresh-{number.ToString(CultureInfo.InvariantCulture)}" : null;
        _access["Bearer " + access] = true;
        Given.Enqueue(access);
        if (refresh is not null) Given.Enqueue(refresh);
        await context.Response.WriteAsJsonAsync(refresh is null ? (object)new { access_token = access, expires_in = 3600, token_type = "Bearer" } : new { access_token = access, refresh_token = refresh, expires_in = 3600, token_type = "Bearer" });
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}
