using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Hygiene;

/// <summary>The findings of a workspace, gravest first; the organization sees those of every workspace. For those who may see calls: findings tell of use.</summary>
public sealed class FindingsQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="State">open (when not given), accepted, resolved or all.</param>
    /// <param name="Text">A part of the subject's name.</param>
    public sealed record Filter(string? Rule = null, string? Severity = null, string? State = null, string? Text = null, int? Limit = null, string? Cursor = null);

    /// <param name="Workspace">Slug of the workspace that it is of.</param>
    /// <param name="SubjectKind"><c>credential</c> or <c>tool</c>.</param>
    /// <param name="Fix">What the app can do about it when a person says so; null when nothing.</param>
    public sealed record Row(Guid Id, string Workspace, string Rule, HygieneSeverity Severity, string Title, string SubjectKind, string Subject, string Text, HygieneState State, HygieneFixPlace Place, HygieneFix Fix,
        DateTimeOffset FirstSeenAt, DateTimeOffset? ResolvedAt, DateTimeOffset? AcceptedAt, string? AcceptedBy, string? AcceptReason, DateTimeOffset? AcceptedUntil, int Revision);

    /// <summary>How many of a rule stand as the filter asks.</summary>
    public sealed record RuleRow(HygieneRule Rule, int Count);

    /// <summary>One workspace's part of the organization.</summary>
    public sealed record PlaceRow(string Workspace, string Name, HygieneScore Score, DateTimeOffset? LookedAt);

    /// <param name="Score">Of the workspace, or of all of them.</param>
    /// <param name="LookedAt">Null: not yet.</param>
    /// <param name="Rules">Counts of the filter without its rule.</param>
    /// <param name="Places">The organization's workspaces, worst first; empty for one workspace.</param>
    public sealed record Summary(HygieneScore Score, int Accepted, DateTimeOffset? LookedAt, IReadOnlyList<RuleRow> Rules, IReadOnlyList<PlaceRow> Places);

    public static readonly IReadOnlyList<string> States = ["open", "accepted", "resolved", "all"];

    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string workspaceSlug, Filter filter, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (Cursors.Limit(filter.Limit).Failed(out var problem, out var take)) return problem;
        if (Refuse(filter) is { } wrong) return wrong;
        if (After(filter.Cursor).Failed(out problem, out var after)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var rows = Of(db, workspace, filter, now);
        if (filter.Rule is { Length: > 0 } rule) rows = rows.Where(f => f.Rule == rule);
#pragma warning disable CA1309 // Becomes SQL, which compares ordinally.
        if (after is { } last)
            rows = rows.Where(f => f.Severity < last.Severity || (f.Severity == last.Severity && (string.Compare(f.Rule, last.Rule) > 0 || (f.Rule == last.Rule && (string.Compare(f.Subject, last.Subject) > 0 || (f.Subject == last.Subject && string.Compare(f.Key, last.Key) > 0))))));
#pragma warning restore CA1309
        var found = await rows.OrderByDescending(f => f.Severity).ThenBy(f => f.Rule).ThenBy(f => f.Subject).ThenBy(f => f.Key).Take(take + 1).ToListAsync(ct);
        var places = found.Select(f => f.WorkspaceId).Distinct().ToList();
        var slugs = await db.Workspaces.AsNoTracking().Where(w => places.Contains(w.Id)).ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        return Page<HygieneFinding>.Of(found, take, f => string.Create(CultureInfo.InvariantCulture, $"{(int)f.Severity}|{f.Rule}|{f.Subject}|{f.Key}")).Select(f => RowOf(f, slugs.GetValueOrDefault(f.WorkspaceId) ?? "", now));
    }

    /// <summary>What is open or accepted of one credential. Of one that the organization grants, nothing: its findings are the organization's.</summary>
    public async Task<Outcome<Page<Row>>> OfCredentialAsync(Actor actor, string workspaceSlug, string name, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (!CredentialName.IsValid(name)) return Problem.NotFound("credential");
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (!await db.Credentials.AnyAsync(c => c.WorkspaceId == workspace.Id && c.Name == name, ct) && !await db.CredentialsFor(workspace.Id).AnyAsync(c => c.Name == name, ct)) return Problem.NotFound("credential");
        var now = clock.GetUtcNow();
        // A look at it takes a few rows; there is at most one per rule.
        var found = await db.HygieneFindings.AsNoTracking().Where(f => f.ResolvedAt == null && f.WorkspaceId == workspace.Id && db.Credentials.Any(c => c.Id == f.SubjectId && c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null))
            .OrderByDescending(f => f.Severity).ThenBy(f => f.Rule).ToListAsync(ct);
        return new Page<Row>([.. found.Select(f => RowOf(f, workspace.Slug, now))], null, false);
    }

    private static Row RowOf(HygieneFinding f, string slug, DateTimeOffset now) => new(f.Id, slug, f.Rule, f.Severity, HygieneRules.Find(f.Rule)?.Title ?? f.Rule,
        f.SubjectKind == HygieneSubjectKind.Tool ? "tool" : "credential", f.Subject, f.Text, f.StateAt(now), f.Place, f.ResolvedAt is null ? f.Fix : HygieneFix.None,
        f.FirstSeenAt, f.ResolvedAt, f.AcceptedAt, f.AcceptedBy, f.AcceptReason, f.AcceptedUntil, f.Revision);

    /// <summary>Score, counts and where they come from, by sums that the database makes.</summary>
    public async Task<Outcome<Summary>> SummaryAsync(Actor actor, string workspaceSlug, Filter filter, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (Refuse(filter) is { } wrong) return wrong;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var all = Of(db, workspace, new Filter(State: "open"), now);
        var open = await all.GroupBy(f => new { f.WorkspaceId, f.Severity }).Select(g => new { g.Key.WorkspaceId, g.Key.Severity, Count = g.Count() }).ToListAsync(ct);
        var accepted = await Of(db, workspace, new Filter(State: "accepted"), now).CountAsync(ct);
        var looked = db.HygieneLooks.AsNoTracking();
        looked = workspace.IsOrganization ? looked.Where(l => l.WorkspaceId != Guid.Empty) : looked.Where(l => l.WorkspaceId == workspace.Id);
        var looks = await looked.ToDictionaryAsync(l => l.WorkspaceId, ct);
        var rules = await Of(db, workspace, filter, now).GroupBy(f => f.Rule).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        var places = !workspace.IsOrganization ? [] : await db.Workspaces.AsNoTracking().Select(w => new { w.Id, w.Slug, w.Name }).ToListAsync(ct);
        return new Summary(
            HygieneScore.Of(looks.Values.Sum(l => l.Subjects), Counts(null)), accepted, looks.Count == 0 ? null : looks.Values.Min(l => l.At),
            [.. HygieneRules.All.Where(r => rules.ContainsKey(r.Id)).Select(r => new RuleRow(r, rules[r.Id]))],
            [.. places.Select(p => new PlaceRow(p.Slug, p.Name, HygieneScore.Of(looks.GetValueOrDefault(p.Id)?.Subjects ?? 0, Counts(p.Id)), looks.GetValueOrDefault(p.Id)?.At)).OrderBy(p => p.Score.Value).ThenByDescending(p => p.Score.Lost).ThenBy(p => p.Workspace, StringComparer.Ordinal)]);

        HygieneCounts Counts(Guid? of)
        {
            var mine = open.Where(o => of is null || o.WorkspaceId == of).ToList();
            return new(mine.Where(o => o.Severity == HygieneSeverity.High).Sum(o => o.Count), mine.Where(o => o.Severity == HygieneSeverity.Medium).Sum(o => o.Count), mine.Where(o => o.Severity == HygieneSeverity.Low).Sum(o => o.Count));
        }
    }

    /// <summary>For the menu: what is open; nothing for who may not see it.</summary>
    public async Task<HygieneCounts> CountsAsync(Guid workspaceId, bool everywhere, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var rows = db.HygieneFindings.AsNoTracking();
        if (!everywhere) rows = rows.Where(f => f.WorkspaceId == workspaceId);
        var open = await OpenAt(rows, now).GroupBy(f => f.Severity).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        return new(open.GetValueOrDefault(HygieneSeverity.High), open.GetValueOrDefault(HygieneSeverity.Medium), open.GetValueOrDefault(HygieneSeverity.Low));
    }

    private static IQueryable<HygieneFinding> OpenAt(IQueryable<HygieneFinding> rows, DateTimeOffset now) => rows.Where(f => f.ResolvedAt == null && (f.AcceptedUntil == null || f.AcceptedUntil <= now));

    private static IQueryable<HygieneFinding> Of(AdminDb db, Workspace workspace, Filter filter, DateTimeOffset now)
    {
        var rows = db.HygieneFindings.AsNoTracking();
        if (!workspace.IsOrganization) rows = rows.Where(f => f.WorkspaceId == workspace.Id);
        rows = (filter.State ?? "open") switch
        {
            "open" => OpenAt(rows, now),
            "accepted" => rows.Where(f => f.ResolvedAt == null && f.AcceptedUntil > now),
            "resolved" => rows.Where(f => f.ResolvedAt != null),
            _ => rows,
        };
        if (SeverityOf(filter.Severity) is { } severity) rows = rows.Where(f => f.Severity == severity);
        if (filter.Text is { Length: > 0 } text)
        {
            var wanted = text.Trim().ToLowerInvariant();
            rows = rows.Where(f => f.Subject.Contains(wanted));
        }
        return rows;
    }

    private static HygieneSeverity? SeverityOf(string? word) => word switch { "high" => HygieneSeverity.High, "medium" => HygieneSeverity.Medium, "low" => HygieneSeverity.Low, _ => null };

    private static Problem? Refuse(Filter filter)
    {
        if (filter.State is { } state && !States.Contains(state)) return Problem.Malformed($"state must be one of: {string.Join(", ", States)}.");
        if (filter.Severity is { } severity && SeverityOf(severity) is null) return Problem.Malformed("severity must be one of: high, medium, low.");
        if (filter.Rule is { Length: > 0 } rule && HygieneRules.Find(rule) is null) return Problem.Malformed($"rule must be one of: {string.Join(", ", HygieneRules.All.Select(r => r.Id))}.");
        return FreeText.Refuse(filter.Text, 64) is { } why ? Problem.Malformed("search: " + why) : null;
    }

    private sealed record Last(HygieneSeverity Severity, string Rule, string Subject, string Key);

    private static Outcome<Last?> After(string? cursor)
    {
        if (Cursors.Decode(cursor).Failed(out var problem, out var text)) return problem;
        if (text is null) return (Last?)null;
        return text.Split('|') is [var severity, var rule, var subject, var key] && int.TryParse(severity, NumberStyles.None, CultureInfo.InvariantCulture, out var s) && s <= (int)HygieneSeverity.High
            ? new Last((HygieneSeverity)s, rule, subject, key) : Problem.Malformed("The cursor is not one of ours. Start again without it.");
    }
}
