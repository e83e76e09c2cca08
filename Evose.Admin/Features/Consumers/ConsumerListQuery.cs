using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>The living tools, agents or workflows of a workspace, by name.</summary>
public sealed class ConsumerListQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, TimeProvider clock, UsageLedger usageLedger)
{
    /// <param name="Search">Part of the name.</param>
    public sealed record Input(ConsumerKind Kind, string? Search = null, int? Limit = null, string? Cursor = null);

    /// <param name="Credentials">Distinct names that a tool's templates name.</param>
    /// <param name="Dangling">How many of them are not living credentials.</param>
    /// <param name="Tools">What an agent or workflow declares.</param>
    /// <param name="LostMembers">Everything it declared was deleted, so its calls are refused.</param>
    /// <param name="UsedBy">How many agents and workflows declare it.</param>
    /// <param name="Calls">Recent calls; null when the actor may not see calls.</param>
    public sealed record Row(Guid Id, string Name, string? Description, string? BaseUrl, IReadOnlyList<string> Credentials, int Dangling, IReadOnlyList<string> Tools,
        IReadOnlyList<string> Agents, bool LostMembers, int UsedBy, RecentCalls.Count? Calls, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, int Revision);

    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        if (Cursors.Limit(input.Limit).Failed(out var wrong, out var limit)) return wrong;
        if (Cursors.Decode(input.Cursor).Failed(out wrong, out var after)) return wrong;
        var seesCalls = (await authorizer.RightsAsync(db, actor, workspace.Id, ct)).Allows(Permission.ViewCalls);

        await using var read = await db.BeginReadAsync(ct);
        var wanted = db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id && c.Kind == input.Kind && c.DeletedAt == null);
#pragma warning disable CA1309 // becomes SQL, where the column's binary collation decides
        if (after is not null) wanted = wanted.Where(c => string.Compare(c.Name, after) > 0);
#pragma warning restore CA1309
        // Names are lower-case, so any spelling finds them.
        if (input.Search?.Trim().ToLowerInvariant() is { Length: > 0 } search) wanted = wanted.Where(c => c.Name.Contains(search));
        var consumers = await wanted.OrderBy(c => c.Name).Take(limit + 1).ToListAsync(ct);

        var ids = consumers.ConvertAll(c => c.Id);
        var references = (await db.References.AsNoTracking().Where(r => ids.Contains(r.ToolId)).Select(r => new { r.ToolId, r.CredentialName }).Distinct().ToListAsync(ct)).ToLookup(r => r.ToolId, r => r.CredentialName);
        var named = references.SelectMany(r => r).Distinct().ToList();
        var living = named.Count == 0 ? [] : (await db.CredentialsFor(workspace.Id).AsNoTracking().Where(c => named.Contains(c.Name)).Select(c => c.Name).ToListAsync(ct)).ToHashSet();
        var members = (await (from l in db.ConsumerLinks join c in db.Consumers on l.ToId equals c.Id where ids.Contains(l.FromId) orderby c.Name select new { l.FromId, c.Kind, c.Name, Living = c.DeletedAt == null }).ToListAsync(ct)).ToLookup(m => m.FromId);
        var usedBy = await (from l in db.ConsumerLinks join c in db.Consumers on l.FromId equals c.Id where ids.Contains(l.ToId) && c.DeletedAt == null group l by l.ToId into g select new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        var calls = seesCalls && ids.Count > 0 ? await RecentCalls.CountAsync(callLog, workspace.Id, input.Kind, clock.GetUtcNow(), ct) : null;

        var rows = consumers.ConvertAll(c => new Row(c.Id, c.Name, c.Description, c.Config?.BaseUrl,
            [.. references[c.Id].Order(StringComparer.Ordinal)], references[c.Id].Count(n => !living.Contains(n)),
            [.. members[c.Id].Where(m => m.Living && m.Kind == ConsumerKind.Tool).Select(m => m.Name)], [.. members[c.Id].Where(m => m.Living && m.Kind == ConsumerKind.Agent).Select(m => m.Name)],
            members[c.Id].Any() && members[c.Id].All(m => !m.Living),
            usedBy.GetValueOrDefault(c.Id), calls?.Of(c.Id), c.CreatedAt, c.UpdatedAt, c.Revision));
        return Page<Row>.Of(rows, limit, r => r.Name);
    }
}
