using Evose.Admin.UI;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Diagnostics;

namespace Evose.Admin.Shell;

/// <summary>A page that does not exist, is refused or fails is answered with a page that says so; programs get their own answers.</summary>
public static class PageErrors
{
    private static readonly string[] ForPrograms = ["/api", "/ui", "/broker", "/mcp", "/health", "/openapi", "/_blazor", "/_framework", "/_content"];

    // On the main pipeline, not on a branch: running a request again routes it again only there.
    public static IApplicationBuilder UsePageErrors(this IApplicationBuilder app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions { ExceptionHandlingPath = Urls.Status + "/500", CreateScopeForErrors = true });
        app.UseStatusCodePagesWithReExecute(Urls.Status + "/{0}", createScopeForStatusCodePages: true);
        return app.Use(async (context, next) =>
        {
            var program = Array.Exists(ForPrograms, p => context.Request.Path.StartsWithSegments(p));
            if (program && context.Features.Get<IStatusCodePagesFeature>() is { } pages) pages.Enabled = false;
            // The page about a failure is looked at, whatever the request that failed wanted to do.
            if (context.Features.Get<IStatusCodeReExecuteFeature>() is not null || context.Features.Get<IExceptionHandlerFeature>() is not null) context.Request.Method = HttpMethods.Get;
            await next(context);
            // A form refused for its token leaves an empty answer that already calls itself HTML, and only an untyped one is given a page.
            if (!context.Response.HasStarted && context.Features.Get<IAntiforgeryValidationFeature>() is { IsValid: false }) context.Response.ContentType = null;
        });
    }
}
