using Evose.Admin.Domain;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Platform.Api;

/// <summary>
/// <c>/ui</c>: what the scripts of our own pages call, signed in by cookie. Every writing request carries the token of <see cref="AntiforgeryEndpoint"/> in the header
/// <c>RequestVerificationToken</c>; another site can make a browser send the cookie, but cannot read the token.
/// </summary>
public static class UiGroup
{
    public const string Prefix = "/ui";

    public static RouteGroupBuilder MapUi(this WebApplication app) => app.MapGroup(Prefix)
        .RequireAuthorization(p => p.AddAuthenticationSchemes(IdentityConstants.ApplicationScheme).RequireAuthenticatedUser())
        .ExcludeFromDescription()
        .AddEndpointFilter<Filter>();

    private sealed class Filter(IAntiforgery antiforgery, SecretVault vault) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
        {
            if (vault.IsSealed) return ApiResults.Of(Problem.Sealed);
            return await antiforgery.IsRequestValidAsync(context.HttpContext)
                ? await next(context)
                : ApiResults.Of(Problem.Forbidden("antiforgery", "This request did not come from an open page of this app. Reload the page and try again."));
        }
    }
}
