using Microsoft.AspNetCore.Antiforgery;

namespace Evose.Admin.Platform.Web;

/// <summary><c>GET /ui/antiforgery</c>: the token that scripts of our pages send with what they post. Same-origin policy keeps it from others.</summary>
public static class AntiforgeryEndpoint
{
    public static void MapAntiforgeryToken(this WebApplication app) =>
        app.MapGet("/ui/antiforgery", (IAntiforgery antiforgery, HttpContext context) => Results.Json(new { token = antiforgery.GetAndStoreTokens(context).RequestToken })).RequireAuthorization().ExcludeFromDescription();
}
