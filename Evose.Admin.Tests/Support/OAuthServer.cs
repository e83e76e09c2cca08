using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Evose.Admin.Tests.Support;

/// <summary>A real OAuth 2 server on loopback, with an API that only its living access tokens open. A refresh token works once; using it twice ends the whole family.</summary>
public sealed class OAuthServer : IAsyncDisposable
{
    public const string ClientId = "evose";
    public const string ClientSecret = "s3cret/with+signs=&%";

    private readonly WebApplication _app;
    private readonly string _directory;
    private readonly HttpClient _self = new();

    private OAuthServer(WebApplication app, string directory) => (_app, _directory) = (app, directory);

    public string Url { get; private set; } = "";

    /// <summary>Every form that came to the token endpoint.</summary>
    public ConcurrentQueue<Dictionary<string, string>> TokenRequests { get; } = new();

    /// <summary>Authorization headers that came to the API.</summary>
    public ConcurrentQueue<string> ApiCalls { get; } = new();

    public IEnumerable<string> RefreshTokensSent => TokenRequests.Where(f => f["grant_type"] == "refresh_token").Select(f => f["refresh_token"]);

    /// <summary>Set: the person says no.</summary>
    public bool Refuses { get; set; }

    /// <summary>What the token endpoint does before anything else; true when it has answered.</summary>
    public Func<HttpContext, Task<bool>>? BeforeToken { get; set; }

    public static async Task<OAuthServer> StartAsync(TimeSpan? accessTokenLife = null)
    {
        var directory = Directory.CreateTempSubdirectory("evose-oauth-").FullName;
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Testing", ContentRootPath = directory });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddDbContext<Db>(o => o.UseSqlite($"Data Source={Path.Combine(directory, "oauth.db")};Pooling=False").UseOpenIddict());
        builder.Services.AddOpenIddict().AddCore(o => o.UseEntityFrameworkCore().UseDbContext<Db>()).AddServer(o =>
        {
            o.SetAuthorizationEndpointUris("authorize").SetTokenEndpointUris("token").SetRevocationEndpointUris("revoke").SetIntrospectionEndpointUris("introspect");
            o.AllowAuthorizationCodeFlow().AllowRefreshTokenFlow().RequireProofKeyForCodeExchange();
            o.SetAccessTokenLifetime(accessTokenLife ?? TimeSpan.FromHours(1)).SetRefreshTokenReuseLeeway(TimeSpan.Zero);
            o.AddEphemeralEncryptionKey().AddEphemeralSigningKey().UseReferenceAccessTokens().UseReferenceRefreshTokens();
            o.RegisterScopes("drive.read", Scopes.OfflineAccess);
            o.UseAspNetCore().EnableAuthorizationEndpointPassthrough().EnableTokenEndpointPassthrough().DisableTransportSecurityRequirement();
        });
        builder.Services.AddAuthorization();
        var app = builder.Build();
        var server = new OAuthServer(app, directory);
        app.Use(server.WatchAsync);
        // Before the routes, so that the watch above stands before OpenIddict's own handling.
        app.UseAuthentication();
        app.MapGet("/authorize", (Delegate)server.Authorize);
        // As delegates: a handler that takes the context alone would have its result thrown away.
        app.MapPost("/token", (Delegate)TokenAsync);
        app.MapGet("/api/me", (Delegate)server.ApiAsync);
        app.MapPost("/api/me", (Delegate)server.ApiAsync);
        await using (var scope = app.Services.CreateAsyncScope()) await scope.ServiceProvider.GetRequiredService<Db>().Database.EnsureCreatedAsync();
        await app.StartAsync();
        server.Url = app.Urls.First();
        return server;
    }

    /// <summary>Makes the client known, with the one address that people may be sent back to.</summary>
    public async Task AllowAsync(string redirectUri)
    {
        await using var scope = _app.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<IOpenIddictApplicationManager>().CreateAsync(new OpenIddictApplicationDescriptor
        {
            ClientId = ClientId,
            ClientSecret = ClientSecret,
            RedirectUris = { new Uri(redirectUri) },
            Permissions =
            {
                Permissions.Endpoints.Authorization, Permissions.Endpoints.Token, Permissions.Endpoints.Revocation, Permissions.Endpoints.Introspection, Permissions.GrantTypes.AuthorizationCode,
                Permissions.GrantTypes.RefreshToken, Permissions.ResponseTypes.Code, Permissions.Prefixes.Scope + "drive.read",
            },
        });
    }

    /// <summary>Tokens as a program gets them that has done the dance by itself.</summary>
    public async Task<(string Access, string Refresh)> GrantAsync(string redirectUri)
    {
        const string Verifier = "a-verifier-that-is-long-enough-for-everybody-1234567";
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier)));
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var back = await browser.GetAsync($"{Url}/authorize?client_id={ClientId}&response_type=code&redirect_uri={Uri.EscapeDataString(redirectUri)}&scope=drive.read%20offline_access&code_challenge={challenge}&code_challenge_method=S256");
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code", ["code"] = System.Web.HttpUtility.ParseQueryString(back.Headers.Location!.Query)["code"]!, ["redirect_uri"] = redirectUri, ["code_verifier"] = Verifier,
            ["client_id"] = ClientId, ["client_secret"] = ClientSecret,
        });
        using var answer = await browser.PostAsync(Url + "/token", form);
        var tokens = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return (tokens.GetProperty("access_token").GetString()!, tokens.GetProperty("refresh_token").GetString()!);
    }

    /// <summary>Ends every token that was given, as a person does who withdraws the consent.</summary>
    public async Task WithdrawAsync()
    {
        await using var scope = _app.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<Db>().Database.ExecuteSqlRawAsync("UPDATE OpenIddictTokens SET Status = 'revoked'");
    }

    /// <summary>Ends the access tokens alone.</summary>
    public async Task EndAccessTokensAsync()
    {
        await using var scope = _app.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<Db>().Database.ExecuteSqlRawAsync("UPDATE OpenIddictTokens SET Status = 'revoked' WHERE Type LIKE '%access_token%'");
    }

    private async Task WatchAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Path == "/token" && context.Request.HasFormContentType)
        {
            context.Request.EnableBuffering();
            TokenRequests.Enqueue((await context.Request.ReadFormAsync()).ToDictionary(f => f.Key, f => f.Value.ToString()));
            context.Request.Body.Position = 0;
            if (BeforeToken is { } before && await before(context)) return;
        }
        await next(context);
    }

    private IResult Authorize(HttpContext context)
    {
        if (Refuses)
            return Results.Forbid(new AuthenticationProperties(new Dictionary<string, string?> { [OpenIddictServerAspNetCoreConstants.Properties.Error] = Errors.AccessDenied }), [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]);
        var identity = new ClaimsIdentity("test", Claims.Name, Claims.Role);
        identity.SetClaim(Claims.Subject, "user-1");
        identity.SetScopes(context.GetOpenIddictServerRequest()!.GetScopes());
        identity.SetDestinations(_ => [Destinations.AccessToken]);
        return Results.SignIn(new ClaimsPrincipal(identity), null, OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
    }

    private static async Task<IResult> TokenAsync(HttpContext context) =>
        Results.SignIn((await context.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme)).Principal!, null, OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);

    private async Task<IResult> ApiAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        ApiCalls.Enqueue(header);
        var body = await new StreamReader(context.Request.Body).ReadToEndAsync();
        if (!header.StartsWith("Bearer ", StringComparison.Ordinal)) return Results.StatusCode(401);
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["token"] = header["Bearer ".Length..], ["client_id"] = ClientId, ["client_secret"] = ClientSecret });
        using var answer = await _self.PostAsync(Url + "/introspect", form);
        var active = (await answer.Content.ReadFromJsonAsync<JsonElement>()).TryGetProperty("active", out var yes) && yes.GetBoolean();
        return active ? Results.Json(new { who = "user-1", body }) : Results.StatusCode(401);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _self.Dispose();
        DataFolder.Delete(_directory);
    }

    private sealed class Db(DbContextOptions<Db> options) : DbContext(options);
}
