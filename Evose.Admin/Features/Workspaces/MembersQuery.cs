using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>The people of a workspace, or of the whole organization, and those who were asked in. Organization admins and reviewers reach every workspace without being a member.</summary>
public sealed class MembersQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Role">In the workspace; null in the list of the organization.</param>
    /// <param name="Workspaces">How many workspaces the person is a member of; only in the list of the organization.</param>
    /// <param name="ApiKeys">How many live API keys the person issued: disabling the person revokes them; only in the list of the organization.</param>
    public sealed record Row(Guid UserId, string Email, WorkspaceRole? Role, OrganizationRole OrganizationRole, DateTimeOffset JoinedAt, DateTimeOffset? DisabledAt, int Workspaces, int ApiKeys);

    public sealed record InvitationRow(Guid Id, string Email, string? Workspace, WorkspaceRole? Role, OrganizationRole OrganizationRole, string InvitedBy, DateTimeOffset ExpiresAt);

    /// <param name="Invitations">Empty for those who may not manage members.</param>
    /// <param name="MayManage">May invite to this place and change its members.</param>
    public sealed record View(IReadOnlyList<Row> Members, IReadOnlyList<InvitationRow> Invitations, bool MayManage);

    /// <param name="workspace">Slug; null: the organization.</param>
    public async Task<Outcome<View>> RunAsync(Actor actor, string? workspace, CancellationToken ct)
    {
        Guid? place = null;
        if (workspace is null)
        {
            if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.View, ct) is { } refused) return refused;
        }
        else
        {
            if ((await authorizer.AuthorizeAsync(actor, workspace, Permission.View, ct)).Failed(out var problem, out var found)) return problem;
            place = found.Id;
        }
        var rights = await authorizer.RightsAsync(actor, workspace, ct);
        var organization = await authorizer.RightsAsync(actor, null, ct);
        var manages = workspace is null ? organization.Allows(Permission.ManageOrganization) : rights.Allows(Permission.ManageMembers);

        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var members = place is { } id
            ? await (from m in db.Memberships.AsNoTracking()
                     join u in db.Users.AsNoTracking() on m.UserId equals u.Id
                     where m.WorkspaceId == id
                     orderby u.NormalizedEmail
                     select new Row(u.Id, u.Email!, m.Role, u.OrganizationRole, u.CreatedAt, u.DisabledAt, 0, 0)).ToListAsync(ct)
            : await db.Users.AsNoTracking().OrderBy(u => u.NormalizedEmail)
                .Select(u => new Row(u.Id, u.Email!, null, u.OrganizationRole, u.CreatedAt, u.DisabledAt, db.Memberships.Count(m => m.UserId == u.Id),
                    db.ApiKeys.Count(k => k.CreatedBy == u.Email && k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now)))).ToListAsync(ct);
        if (!manages) return new View(members, [], false);

        var slugs = await db.Workspaces.AsNoTracking().ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        var open = await db.Invitations.AsNoTracking().Where(i => i.AcceptedAt == null && i.ExpiresAt > now && (place == null || i.WorkspaceId == place)).OrderBy(i => i.Email).ToListAsync(ct);
        return new View(members, [.. open.Select(i => new InvitationRow(i.Id, i.Email, i.WorkspaceId is { } w ? slugs.GetValueOrDefault(w) : null, i.Role, i.OrganizationRole, i.InvitedBy, i.ExpiresAt))], true);
    }
}
