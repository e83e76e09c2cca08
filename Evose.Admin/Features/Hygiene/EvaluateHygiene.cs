using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Hygiene;

/// <summary>
/// Applies the rules to what changed, or to everything, and keeps the findings. The audit trail is the list of changes: every change is in it, in the order of commits, with its workspace; nothing else has to remember to say so.
/// Any number of nodes may do it at once: a look that saw less than one already written changes nothing, and the same look twice is the same rows.
/// </summary>
public sealed partial class EvaluateHygiene(IDbContextFactory<AdminDb> dbs, UsageLedger ledger, TimeProvider clock, ILogger<EvaluateHygiene> log)
{
    /// <summary>A backlog of more events is worked off by looking at everything once.</summary>
    public const int MaxBehind = 10_000;

    /// <summary>At most one notification per workspace in this time: later findings wait for the next.</summary>
    public static readonly TimeSpan DigestEvery = TimeSpan.FromHours(1);

    /// <summary>How long what was put right is remembered.</summary>
    public static readonly TimeSpan KeepResolved = TimeSpan.FromDays(180);

    // The row that stands for all workspaces.
    private static readonly Guid Everything = Guid.Empty;

    private static readonly List<AuditAction> Telling =
    [
        AuditAction.WorkspaceCreated, AuditAction.DemoDataCreated, AuditAction.MemberJoined, AuditAction.MemberRoleChanged, AuditAction.MemberRemoved, AuditAction.UserDisabled, AuditAction.UserEnabled,
        AuditAction.CredentialRegistered, AuditAction.CredentialChanged, AuditAction.CredentialPolicyChanged, AuditAction.CredentialArchived, AuditAction.OAuthConnected,
        AuditAction.RotationStarted, AuditAction.RotationPromoted, AuditAction.RotationRolledBack, AuditAction.RotationRetired, AuditAction.RotationDiscarded, AuditAction.ConsumerSaved, AuditAction.ConsumerDeleted,
    ];

    // Where somebody else's credential may be what a finding rests on.
    private static readonly List<string> Across = [ProductionInTrial.Rule.Id, SharedByWorkspaces.Rule.Id];

    private const int Chunk = 200;

    private const int Piece = 500;

    // Nothing that tells is between the mark in the database and this: sign-ins need not be written down as seen.
    private long _passed = -1;

    /// <summary>Looks at the workspaces that changed since the last time; how many findings changed.</summary>
    public async Task<int> ChangedAsync(CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var head = await HeadAsync(db, ct);
        var seen = Math.Max(Volatile.Read(ref _passed), await db.HygieneLooks.Where(l => l.WorkspaceId == Everything).Select(l => (long?)l.AuditSeq).SingleOrDefaultAsync(ct) ?? -1);
        if (seen < 0 || seen > head || head - seen > MaxBehind) return await AllAsync(ct);
        var changed = 0;
        if (seen < head)
        {
            var dirty = await DirtyAsync(db, seen, head, ct);
            foreach (var workspace in dirty) changed += await LookAsync(workspace, head, ct);
            if (dirty.Count > 0) await PassAsync(head, false, ct);
            Volatile.Write(ref _passed, head);
        }
        return changed + await TellWaitingAsync(db, ct);
    }

    /// <summary>Looks at every workspace, and forgets what was put right long ago.</summary>
    public async Task<int> AllAsync(CancellationToken ct)
    {
        await ledger.CaughtUpAsync(ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        var head = await HeadAsync(db, ct);
        var changed = 0;
        var workspaces = await db.Workspaces.AsNoTracking().OrderBy(w => w.Slug).Select(w => w.Id).ToListAsync(ct);
        foreach (var workspace in workspaces) changed += await LookAsync(workspace, head, ct);
        changed += await ForgetAsync(ct);
        await PassAsync(head, true, ct);
        Volatile.Write(ref _passed, head);
        return changed;
    }

    /// <summary>Looks at one workspace now.</summary>
    public async Task<int> OneAsync(Guid workspaceId, CancellationToken ct)
    {
        await ledger.CaughtUpAsync(ct);
        long head;
        await using (var db = await dbs.CreateDbContextAsync(ct)) head = await HeadAsync(db, ct);
        return await LookAsync(workspaceId, head, ct);
    }

    private static async Task<long> HeadAsync(AdminDb db, CancellationToken ct) => await db.AuditEvents.MaxAsync(e => (long?)e.Seq, ct) ?? 0;

    private static async Task<IReadOnlyCollection<Guid>> DirtyAsync(AdminDb db, long after, long upTo, CancellationToken ct)
    {
        var events = await db.AuditEvents.AsNoTracking().Where(e => e.Seq > after && e.Seq <= upTo && e.Outcome == AuditOutcome.Succeeded && Telling.Contains(e.Action))
            .Select(e => new { e.WorkspaceId, e.Action, e.SubjectId, e.CredentialId, e.Subject }).Distinct().ToListAsync(ct);
        var dirty = events.Select(e => e.WorkspaceId).OfType<Guid>().ToHashSet();

        // A person is no workspace's: what they own is looked at wherever it is.
        foreach (var people in events.Where(e => e.Action is AuditAction.UserDisabled or AuditAction.UserEnabled or AuditAction.MemberRemoved or AuditAction.MemberRoleChanged).Select(e => e.SubjectId).OfType<Guid>().Distinct().Chunk(Chunk).Select(c => c.ToList()))
            dirty.UnionWith(await db.Credentials.Where(c => c.ArchivedAt == null && c.OwnerId != null && people.Contains(c.OwnerId.Value)).Select(c => c.WorkspaceId).Distinct().ToListAsync(ct));

        // What the organization grants or takes back shows where it is named.
        foreach (var names in events.Where(e => e.WorkspaceId == Workspace.OrganizationId && e.CredentialId is not null && e.Subject is not null).Select(e => e.Subject!).Distinct().Chunk(Chunk).Select(c => c.ToList())) dirty.UnionWith(await db.References.Where(r => names.Contains(r.CredentialName)).Select(r => r.WorkspaceId).Distinct().ToListAsync(ct));

        // An equal value makes a finding on both sides: those that have one now, and those that had.
        var credentials = events.Select(e => e.CredentialId).OfType<Guid>().Distinct().ToList();
        foreach (var part in credentials.Chunk(Chunk).Select(c => c.ToList()))
        {
            dirty.UnionWith(await (from v in db.CredentialVersions
                                   where part.Contains(v.CredentialId) && v.State <= VersionState.Retiring && v.Fingerprint != ""
                                   join o in db.CredentialVersions on v.Fingerprint equals o.Fingerprint
                                   where o.CredentialId != v.CredentialId && o.State <= VersionState.Retiring
                                   join c in db.Credentials.Where(c => c.ArchivedAt == null) on o.CredentialId equals c.Id
                                   select c.WorkspaceId).Distinct().ToListAsync(ct));
        }
        if (credentials.Count > 0)
            dirty.UnionWith(await db.HygieneFindings.Where(f => f.ResolvedAt == null && f.Severity == HygieneSeverity.High && Across.Contains(f.Rule)).Select(f => f.WorkspaceId).Distinct().ToListAsync(ct));
        return dirty;
    }

    private async Task<int> LookAsync(Guid workspaceId, long head, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        HygieneSnapshot? snapshot;
        try
        {
            await using var db = await dbs.CreateDbContextAsync(ct);
            await using var read = await db.BeginReadAsync(ct);
            snapshot = await HygieneReader.ReadAsync(db, workspaceId, now, ct);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            // A row that was written past the app must not keep all other workspaces from being looked at.
            LogUnreadable(workspaceId, e.GetType().Name);
            return 0;
        }
        return snapshot is null ? 0 : await KeepAsync(snapshot, HygieneRules.Evaluate(snapshot, now), head, now, ct);
    }

    private async Task<int> KeepAsync(HygieneSnapshot snapshot, IReadOnlyList<Observation> observed, long head, DateTimeOffset now, CancellationToken ct)
    {
        var workspaceId = snapshot.Place.Id;
        var changed = 0;
        // The first look at a large workspace finds thousands: written in pieces, so that nobody else's change waits for all of them.
        foreach (var piece in observed.Chunk(Piece))
        {
            await using var part = await dbs.CreateDbContextAsync(ct);
            await using var writing = await part.BeginWriteAsync(ct);
            if (await IsOvertakenAsync(part, workspaceId, head, ct)) return changed;
            var keys = piece.Select(o => o.Key).ToList();
            var rows = await part.HygieneFindings.Where(f => f.WorkspaceId == workspaceId && keys.Contains(f.Key)).ToDictionaryAsync(f => f.Key, ct);
            foreach (var o in piece)
            {
                if (rows.GetValueOrDefault(o.Key) is not { } row) part.HygieneFindings.Add(new HygieneFinding(Guid.CreateVersion7(now), workspaceId, o, now));
                else if (!row.See(o, now, out var reopened)) continue;
                else if (reopened) AuditTrail.Append(part, now, Actor.Job("hygiene"), AuditAction.FindingReopened, SubjectOf(row), $"{o.Rule.Title}: what it rested on has changed");
                changed++;
            }
            await writing.CommitAsync(ct);
        }

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await IsOvertakenAsync(db, workspaceId, head, ct)) return changed;
        var look = await db.HygieneLooks.SingleOrDefaultAsync(l => l.WorkspaceId == workspaceId, ct);
        if (look is null) db.HygieneLooks.Add(look = new HygieneLook { WorkspaceId = workspaceId });
        (look.At, look.AuditSeq, look.Subjects) = (now, head, snapshot.Credentials.Count + snapshot.Tools.Count);
        var seen = observed.Select(o => o.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in await db.HygieneFindings.Where(f => f.WorkspaceId == workspaceId && f.ResolvedAt == null).ToListAsync(ct))
        {
            if (seen.Contains(gone.Key)) continue;
            gone.Resolve(now);
            changed++;
        }
        var told = await TellAsync(db, workspaceId, snapshot.Place.Slug, now, ct);
        await write.CommitAsync(ct);
        return changed + told;
    }

    // Another node has seen more meanwhile.
    private static Task<bool> IsOvertakenAsync(AdminDb db, Guid workspaceId, long head, CancellationToken ct) => db.HygieneLooks.AnyAsync(l => l.WorkspaceId == workspaceId && l.AuditSeq > head, ct);

    /// <summary>What a finding is about, for the trail.</summary>
    internal static AuditSubject SubjectOf(HygieneFinding f) =>
        new(f.WorkspaceId, f.Subject, f.Id, f.SubjectKind == HygieneSubjectKind.Credential ? f.SubjectId : null);

    // Findings that came within the hour after a notification, and those whose acceptance is over, wait here for theirs.
    private async Task<int> TellWaitingAsync(AdminDb reading, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var since = now - DigestEvery;
        var waiting = await reading.HygieneFindings.AsNoTracking().Where(f => f.ToldAt == null && f.ResolvedAt == null && f.Severity == HygieneSeverity.High && (f.AcceptedUntil == null || f.AcceptedUntil <= now))
            .Where(f => !reading.Notifications.Any(n => n.WorkspaceId == f.WorkspaceId && n.Kind == NotificationKind.HygieneFinding && n.CreatedAt > since && n.CreatedAt <= now))
            .Join(reading.Workspaces, f => f.WorkspaceId, w => w.Id, (f, w) => new { w.Id, w.Slug }).Distinct().ToListAsync(ct);
        var told = 0;
        foreach (var place in waiting)
        {
            await using var db = await dbs.CreateDbContextAsync(ct);
            await using var write = await db.BeginWriteAsync(ct);
            told += await TellAsync(db, place.Id, place.Slug, now, ct);
            await write.CommitAsync(ct);
        }
        return told;
    }

    private static async Task<int> TellAsync(AdminDb db, Guid workspaceId, string slug, DateTimeOffset now, CancellationToken ct)
    {
        // What this transaction found is not saved yet.
        await db.SaveChangesAsync(ct);
        var grave = await db.HygieneFindings.Where(f => f.WorkspaceId == workspaceId && f.ToldAt == null && f.ResolvedAt == null && f.Severity == HygieneSeverity.High && (f.AcceptedUntil == null || f.AcceptedUntil <= now))
            .OrderBy(f => f.Rule).ThenBy(f => f.Subject).ToListAsync(ct);
        var since = now - DigestEvery;
        if (grave.Count == 0 || await db.Notifications.AnyAsync(n => n.WorkspaceId == workspaceId && n.Kind == NotificationKind.HygieneFinding && n.CreatedAt > since && n.CreatedAt <= now, ct)) return 0;
        var one = grave.Count == 1 ? grave[0] : null;
        var lines = grave.Take(5).Select(f => $"{f.Subject}: {HygieneRules.Find(f.Rule)?.Title ?? f.Rule}").ToList();
        var raised = await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now),
            WorkspaceId = workspaceId,
            Kind = NotificationKind.HygieneFinding,
            Key = $"hygiene:{workspaceId:N}:{now.UtcTicks}",
            CredentialId = one is { SubjectKind: HygieneSubjectKind.Credential } ? one.SubjectId : null,
            Title = one is null ? $"{grave.Count} grave hygiene findings" : $"{one.Subject}: {(HygieneRules.Find(one.Rule)?.Title ?? one.Rule).ToLowerInvariant()}",
            Body = one is null ? $"{string.Join(". ", lines)}{(grave.Count > 5 ? $". And {grave.Count - 5} more" : "")}." : $"{one.Text} {HygieneRules.Find(one.Rule)?.Why}".Trim(),
            Url = Urls.Hygiene(slug, severity: "high"),
            Facts = new Dictionary<string, string> { [NotificationTexts.Name] = string.Join(", ", grave.Select(f => f.Subject).Distinct().Take(5)) },
            CreatedAt = now,
        }, ct);
        if (!raised) return 0;
        foreach (var f in grave) f.ToldAt = now;
        return 1;
    }

    private async Task<int> ForgetAsync(CancellationToken ct)
    {
        var before = clock.GetUtcNow() - KeepResolved;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (!await db.HygieneFindings.AnyAsync(f => f.ResolvedAt != null && f.ResolvedAt < before, ct)) return 0;
        await using var write = await db.BeginWriteAsync(ct);
        var gone = await db.HygieneFindings.Where(f => f.ResolvedAt != null && f.ResolvedAt < before).ExecuteDeleteAsync(ct);
        await write.CommitAsync(ct);
        return gone;
    }

    private async Task PassAsync(long head, bool isFull, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var all = await db.HygieneLooks.SingleOrDefaultAsync(l => l.WorkspaceId == Everything, ct);
        if (all is null) db.HygieneLooks.Add(all = new HygieneLook { WorkspaceId = Everything });
        // A database that was put back to an older state begins anew.
        if (all.AuditSeq < head || isFull) (all.At, all.AuditSeq) = (clock.GetUtcNow(), head);
        await write.CommitAsync(ct);
    }

    [LoggerMessage(LogLevel.Warning, "The workspace {Workspace} was not looked at: a row of it cannot be read ({Error})")]
    private partial void LogUnreadable(Guid workspace, string error);
}
