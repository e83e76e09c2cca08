using Evose.Admin.Platform.Outbound;

namespace Evose.Admin.Features.Demo;

/// <summary>Wires the demo workspace, its traffic and its upstream; nothing of it exists unless <c>Bootstrap:DemoData</c> is true.</summary>
public static class DemoFeature
{
    public static IServiceCollection AddDemo(this IServiceCollection services, IConfiguration configuration)
    {
        if (!configuration.GetValue<bool>("Bootstrap:DemoData")) return services;
        services.AddSingleton<DemoData>();
        services.AddHostedService<DemoTraffic>();
        services.PostConfigure<EgressOptions>(o =>
        {
            o.AllowedPrivateHosts = [.. o.AllowedPrivateHosts, "localhost"];
            o.AllowHttp = true;
        });
        return services;
    }

    /// <summary>An upstream that knows the demo's fake values: 200 for them, 401 for anything else.</summary>
    public static void MapDemo(this WebApplication app)
    {
        if (!app.Configuration.GetValue<bool>("Bootstrap:DemoData")) return;
        app.Map("/demo/upstream/{tool}/{**path}", (HttpContext context, string tool) =>
            context.Request.Headers.Authorization.ToString().StartsWith("Bearer " + DemoData.ValuePrefix, StringComparison.Ordinal)
                ? Results.Json(new { id = "demo", tool, choices = new[] { new { index = 0, message = new { role = "assistant", content = "Hello from the demo upstream." }, finish_reason = "stop" } } })
                : Results.Json(new { error = new { code = "invalid_api_key", message = "The demo upstream knows only values that begin with " + DemoData.ValuePrefix } }, statusCode: 401))
            .AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();
    }
}
