using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Rotation;

/// <summary>The swap: once this is answered every new call uses the new version; calls under way end on theirs. Books the old version's retirement.</summary>
public sealed class PromotePending(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, IOptions<RotationOptions> options, TimeProvider clock)
{
    /// <param name="Grace">How long the old version stays; null is the configured period.</param>
    public sealed record Input(TimeSpan? Grace = null, RotationSeen? Seen = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        var grace = input.Grace ?? options.Value.GracePeriod;
        if (Grace.Refuse(grace) is { } bad) return bad;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await RotationCase.LoadAsync(db, workspace.Id, name, input.Seen, ct)).Failed(out var problem, out var found)) return problem;
        if (found.Refuse(RotationPolicy.CanPromote(found.Facts), RotationAnswer.NoPending) is { } illegal) return illegal;

        var (credential, rotation) = (found.Credential, found.Open!);
        var now = clock.GetUtcNow();
        var old = credential.Active?.Number;
        credential.Promote(now);
        rotation.Promote(old, actor.Name, now, now + grace);
        AuditTrail.Append(db, now, actor, AuditAction.RotationPromoted, AuditSubject.Credential(credential), Detail(rotation));
        // Only of what was in use when it leaked: a report about an older version says nothing of this swap.
        if (old is { } replaced) await LeakDesk.NoteAsync(db, credential, replaced, LeakAct.Replaced, actor, now, null, ct);
        await write.CommitAsync(ct);
        return Done.It;
    }

    private static string Detail(Domain.Credentials.Rotation rotation)
    {
        var swap = rotation.OldVersion is { } old
            ? $"Version {rotation.PendingVersion} is in use instead of version {old}, which is retired from {rotation.RetireAt:yyyy-MM-dd HH:mm:ss} UTC on."
            : $"Version {rotation.PendingVersion} is in use.";
        return rotation.SkipVerify ? $"{swap} Not checked: {rotation.SkipVerifyReason}" : swap;
    }
}
