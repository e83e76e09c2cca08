using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.OAuth;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Takes a person out of a workspace, or out of the organization with their account. What they did stays in the audit trail under their name.</summary>
public sealed class RemoveMember(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Workspace">Slug; null removes the account and every membership.</param>
    public sealed record Input(string? Workspace, Guid UserId);

    public Task<Outcome<Done>> ExecuteAsync(Actor actor, Input input, CancellationToken ct) =>
        input.Workspace is { } slug ? FromWorkspaceAsync(actor, slug, input.UserId, ct) : FromOrganizationAsync(actor, input.UserId, ct);

    private async Task<Outcome<Done>> FromWorkspaceAsync(Actor actor, string slug, Guid userId, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ManageMembers, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var membership = await db.Memberships.SingleOrDefaultAsync(m => m.WorkspaceId == workspace.Id && m.UserId == userId, ct);
        if (membership is null) return Problem.NotFound("member");
        var email = await db.Users.Where(u => u.Id == userId).Select(u => u.Email).SingleAsync(ct);
        db.Memberships.Remove(membership);
        var now = clock.GetUtcNow();
        AuditTrail.Append(db, now, actor, AuditAction.MemberRemoved, new AuditSubject(workspace.Id, email, userId), $"was {membership.Role}".ToLowerInvariant());
        await Invitations.WithdrawAsync(db, now, actor, email, ct);
        await write.CommitAsync(ct);
        return Done.It;
    }

    private async Task<Outcome<Done>> FromOrganizationAsync(Actor actor, Guid userId, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == userId, ct);
        if (user is null) return Problem.NotFound("member");
        if (LastAdminPolicy.MustStay(userId, await OrganizationAdmins.EnabledAsync(db, ct))) return Problem.Conflict(LastAdminPolicy.Sentence, "last_admin");
        var memberships = await db.Memberships.Where(m => m.UserId == userId).ToListAsync(ct);
        var now = clock.GetUtcNow();
        await DepartedAuthorizer.TellAsync(db, user, now, ct);
        db.RemoveRange(memberships);
        db.Users.Remove(user);
        foreach (var m in memberships) AuditTrail.Append(db, now, actor, AuditAction.MemberRemoved, new AuditSubject(m.WorkspaceId, user.Email, userId), $"was {m.Role}".ToLowerInvariant());
        AuditTrail.Append(db, now, actor, AuditAction.MemberRemoved, new AuditSubject(null, user.Email, userId), $"account removed, was organization {user.OrganizationRole}".ToLowerInvariant());
        await Invitations.WithdrawAsync(db, now, actor, user.Email, ct);
        await write.CommitAsync(ct);
        return Done.It;
    }
}
