using System.Globalization;
using System.Runtime.CompilerServices;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>
/// Administrative acts and uses in one list, newest first, of the workspaces whose audit the reader may see. A page ends at a place in each of the two chains and the next
/// goes on from both: nothing is shown twice or left out while rows are added, also when the clock was set back. Reading is itself audited.
/// </summary>
public sealed class AuditQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, AuditReading reading, UsageLedger usageLedger)
{
    private const int ExportStep = 1000;

    // So many people, keys, credentials or workspaces are looked up one by one.
    private const int MaxLooks = 20;

    // So many names of actors are walked through; a step is a seek in the index.
    private const int MaxNames = 1000;

    private static readonly TimeSpan ClockSlack = TimeSpan.FromHours(2);

    public async Task<Outcome<Page<AuditRow>>> RunAsync(Actor actor, AuditFilter filter, int? limit, string? cursor, CancellationToken ct)
    {
        if (Cursors.Limit(limit).Failed(out var problem, out var take)) return problem;
        if (Place.Parse(cursor).Failed(out problem, out var place)) return problem;
        if ((await PlanAsync(actor, filter, ct)).Failed(out problem, out var plan)) return problem;
        await reading.NoteAsync(actor, plan.WorkspaceId, filter.Describe(), always: false, ct);
        var (rows, next) = await FetchAsync(plan, place, take, ct);
        return new Page<AuditRow>(rows, next is { } more ? Cursors.Encode(more.ToString()) : null, next is not null);
    }

    /// <summary>The one row with this id, for a link somebody copied.</summary>
    public async Task<Outcome<AuditRow>> FindAsync(Actor actor, string id, CancellationToken ct)
    {
        if ((await PlanAsync(actor, new AuditFilter(), ct)).Failed(out var problem, out var plan)) return problem;
        var parts = id.Split('-');
        if (parts.Length != 2 || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var seq) || seq == long.MaxValue) return Problem.NotFound("event");
        await reading.NoteAsync(actor, null, $"event {id}", always: false, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        AuditRow? row = null;
        if (parts[0] == Chain.AuditLane && await Acts(db, plan, new ActLook(seq + 1)).Where(e => e.Seq == seq).SingleOrDefaultAsync(ct) is { } act) row = AuditRow.Of(act, plan.Slugs);
        if (parts[0] == Chain.CallLane && (await callLog.NewestAsync(seq, seq + 1, 1, calls => Uses(calls, plan, new Look(seq, seq + 1)), ct)).FirstOrDefault() is { } use) row = AuditRow.Of(use.Call, use.Completion, plan.Slugs);
        return row is null ? Problem.NotFound("event") : row;
    }

    /// <summary>At most <paramref name="most"/> rows, read step by step as they are taken; always audited.</summary>
    public async Task<Outcome<IAsyncEnumerable<AuditRow>>> StreamAsync(Actor actor, AuditFilter filter, int most, string format, CancellationToken ct)
    {
        if ((await PlanAsync(actor, filter, ct)).Failed(out var problem, out var plan)) return problem;
        await reading.NoteAsync(actor, plan.WorkspaceId, $"export {format}: {filter.Describe()}", always: true, ct);
        return Outcome<IAsyncEnumerable<AuditRow>>.Of(StreamAsync(plan, most, ct));
    }

    private async IAsyncEnumerable<AuditRow> StreamAsync(Plan plan, int most, [EnumeratorCancellation] CancellationToken ct)
    {
        Place? place = Place.Newest;
        while (place is { } from && most > 0)
        {
            (var rows, place) = await FetchAsync(plan, from, Math.Min(most, ExportStep), ct);
            foreach (var row in rows) yield return row;
            most -= rows.Count;
        }
    }

    // What the reader may see and wants to see, with names turned into ids once.
    private async Task<Outcome<Plan>> PlanAsync(Actor actor, AuditFilter filter, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        if (filter.Parse().Failed(out var problem, out var f)) return problem;
        var visible = await authorizer.WorkspacesAsync(actor, Permission.ViewAudit, ct);
        Guid? only = null;
        if (f.Workspace == Organization)
        {
            if (visible is not null) return Problem.NotFound("workspace");
        }
        else if (f.Workspace is { } slug)
        {
            if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ViewAudit, ct)).Failed(out problem, out var workspace)) return problem;
            only = workspace.Id;
        }
        else if (visible is { Count: 0 } && await authorizer.AuthorizeOrganizationAsync(actor, Permission.ViewAudit, ct) is { } refused)
        {
            return refused;
        }

        await using var db = await dbs.CreateDbContextAsync(ct);
        var plan = new Plan(f, only, only is null && f.Workspace != Organization ? visible : null, only is null && f.Workspace == Organization)
        {
            Slugs = await db.Workspaces.AsNoTracking().ToDictionaryAsync(w => w.Id, w => w.Slug, ct),
        };
        // A credential or consumer is found under its present name and under names it had.
        if (f.Credential is { } credential) plan.CredentialIds = await CredentialIdsAsync(db, credential, only is { } one ? [one] : plan.Visible, ct);
        if (f.Actor is { } named)
        {
            plan.People = await PeopleAsync(db, named, ct);
            if (plan.WantsActs) plan.ActorNames = await ActorNamesAsync(db, named, ct);
        }
        if (f.Tool is { } tool) plan.Consumers.Add(await IdsAsync(db, ConsumerKind.Tool, tool, ct));
        if (f.Agent is { } agent) plan.Consumers.Add(await IdsAsync(db, ConsumerKind.Agent, agent, ct));
        return plan;
    }

    /// <summary>Stands where a workspace's slug stands, for what belongs to none and for what the organization itself owns.</summary>
    public const string Organization = "org";

    // Null: the name was never a credential's. Those of workspaces out of reach are left out: what is asked about happened in reach, so that they would be looked for in vain, among all they did.
    private static async Task<IReadOnlyList<Guid>?> CredentialIdsAsync(AdminDb db, string name, IReadOnlyList<Guid>? reach, CancellationToken ct)
    {
        var ids = await db.Credentials.Where(c => c.Name == name).Select(c => c.Id)
            .Union(db.AuditEvents.Where(e => e.Subject == name && e.CredentialId != null).Select(e => e.CredentialId!.Value)).ToListAsync(ct);
        if (ids.Count == 0) return null;
        if (reach is null) return ids;
        // The organization's are used in any workspace; of what is no row any more nobody can say.
        var elsewhere = await db.Credentials.Where(c => ids.Contains(c.Id) && c.WorkspaceId != Workspace.OrganizationId && !reach.Contains(c.WorkspaceId)).Select(c => c.Id).ToListAsync(ct);
        return [.. ids.Except(elsewhere)];
    }

    // Whose acts a part of a name means. Null: too many names, or an id; then the acts themselves are searched.
    private static async Task<IReadOnlyList<string>?> ActorNamesAsync(AdminDb db, string actor, CancellationToken ct)
    {
        if (Guid.TryParse(actor, out var id) && id != Guid.Empty) return null;
        var like = Like(actor);
        // The database picks what matches, so that both lists are searched by the same rule of letters.
        var names = await db.Database.SqlQueryRaw<ActorName>(EachActorName, MaxNames).Where(n => n.Place > MaxNames || EF.Functions.Like(n.Name, like, "\\")).Take(MaxLooks + 1).ToListAsync(ct);
        return names.Count > MaxLooks || names.Exists(n => n.Place > MaxNames) ? null : names.ConvertAll(n => n.Name);
    }

    // From each name to the next, past all its acts, and one further than is looked through.
    private const string EachActorName = """
        WITH RECURSIVE walk(name, place) AS (
            SELECT min(actor_name), 1 FROM audit_event
            UNION ALL
            SELECT (SELECT min(e.actor_name) FROM audit_event AS e WHERE e.actor_name > walk.name), walk.place + 1 FROM walk WHERE walk.name IS NOT NULL AND walk.place <= {0})
        SELECT name AS "Name", place AS "Place" FROM walk WHERE name IS NOT NULL
        """;

    private static Task<List<Guid>> IdsAsync(AdminDb db, ConsumerKind kind, string name, CancellationToken ct) =>
        db.Consumers.Where(c => c.Kind == kind && c.Name == name).Select(c => c.Id).ToListAsync(ct);

    // One row more than wanted from each side says whether there is a next page.
    private async Task<(IReadOnlyList<AuditRow> Rows, Place? Next)> FetchAsync(Plan plan, Place from, int take, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var acts = plan.WantsActs ? await ActsAsync(db, plan, from.Audit, take + 1, ct) : [];
        var uses = plan.WantsUses ? await UsesAsync(plan, from.Calls, take + 1, ct) : [];
        var rows = new List<AuditRow>(take);
        int a = 0, u = 0;
        while (rows.Count < take && (a < acts.Count || u < uses.Count))
        {
            if (u == uses.Count || (a < acts.Count && acts[a].At >= uses[u].Call.At)) rows.Add(AuditRow.Of(acts[a++], plan.Slugs));
            else rows.Add(AuditRow.Of(uses[u].Call, uses[u++].Completion, plan.Slugs));
        }
        var more = a < acts.Count || u < uses.Count;
        return (rows, more ? new Place(a == 0 ? from.Audit : acts[a - 1].Seq, u == 0 ? from.Calls : uses[u - 1].Call.Seq) : null);
    }

    // Whose calls a part of a name means. Null: too many to look them up one by one, or one that has no id; then the calls themselves are searched.
    private static async Task<IReadOnlyList<CallName>?> PeopleAsync(AdminDb db, string actor, CancellationToken ct)
    {
        var like = Like(actor);
        var keys = Guid.TryParse(actor, out var id) ? await db.ApiKeys.AsNoTracking().Where(k => k.Id == id).Select(k => k.Name).ToListAsync(ct) : [];
        if (id != Guid.Empty && keys.Count == 0) return null;
        var names = await db.CallNames.AsNoTracking().Where(n => n.Kind == SourceKind.User
            ? n.Id == actor || EF.Functions.Like(n.Name, like, "\\") || EF.Functions.Like(n.Email, like, "\\")
            : EF.Functions.Like(n.Id, like, "\\") || keys.Contains(n.Id)).Take(MaxLooks + 1).ToListAsync(ct);
        return names.Count > MaxLooks || names.Exists(n => n.Id.Length == 0) ? null : [.. names.DistinctBy(n => (n.Kind, n.Id))];
    }

    // The indexes hold each credential's, person's, key's and workspace's calls in order, so a few of them are a few short looks; asked together, the database sorts all they have.
    private async Task<List<Use>> UsesAsync(Plan plan, long before, int take, CancellationToken ct)
    {
        var f = plan.Filter;
        var first = f.After is { } after ? CallNumber.First(after) : 0;
        // A number is given after the call was decided: a little later, or much when the clock was set back in between.
        var last = f.Before is { } until && until < DateTimeOffset.MaxValue - ClockSlack ? Math.Min(before, CallNumber.First(until + ClockSlack)) : before;
        var all = new Look(first, last);
        IReadOnlyList<Look> looks = plan.People is { } people ? [.. people.Select(p => all with { Person = p })]
            : plan.Credentials is { } credentials ? [.. credentials.Select(c => all with { Credential = c })]
            : plan.Organization && f.Tool is null && f.Credential is null && !all.IsForErrors(f) ? [all, all with { Workspace = Workspace.OrganizationId }]
            : plan.Visible is { Count: > 0 and <= MaxLooks } visible && f.Tool is null && f.Credential is null && !all.IsForErrors(f) ? [.. visible.Select(w => all with { Workspace = w })]
            : [all];
        return await callLog.NewestOfAsync(first, last, take, [.. looks.Select(look => (Func<AdminDb, IQueryable<Use>>)(db => Uses(db, plan, look)))], u => u.Call.Seq, ct);
    }

    // The same for acts.
    private static async Task<List<AuditEvent>> ActsAsync(AdminDb db, Plan plan, long before, int take, CancellationToken ct)
    {
        IReadOnlyList<ActLook> looks = plan.Credentials is { } credentials ? [.. credentials.Select(c => new ActLook(before, Credential: c))]
            : plan.ActorNames is { } names ? [.. names.Select(n => new ActLook(before, Name: n))]
            : plan.Organization ? [new ActLook(before), new ActLook(before, OfOrganization: true)]
            : [new ActLook(before)];
        if (looks.Count == 0) return [];
        if (looks.Count == 1) return await Acts(db, plan, looks[0]).Take(take).ToListAsync(ct);
        // What is added between two looks would stand in the later one only, and hide what was added before it.
        var end = (await db.AuditEvents.MaxAsync(e => (long?)e.Seq, ct) ?? 0) + 1;
        var acts = new List<AuditEvent>();
        foreach (var look in looks) acts.AddRange(await Acts(db, plan, look with { Before = Math.Min(before, end) }).Take(take).ToListAsync(ct));
        return [.. acts.OrderByDescending(e => e.Seq).Take(take)];
    }

    private static IQueryable<AuditEvent> Acts(AdminDb db, Plan plan, ActLook look)
    {
        var f = plan.Filter;
        var acts = db.AuditEvents.AsNoTracking().Where(e => e.Seq < look.Before);
        // As with uses: a name or a credential leads, not the workspace.
        var led = look.Name is not null || look.Credential is not null;
        if (plan.WorkspaceId is { } id) acts = led ? acts.Where(e => (e.WorkspaceId ?? Guid.Empty) == id) : acts.Where(e => e.WorkspaceId == id);
        if (plan.Organization) acts = led ? acts.Where(e => e.WorkspaceId == null || (e.WorkspaceId ?? Guid.Empty) == Workspace.OrganizationId) : look.OfOrganization ? acts.Where(e => e.WorkspaceId == Workspace.OrganizationId) : acts.Where(e => e.WorkspaceId == null);
        if (plan.Visible is { } visible) acts = led ? acts.Where(e => visible.Contains(e.WorkspaceId ?? Guid.Empty)) : acts.Where(e => e.WorkspaceId != null && visible.Contains(e.WorkspaceId.Value));
        if (f.Actions is { } actions) acts = acts.Where(e => actions.Contains(e.Action));
        if (look.Name is { } name)
        {
            acts = acts.Where(e => e.ActorName == name);
        }
        else if (f.Actor is { } actor)
        {
            var like = Like(actor);
            var actorId = Guid.TryParse(actor, out var g) ? g : Guid.Empty;
            acts = acts.Where(e => EF.Functions.Like(e.ActorName, like, "\\") || (actorId != Guid.Empty && e.ActorId == actorId));
        }
        if (look.Credential is { } one) acts = acts.Where(e => e.CredentialId == one);
        else if (plan.CredentialIds is { } ids) acts = acts.Where(e => e.CredentialId != null && ids.Contains(e.CredentialId.Value));
        else if (f.Credential is { } credential) acts = acts.Where(e => e.Subject == credential);
        foreach (var subjects in plan.Consumers) acts = acts.Where(e => e.SubjectId != null && subjects.Contains(e.SubjectId.Value));
        if (f.Outcome is { } outcome) acts = acts.Where(e => e.Outcome == (outcome == "succeeded" ? AuditOutcome.Succeeded : outcome == "refused" ? AuditOutcome.Refused : AuditOutcome.Failed));
        if (f.After is { } after) acts = acts.Where(e => e.At >= after);
        if (f.Before is { } until) acts = acts.Where(e => e.At < until);
        return acts.OrderByDescending(e => e.Seq);
    }

    private static IQueryable<Use> Uses(AdminDb db, Plan plan, Look look)
    {
        var f = plan.Filter;
        var calls = db.Calls.AsNoTracking().Where(c => c.Seq >= look.First && c.Seq < look.Before);
        // The narrowest thing asked for leads; the database must not choose the workspace's index instead of its.
        var led = look.Person is not null || f.Tool is not null || f.Credential is not null || look.IsForErrors(f);
        if ((look.Workspace ?? plan.WorkspaceId) is { } id) calls = led ? calls.Where(c => (c.WorkspaceId ?? Guid.Empty) == id) : calls.Where(c => c.WorkspaceId == id);
        else if (plan.Visible is { } visible) calls = calls.Where(c => visible.Contains(c.WorkspaceId ?? Guid.Empty));
        if (plan.Organization && look.Workspace is null) calls = led ? calls.Where(c => c.WorkspaceId == null || (c.WorkspaceId ?? Guid.Empty) == Workspace.OrganizationId) : calls.Where(c => c.WorkspaceId == null);
        if (!f.Refusals) calls = calls.Where(c => !c.Refused);
        if (!f.Uses) calls = calls.Where(c => c.Refused);
        if (look.Person is { Kind: SourceKind.User, Id: var user }) calls = calls.Where(c => c.UserId == user);
        if (look.Person is { Kind: SourceKind.ApiKey, Id: var key }) calls = calls.Where(c => c.ApiKey == key);
        if (f.Actor is { } actor)
        {
            var like = Like(actor);
            var actorId = Guid.TryParse(actor, out var g) ? g : Guid.Empty;
            calls = calls.Where(c => EF.Functions.Like(c.ApiKey!, like, "\\") || c.UserId == actor || EF.Functions.Like(c.UserName!, like, "\\") || EF.Functions.Like(c.UserEmail!, like, "\\")
                || (actorId != Guid.Empty && c.ApiKeyId == actorId));
        }
        if ((look.Credential ?? (plan.CredentialIds is [var only] ? only : null)) is { } one) calls = calls.Where(c => c.CredentialId == one);
        else if (plan.CredentialIds is { } ids) calls = calls.Where(c => c.CredentialId != null && ids.Contains(c.CredentialId.Value));
        else if (f.Credential is { } credential) calls = calls.Where(c => c.Credential == credential);
        if (f.Tool is { } tool) calls = look.Person is null && f.Credential is null ? calls.Where(c => c.Tool == tool) : calls.Where(c => (c.Tool ?? "") == tool);
        if (f.Agent is { } agent) calls = calls.Where(c => c.Agent == agent);
        if (f.After is { } after) calls = calls.Where(c => c.At >= after);
        if (f.Before is { } until) calls = calls.Where(c => c.At < until);
        // Errors are few and have an index of their own, whose condition must stand in the query.
        if (look.IsForErrors(f))
        {
            var failure = WantedOf(f.Outcome!);
            return from k in db.CallCompletions.AsNoTracking()
                   where k.Outcome == failure && k.Outcome != EF.Constant(CallOutcome.Succeeded) && k.CallSeq >= look.First && k.CallSeq < look.Before
                   join c in calls on k.CallSeq equals c.Seq
                   where !c.Refused
                   orderby k.CallSeq descending
                   select new Use(c, k);
        }
        var uses = from c in calls
                   join k in db.CallCompletions.AsNoTracking() on c.Seq equals k.CallSeq into ends
                   from k in ends.DefaultIfEmpty()
                   select new { Call = c, Completion = k };
        if (f.Outcome is { } outcome)
        {
            var wanted = WantedOf(outcome);
            uses = wanted switch
            {
                CallOutcome.Refused => uses.Where(x => x.Call.Refused || x.Completion!.Outcome == wanted),
                CallOutcome.Unknown => uses.Where(x => !x.Call.Refused && (x.Completion == null || x.Completion.Outcome == wanted)),
                _ => uses.Where(x => !x.Call.Refused && x.Completion!.Outcome == wanted),
            };
        }
        return uses.OrderByDescending(x => x.Call.Seq).Select(x => new Use(x.Call, x.Completion));
    }

    private static CallOutcome WantedOf(string outcome) => Enum.GetValues<CallOutcome>().Single(o => o.Wire() == outcome);

    private static string Like(string part) => $"%{part.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";

    private sealed record Use(CallRecord Call, CallCompletion? Completion);

    /// <summary>One walk down one index: calls with a number of at least <paramref name="First"/> and below <paramref name="Before"/>.</summary>
    private sealed record Look(long First, long Before, CallName? Person = null, Guid? Credential = null, Guid? Workspace = null)
    {
        public bool IsForErrors(AuditFilter.Parsed f) => f.Outcome is "upstream_error" or "failed" && Person is null && f.Tool is null && f.Credential is null;
    }

    /// <summary>One walk down one index: acts with a number below <paramref name="Before"/>.</summary>
    /// <param name="OfOrganization">Acts on what the organization owns, not those that belong to no workspace at all.</param>
    private sealed record ActLook(long Before, string? Name = null, Guid? Credential = null, bool OfOrganization = false);

    /// <param name="Place">Counts the names, from 1.</param>
    private sealed record ActorName(string Name, int Place);

    private sealed record Plan(AuditFilter.Parsed Filter, Guid? WorkspaceId, IReadOnlyList<Guid>? Visible, bool Organization)
    {
        public required Dictionary<Guid, string> Slugs { get; init; }

        /// <summary>What the credential's name means or meant, as far as the reader asks; null when it never was one's.</summary>
        public IReadOnlyList<Guid>? CredentialIds { get; set; }

        /// <summary>The same when they are few enough to be looked up one by one.</summary>
        public IReadOnlyList<Guid>? Credentials => CredentialIds is { Count: <= MaxLooks } ? CredentialIds : null;

        /// <summary>Who is meant by the actor's name in acts; null when the acts themselves must be searched for it.</summary>
        public IReadOnlyList<string>? ActorNames { get; set; }

        /// <summary>Who is meant by the actor's name in calls; null when the calls themselves must be searched for it.</summary>
        public IReadOnlyList<CallName>? People { get; set; }

        /// <summary>One list of ids per consumer that was named; an act must be about one of each.</summary>
        public List<List<Guid>> Consumers { get; } = [];

        public bool WantsActs => Filter.Actions is not { Count: 0 } && Filter.Outcome is not ("upstream_error" or "unknown");

        public bool WantsUses => Filter.Uses || Filter.Refusals;
    }

    /// <summary>What lies before these places in both chains has not been shown yet.</summary>
    private sealed record Place(long Audit, long Calls)
    {
        public static readonly Place Newest = new(long.MaxValue, long.MaxValue);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Audit}.{Calls}");

        public static Outcome<Place> Parse(string? cursor)
        {
            if (Cursors.Decode(cursor).Failed(out var problem, out var text)) return problem;
            if (text is null) return Newest;
            var parts = text.Split('.');
            return parts.Length == 2 && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var audit) && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var calls)
                ? new Place(audit, calls)
                : Problem.Malformed("The cursor is not one of ours. Start again without it.");
        }
    }
}
