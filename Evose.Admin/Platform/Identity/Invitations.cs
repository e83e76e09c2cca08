using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Identity;

/// <summary>An invitation is worth what its sender may do at this moment, not what they might do when they sent it.</summary>
internal static class Invitations
{
    /// <summary>True while the sender exists, is not disabled, and could send this invitation now.</summary>
    public static async Task<bool> HoldsAsync(AdminDb db, Invitation invitation, CancellationToken ct)
    {
        var sender = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Email == invitation.InvitedBy && u.DisabledAt == null, ct);
        if (sender is null) return false;
        var role = invitation.WorkspaceId is null ? null
            : await db.Memberships.Where(m => m.WorkspaceId == invitation.WorkspaceId && m.UserId == sender.Id).Select(m => (WorkspaceRole?)m.Role).SingleOrDefaultAsync(ct);
        var needed = invitation.WorkspaceId is null || invitation.OrganizationRole != OrganizationRole.Member ? Permission.ManageOrganization : Permission.ManageMembers;
        return RolePolicy.Allows(sender.OrganizationRole, role, needed);
    }

    /// <summary>Takes back the person's open invitations that no longer hold. Saves what is pending first, so that the loss of the right is seen; the caller commits.</summary>
    public static async Task WithdrawAsync(AdminDb db, DateTimeOffset now, Actor actor, string? sender, CancellationToken ct)
    {
        await db.SaveChangesAsync(ct);
        foreach (var invitation in await db.Invitations.Where(i => i.InvitedBy == sender && i.AcceptedAt == null).ToListAsync(ct))
        {
            if (await HoldsAsync(db, invitation, ct)) continue;
            db.Invitations.Remove(invitation);
            AuditTrail.Append(db, now, actor, AuditAction.InvitationRevoked, new AuditSubject(invitation.WorkspaceId, invitation.Email, invitation.Id), $"{sender} may no longer invite");
        }
    }
}
