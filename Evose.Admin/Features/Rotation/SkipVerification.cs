using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>A person answers, with a reason, for putting a value into use that no check called alive. A value that the upstream refused stays refused.</summary>
public sealed class SkipVerification(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public sealed record Input(string? Reason, RotationSeen? Seen = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (FreeText.Refuse(input.Reason, StartRotation.MaxReason, required: true, multiline: true) is { } why) return Problem.Invalid("skip_verify_reason", why);

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await RotationCase.LoadAsync(db, workspace.Id, name, input.Seen, ct)).Failed(out var problem, out var found)) return problem;
        if (found.Refuse(RotationPolicy.CanPromote(found.Facts with { SkipVerify = true }), RotationAnswer.NoPending) is { } illegal) return illegal;

        found.Open!.SkipVerification(input.Reason!.Trim());
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.RotationVerified, AuditSubject.Credential(found.Credential),
            $"Version {found.Credential.Pending!.Number} may go live without a check: {input.Reason.Trim()}");
        await write.CommitAsync(ct);
        return Done.It;
    }
}
