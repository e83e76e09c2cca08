using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>One report: what was done about it, what comes next, and from the record of calls what the value opened since it may have been known.</summary>
public sealed class LeakDetailQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, UsageLedger ledger, Authorizer authorizer)
{
    /// <summary>How many of the newest calls are looked at; a longer stretch is said to be longer.</summary>
    public const int MaxCalls = 5000;

    /// <param name="Leaked">State of the version; null when it is not known or no longer in the history.</param>
    /// <param name="Lives">False: the credential is archived, or there is none.</param>
    public sealed record View(LeakListQuery.Row Report, IReadOnlyList<StepRow> Steps, IReadOnlyList<LeakPlaybook.Step> Playbook, bool Lives, bool Frozen, DateTimeOffset? FrozenAt, string? FrozenBy,
        VersionState? Leaked, int? ActiveVersion, string? Provider, Opened? Opened);

    public sealed record StepRow(LeakAct Act, string By, DateTimeOffset At, string? Note);

    /// <summary>Who used the version from where.</summary>
    /// <param name="IsComplete">False: there were more calls than were looked at.</param>
    public sealed record Opened(int Calls, int Refused, bool IsComplete, DateTimeOffset? FirstAt, DateTimeOffset? LastAt, IReadOnlyList<Source> Hosts, IReadOnlyList<Source> Tools, IReadOnlyList<Source> Agents,
        IReadOnlyList<Source> Users, IReadOnlyList<Source> ApiKeys, IReadOnlyList<Source> Addresses);

    public sealed record Source(string Name, int Calls, DateTimeOffset FirstAt, DateTimeOffset LastAt);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, Guid id, CancellationToken ct)
    {
        await ledger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var report = await db.LeakReports.AsNoTracking().Include(r => r.Steps).SingleOrDefaultAsync(r => r.Id == id && r.WorkspaceId == workspace.Id, ct);
        if (report is null) return Problem.NotFound("report");
        var credential = report.CredentialId is null ? null : await db.Credentials.AsNoTracking().Include(c => c.Versions).SingleOrDefaultAsync(c => c.Id == report.CredentialId, ct);
        var leaked = credential?.Versions.Find(v => v.Number == report.Version);
        return new View(LeakListQuery.Of(report), [.. report.Steps.OrderBy(s => s.At).ThenBy(s => s.Act).Select(s => new StepRow(s.Act, s.By, s.At, s.Note))], LeakPlaybook.Of(report, leaked, credential?.FrozenAt is not null),
            credential is { ArchivedAt: null }, credential?.FrozenAt is not null, credential?.FrozenAt, credential?.FrozenBy, leaked?.State, credential?.ActiveVersion, credential?.Provider,
            report.CredentialId is null ? null : Summed(await CallsAsync(report, ct)));
    }

    /// <summary>Slug of the workspace in which the report is, for who may see it there: one that was assigned has moved.</summary>
    public async Task<string?> PlaceOfAsync(Actor actor, Guid id, CancellationToken ct)
    {
        var visible = await authorizer.WorkspacesAsync(actor, Permission.ViewCalls, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.LeakReports.Where(r => r.Id == id && (visible == null || visible.Contains(r.WorkspaceId))).Join(db.Workspaces, r => r.WorkspaceId, w => w.Id, (r, w) => w.Slug).SingleOrDefaultAsync(ct);
    }

    /// <summary>The calls on the leaked version since it may have been known, newest first; one more than <see cref="MaxCalls"/> when there are more.</summary>
    internal Task<List<CallRecord>> CallsAsync(LeakReport report, CancellationToken ct)
    {
        var (credential, version, since) = (report.CredentialId, report.Version, report.SuspectedSince);
        return callLog.NewestAsync(0, long.MaxValue, MaxCalls + 1, from => from.Calls.AsNoTracking()
            .Where(c => c.CredentialId == credential && c.At >= since && (c.Version == version || c.Refused)).OrderByDescending(c => c.Seq), ct);
    }

    private static Opened Summed(List<CallRecord> all)
    {
        var complete = all.Count <= MaxCalls;
        var used = all.Take(MaxCalls).Where(c => !c.Refused).ToList();
        return new Opened(used.Count, Math.Min(all.Count, MaxCalls) - used.Count, complete, used.Count == 0 ? null : used[^1].At, used.Count == 0 ? null : used[0].At,
            By(c => c.Host), By(c => c.Tool), By(c => c.Agent ?? c.Workflow), By(c => c.UserName ?? c.UserEmail ?? c.UserId), By(c => c.ApiKey), By(c => c.Ip));

        IReadOnlyList<Source> By(Func<CallRecord, string?> part) =>
        [
            .. used.Where(c => !string.IsNullOrEmpty(part(c))).GroupBy(c => part(c)!, StringComparer.Ordinal)
                .Select(g => new Source(g.Key, g.Count(), g.Min(c => c.At), g.Max(c => c.At))).OrderByDescending(s => s.Calls).ThenBy(s => s.Name, StringComparer.Ordinal).Take(50),
        ];
    }
}
