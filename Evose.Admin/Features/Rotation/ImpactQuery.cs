using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Whom a rotation touches: the tools that reference the credential, the agents and workflows that reach those tools or stand in its scope, and when each last used it.</summary>
public sealed class ImpactQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, UsageLedger usageLedger, TimeProvider clock)
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

        var consumers = await ConsumersAsync(db, workspace.Id, id, name, ct);
        var now = clock.GetUtcNow();
        var sources = await SourcesAsync(db, id, now, ct);
        var hour = UsageHours.Of(now) - 23;
        var calls = await db.UsageHours.AsNoTracking().Where(u => u.CredentialId == id && u.Hour >= hour).SumAsync(u => u.Calls, ct);
        return new View([.. consumers.OrderBy(c => c.Kind).ThenBy(c => c.Name, StringComparer.Ordinal).Select(c =>
        {
            var mine = sources.Where(s => s.Names.Length > (int)c.Kind && s.Names[(int)c.Kind] == c.Name).ToList();
            return new Row(c.Kind, c.Name, c.References, mine.Count == 0 ? null : mine.Max(s => s.LastAt), mine.Sum(s => s.RecentCalls));
        })], calls);
    }

    private static async Task<List<(ConsumerKind Kind, string Name, bool References)>> ConsumersAsync(AdminDb db, Guid workspaceId, Guid credentialId, string name, CancellationToken ct)
    {
        var tools = db.References.Where(r => r.WorkspaceId == workspaceId && r.CredentialName == name).Select(r => r.ToolId);
        // Who uses such a tool, and who uses an agent that does.
        var users = db.ConsumerLinks.Where(l => tools.Contains(l.ToId)).Select(l => l.FromId);
        var throughAgents = db.ConsumerLinks.Where(l => users.Contains(l.ToId)).Select(l => l.FromId);
        var scoped = db.ScopeMembers.Where(m => m.CredentialId == credentialId).Select(m => m.ConsumerId);
        var found = await db.Consumers.AsNoTracking()
            .Where(c => c.WorkspaceId == workspaceId && c.DeletedAt == null && (tools.Contains(c.Id) || users.Contains(c.Id) || throughAgents.Contains(c.Id) || scoped.Contains(c.Id)))
            .Select(c => new { c.Kind, c.Name, References = tools.Contains(c.Id) }).ToListAsync(ct);
        return [.. found.Select(c => (c.Kind, c.Name, c.References))];
    }

    // A source's parts are tool, agent and workflow, in the order of ConsumerKind, then user and API key.
    private static async Task<List<(string[] Names, DateTimeOffset LastAt, long RecentCalls)>> SourcesAsync(AdminDb db, Guid credentialId, DateTimeOffset now, CancellationToken ct)
    {
        var today = UsageHours.Of(now) / 24;
        var rows = await db.UsageSources.AsNoTracking().Where(s => s.CredentialId == credentialId && s.Day > today - 30).GroupBy(s => s.Source)
            .Select(g => new { Source = g.Key, LastDay = g.Max(s => s.Day), Recent = g.Sum(s => s.Day >= today - 1 ? s.Calls : 0) }).ToListAsync(ct);
        var lasts = await db.UsageSources.AsNoTracking().Where(s => s.CredentialId == credentialId && s.Day > today - 30).Select(s => new { s.Source, s.Day, s.LastAt }).ToListAsync(ct);
        var lastOf = lasts.GroupBy(s => s.Source).ToDictionary(g => g.Key, g => g.Max(s => s.LastAt));
        return [.. rows.Select(r => (r.Source.Split('\u001f'), lastOf[r.Source], r.Recent))];
    }
}
