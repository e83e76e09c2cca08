using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>The way back while the old version exists: new calls use it again, and the new version is destroyed.</summary>
public sealed class RollBack(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, Erasure erasure, TimeProvider clock)
{
    public sealed record Input(RotationSeen? Seen = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;

        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            if ((await RotationCase.LoadAsync(db, workspace.Id, name, input.Seen, ct)).Failed(out var problem, out var found)) return problem;
            if (found.Refuse(RotationPolicy.CanRollBack(found.Facts), RotationAnswer.NoRetiring) is { } illegal) return illegal;

            var (credential, rotation) = (found.Credential, found.Open!);
            var now = clock.GetUtcNow();
            credential.RollBack(now);
            rotation.RollBack(now);
            AuditTrail.Append(db, now, actor, AuditAction.RotationRolledBack, AuditSubject.Credential(credential),
                $"Version {rotation.OldVersion} is in use again; version {rotation.PendingVersion} is destroyed.");
            await write.CommitAsync(ct);
        }
        await erasure.NowAsync();
        return Done.It;
    }
}
