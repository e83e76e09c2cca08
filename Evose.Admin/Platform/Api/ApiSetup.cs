namespace Evose.Admin.Platform.Api;

/// <summary>Wires the REST surface and its document.</summary>
public static class ApiSetup
{
    public static IServiceCollection AddRestApi(this IServiceCollection services)
    {
        services.AddOpenApi("v1", o => o.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Evose.Admin";
            document.Info.Description = "Register credentials, issue API keys, call tools through the broker, rotate, audit. Authenticate with `Authorization: Bearer evk_…`.";
            return Task.CompletedTask;
        }));
        return services;
    }

    /// <summary>Requests under the REST surface can be read twice, so that a repetition can be told from another request with the same key.</summary>
    public static IApplicationBuilder UseRepeatableBodies(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.Request.Headers.ContainsKey("Idempotency-Key") && context.Request.Path.StartsWithSegments(ApiGroup.Prefix, StringComparison.OrdinalIgnoreCase)) context.Request.EnableBuffering(1024 * 1024);
        return next(context);
    });
}
