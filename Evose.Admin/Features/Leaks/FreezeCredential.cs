using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>Stops every use of a credential, or takes the stop off. A call that is recorded after the answer is refused, on every node; calls under way end as they began. Audited by the desk.</summary>
public sealed class FreezeCredential(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, LeakDesk desk, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, bool freeze, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var credential = await db.Credentials.Include(c => c.ScopeMembers).SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null)
            return await db.CredentialsFor(workspace.Id).AnyAsync(c => c.Name == name, ct) ? Problem.Forbidden("organization_credential", "This credential belongs to the organization. An organization admin freezes it there.") : Problem.NotFound("credential");
        if (credential.FrozenAt is not null == freeze)
        {
            // A second time does nothing but leave a trace.
            AuditTrail.Append(db, clock.GetUtcNow(), actor, freeze ? AuditAction.CredentialFrozen : AuditAction.CredentialThawed, AuditSubject.Credential(credential), "It was so already.");
            await write.CommitAsync(ct);
            return Done.It;
        }
        if ((freeze ? await desk.FreezeAsync(db, actor, credential, null, ct) : await desk.ThawAsync(db, actor, credential, ct)) is { } problem) return problem;
        await write.CommitAsync(ct);
        return Done.It;
    }
}

/// <summary>Remembers in a report what somebody did or decided outside the app, or that the credential stays in use.</summary>
public sealed class NoteLeakStep(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, Guid id, LeakAct act, string? note, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (act is not (LeakAct.KeptRunning or LeakAct.Notified)) return Problem.Invalid("act", "This is noted by itself when it is done.");
        if (FreeText.Refuse(note, ReportLeak.MaxNote, multiline: true) is { } why) return Problem.Invalid("note", why);
        if (note is not null && PlaintextDetector.Find(note) is not null) return Problem.Invalid("note", "The note looks like it holds a secret.");
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var report = await db.LeakReports.SingleOrDefaultAsync(r => r.Id == id && r.WorkspaceId == workspace.Id, ct);
        if (report is null) return Problem.NotFound("report");
        if (report.State == LeakState.Closed) return Problem.Conflict("This report is closed.", "closed");
        var now = clock.GetUtcNow();
        LeakDesk.Note(db, report, act, actor, now, string.IsNullOrWhiteSpace(note) ? null : note.Trim());
        AuditTrail.Append(db, now, actor, AuditAction.LeakHandled, new AuditSubject(report.WorkspaceId, report.Credential ?? "unknown", report.Id, report.CredentialId), act.Sentence() + ".");
        await write.CommitAsync(ct);
        return Done.It;
    }
}
