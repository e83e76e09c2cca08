using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Whom a rotation touches: the tools that reference the credential, the agents and workflows that reach those tools or stand in its scope, and when each last used it.</summary>
public sealed class ImpactQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, UsageLedger usageLedger, TimeProvider clock)
{
    /// <param name="Calls24H">Exact to the hour.</param>
    public sealed record View(IReadOnlyList<Row> Rows, long Calls24H)
    {
        public IEnumerable<Row> Tools => Rows.Where(r => r.Kind == ConsumerKind.Tool);
    }

    /// <param name="References">True for a tool whose template names the credential.</param>
    /// <param name="LastUse">Within the last 30 days.</param>
    /// <param name="RecentCalls">Calls of today and yesterday, in UTC days.</param>
    public sealed record Row(ConsumerKind Kind, string Name, bool References, DateTimeOffset? LastUse, long RecentCalls);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, string name, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var credential = await db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null).Select(c => (Guid?)c.Id).SingleOrDefaultAsync(ct);
        if (credential is not { } id) return Problem.NotFound("credential");

        if (workspace.IsOrganization) return await SharedAsync(db, callLog, id, name, clock.GetUtcNow(), ct);
        var consumers = await ConsumersAsync(db, [workspace.Id], id, name, ct);
        var now = clock.GetUtcNow();
        var sources = await SourcesAsync(db, id, now, ct);
        var hour = UsageSums.HourOf(now);
        var calls = await UsageSums.Hours(db, id, hour - 23, hour).SumAsync(u => u.Calls, ct);
        return new View([.. consumers.OrderBy(c => c.Kind).ThenBy(c => c.Name, StringComparer.Ordinal).Select(c =>
        {
            var mine = sources.GetValueOrDefault(((SourceKind)c.Kind, c.Name));
            return new Row(c.Kind, c.Name, c.References, mine.LastAt, mine.RecentCalls);
        })], calls);
    }

    // Of a credential that several workspaces share: each consumer with its workspace's slug, and its calls from the records.
    private static async Task<View> SharedAsync(AdminDb db, CallLog callLog, Guid id, string name, DateTimeOffset now, CancellationToken ct)
    {
        var slugs = await db.Workspaces.AsNoTracking().Where(w => db.CredentialGrants.Any(g => g.CredentialId == id && g.WorkspaceId == w.Id)).ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        var consumers = await ConsumersAsync(db, [.. slugs.Keys], id, name, ct);
        var use = await NewestUse.OfAsync(callLog, id, null, now.AddDays(-30), ct);
        return new View([.. consumers.OrderBy(c => c.Kind).ThenBy(c => slugs[c.WorkspaceId], StringComparer.Ordinal).ThenBy(c => c.Name, StringComparer.Ordinal).Select(c =>
        {
            var mine = use.Rows.Where(r => (c.Kind switch { ConsumerKind.Tool => r.ToolId, ConsumerKind.Agent => r.AgentId, _ => r.WorkflowId }) == c.Id).ToList();
            return new Row(c.Kind, $"{slugs[c.WorkspaceId]}/{c.Name}", c.References, mine.Count == 0 ? null : mine.Max(r => r.At), mine.Count(r => r.At >= now.AddDays(-2)));
        })], use.Rows.Count(r => r.At > now.AddHours(-24)));
    }

    private static async Task<List<(Guid Id, Guid WorkspaceId, ConsumerKind Kind, string Name, bool References)>> ConsumersAsync(AdminDb db, List<Guid> within, Guid credentialId, string name, CancellationToken ct)
    {
        var tools = db.References.Where(r => within.Contains(r.WorkspaceId) && r.CredentialName == name).Select(r => r.ToolId);
        // Who uses such a tool, and who uses an agent that does.
        var users = db.ConsumerLinks.Where(l => tools.Contains(l.ToId)).Select(l => l.FromId);
        var throughAgents = db.ConsumerLinks.Where(l => users.Contains(l.ToId)).Select(l => l.FromId);
        var scoped = db.ScopeMembers.Where(m => m.CredentialId == credentialId).Select(m => m.ConsumerId);
        var found = await db.Consumers.AsNoTracking()
            .Where(c => within.Contains(c.WorkspaceId) && c.DeletedAt == null && (tools.Contains(c.Id) || users.Contains(c.Id) || throughAgents.Contains(c.Id) || scoped.Contains(c.Id)))
            .Select(c => new { c.Id, c.WorkspaceId, c.Kind, c.Name, References = tools.Contains(c.Id) }).ToListAsync(ct);
        return [.. found.Select(c => (c.Id, c.WorkspaceId, c.Kind, c.Name, c.References))];
    }

    private static async Task<Dictionary<(SourceKind, string), (DateTimeOffset? LastAt, long RecentCalls)>> SourcesAsync(AdminDb db, Guid credentialId, DateTimeOffset now, CancellationToken ct)
    {
        var today = UsageSums.HourOf(now) / 24;
        // Each day is one look into the index.
        var days = Enumerable.Range(today - 29, 30).ToArray();
        var rows = await db.UsageSources.AsNoTracking().Where(s => EF.Parameter(days).Contains(s.Day) && s.CredentialId == credentialId && s.Kind <= SourceKind.Workflow)
            .Select(s => new { s.Kind, s.Name, s.Day, s.Calls, s.LastAt }).ToListAsync(ct);
        return rows.GroupBy(s => (s.Kind, s.Name)).ToDictionary(g => g.Key, g => ((DateTimeOffset?)g.Max(s => s.LastAt), g.Sum(s => s.Day >= today - 1 ? s.Calls : 0)));
    }
}
