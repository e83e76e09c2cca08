using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Changes what a person is in one workspace. Holds from the person's next click.</summary>
public sealed class ChangeRole(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Shown">The role that the page showed; another one in the meantime is a conflict. Null: do not ask.</param>
    public sealed record Input(string Workspace, Guid UserId, WorkspaceRole Role, WorkspaceRole? Shown = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, input.Workspace, Permission.ManageMembers, ct)).Failed(out var refused, out var workspace)) return refused;
        if (!Enum.IsDefined(input.Role)) return Problem.Invalid("role", "There is no such role.");

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var membership = await db.Memberships.SingleOrDefaultAsync(m => m.WorkspaceId == workspace.Id && m.UserId == input.UserId, ct);
        if (membership is null) return Problem.NotFound("member");
        if (input.Shown is { } shown && shown != membership.Role)
            return Problem.Conflict("Somebody else changed this since you opened it. The list shows the role as it is now.", membership.Role.ToString().ToLowerInvariant());
        if (membership.Role == input.Role) return Done.It;
        var email = await db.Users.Where(u => u.Id == input.UserId).Select(u => u.Email).SingleAsync(ct);
        var now = clock.GetUtcNow();
        AuditTrail.Append(db, now, actor, AuditAction.MemberRoleChanged, new AuditSubject(workspace.Id, email, input.UserId), $"{membership.Role} to {input.Role}".ToLowerInvariant());
        membership.Role = input.Role;
        await Invitations.WithdrawAsync(db, now, actor, email, ct);
        await write.CommitAsync(ct);
        return Done.It;
    }
}
