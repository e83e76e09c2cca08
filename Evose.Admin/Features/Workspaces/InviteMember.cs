using System.Buffers.Text;
using System.Net.Mail;
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
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Asks a person in. Somebody new gets a link, shown once and good for seven days; somebody who has an account joins the workspace at once.</summary>
public sealed class InviteMember(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, IOptions<IdentityOptions> identity, TimeProvider clock)
{
    public static readonly TimeSpan Life = TimeSpan.FromDays(7);
    public const int MaxEmailLength = 256;

    /// <param name="Workspace">Slug; null when only an organization role is given.</param>
    public sealed record Input(string? Email, string? Workspace, WorkspaceRole? Role, OrganizationRole OrganizationRole = OrganizationRole.Member);

    /// <param name="Link">Path and query of the invitation; null when the person had an account and joined at once.</param>
    public sealed record Invited(string Email, string? Link, DateTimeOffset? ExpiresAt)
    {
        // A record prints its members; the link must not get into a log.
        public override string ToString() => $"{nameof(Invited)} {Email}";
    }

    public async Task<Outcome<Invited>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        Workspace? workspace = null;
        if (input.Workspace is not null && (await authorizer.AuthorizeAsync(actor, input.Workspace, Permission.ManageMembers, ct)).Failed(out var refused, out workspace)) return refused;
        if ((input.Workspace is null || input.OrganizationRole != OrganizationRole.Member)
            && await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } not) return not;
        if (Refuse(input) is { } wrong) return wrong;

        var email = input.Email!.Trim().ToLowerInvariant();
        var normalized = email.ToUpperInvariant();
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        if (await db.Users.SingleOrDefaultAsync(u => u.NormalizedEmail == normalized, ct) is { } user)
        {
            if (input.OrganizationRole != OrganizationRole.Member || workspace is null) return Problem.Conflict("This person has an account already. Change their role in the list of members.", "member");
            if (user.DisabledAt is not null) return Problem.Conflict("This person's account is disabled. An organization admin can enable it.", "disabled");
            if (await db.Memberships.AnyAsync(m => m.WorkspaceId == workspace.Id && m.UserId == user.Id, ct)) return Problem.Conflict("This person is a member already. Change their role in the list of members.", "member");
            db.Memberships.Add(new Membership { WorkspaceId = workspace.Id, UserId = user.Id, Role = input.Role!.Value });
            AuditTrail.Append(db, now, actor, AuditAction.MemberJoined, new AuditSubject(workspace.Id, user.Email, user.Id), $"added as {input.Role}".ToLowerInvariant());
            await write.CommitAsync(ct);
            return new Invited(email, null, null);
        }

        var place = workspace?.Id;
        if (await db.Invitations.AnyAsync(i => i.Email == email && i.WorkspaceId == place && i.AcceptedAt == null && i.ExpiresAt > now, ct))
            return Problem.Conflict("This person has an open invitation already. Revoke it in the list, then invite them again.", "invited");

        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var invitation = new Invitation
        {
            Id = Guid.CreateVersion7(now),
            Email = email,
            OrganizationRole = input.OrganizationRole,
            WorkspaceId = place,
            Role = workspace is null ? null : input.Role,
            TokenHash = SHA256.HashData(Encoding.UTF8.GetBytes(token)),
            InvitedBy = actor.Name,
            ExpiresAt = now + Life,
        };
        db.Invitations.Add(invitation);
        var roles = new[] { workspace is null ? null : $"{input.Role} of {workspace.Slug}", input.OrganizationRole == OrganizationRole.Member ? null : $"organization {input.OrganizationRole}" };
        AuditTrail.Append(db, now, actor, AuditAction.MemberInvited, new AuditSubject(place, email, invitation.Id), string.Join(", ", roles.Where(r => r is not null)).ToLowerInvariant());
        await write.CommitAsync(ct);
        return new Invited(email, $"/account/accept-invite?token={token}", invitation.ExpiresAt);
    }

    private Problem? Refuse(Input input)
    {
        if (FreeText.Refuse(input.Email, MaxEmailLength, required: true) is { } why) return Problem.Invalid("email", why);
        var email = input.Email!.Trim();
        if (!MailAddress.TryCreate(email, out var address) || address.Address != email || email.Any(c => !identity.Value.User.AllowedUserNameCharacters.Contains(c)))
            return Problem.Invalid("email", "This is no e-mail address that can sign in here. Use one such as jo.doe@example.com.");
        if (!Enum.IsDefined(input.OrganizationRole)) return Problem.Invalid("organization_role", "There is no such role.");
        if (input.Workspace is null)
            return input.Role is not null ? Problem.Invalid("role", "A workspace role needs a workspace.")
                : input.OrganizationRole == OrganizationRole.Member ? Problem.Invalid("workspace", "Choose a workspace or an organization role.") : null;
        return input.Role is { } role && Enum.IsDefined(role) ? null : Problem.Invalid("role", "Choose what the person is in the workspace.");
    }
}
