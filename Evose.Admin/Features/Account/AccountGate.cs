using Evose.Admin.Platform.Vault;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components.Endpoints;

namespace Evose.Admin.Features.Account;

/// <summary>Leads every page to what must come first: a sealed vault to <c>/sealed</c>, an organization without people to <c>/setup</c>. Neither page exists otherwise.</summary>
public static class AccountGate
{
    public static IApplicationBuilder UseAccountGate(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        var endpoint = context.GetEndpoint();
        var path = context.Request.Path;
        var vault = context.RequestServices.GetRequiredService<SecretVault>();
        if (path.StartsWithSegments("/_blazor") && vault.IsSealed)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        // Only pages are led anywhere: programs get their own refusals, and files are files.
        if (endpoint?.Metadata.GetMetadata<ComponentTypeMetadata>() is null || path.StartsWithSegments(Urls.Status))
        {
            await next(context);
            return;
        }

        var atSealed = path.Equals(Urls.SealedVault, StringComparison.OrdinalIgnoreCase);
        if (vault.IsSealed)
        {
            if (atSealed) await next(context);
            else context.Response.Redirect(Urls.SealedVault);
            return;
        }
        if (atSealed)
        {
            context.Response.Redirect(Urls.Home);
            return;
        }

        var token = context.RequestServices.GetRequiredService<SetupToken>();
        var atSetup = path.Equals(Urls.Setup, StringComparison.OrdinalIgnoreCase);
        if (!await token.HasUsersAsync(context.RequestAborted))
        {
            if (atSetup) await next(context);
            else context.Response.Redirect(Urls.Setup);
            return;
        }
        // After set-up one more answer is taken: that the recovery key is kept.
        if (atSetup && !(token.AwaitsConfirmation && HttpMethods.IsPost(context.Request.Method)))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        await next(context);
    });
}
