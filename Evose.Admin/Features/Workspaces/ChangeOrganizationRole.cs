using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Changes what a person is in the whole organization. The last organization admin stays one.</summary>
public sealed class ChangeOrganizationRole(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Shown">The role that the page showed; another one in the meantime is a conflict. Null: do not ask.</param>
    public sealed record Input(Guid UserId, OrganizationRole Role, OrganizationRole? Shown = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        if (!Enum.IsDefined(input.Role)) return Problem.Invalid("role", "There is no such role.");

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == input.UserId, ct);
        if (user is null) return Problem.NotFound("member");
        if (input.Shown is { } shown && shown != user.OrganizationRole)
            return Problem.Conflict("Somebody else changed this since you opened it. The list shows the role as it is now.", user.OrganizationRole.ToString().ToLowerInvariant());
        if (user.OrganizationRole == input.Role) return Done.It;
        if (LastAdminPolicy.MustStay(user.Id, await OrganizationAdmins.EnabledAsync(db, ct))) return Problem.Conflict(LastAdminPolicy.Sentence, "last_admin");
        var now = clock.GetUtcNow();
        AuditTrail.Append(db, now, actor, AuditAction.MemberRoleChanged, new AuditSubject(null, user.Email, user.Id), $"organization {user.OrganizationRole} to {input.Role}".ToLowerInvariant());
        user.OrganizationRole = input.Role;
        OrganizationAdmins.Touch(user);
        await Invitations.WithdrawAsync(db, now, actor, user.Email, ct);
        await write.CommitAsync(ct);
        return Done.It;
    }
}
