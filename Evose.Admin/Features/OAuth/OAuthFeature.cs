using System.Net;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.OAuth;

/// <summary>Wires connecting: the page, the two addresses that a browser passes on its way to the provider and back, and the sweep that keeps tokens alive.</summary>
public static class OAuthFeature
{
    /// <summary>Where providers send browsers back to.</summary>
    public const string CallbackPath = "/oauth/callback";

    // Lax, so that it comes along when the provider sends the browser back; of use for one sign-in only.
    private const string BrowserCookie = "evose-connect";

    // The sign-in cookie is Strict: it does not come along from another site, and does from a page of our own.
    private const string Again = "again";

    public static IServiceCollection AddOAuth(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<OAuthOptions>().Bind(configuration.GetSection(OAuthOptions.Section))
            .Validate(o => o.SweepInterval >= TimeSpan.FromSeconds(1) && o.SweepInterval <= TimeSpan.FromHours(1), "OAuth:SweepInterval must be 1 second to 1 hour, such as 00:01:00.")
            .Validate(o => string.IsNullOrEmpty(o.PublicUrl) || (Uri.TryCreate(o.PublicUrl, UriKind.Absolute, out var url) && url.Scheme is "https" or "http" && url.PathAndQuery == "/"), "OAuth:PublicUrl must be scheme and host alone, such as https://evose.example.com.")
            .ValidateOnStart();
        services.AddSingleton<SaveOAuthApp>().AddSingleton<BeginConnect>().AddSingleton<FinishConnect>().AddSingleton<ConnectQuery>();
        return services.AddJob<KeepTokensJob>();
    }

    public static void ScheduleOAuth(this IServiceProvider services) => services.Every<KeepTokensJob>(services.GetRequiredService<IOptions<OAuthOptions>>().Value.SweepInterval);

    /// <summary>The address that a provider must have on its list, to the letter.</summary>
    public static string RedirectUri(OAuthOptions options, string origin) => (string.IsNullOrEmpty(options.PublicUrl) ? origin : options.PublicUrl).TrimEnd('/') + CallbackPath;

    /// <summary>Leaves for the provider with a ticket of the page, which only the person it was made for can use, once.</summary>
    public static void MapOAuthStart(this RouteGroupBuilder ui) => ui.MapGet("/oauth/start", async (string? ticket, BeginConnect begin, OneTimeTickets tickets, IOptions<OAuthOptions> options, HttpContext context) =>
    {
        var actor = CurrentActor.Of(context);
        if (tickets.Redeem<ConnectTicket>(actor, ticket).Failed(out _, out var asked)) return Results.Redirect(Urls.OAuthFailed("ticket"));
        var browser = RandomNumberGenerator.GetBytes(32);
        var redirect = RedirectUri(options.Value, $"{context.Request.Scheme}://{context.Request.Host}");
        if ((await begin.ExecuteAsync(actor, asked.Ws, asked.Name, new BeginConnect.Input(redirect, SHA256.HashData(browser)), context.RequestAborted)).Failed(out var problem, out var begun))
            return Results.Redirect(problem.Kind == ProblemKind.NotFound ? Urls.OAuthFailed("gone") : Urls.Connect(asked.Ws, asked.Name, "not_ready"));
        context.Response.Cookies.Append(BrowserCookie, Convert.ToHexString(browser), new CookieOptions
        {
            HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = context.Request.IsHttps, Path = "/oauth", MaxAge = BeginConnect.Life, IsEssential = true,
        });
        return Results.Redirect(begun.Provider.AbsoluteUri);
    });

    public static void MapOAuthCallback(this WebApplication app) => app.MapGet(CallbackPath, CallbackAsync).AllowAnonymous().ExcludeFromDescription();

    private static async Task<IResult> CallbackAsync(FinishConnect finish, HttpContext context)
    {
        var query = context.Request.Query;
        var actor = CurrentActor.Of(context);
        if (actor.Kind != ActorKind.User)
            return query.ContainsKey(Again) ? Results.Redirect(Urls.OAuthFailed("session")) : Results.Content(GoOn(context.Request), "text/html; charset=utf-8");

        byte[] browser = context.Request.Cookies.TryGetValue(BrowserCookie, out var sent) && sent.Length <= 128 ? SHA256.HashData(Hex(sent)) : [];
        context.Response.Cookies.Delete(BrowserCookie, new CookieOptions { Path = "/oauth", SameSite = SameSiteMode.Lax, HttpOnly = true, Secure = context.Request.IsHttps });
        var input = new FinishConnect.Input(query["state"], browser, name => query[name], query["error"]);
        // Not the browser's to cancel: the code is used up by the first exchange, whoever waits for its answer.
        var outcome = await finish.ExecuteAsync(actor, input, CancellationToken.None);
        return Results.Redirect(outcome.Failed(out var problem, out var done) ? Urls.OAuthFailed(problem.Details?.GetValueOrDefault("rule") as string ?? "state") : Urls.Connect(done.Ws, done.Name, done.Result));
    }

    // Refreshes to itself: from our own page the browser sends the cookie that says who is signed in.
    private static string GoOn(HttpRequest request)
    {
        var url = WebUtility.HtmlEncode(CallbackPath + request.QueryString.Add(Again, "1").Value);
        return new StringBuilder("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Going on</title><meta http-equiv=\"refresh\" content=\"0;url=").Append(url)
            .Append("\"></head><body><p><a href=\"").Append(url).Append("\">Go on</a></p></body></html>").ToString();
    }

    private static byte[] Hex(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            return [];
        }
    }
}

/// <summary>What the connect page asks for: that this credential be signed in for.</summary>
public sealed record ConnectTicket(string Ws, string Name);
