using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Broker;

/// <summary>Wires the data plane.</summary>
public static class BrokerFeature
{
    public static IServiceCollection AddBroker(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<BrokerOptions>().Bind(configuration.GetSection(BrokerOptions.Section))
            .Validate(o => o.ActivityTimeout > TimeSpan.Zero && o.ActivityTimeout <= TimeSpan.FromHours(24), "Broker:ActivityTimeout must be more than zero and at most 24 hours.")
            .Validate(o => o.MaxRequestBytes > 0 && o.MaxInvokeAnswerBytes > 0 && o.MaxReadBodyBytes > 0, "Broker:MaxRequestBytes, Broker:MaxReadBodyBytes and Broker:MaxInvokeAnswerBytes must be more than zero.")
            .ValidateOnStart();
        services.AddHttpForwarder();
        services.AddSingleton<DecideCall>();
        services.AddSingleton<LiveTokens>();
        services.AddSingleton<CallGate>();
        services.AddSingleton<EchoSignal>();
        services.AddSingleton<BrokerEndpoint>();
        services.AddSingleton<InvokeTool>();
        return services;
    }

    public static void MapInvoke(this RouteGroupBuilder api) =>
        // Not kept for repetition: the answer is the upstream's, and whether it may be repeated is for the upstream to say.
        api.MapPost("/workspaces/{ws}/tools/{name}/invoke", async (string ws, string name, InvokeTool.Input input, InvokeTool invoke, HttpContext context) =>
            ApiResults.Of(await invoke.ExecuteAsync(context, ws, name, input, context.RequestAborted))).WithMetadata(new NotIdempotent(), new NotLimited())
            .WithTags("Calls").WithSummary("One call through a tool, described and answered in JSON.");

    /// <summary>Puts the pass-through before everything else: a call pays for no middleware it does not need.</summary>
    public static void UseBroker(this WebApplication app)
    {
        var endpoint = app.Services.GetRequiredService<BrokerEndpoint>();
        app.MapWhen(c => c.Request.Path.StartsWithSegments("/broker", StringComparison.OrdinalIgnoreCase), b => b.Run(endpoint.HandleAsync));
    }
}
