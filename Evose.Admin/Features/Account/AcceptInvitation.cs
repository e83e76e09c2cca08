using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Account;

/// <summary>A person who was asked in chooses a password and is in. An invitation works once and not after its date.</summary>
public sealed class AcceptInvitation(UserManager<AdminUser> users, SignInManager<AdminUser> signIn, AdminDb db, TimeProvider clock)
{
    private static readonly Problem Gone = Problem.NotFound("invitation");

    /// <summary>What the invitation says, or not found for unknown, used and expired ones alike, and for those whose sender may no longer invite.</summary>
    public sealed record View(string Email, string InvitedBy, string? Workspace, DateTimeOffset ExpiresAt);

    public async Task<Outcome<View>> LookAsync(string? token, CancellationToken ct)
    {
        if (await FindAsync(token, ct) is not { } invitation) return Gone;
        var workspace = invitation.WorkspaceId is { } id ? await db.Workspaces.Where(w => w.Id == id).Select(w => w.Name).SingleOrDefaultAsync(ct) : null;
        return new View(invitation.Email, invitation.InvitedBy, workspace, invitation.ExpiresAt);
    }

    public async Task<Outcome<AdminUser>> ExecuteAsync(Actor actor, string? token, string? password, CancellationToken ct)
    {
        if (await FindAsync(token, ct) is not { } invitation) return Gone;
        var now = clock.GetUtcNow();
        var user = new AdminUser
        {
            Id = Guid.CreateVersion7(now), UserName = invitation.Email, Email = invitation.Email, EmailConfirmed = true,
            OrganizationRole = invitation.OrganizationRole, CreatedAt = now,
        };
        if (await PasswordRule.SetAsync(users, user, password ?? "") is { } weak) return Problem.Invalid("password", weak);

        // UserManager writes with this very context, so its save is part of this transaction.
        await using var write = await db.BeginWriteAsync(ct);
        // Again, because it may have been used, revoked or lost its sender meanwhile.
        if (await FindAsync(token, ct) is null) return Gone;
        if (await users.FindByEmailAsync(invitation.Email) is not null)
            return Problem.Conflict("There is already an account with this address. Sign in with it, and ask whoever invited you to add that account.");

        var made = await users.CreateAsync(user);
        if (!made.Succeeded) return Problem.Invalid("password", string.Join(' ', made.Errors.Select(e => e.Description)));

        if (invitation is { WorkspaceId: { } workspace, Role: { } role }) db.Memberships.Add(new Membership { WorkspaceId = workspace, UserId = user.Id, Role = role });
        invitation.AcceptedAt = now;
        var joined = new Actor(ActorKind.User, user.Id, invitation.Email, actor.Ip, actor.RequestId);
        AuditTrail.Append(db, now, joined, AuditAction.MemberJoined, new AuditSubject(invitation.WorkspaceId, invitation.Email, user.Id), $"invited by {invitation.InvitedBy}");
        AuditTrail.Append(db, now, joined, AuditAction.SignedIn, new AuditSubject(null, invitation.Email, user.Id));
        await write.CommitAsync(ct);
        await signIn.SignInAsync(user, isPersistent: false);
        return user;
    }

    /// <summary>What is stored of the link's token.</summary>
    public static byte[] HashOf(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    private async Task<Invitation?> FindAsync(string? token, CancellationToken ct)
    {
        if (token is not { Length: > 0 and <= 200 }) return null;
        var hash = HashOf(token);
        var now = clock.GetUtcNow();
        var invitation = await db.Invitations.SingleOrDefaultAsync(i => i.TokenHash == hash && i.AcceptedAt == null && i.ExpiresAt > now, ct);
        return invitation is not null && await Invitations.HoldsAsync(db, invitation, ct) ? invitation : null;
    }
}
