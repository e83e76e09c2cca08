using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>
/// Ends the old version: its key and ciphertext are destroyed and the write-ahead log is emptied. Not before its time, not while it is used, and not while the new one fails, unless forced.
/// What holds a due retirement is audited, and told once.
/// </summary>
public sealed class RetireVersion(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, LedgerEvidence ledger, UsageLedger usageLedger, Erasure erasure, TimeProvider clock)
{
    /// <param name="Force">Retires at once, whatever stands against it; that is kept and audited.</param>
    public sealed record Input(bool Force = false, RotationSeen? Seen = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;

        // Before the write transaction: the copy of what was recorded needs the database's writer too.
        // What is not in the tables yet could speak against it.
        if (!await usageLedger.CaughtUpAsync(ct) && !input.Force) return Problem.DatabaseUnavailable;
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            if ((await RotationCase.LoadAsync(db, workspace.Id, name, input.Seen, ct)).Failed(out var problem, out var found)) return problem;
            if (found.Refuse(RotationPolicy.CanRetire(found.Facts), RotationAnswer.NoRetiring) is { } illegal) return illegal;
            var decision = await DecideAsync(db, actor, found, workspace.Slug, input.Force, ct);
            await write.CommitAsync(ct);
            if (!decision.MayRetire)
            {
                return new Problem(ProblemKind.Conflict, "CONFLICT", decision.Sentence,
                    new Dictionary<string, object?> { ["state"] = found.State, ["reason"] = "held", ["holds"] = decision.Holds.Select(h => h.Name()).ToList() });
            }
        }
        await erasure.NowAsync();
        return Done.It;
    }

    /// <summary>What the sweep does with one rotation that may be due: decides anew, from the rows of this moment. True when the rotation ended.</summary>
    public async Task<bool> SweepAsync(Actor job, Guid rotationId, CancellationToken ct)
    {
        // Before the write transaction: the copy of what was recorded needs the database's writer too.
        // What is not in the tables yet could speak against it: the next sweep looks again.
        if (!await usageLedger.CaughtUpAsync(ct)) return false;
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            if (await RotationCase.LoadAsync(db, rotationId, ct) is not { Open: { } rotation } found) return false;
            if (found.Credential.ArchivedAt is not null) EndWithCredential(db, job, found);
            else
            {
                if (found.Facts is not { HasRetiring: true } || rotation.State != RotationState.Grace || rotation.RetireAt > clock.GetUtcNow()) return false;
                var slug = await db.Workspaces.Where(w => w.Id == rotation.WorkspaceId).Select(w => w.Slug).SingleAsync(ct);
                await DecideAsync(db, job, found, slug, force: false, ct);
            }
            if (db.ChangeTracker.HasChanges()) await write.CommitAsync(ct);
            if (rotation.IsOpen) return false;
        }
        await erasure.NowAsync();
        return true;
    }

    private async Task<RetireDecision> DecideAsync(AdminDb db, Actor actor, RotationCase found, string slug, bool force, CancellationToken ct)
    {
        var (credential, rotation) = (found.Credential, found.Open!);
        var now = clock.GetUtcNow();
        var decision = RotationPolicy.CanRetire(await ledger.ReadAsync(db, rotation, now, ct), now, force);
        if (decision.MayRetire)
        {
            credential.Retire(now);
            rotation.Retire(decision, now);
            AuditTrail.Append(db, now, actor, AuditAction.RotationRetired, AuditSubject.Credential(credential),
                $"Version {rotation.OldVersion} is destroyed.{(decision.Holds.Count == 0 ? "" : " Forced, against: " + decision.Names + ".")}");
            await LeakDesk.NoteAsync(db, credential, rotation.OldVersion, LeakAct.Destroyed, actor, now, null, ct);
            await NotificationOutbox.RaiseAsync(db, Notification(NotificationKind.VersionRetired, $"rotation-retired:{rotation.Id:N}",
                $"Version {rotation.OldVersion} of {credential.Name} was retired",
                $"Every call uses version {rotation.PendingVersion}. Delete the old key at the provider, if it is still there.", slug, found, now), ct);
        }
        else if (decision.IsDue && rotation.LastHolds != decision.Names)
        {
            rotation.Hold(decision);
            AuditTrail.Append(db, now, actor, AuditAction.RotationHeld, AuditSubject.Credential(credential), $"Version {rotation.OldVersion} is not retired: {decision.Names}.", AuditOutcome.Refused);
            var told = await NotificationOutbox.RaiseAsync(db, Notification(NotificationKind.RetirementHeld, $"rotation-held:{rotation.Id:N}",
                $"Version {rotation.OldVersion} of {credential.Name} cannot be retired yet", decision.Sentence + " It is tried again by itself.", slug, found, now), ct);
            if (told) rotation.HeldNotified(now);
        }
        return decision;
    }

    // Archiving destroyed every value already; what is left is a row that would stay open for ever.
    private void EndWithCredential(AdminDb db, Actor job, RotationCase found)
    {
        var now = clock.GetUtcNow();
        if (found.Open!.State == RotationState.Pending) found.Open.Discard(now);
        else found.Newest!.Retire(new RetireDecision(true, true, []), now);
        AuditTrail.Append(db, now, job, found.Newest!.State == RotationState.Discarded ? AuditAction.RotationDiscarded : AuditAction.RotationRetired,
            AuditSubject.Credential(found.Credential), "The credential was archived, so its rotation is over.");
    }

    private static Notification Notification(NotificationKind kind, string key, string title, string body, string slug, RotationCase found, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now),
        WorkspaceId = found.Credential.WorkspaceId,
        Kind = kind,
        Key = key,
        CredentialId = found.Credential.Id,
        Title = title,
        Body = body,
        Url = UI.Urls.Rotate(slug, found.Credential.Name),
        CreatedAt = now,
        Facts = new Dictionary<string, string> { [NotificationTexts.Name] = found.Credential.Name, [NotificationTexts.Version] = found.Newest!.OldVersion?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "" },
    };
}
