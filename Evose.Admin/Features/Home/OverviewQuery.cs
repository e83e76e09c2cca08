using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Home;

/// <summary>What a person should know first about a workspace. What the actor may not see is null, not zero.</summary>
public sealed class OverviewQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, UsageLedger usageLedger, TimeProvider clock)
{
    private static readonly TimeSpan Soon = TimeSpan.FromDays(7);
    private const int MaxItems = 12;
    private const int RecentCalls = 10;

    /// <param name="Calls">Null when the actor may not see calls.</param>
    /// <param name="Recent">Null as well, and for the organization.</param>
    /// <param name="Hygiene">Null as well: findings tell of use.</param>
    public sealed record View(Workspace Workspace, int Credentials, int ExpiringSoon, int RotationsOpen, int RotationsHeld, CallTile? Calls, HygieneTile? Hygiene,
        IReadOnlyList<Item> NeedsYou, IReadOnlyList<CallRow>? Recent, IReadOnlyList<Step>? Steps, string? FirstTool);

    public sealed record CallTile(long Calls, long Errors);

    /// <param name="LookedAt">Null: nobody has looked yet.</param>
    public sealed record HygieneTile(HygieneScore Score, DateTimeOffset? LookedAt)
    {
        /// <summary>False: there is nothing that could have a score.</summary>
        public bool HasScore => LookedAt is not null && Score.Subjects > 0;
    }

    /// <summary>Something to act on.</summary>
    /// <param name="State">The chip's word.</param>
    public sealed record Item(string State, string Text, DateTimeOffset? At, string Url, string Action);

    public sealed record CallRow(DateTimeOffset At, string? Tool, string? Agent, string? Credential, int? Version, string Method, string? Host, int? Status, CallOutcome Outcome, long? DurationUs);

    /// <summary>A step of getting started; done is read from what exists, never ticked by hand.</summary>
    public sealed record Step(string Key, bool Done, string Title, string Help, string Url, string Action);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        await using var db = await dbs.OpenAsync(ct);
        var authorized = await authorizer.AuthorizeAsync(db, actor, ws, Permission.View, ct);
        if (authorized.Failed(out var problem, out var workspace)) return problem;
        var rights = await authorizer.RightsAsync(db, actor, workspace.Id, ct);
        var now = clock.GetUtcNow();
        var id = workspace.Id;

        var living = db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == id && c.ArchivedAt == null);
        var credentials = await living.CountAsync(ct);
        var expiring = await living.CountAsync(c => c.ExpiresAt != null && c.ExpiresAt <= now + Soon, ct);
        var open = db.Rotations.AsNoTracking().Where(r => r.WorkspaceId == id && (r.State == RotationState.Pending || r.State == RotationState.Grace));
        var rotations = await open.CountAsync(ct);
        var held = await open.Where(r => r.LastHolds != null && r.LastHolds != "").Select(r => new { r.CredentialId, r.RetireAt }).Take(MaxItems).ToListAsync(ct);
        var names = await db.Credentials.AsNoTracking().Where(c => held.Select(h => h.CredentialId).Contains(c.Id)).Select(c => new { c.Id, c.Name }).ToDictionaryAsync(c => c.Id, c => c.Name, ct);

        var dates = await living.Where(c => c.ExpiresAt != null && c.ExpiresAt <= now + CredentialStatusPolicy.ExpiringWithin)
            .OrderBy(c => c.ExpiresAt).Select(c => new { c.Id, c.Name, c.ExpiresAt }).Take(MaxItems).ToListAsync(ct);
        // What stands there by itself is not said a second time by its notice.
        var (dated, stuck) = (dates.ConvertAll(d => d.Id), held.ConvertAll(h => h.CredentialId));
        var notes = await db.Notifications.AsNoTracking().Where(n => n.WorkspaceId == id && n.AcknowledgedAt == null)
            .Where(n => n.CredentialId == null
                || !(((n.Kind == NotificationKind.ExpirySoon || n.Kind == NotificationKind.Expired) && dated.Contains(n.CredentialId.Value)) || (n.Kind == NotificationKind.RetirementHeld && stuck.Contains(n.CredentialId.Value))))
            .OrderByDescending(n => n.CreatedAt).Select(n => new { n.Title, n.CreatedAt, n.Url }).Take(MaxItems).ToListAsync(ct);
        List<Item> needs =
        [
            .. dates.Select(d => new Item(d.ExpiresAt <= now ? "expired" : "expiring", d.Name, d.ExpiresAt, Urls.Credential(ws, d.Name), rights.Allows(Permission.ManageCredentials) ? "Rotate" : "Look")),
            .. held.Select(h => new Item("held", $"{names.GetValueOrDefault(h.CredentialId)}: retirement is held", h.RetireAt, Urls.Rotate(ws, names.GetValueOrDefault(h.CredentialId) ?? ""), "See why")),
            .. notes.Select(n => new Item("notice", n.Title, n.CreatedAt, n.Url is { Length: > 0 } url && url[0] == '/' ? url : Urls.Notifications, "Open")),
        ];

        CallTile? calls = null;
        HygieneTile? hygiene = null;
        List<CallRow>? recent = null;
        if (rights.Allows(Permission.ViewCalls))
        {
            var hour = (int)(now.ToUnixTimeSeconds() / 3600);
            var all = db.Credentials.Where(c => c.WorkspaceId == id).Select(c => c.Id);
            var hours = await db.UsageHours.AsNoTracking().Where(u => u.Hour > hour - 24 && all.Contains(u.CredentialId)).GroupBy(_ => 1)
                .Select(g => new { Calls = g.Sum(u => u.Calls), Errors = g.Sum(u => u.Errors) }).SingleOrDefaultAsync(ct);
            calls = new CallTile(hours?.Calls ?? 0, hours?.Errors ?? 0);
            // Calls are of the workspaces that make them; the organization makes none.
            if (!workspace.IsOrganization) recent = await RecentAsync(id, ct);
            hygiene = await HygieneAsync(db, workspace, now, ct);
        }
        var steps = rights.Allows(Permission.ManageCredentials) ? await StepsAsync(db, workspace, ct) : null;
        var tool = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == id && c.Kind == ConsumerKind.Tool && c.DeletedAt == null).OrderBy(c => c.Name).Select(c => c.Name).FirstOrDefaultAsync(ct);
        return new View(workspace, credentials, expiring, rotations, held.Count, calls, hygiene, [.. needs.Take(MaxItems)], recent, steps, tool);
    }

    // As the page of findings counts: open is what is neither put right nor accepted at the moment; the organization has the findings of all.
    private static async Task<HygieneTile> HygieneAsync(AdminDb db, Workspace workspace, DateTimeOffset now, CancellationToken ct)
    {
        var (id, all) = (workspace.Id, workspace.IsOrganization);
        var open = await db.HygieneFindings.AsNoTracking().Where(f => (all || f.WorkspaceId == id) && f.ResolvedAt == null && (f.AcceptedUntil == null || f.AcceptedUntil <= now))
            .GroupBy(f => f.Severity).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        var looks = await db.HygieneLooks.AsNoTracking().Where(l => all ? l.WorkspaceId != Guid.Empty : l.WorkspaceId == id).Select(l => new { l.Subjects, l.At }).ToListAsync(ct);
        return new HygieneTile(HygieneScore.Of(looks.Sum(l => l.Subjects), new HygieneCounts(open.GetValueOrDefault(HygieneSeverity.High), open.GetValueOrDefault(HygieneSeverity.Medium), open.GetValueOrDefault(HygieneSeverity.Low))),
            looks.Count == 0 ? null : looks.Min(l => l.At));
    }

    private async Task<List<CallRow>> RecentAsync(Guid workspace, CancellationToken ct)
    {
        var rows = await callLog.NewestAsync(0, long.MaxValue, RecentCalls, db => from c in db.Calls.AsNoTracking().Where(c => c.WorkspaceId == workspace)
                                                                                  join e in db.CallCompletions.AsNoTracking() on c.Seq equals e.CallSeq into ends
                                                                                  from e in ends.DefaultIfEmpty()
                                                                                  orderby c.Seq descending
                                                                                  select new { Call = c, End = e }, ct);
        return rows.ConvertAll(r =>
        {
            var outcome = r.Call.Refused ? CallOutcome.Refused : r.End?.Outcome ?? CallOutcome.Unknown;
            return new CallRow(r.Call.At, r.Call.Tool, r.Call.Agent, r.Call.Credential, r.Call.Version, r.Call.Method, r.Call.Host, r.End?.Status, outcome, r.End?.DurationUs);
        });
    }

    private async Task<List<Step>> StepsAsync(AdminDb db, Workspace workspace, CancellationToken ct)
    {
        var (id, ws) = (workspace.Id, workspace.Slug);
        var keys = await db.ApiKeys.AsNoTracking().Where(k => k.RevokedAt == null).ToListAsync(ct);
        var reviewed = await db.Memberships.AnyAsync(m => m.WorkspaceId == id && m.Role == WorkspaceRole.Reviewer, ct)
            || await db.Users.AnyAsync(u => u.OrganizationRole == OrganizationRole.Reviewer, ct)
            || await db.Invitations.AnyAsync(i => i.OrganizationRole == OrganizationRole.Reviewer || (i.WorkspaceId == id && i.Role == WorkspaceRole.Reviewer), ct);
        List<Step> steps =
        [
            new("credential", await db.Credentials.AnyAsync(c => c.WorkspaceId == id, ct), "Register a credential", "The key of a service that your tools call. It goes in and never comes out.", Urls.NewCredential(ws), "Register"),
            new("tool", await db.References.AnyAsync(r => r.WorkspaceId == id, ct), "Reference it in a tool", "Write {{credential:name}} where the key belongs; nobody sees the value.", Urls.NewTool(ws), "Add a tool"),
            new("key", keys.Exists(k => k.Reaches(id)), "Issue an Evose API key", "What your systems use to call Evose, so that Evose calls the service.", Urls.ApiKeys, "Issue"),
            new("call", (await callLog.NewestAsync(0, long.MaxValue, 1, calls => calls.Calls.Where(c => c.WorkspaceId == id && !c.Refused).OrderByDescending(c => c.Seq).Select(c => c.Seq), ct)).Count > 0, "Make the first call", "Through the broker: it adds the credential and records the use.", Urls.Tools(ws), "See tools"),
            new("rotate", await db.Rotations.AnyAsync(r => r.WorkspaceId == id && r.PromotedAt != null, ct), "Rotate once", "Do it on a quiet day, so that you know it when it matters. No call fails.", Urls.Credentials(ws), "Choose a credential"),
            new("reviewer", reviewed, "Invite a security reviewer", "Somebody who sees metadata, use and audit, and can change nothing.", Urls.Members, "Invite"),
        ];
        // The organization has no tools of its own, so nothing is called there.
        if (workspace.IsOrganization) steps.RemoveAll(s => s.Key is "tool" or "key" or "call");
        return steps;
    }
}
