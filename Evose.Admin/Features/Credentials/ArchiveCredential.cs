using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>
/// Takes a credential out of use for good: data keys and ciphertext of every version are destroyed, in the database and in its write-ahead log; history and trail stay.
/// Refused while tools reference it, unless the caller says to break them.
/// </summary>
public sealed class ArchiveCredential(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, Erasure erasure, TimeProvider clock)
{
    /// <param name="BreakReferences">Archive although tools name it: their calls are refused from then on.</param>
    /// <param name="Revision">The revision that the form showed.</param>
    public sealed record Input(bool BreakReferences, int? Revision = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string workspaceSlug, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await DestroyAsync(actor, workspace!.Id, name, input, ct) is { } problem) return problem;
        // After the transaction, or its own pages would still be in the log. Not cancellable: the row says destroyed, so it must be.
        await erasure.NowAsync();
        return Done.It;
    }

    private async Task<Problem?> DestroyAsync(Actor actor, Guid workspaceId, string name, Input input, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await CredentialRows.LivingAsync(db, workspaceId, name, input.Revision, ct)).Failed(out var missing, out var credential)) return missing;
        var granted = credential!.Grants.Select(g => g.WorkspaceId).ToList();
        var tools = await db.References.Where(r => (r.WorkspaceId == workspaceId || granted.Contains(r.WorkspaceId)) && r.CredentialName == name)
            .Join(db.Consumers.Where(c => c.DeletedAt == null && c.Kind == ConsumerKind.Tool), r => r.ToolId, c => c.Id, (_, c) => c.Name).Distinct().OrderBy(n => n).ToListAsync(ct);
        if (tools.Count > 0 && !input.BreakReferences)
        {
            return new Problem(ProblemKind.Conflict, "CONFLICT",
                $"Tools still reference it: {string.Join(", ", tools.Take(20))}{(tools.Count > 20 ? " …" : "")}. Change them first, or archive it with break_references=true; their calls are refused from then on.",
                new Dictionary<string, object?> { ["state"] = "referenced", ["tools"] = tools });
        }

        // The ciphertext must be loaded to be deleted.
        var versions = credential!.Versions.Select(v => v.Id).ToList();
        await db.SealedFields.Where(f => versions.Contains(f.VersionId)).LoadAsync(ct);
        var now = clock.GetUtcNow();
        if (await db.Rotations.SingleOrDefaultAsync(r => r.CredentialId == credential.Id && (r.State == RotationState.Pending || r.State == RotationState.Grace), ct) is { } rotation)
        {
            if (rotation.State == RotationState.Pending) rotation.Discard(now);
            else rotation.Retire(new RetireDecision(true, now >= rotation.RetireAt, []), now);
            var action = rotation.State == RotationState.Discarded ? AuditAction.RotationDiscarded : AuditAction.RotationRetired;
            AuditTrail.Append(db, now, actor, action, AuditSubject.Credential(credential), "the credential was archived");
        }
        credential.Archive(now);
        await LeakDesk.NoteAsync(db, credential, null, LeakAct.Destroyed, actor, now, null, ct);
        AuditTrail.Append(db, now, actor, AuditAction.CredentialArchived, AuditSubject.Credential(credential),
            $"{versions.Count} versions destroyed{(tools.Count == 0 ? "" : $"; still referenced by {string.Join(", ", tools)}")}");
        await write.CommitAsync(ct);
        return null;
    }
}
