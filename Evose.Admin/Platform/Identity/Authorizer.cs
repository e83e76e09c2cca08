using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Identity;

/// <summary>
/// Decides, from the database at this moment, whether an actor may do something: a page that is still open and a claim that is still signed decide nothing.
/// A foreign workspace does not exist (404); a refusal (403) is audited. Call it before opening a write transaction: it writes refusals itself.
/// </summary>
public sealed class Authorizer(IDbContextFactory<AdminDb> dbs, TimeProvider clock)
{
    // Every page asks these first, some several times.
    private static readonly CompiledQuery<Func<AdminDb, string, CancellationToken, Task<Workspace?>>> BySlug = new(() => EF.CompileAsyncQuery(
        (AdminDb db, string slug, CancellationToken ct) => db.Workspaces.AsNoTracking().SingleOrDefault(w => w.Slug == slug)));

    private static readonly CompiledQuery<Func<AdminDb, Guid, Guid?, CancellationToken, Task<Standing?>>> OfUser = new(() => EF.CompileAsyncQuery(
        (AdminDb db, Guid user, Guid? workspace, CancellationToken ct) => db.Users.Where(u => u.Id == user && u.DisabledAt == null)
            .Select(u => new Standing(u.OrganizationRole, db.Memberships.Where(m => m.WorkspaceId == workspace && m.UserId == user).Select(m => (WorkspaceRole?)m.Role).FirstOrDefault())).SingleOrDefault()));

    private static readonly CompiledQuery<Func<AdminDb, Guid, CancellationToken, Task<ApiKey?>>> KeyById = new(() => EF.CompileAsyncQuery(
        (AdminDb db, Guid id, CancellationToken ct) => db.ApiKeys.AsNoTracking().SingleOrDefault(k => k.Id == id)));

    private sealed record Standing(OrganizationRole Organization, WorkspaceRole? InWorkspace);

    /// <summary>The workspace, when the actor has the permission in it.</summary>
    public async Task<Outcome<Workspace>> AuthorizeAsync(Actor actor, string workspaceSlug, Permission permission, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        return await AuthorizeAsync(db, actor, workspaceSlug, permission, ct);
    }

    /// <summary>The same in a context that the use case goes on with; no transaction may be open in it.</summary>
    public async Task<Outcome<Workspace>> AuthorizeAsync(AdminDb db, Actor actor, string workspaceSlug, Permission permission, CancellationToken ct)
    {
        var workspace = await BySlug.On(db)(db, workspaceSlug, ct);
        // Asked for one that never was as well: the answer to a foreign one must not take longer.
        var rights = await RightsAsync(db, actor, workspace?.Id, ct);
        if (workspace is null || !rights.Knows) return Problem.NotFound("workspace");
        if (rights.Allows(permission)) return workspace;
        return await RefuseAsync(db, actor, permission, workspace, ct);
    }

    /// <summary>Null when the actor has the permission for the whole organization.</summary>
    public async Task<Problem?> AuthorizeOrganizationAsync(Actor actor, Permission permission, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        var rights = await RightsAsync(db, actor, null, ct);
        return rights.Allows(permission) ? null : await RefuseAsync(db, actor, permission, null, ct);
    }

    /// <summary>What the actor may do, for pages that leave out what is not allowed. The use case asks again.</summary>
    public async Task<Rights> RightsAsync(Actor actor, string? workspaceSlug, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        if (workspaceSlug is null) return await RightsAsync(db, actor, null, ct);
        return await BySlug.On(db)(db, workspaceSlug, ct) is { } workspace ? await RightsAsync(db, actor, workspace.Id, ct) : Rights.None;
    }

    /// <summary>Ids of the workspaces in which the actor has the permission; null means every one.</summary>
    public async Task<IReadOnlyList<Guid>?> WorkspacesAsync(Actor actor, Permission permission, CancellationToken ct)
    {
        await using var db = await dbs.OpenAsync(ct);
        if ((await RightsAsync(db, actor, null, ct)).Allows(permission)) return null;
        switch (actor.Kind)
        {
            case ActorKind.User when await db.Users.AnyAsync(u => u.Id == actor.Id && u.DisabledAt == null, ct):
                var memberships = await db.Memberships.AsNoTracking().Where(m => m.UserId == actor.Id).ToListAsync(ct);
                return [.. memberships.Where(m => RolePolicy.Allows(OrganizationRole.Member, m.Role, permission)).Select(m => m.WorkspaceId)];
            case ActorKind.ApiKey:
                var key = await db.ApiKeys.AsNoTracking().SingleOrDefaultAsync(k => k.Id == actor.Id, ct);
                return key is not null && key.IsLive(clock.GetUtcNow()) && Allows(key, permission) ? key.WorkspaceIds ?? [] : [];
            default:
                return [];
        }
    }

    /// <summary>The same for a workspace that is known, or the organization, in a context that is there.</summary>
    public async Task<Rights> RightsAsync(AdminDb db, Actor actor, Guid? workspaceId, CancellationToken ct)
    {
        var rights = await RoleRightsAsync(db, actor, workspaceId, ct);
        // The organization has credentials; consumers and members belong to workspaces.
        return workspaceId == Workspace.OrganizationId ? rights with { Allows = p => p is not (Permission.ManageConsumers or Permission.ManageMembers) && rights.Allows(p) } : rights;
    }

    private async Task<Rights> RoleRightsAsync(AdminDb db, Actor actor, Guid? workspaceId, CancellationToken ct)
    {
        switch (actor.Kind)
        {
            case ActorKind.Job:
                return Rights.All;
            case ActorKind.User:
                // Of the organization itself nobody is a member: only organization roles count there.
                var standing = await OfUser.On(db)(db, actor.Id, workspaceId == Workspace.OrganizationId ? null : workspaceId, ct);
                return standing is null ? Rights.None
                    : new Rights(standing.Organization != OrganizationRole.Member || standing.InWorkspace is not null, p => RolePolicy.Allows(standing.Organization, standing.InWorkspace, p));
            case ActorKind.ApiKey:
                var key = await KeyById.On(db)(db, actor.Id, ct);
                // A key that is bound to workspaces has no say over the organization.
                var reaches = key is not null && key.IsLive(clock.GetUtcNow()) && (workspaceId is { } id ? key.Reaches(id) : key.WorkspaceIds is null);
                return reaches ? new Rights(true, p => Allows(key!, p)) : Rights.None;
            default:
                return Rights.None;
        }
    }

    private static bool Allows(ApiKey key, Permission permission) => permission switch
    {
        Permission.View or Permission.ViewCalls => key.Has(ApiKeyScopes.Read) || key.Has(ApiKeyScopes.Admin),
        Permission.ViewAudit => key.Has(ApiKeyScopes.AuditRead) || key.Has(ApiKeyScopes.Admin),
        Permission.ManageConsumers or Permission.ManageCredentials or Permission.ManageMembers or Permission.ManageApiKeys or Permission.HandleNotifications
            or Permission.ManageOrganization or Permission.ManageNotifications or Permission.HandleFindings => key.Has(ApiKeyScopes.Admin),
    };

    private async Task<Problem> RefuseAsync(AdminDb db, Actor actor, Permission permission, Workspace? workspace, CancellationToken ct)
    {
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.AccessRefused, new AuditSubject(workspace?.Id, permission.ToString()), outcome: AuditOutcome.Refused);
        await db.SaveChangesAsync(ct);
        return Problem.Forbidden("role", actor.Kind == ActorKind.ApiKey ? "This API key does not allow this: it lacks the scope, or was issued for some workspaces only." : "Your role does not allow this. Ask a workspace admin.");
    }
}

/// <summary>What an actor may do in one place.</summary>
/// <param name="Knows">False: for this actor the place does not exist.</param>
public sealed record Rights(bool Knows, Func<Permission, bool> Allows)
{
    public static readonly Rights None = new(false, _ => false);
    public static readonly Rights All = new(true, _ => true);
}
