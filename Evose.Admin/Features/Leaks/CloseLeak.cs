using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>Ends a report with how it ended. That the value was replaced can only be said once it is out of use here.</summary>
public sealed class CloseLeak(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public sealed record Input(string? Resolution, string? Note = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, Guid id, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (LeakWords.ParseResolution(input.Resolution) is not { } resolution) return Problem.Invalid("resolution", "The resolution is one of: revoked, false_positive, used_in_tests, accepted.");
        if (FreeText.Refuse(input.Note, ReportLeak.MaxNote, required: resolution == LeakResolution.Accepted, multiline: true) is { } why) return Problem.Invalid("note", why);
        if (input.Note is not null && PlaintextDetector.Find(input.Note) is not null) return Problem.Invalid("note", "The note looks like it holds a secret.");
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var report = await db.LeakReports.Include(r => r.Steps).SingleOrDefaultAsync(r => r.Id == id && r.WorkspaceId == workspace.Id, ct);
        if (report is null) return Problem.NotFound("report");
        if (report.State == LeakState.Closed) return Problem.Conflict("This report is closed already.", "closed");
        if (resolution == LeakResolution.Revoked && report is { State: LeakState.Open, CredentialId: not null })
            return Problem.Conflict($"Version {report.Version} is still in use. Replace it without grace first, or say how else it ended.", "open");
        var now = clock.GetUtcNow();
        var note = string.IsNullOrWhiteSpace(input.Note) ? null : input.Note.Trim();
        db.LeakSteps.Add(report.Close(Guid.CreateVersion7(now), resolution, actor.Name, now, note));
        AuditTrail.Append(db, now, actor, AuditAction.LeakClosed, new AuditSubject(report.WorkspaceId, report.Credential ?? "unknown", report.Id, report.CredentialId), resolution.Sentence() + (note is null ? "." : $": {note}"));
        await write.CommitAsync(ct);
        return Done.It;
    }
}
