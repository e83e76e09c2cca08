using Microsoft.OpenApi;

namespace Evose.Admin.Platform.Api;

/// <summary>Wires the REST surface and its document.</summary>
public static class ApiSetup
{
    public const string DocumentName = "v1";

    public static IServiceCollection AddRestApi(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ApiOptions>().Bind(configuration.GetSection(ApiOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<RequestBudgets>();
        services.AddOpenApi(DocumentName, o => o.AddDocumentTransformer((document, _, _) =>
        {
            Describe(document);
            return Task.CompletedTask;
        }));
        return services;
    }

    private static void Describe(OpenApiDocument document)
    {
        document.Info.Title = "Evose.Admin";
        document.Info.Description = "Register credentials, issue API keys, call tools through the broker, rotate, audit. Authenticate with `Authorization: Bearer evk_…`.";
        // Whoever reads it knows the address it came from.
        document.Servers = [];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes["api_key"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", BearerFormat = "evk_…", Description = "A key of this app." };
        document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("api_key", document)] = [] }];
        document.Paths.Add("/broker/{ws}/{tool}/{path}", Broker());
        // Written in this order on the reference page.
        document.Tags = new HashSet<OpenApiTag>([.. Tags.Select(t => new OpenApiTag { Name = t })]);
    }

    private static readonly string[] Tags = ["Workspaces", "Credentials", "Rotation", "Tools, agents, workflows", "API keys", "Calls", "Audit", "Hygiene", "Leaks", "Notifications", "Providers", "Health"];

    private static readonly string[] BrokerParts = ["ws", "tool", "path"];

    // Not an endpoint of the routing, so that a call pays for no routing; described here by hand. Each method is the same.
    private static OpenApiPathItem Broker()
    {
        var item = new OpenApiPathItem
        {
            Description = "A call through a tool.",
            Parameters = [.. BrokerParts.Select(n => new OpenApiParameter { Name = n, In = ParameterLocation.Path, Required = true, Schema = new OpenApiSchema { Type = JsonSchemaType.String } })],
        };
        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete])
        {
            item.AddOperation(method, new OpenApiOperation
            {
                Summary = "Pass a call through: method, path, query, headers, body and answer stream; the tool's templates and credentials are added, ours are removed.",
                OperationId = "broker_" + method.Method.ToLowerInvariant(),
                Tags = new HashSet<OpenApiTagReference>([new OpenApiTagReference("Calls")]),
                Responses = new OpenApiResponses { ["default"] = new OpenApiResponse { Description = "The upstream's own answer, or a refusal in the envelope." } },
            });
        }
        return item;
    }

    /// <summary>Requests under the REST surface can be read twice, so that a repetition can be told from another request with the same key.</summary>
    public static IApplicationBuilder UseRepeatableBodies(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.Request.Headers.ContainsKey("Idempotency-Key") && context.Request.Path.StartsWithSegments(ApiGroup.Prefix, StringComparison.OrdinalIgnoreCase)) context.Request.EnableBuffering(1024 * 1024);
        return next(context);
    });
}
