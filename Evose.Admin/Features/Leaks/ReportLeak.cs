using System.Globalization;
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

/// <summary>Reports by hand that the value in use may be known to somebody; frozen in the same transaction when asked. Report, trail and notification are one.</summary>
public sealed class ReportLeak(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, LeakDesk desk, KnownPlaintext known, TimeProvider clock)
{
    public const int MaxNote = 1000;

    /// <param name="Source">How it was noticed; <c>manual</c> when not given.</param>
    /// <param name="Since">ISO 8601: from when on somebody may have had it; null is since the version is in use.</param>
    public sealed record Input(string? Source = null, string? Note = null, bool Freeze = false, string? Since = null);

    public sealed record Reported(Guid Id, string Credential, int? Version, LeakState State, bool Frozen);

    public async Task<Outcome<Reported>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (LeakWords.ParseSource(input.Source ?? "manual") is not { } source) return Problem.Invalid("source", "The source is one of: manual, github, check, scan, config, echo.");
        if (FreeText.Refuse(input.Note, MaxNote, multiline: true) is { } why) return Problem.Invalid("note", why);
        if (input.Note is { } note && PlaintextDetector.Find(note) is not null) return Problem.Invalid("note", "The note looks like it holds a secret. Say where it was seen, not what it is.");
        if (await known.RefuseAsync(actor, workspace, "note of a report", [("note", input.Note)], ct) is { } ours) return ours;
        var now = clock.GetUtcNow();
        DateTimeOffset? since = null;
        if (input.Since is { } text)
        {
            if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at)) return Problem.Invalid("since", "Write the date in ISO 8601, such as 2026-01-31T08:00:00Z.");
            if (at > now) return Problem.Invalid("since", "Since when it may have leaked is not in the future.");
            since = at;
        }

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var credential = await db.Credentials.Include(c => c.Versions).Include(c => c.ScopeMembers).SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null)
            return await db.CredentialsFor(workspace.Id).AnyAsync(c => c.Name == name, ct) ? Problem.Forbidden("organization_credential", "This credential belongs to the organization. An organization admin reports it there.") : Problem.NotFound("credential");
        since ??= credential.Active?.ActivatedAt;
        var report = (await desk.OpenAsync(db, actor, credential.Id, null, new Sighting(source, Note: string.IsNullOrWhiteSpace(input.Note) ? null : input.Note.Trim(), Since: since), ct))!;
        if (input.Freeze && credential.FrozenAt is null && await desk.FreezeAsync(db, actor, credential, report, ct) is { } notFrozen) return notFrozen;
        if (!input.Freeze) AuditTrail.Append(db, now, actor, AuditAction.LeakHandled, LeakDesk.Subject(credential, report), "It stays in use for now.");
        await write.CommitAsync(ct);
        return new Reported(report.Id, credential.Name, report.Version, report.State, credential.FrozenAt is not null);
    }
}
