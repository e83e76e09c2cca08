using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.OAuth;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Shuts a person out everywhere, from their next click on: rights are read at every act, and open pages end with the security stamp. Their live API keys and open invitations end with them.</summary>
public sealed class DisableUser(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Guid userId, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == userId, ct);
        if (user is null) return Problem.NotFound("member");
        if (user.DisabledAt is not null) return Done.It;
        if (LastAdminPolicy.MustStay(userId, await OrganizationAdmins.EnabledAsync(db, ct))) return Problem.Conflict(LastAdminPolicy.Sentence, "last_admin");
        var now = clock.GetUtcNow();
        user.DisabledAt = now;
        OrganizationAdmins.EndSessions(user);
        AuditTrail.Append(db, now, actor, AuditAction.UserDisabled, new AuditSubject(null, user.Email, user.Id));
        await RevokeKeysAsync(db, now, actor, user, ct);
        await DepartedAuthorizer.TellAsync(db, user, now, ct);
        await Invitations.WithdrawAsync(db, now, actor, user.Email, ct);
        await write.CommitAsync(ct);
        return Done.It;
    }

    // A key acts on its own: left alive, it would be the way back in.
    private static async Task RevokeKeysAsync(AdminDb db, DateTimeOffset now, Actor actor, AdminUser user, CancellationToken ct)
    {
        foreach (var key in await db.ApiKeys.Where(k => k.CreatedBy == user.Email && k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now)).ToListAsync(ct))
        {
            key.RevokedAt = now;
            // An event of every workspace that it reaches, so that each one's reviewer reads of it.
            foreach (var place in key.WorkspaceIds?.Select(id => (Guid?)id) ?? [null])
                AuditTrail.Append(db, now, actor, AuditAction.ApiKeyRevoked, new AuditSubject(place, key.Name, key.Id), $"evk_{key.PublicId}; {user.Email}, who issued it, was disabled");
        }
    }
}

/// <summary>Lets a disabled person in again, with the roles they had. They sign in anew; revoked keys and invitations stay revoked.</summary>
public sealed class EnableUser(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Guid userId, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == userId, ct);
        if (user is null) return Problem.NotFound("member");
        if (user.DisabledAt is null) return Done.It;
        user.DisabledAt = null;
        OrganizationAdmins.EndSessions(user);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.UserEnabled, new AuditSubject(null, user.Email, user.Id));
        await write.CommitAsync(ct);
        return Done.It;
    }
}
