using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Wires workspaces and their members.</summary>
public static class WorkspacesFeature
{
    public const string InviteTicketPath = UiGroup.Prefix + "/invitations";

    public static IServiceCollection AddWorkspaces(this IServiceCollection services)
    {
        services.AddSingleton<CreateWorkspace>();
        services.AddSingleton<WorkspaceListQuery>();
        services.AddSingleton<InviteMember>();
        services.AddSingleton<RevokeInvitation>();
        services.AddSingleton<ChangeRole>();
        services.AddSingleton<ChangeOrganizationRole>();
        services.AddSingleton<RemoveMember>();
        services.AddSingleton<DisableUser>();
        services.AddSingleton<EnableUser>();
        services.AddSingleton<MembersQuery>();
        services.AddSingleton<MemberActs>();
        return services;
    }

    public sealed record CreateBody(string? Name, string? Slug);

    public static void MapWorkspaces(this RouteGroupBuilder api)
    {
        api = api.MapGroup("").WithTags("Workspaces");
        api.MapPost("/workspaces", async (CreateBody body, CreateWorkspace create, HttpContext context) =>
            ApiResults.Of(await create.ExecuteAsync(context.Caller(), new CreateWorkspace.Input(body.Name, body.Slug), context.RequestAborted),
                w => new { w.Slug, w.Name, w.CreatedAt }, StatusCodes.Status201Created)).WithSummary("Create a workspace. Its slug is made from the name when not given and never changes.");
        api.MapGet("/workspaces", async (int? limit, string? cursor, WorkspaceListQuery list, HttpContext context) =>
            ApiResults.Of(await list.PageAsync(context.Caller(), limit, cursor, context.RequestAborted), p => p.Select(w => new { w.Slug, w.Name, w.CreatedAt }))).WithSummary("List the workspaces that this key reaches.");
    }

    /// <summary>The endpoint behind <c>ShowOnce</c>: the ticket says whom to invite, the answer holds the link.</summary>
    public static void MapInvitationTickets(this RouteGroupBuilder ui) =>
        ui.MapPost("/invitations", async (TicketBody body, OneTimeTickets tickets, InviteMember invite, HttpContext context) =>
            tickets.Redeem<InviteMember.Input>(context.Caller(), body.Ticket).Failed(out var problem, out var input) ? ApiResults.Of(problem)
                : ApiResults.Of(await invite.ExecuteAsync(context.Caller(), input, context.RequestAborted), i => new { Once = i.Link }, StatusCodes.Status201Created));
}
