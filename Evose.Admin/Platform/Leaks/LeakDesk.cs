using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Leaks;

/// <summary>Where a value was seen that should not be seen there.</summary>
/// <param name="Place">An address, a file with its line, a tool; never the value.</param>
/// <param name="Since">From when on it may have been known; null is now.</param>
/// <param name="Freeze">Stop every use of the credential in the same transaction.</param>
public sealed record Sighting(LeakSource Source, string? Place = null, string? Note = null, DateTimeOffset? Since = null, bool Freeze = false)
{
    /// <summary>Seen again on the same day is nothing new.</summary>
    public bool OncePerDay { get; init; }
}

/// <summary>The one way to open a report of a leak, whoever noticed it: report, audit event, notification and, when asked, the freezing are in the caller's write transaction.</summary>
public sealed class LeakDesk(SecretVault vault, TimeProvider clock)
{
    /// <summary>Opens a report about a version of a credential, or notes that it was seen again at the place of a report that is not closed. Null when there is nothing new to save.</summary>
    /// <param name="version">Null is the one in use.</param>
    public async Task<LeakReport?> OpenAsync(AdminDb db, Actor actor, Guid credentialId, int? version, Sighting seen, CancellationToken ct)
    {
        var credential = await db.Credentials.AsSplitQuery().Include(c => c.ScopeMembers).Include(c => c.Versions).SingleAsync(c => c.Id == credentialId, ct);
        var number = version ?? credential.ActiveVersion ?? credential.Versions.Select(v => (int?)v.Number).Max();
        var now = clock.GetUtcNow();
        var report = await db.LeakReports.Where(r => r.CredentialId == credentialId && r.Version == number && r.Source == seen.Source && r.Place == seen.Place && r.State != LeakState.Closed)
            .OrderBy(r => r.ReportedAt).FirstOrDefaultAsync(ct);
        if (report is not null)
        {
            if (seen.OncePerDay && report.LastSeenAt.UtcDateTime.Date == now.UtcDateTime.Date) return null;
            report.SeeAgain(now);
            if (seen.Since < report.SuspectedSince) report.SuspectedSince = seen.Since.Value;
            AuditTrail.Append(db, now, actor, AuditAction.LeakReported, Subject(credential, report), $"Seen again ({seen.Source.Wire()}), version {number}{In(seen.Place)}.");
        }
        else
        {
            report = new LeakReport(Guid.CreateVersion7(now), credential.WorkspaceId, seen.Source, actor.Name, now)
            {
                Place = Short(seen.Place, 500), Note = Short(seen.Note, 1000),
            }.Concerns(credential, number);
            if (seen.Since < now) report.SuspectedSince = seen.Since.Value;
            db.LeakReports.Add(report);
            Note(db, report, LeakAct.Reported, actor, now, seen.Source.Sentence() + In(report.Place));
            AuditTrail.Append(db, now, actor, AuditAction.LeakReported, Subject(credential, report), $"{seen.Source.Sentence()}: version {number}{In(report.Place)}.");
            await SettleAsync(db, report, credential, $"leak:{report.Id:N}", now, ct);
        }
        if (seen.Freeze && credential.FrozenAt is null && credential.ArchivedAt is null) await FreezeAsync(db, actor, credential, report, ct);
        return report;
    }

    /// <summary>Says whose value a report is about that nobody knew before: it moves to the credential, whose admins are told as of any other. The caller audits it.</summary>
    public static async Task AssignAsync(AdminDb db, Actor actor, LeakReport report, Credential credential, int version, DateTimeOffset now, CancellationToken ct)
    {
        report.Concerns(credential, version);
        Note(db, report, LeakAct.Assigned, actor, now, $"Version {version} of {credential.Name}");
        await SettleAsync(db, report, credential, $"leak:{report.Id:N}:assigned", now, ct);
    }

    // What follows from knowing whose it is: an old version needs no replacing, and the workspace is told.
    private static async Task SettleAsync(AdminDb db, LeakReport report, Credential credential, string key, DateTimeOffset now, CancellationToken ct)
    {
        var slug = await db.Workspaces.Where(w => w.Id == credential.WorkspaceId).Select(w => w.Slug).SingleAsync(ct);
        if (credential.ArchivedAt is not null || credential.Versions.Find(v => v.Number == report.Version)?.State is VersionState.Retired or VersionState.Discarded)
            Note(db, report, LeakAct.Destroyed, Actor.Job("vault"), now, "This version was out of use before it was reported.");
        await NotificationOutbox.RaiseAsync(db, Told(report, key, now, slug, credential.Name, $"{credential.Name} may have leaked",
            $"{report.Source.Sentence()}{In(report.Place)}. It is version {report.Version}{(report.State == LeakState.Contained ? ", which is out of use here" : "")}. Decide whether to freeze it, replace it without grace and see what it opened."), ct);
        Note(db, report, LeakAct.Notified, Actor.Job("vault"), now, "The workspace's admins, in the app and on its channels.");
    }

    /// <summary>Opens a report about something of which nobody said the value: it belongs to the organization until somebody finds out whose it is.</summary>
    public async Task<LeakReport> OpenUnknownAsync(AdminDb db, Actor actor, Sighting seen, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var place = Short(seen.Place, 500);
        // Also one that was assigned since: it is not unknown again because it is told of once more.
        var report = await db.LeakReports.Where(r => (r.CredentialId == null || r.Steps.Any(s => s.Act == LeakAct.Assigned)) && r.Source == seen.Source && r.Place == place && r.State != LeakState.Closed).FirstOrDefaultAsync(ct);
        if (report is not null) report.SeeAgain(now);
        else
        {
            report = new LeakReport(Guid.CreateVersion7(now), Workspace.OrganizationId, seen.Source, actor.Name, now) { Place = place, Note = Short(seen.Note, 1000) };
            if (seen.Since < now) report.SuspectedSince = seen.Since.Value;
            db.LeakReports.Add(report);
            Note(db, report, LeakAct.Reported, actor, now, seen.Note);
            await NotificationOutbox.RaiseAsync(db, Told(report, $"leak:{report.Id:N}", now, Workspace.OrganizationSlug, null, "A secret leaked, and it is not known whose it is",
                $"{seen.Source.Sentence()}{In(place)}. {seen.Note} Look at it there, and check the value here to find its credential, or say whose it is."), ct);
        }
        AuditTrail.Append(db, now, actor, AuditAction.LeakReported, new AuditSubject(report.WorkspaceId, report.Credential ?? "unknown", report.Id, report.CredentialId), $"{seen.Source.Sentence()}{In(place)}. {seen.Note}");
        return report;
    }

    /// <summary>Stops every use of the credential, which comes with its scope. Null when it is done; what was changed outside the app is refused by the broker already, and sealing it anew would hide that.</summary>
    public async Task<Problem?> FreezeAsync(AdminDb db, Actor actor, Credential credential, LeakReport? report, CancellationToken ct)
    {
        if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct)) return Tampered;
        var now = clock.GetUtcNow();
        credential.Freeze(actor.Name, now, c => PolicySeal.Of(vault, c), await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
        AuditTrail.Append(db, now, actor, AuditAction.CredentialFrozen, AuditSubject.Credential(credential, policy: true), "No call uses it until it is put back into use.");
        await NoteAsync(db, credential, null, LeakAct.Frozen, actor, now, report, ct);
        return null;
    }

    /// <summary>Takes the stop off again.</summary>
    public async Task<Problem?> ThawAsync(AdminDb db, Actor actor, Credential credential, CancellationToken ct)
    {
        if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct)) return Tampered;
        var now = clock.GetUtcNow();
        credential.Thaw(c => PolicySeal.Of(vault, c), await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
        AuditTrail.Append(db, now, actor, AuditAction.CredentialThawed, AuditSubject.Credential(credential, policy: true), "Calls may use it again.");
        await NoteAsync(db, credential, null, LeakAct.Unfrozen, actor, now, null, ct);
        return null;
    }

    private static readonly Problem Tampered = Problem.Conflict("Scope or hosts were changed outside the app, so the broker refuses this credential already. Save its scope again after looking into it.", "tampered");

    /// <summary>Remembers in every report about the credential that is not closed what was done with it, in the caller's transaction.</summary>
    /// <param name="version">Only reports about this version; null is all.</param>
    /// <param name="also">One that was opened in the same transaction and is not saved yet.</param>
    public static async Task NoteAsync(AdminDb db, Credential credential, int? version, LeakAct act, Actor actor, DateTimeOffset now, LeakReport? also, CancellationToken ct)
    {
        var reports = await db.LeakReports.Where(r => r.CredentialId == credential.Id && r.State != LeakState.Closed && (version == null || r.Version == version)).ToListAsync(ct);
        if (also is not null && !reports.Contains(also)) reports.Add(also);
        foreach (var report in reports) Note(db, report, act, actor, now, null);
    }

    /// <summary>Remembers one thing that was done about one report.</summary>
    public static void Note(AdminDb db, LeakReport report, LeakAct act, Actor actor, DateTimeOffset now, string? note) =>
        db.LeakSteps.Add(report.Remember(Guid.CreateVersion7(now), act, actor.Name, now, Short(note, 1000)));

    /// <summary>What an audit event about a report is about.</summary>
    public static AuditSubject Subject(Credential credential, LeakReport report) => new(credential.WorkspaceId, credential.Name, report.Id, credential.Id);

    private static Notification Told(LeakReport report, string key, DateTimeOffset now, string slug, string? name, string title, string body) => new()
    {
        Id = Guid.CreateVersion7(now),
        WorkspaceId = report.WorkspaceId == Workspace.OrganizationId ? null : report.WorkspaceId,
        Kind = NotificationKind.LeakReported,
        Key = key,
        CredentialId = report.CredentialId,
        Title = title,
        Body = body,
        Url = $"/w/{slug}/leaks/{report.Id}",
        CreatedAt = now,
        Facts = name is null ? new Dictionary<string, string>() : new Dictionary<string, string> { [NotificationTexts.Name] = name },
    };

    internal static string In(string? place) => string.IsNullOrEmpty(place) ? "" : $" ({place})";

    private static string? Short(string? text, int max) => text is null ? null : text.Length > max ? text[..(max - 1)] + "…" : text;
}
