using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Who may issue which key, and who may end or replace one that exists. A key that reaches further than its viewer does not exist for them.</summary>
public sealed class ApiKeyGate(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <param name="Workspaces">Null: the whole organization.</param>
    /// <param name="MayLastForever">The issuer is an organization admin.</param>
    /// <param name="BoundAgent">The agent that the issuing key is; what it issues is no other.</param>
    public sealed record Grant(IReadOnlyList<Workspace>? Workspaces, bool MayLastForever, Guid? BoundAgent);

    /// <summary>The grant, when the actor may issue a key with these scopes for these workspaces (null: all).</summary>
    public async Task<Outcome<Grant>> AuthorizeIssueAsync(Actor actor, IReadOnlyList<string> scopes, IReadOnlyList<string>? slugs, CancellationToken ct)
    {
        List<Workspace>? workspaces = null;
        var places = new List<Rights>();
        if (slugs is null)
        {
            if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageApiKeys, ct) is { } refused) return refused;
        }
        else
        {
            workspaces = [];
            foreach (var slug in slugs)
            {
                if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ManageApiKeys, ct)).Failed(out var problem, out var workspace)) return problem;
                workspaces.Add(workspace);
                places.Add(await authorizer.RightsAsync(actor, slug, ct));
            }
        }
        var organization = await authorizer.RightsAsync(actor, null, ct);
        if (slugs is null) places.Add(organization);
        var own = await OwnAsync(actor, ct);

        bool Everywhere(Permission p) => places.TrueForAll(r => r.Allows(p));
        var issuer = new IssuerRights(
            OrganizationWide: organization.Allows(Permission.ManageApiKeys),
            Read: Everywhere(Permission.View),
            Invoke: own?.Has(ApiKeyScopes.ToolInvoke) ?? Everywhere(Permission.ManageConsumers),
            ReadAudit: Everywhere(Permission.ViewAudit),
            Change: Everywhere(Permission.ManageCredentials) && Everywhere(Permission.ManageConsumers),
            Own: own?.Scopes);
        return IssuePolicy.FirstRefused(scopes, issuer) is { } scope
            ? Problem.Forbidden("scope", $"You may not hand out the scope '{scope}' here: nobody gives more than they have. Leave it out, or ask an organization admin.")
            : new Grant(workspaces, organization.Allows(Permission.ManageOrganization), own?.AgentId);
    }

    /// <summary>The key with this id, when the actor manages API keys wherever it reaches.</summary>
    public async Task<Outcome<ApiKey>> FindAsync(Actor actor, string? id, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var key = Guid.TryParse(id, out var guid) ? await db.ApiKeys.AsNoTracking().SingleOrDefaultAsync(k => k.Id == guid, ct) : null;
        if (key is null || !Sees(await authorizer.WorkspacesAsync(actor, Permission.View, ct), key)) return Problem.NotFound("API key");
        if (key.WorkspaceIds is null) return await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageApiKeys, ct) is { } refused ? refused : key;
        foreach (var slug in await SlugsAsync(db, key.WorkspaceIds, ct))
            if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ManageApiKeys, ct)).Failed(out var problem)) return problem;
        return key;
    }

    /// <summary>True when the key reaches nothing but the visible workspaces (null: all of them are).</summary>
    public static bool Sees(IReadOnlyList<Guid>? visible, ApiKey key) => visible is null || (key.WorkspaceIds is { Count: > 0 } reached && reached.All(visible.Contains));

    public static async Task<List<string>> SlugsAsync(AdminDb db, IReadOnlyList<Guid> ids, CancellationToken ct) =>
        await db.Workspaces.AsNoTracking().Where(w => ids.Contains(w.Id)).OrderBy(w => w.Slug).Select(w => w.Slug).ToListAsync(ct);

    private async Task<ApiKey?> OwnAsync(Actor actor, CancellationToken ct)
    {
        if (actor.Kind != ActorKind.ApiKey) return null;
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.ApiKeys.AsNoTracking().SingleAsync(k => k.Id == actor.Id, ct);
    }
}
