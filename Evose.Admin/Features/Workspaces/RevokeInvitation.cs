using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Takes an invitation back before it is accepted; its link then leads nowhere.</summary>
public sealed class RevokeInvitation(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Guid id, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var found = await db.Invitations.AsNoTracking().SingleOrDefaultAsync(i => i.Id == id, ct);
        if (found is null) return Problem.NotFound("invitation");
        if (found.WorkspaceId is null || found.OrganizationRole != OrganizationRole.Member)
        {
            if (!(await authorizer.RightsAsync(actor, null, ct)).Knows) return Problem.NotFound("invitation");
            if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        }
        else
        {
            var slug = await db.Workspaces.Where(w => w.Id == found.WorkspaceId).Select(w => w.Slug).SingleAsync(ct);
            if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ManageMembers, ct)).Failed(out var refused)) return refused.Kind == ProblemKind.NotFound ? Problem.NotFound("invitation") : refused;
        }

        await using var write = await db.BeginWriteAsync(ct);
        var invitation = await db.Invitations.SingleOrDefaultAsync(i => i.Id == id, ct);
        if (invitation is null) return Problem.NotFound("invitation");
        if (invitation.AcceptedAt is not null) return Problem.Conflict("This invitation was accepted in the meantime. Remove the member instead.", "accepted");
        db.Invitations.Remove(invitation);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.InvitationRevoked, new AuditSubject(invitation.WorkspaceId, invitation.Email, invitation.Id));
        await write.CommitAsync(ct);
        return Done.It;
    }
}
