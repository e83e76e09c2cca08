using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Gives a rotation up before its swap: the pending value is destroyed.</summary>
public sealed class DiscardPending(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, Erasure erasure, TimeProvider clock)
{
    public sealed record Input(RotationSeen? Seen = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;

        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            if ((await RotationCase.LoadAsync(db, workspace.Id, name, input.Seen, ct)).Failed(out var problem, out var found)) return problem;
            if (found.Refuse(RotationPolicy.CanDiscard(found.Facts), RotationAnswer.NoPending) is { } illegal) return illegal;

            var (credential, rotation) = (found.Credential, found.Open!);
            // A pending version beside a running grace belongs to no rotation of ours.
            if (rotation.State != RotationState.Pending) return found.Illegal(RotationAnswer.GraceRunning);
            var now = clock.GetUtcNow();
            credential.Discard(now);
            rotation.Discard(now);
            AuditTrail.Append(db, now, actor, AuditAction.RotationDiscarded, AuditSubject.Credential(credential), $"Version {rotation.PendingVersion} never went live and is destroyed.");
            await write.CommitAsync(ct);
        }
        await erasure.NowAsync();
        return Done.It;
    }
}
