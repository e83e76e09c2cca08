using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Consumers;

/// <summary>Wires tools, agents and workflows.</summary>
public static class ConsumersFeature
{
    public static IServiceCollection AddConsumers(this IServiceCollection services)
    {
        services.AddSingleton<SaveTool>();
        services.AddSingleton<SaveAgent>();
        services.AddSingleton<SaveWorkflow>();
        services.AddSingleton<DeleteConsumer>();
        services.AddSingleton<AddToScope>();
        services.AddSingleton<ConsumerListQuery>();
        services.AddSingleton<ConsumerDetailQuery>();
        services.AddSingleton<PickListQuery>();
        return services;
    }

    /// <param name="Name">Another name than the address's renames.</param>
    /// <param name="Credentials">Names of credentials that travel by rules of their own.</param>
    /// <param name="Body">The template as text, or as the JSON it stands for.</param>
    public sealed record ToolBody(string? Kind, string? BaseUrl, string? Method, Dictionary<string, string?>? Headers, Dictionary<string, string?>? Query, JsonElement? Body,
        string? Description, string? Name, int? Revision, List<string?>? Credentials);

    public sealed record AgentBody(List<string?>? Tools, string? Description, string? Name, int? Revision);

    public sealed record WorkflowBody(List<string?>? Tools, List<string?>? Agents, string? Description, string? Name, int? Revision);

    public static void MapConsumers(this RouteGroupBuilder api)
    {
        foreach (var kind in Enum.GetValues<ConsumerKind>())
        {
            var path = $"/workspaces/{{ws}}/{kind.Plural()}";
            var (plural, one) = (kind.Plural(), kind.ToString().ToLowerInvariant());
            var some = api.MapGroup("").WithTags("Tools, agents, workflows");
            some.MapGet(path, async (string ws, int? limit, string? cursor, string? q, ConsumerListQuery list, HttpContext context) =>
                ApiResults.Of(await list.RunAsync(context.Caller(), ws, new ConsumerListQuery.Input(kind, q, limit, cursor), context.RequestAborted), page => page!.Select(r => RowShape(kind, r)))).WithSummary($"List the {plural} of a workspace.");
            some.MapGet(path + "/{name}", async (string ws, string name, ConsumerDetailQuery detail, HttpContext context) =>
                ApiResults.Of(await detail.RunAsync(context.Caller(), ws, kind, name, context.RequestAborted), Shape)).WithSummary($"One {one}.");
            some.MapDelete(path + "/{name}", async (string ws, string name, int? revision, DeleteConsumer delete, HttpContext context) =>
                ApiResults.Of(await delete.ExecuteAsync(context.Caller(), ws, new DeleteConsumer.Input(kind, name, revision), context.RequestAborted),
                    d => new { d!.Name, DeletedAt = d.At, Affected = new { d.Agents, d.Workflows, d.Credentials } })).WithSummary($"Delete the {one}; it leaves every list and scope it stood in.");
        }

        api = api.MapGroup("").WithTags("Tools, agents, workflows");
        api.MapPut("/workspaces/{ws}/tools/{name}", async (string ws, string name, ToolBody body, SaveTool save, ConsumerDetailQuery detail, HttpContext context) =>
        {
            if (TextOf(body.Body).Failed(out var wrong, out var text)) return ApiResults.Of(wrong);
            var saved = await save.ExecuteAsync(context.Caller(), ws,
                new SaveTool.Input(new ConsumerTarget(name, body.Name, body.Revision, body.Description), body.Kind, body.BaseUrl, body.Method, body.Headers, body.Query, text, body.Credentials), context.RequestAborted);
            return await AnswerAsync(context, detail, ws, ConsumerKind.Tool, saved);
        }).WithSummary("Create or replace a tool. Placeholders such as {{credential:openai_prod}} may stand in every value; a secret may not.");
        api.MapPut("/workspaces/{ws}/agents/{name}", async (string ws, string name, AgentBody body, SaveAgent save, ConsumerDetailQuery detail, HttpContext context) =>
            await AnswerAsync(context, detail, ws, ConsumerKind.Agent,
                await save.ExecuteAsync(context.Caller(), ws, new SaveAgent.Input(new ConsumerTarget(name, body.Name, body.Revision, body.Description), body.Tools), context.RequestAborted))).WithSummary("Create or replace an agent.");
        api.MapPut("/workspaces/{ws}/workflows/{name}", async (string ws, string name, WorkflowBody body, SaveWorkflow save, ConsumerDetailQuery detail, HttpContext context) =>
            await AnswerAsync(context, detail, ws, ConsumerKind.Workflow,
                await save.ExecuteAsync(context.Caller(), ws, new SaveWorkflow.Input(new ConsumerTarget(name, body.Name, body.Revision, body.Description), body.Tools, body.Agents), context.RequestAborted))).WithSummary("Create or replace a workflow.");
    }

    /// <summary>201 for a new one, 200 for a changed one, with the resource as it now is.</summary>
    private static async Task<IResult> AnswerAsync(HttpContext context, ConsumerDetailQuery detail, string ws, ConsumerKind kind, Outcome<SavedConsumer> outcome)
    {
        if (outcome.Failed(out var problem, out var saved)) return ApiResults.Of(problem);
        return ApiResults.Of(await detail.RunAsync(context.Caller(), ws, kind, saved.Name, context.RequestAborted), Shape, saved.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static Outcome<string?> TextOf(JsonElement? body) => body?.ValueKind switch
    {
        null or JsonValueKind.Null or JsonValueKind.Undefined => (string?)null,
        JsonValueKind.String => body.Value.GetString(),
        JsonValueKind.Object or JsonValueKind.Array => body.Value.GetRawText(),
        _ => Problem.Invalid("body", "Give the body as a text, or as a JSON object or list."),
    };

    private static object Shape(ConsumerDetailQuery.View? v) => v!.Kind switch
    {
        ConsumerKind.Tool => new
        {
            v.Name,
            Kind = "http",
            v.Config!.BaseUrl,
            v.Config.Method,
            v.Config.Headers,
            v.Config.Query,
            v.Config.Body,
            Credentials = v.Config.Attached ?? [],
            v.Description,
            References = v.References.Select(r => new { r.Credential, r.Place, r.Exists }),
            v.CreatedAt,
            v.UpdatedAt,
            v.Revision,
        },
        ConsumerKind.Agent => new { v.Name, Tools = v.MemberNames(ConsumerKind.Tool), v.LostMembers, v.Description, v.CreatedAt, v.UpdatedAt, v.Revision },
        ConsumerKind.Workflow => new { v.Name, Tools = v.MemberNames(ConsumerKind.Tool), Agents = v.MemberNames(ConsumerKind.Agent), v.LostMembers, v.Description, v.CreatedAt, v.UpdatedAt, v.Revision },
    };

    private static object RowShape(ConsumerKind kind, ConsumerListQuery.Row r) => kind switch
    {
        ConsumerKind.Tool => new { r.Name, Kind = "http", r.BaseUrl, r.Description, r.Credentials, r.UsedBy, calls_24h = r.Calls?.Calls, r.CreatedAt, r.UpdatedAt, r.Revision },
        ConsumerKind.Agent => new { r.Name, r.Tools, r.LostMembers, r.Description, r.UsedBy, calls_24h = r.Calls?.Calls, r.CreatedAt, r.UpdatedAt, r.Revision },
        ConsumerKind.Workflow => new { r.Name, r.Tools, r.Agents, r.LostMembers, r.Description, calls_24h = r.Calls?.Calls, r.CreatedAt, r.UpdatedAt, r.Revision },
    };
}
