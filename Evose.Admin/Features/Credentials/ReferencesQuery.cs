using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>What references a credential: tools with the place of the placeholder, and the agents and workflows that reach it through them.</summary>
public sealed class ReferencesQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <param name="Places">Where the tool's template names it, such as <c>headers.Authorization</c>; empty for agents and workflows.</param>
    /// <param name="Via">The tools and agents through which it is reached, as <c>tool crm</c>; empty for tools.</param>
    /// <param name="Granted">True when the credential's scope lets it through.</param>
    public sealed record Row(ConsumerKind Kind, string Name, IReadOnlyList<string> Places, IReadOnlyList<string> Via, bool Granted);

    public async Task<Outcome<IReadOnlyList<Row>>> RunAsync(Actor actor, string workspaceSlug, string name, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await CredentialRows.IdAsync(db, workspace!.Id, name, ct) is not { } id) return Problem.NotFound("credential");

        var scope = Scope.Of(await db.ScopeMembers.AsNoTracking().Where(m => m.CredentialId == id).ToListAsync(ct));
        // The organization sees every workspace that has it, each consumer with its workspace's slug.
        var slugs = workspace.IsOrganization ? await db.Workspaces.AsNoTracking().Where(w => db.CredentialGrants.Any(g => g.CredentialId == id && g.WorkspaceId == w.Id)).ToDictionaryAsync(w => w.Id, w => w.Slug + "/", ct)
            : new Dictionary<Guid, string> { [workspace.Id] = "" };
        var within = slugs.Keys.ToList();
        var places = (await db.References.AsNoTracking().Where(r => within.Contains(r.WorkspaceId) && r.CredentialName == name)
            .Join(db.Consumers.Where(c => c.DeletedAt == null && c.Kind == ConsumerKind.Tool), r => r.ToolId, c => c.Id, (r, c) => new { c.Id, c.WorkspaceId, c.Name, r.Place }).ToListAsync(ct))
            .GroupBy(r => (r.Id, Name: slugs[r.WorkspaceId] + r.Name)).OrderBy(g => g.Key.Name, StringComparer.Ordinal).ToList();
        var tools = places.ToDictionary(g => g.Key.Id, g => g.Key.Name);
        var users = (await UsersAsync(db, [.. tools.Keys], ct)).ConvertAll(u => u with { Name = slugs.GetValueOrDefault(u.WorkspaceId) + u.Name });
        var agents = users.Where(u => u.Kind == ConsumerKind.Agent).ToList();
        var throughAgents = (await UsersAsync(db, [.. agents.Select(a => a.Id).Distinct()], ct)).ConvertAll(u => u with { Name = slugs.GetValueOrDefault(u.WorkspaceId) + u.Name });
        var agentNames = agents.DistinctBy(a => a.Id).ToDictionary(a => a.Id, a => a.Name);

        var rows = places.ConvertAll(g => new Row(ConsumerKind.Tool, g.Key.Name, [.. g.Select(r => r.Place).Order(StringComparer.Ordinal)], [], CoversTool(scope, g.Key.Id)));
        rows.AddRange(agents.GroupBy(a => (a.Id, a.Name)).OrderBy(g => g.Key.Name, StringComparer.Ordinal)
            .Select(g => new Row(ConsumerKind.Agent, g.Key.Name, [], Names(g, "tool", tools), g.Any(l => CoversTool(scope, l.ToId)) && (CoversEveryActor(scope) || scope.Agents.Contains(g.Key.Id)))));
        var workflows = users.Where(u => u.Kind == ConsumerKind.Workflow).Select(u => (u.Id, u.Name, Via: "tool " + tools[u.ToId], Reaches: CoversTool(scope, u.ToId), Agent: (Guid?)null))
            .Concat(throughAgents.Where(u => u.Kind == ConsumerKind.Workflow).Select(u => (u.Id, u.Name, Via: "agent " + agentNames[u.ToId], Reaches: agents.Exists(a => a.Id == u.ToId && CoversTool(scope, a.ToId)), Agent: (Guid?)u.ToId)));
        rows.AddRange(workflows.GroupBy(w => (w.Id, w.Name)).OrderBy(g => g.Key.Name, StringComparer.Ordinal).Select(g => new Row(ConsumerKind.Workflow, g.Key.Name, [], [.. g.Select(w => w.Via).Distinct().Order(StringComparer.Ordinal)],
            g.Any(w => w.Reaches && (CoversEveryActor(scope) || scope.Workflows.Contains(w.Id) || (w.Agent is { } agent && scope.Agents.Contains(agent)))))));
        return rows;
    }

    private static bool CoversTool(Scope scope, Guid tool) => !scope.IsEmpty && (scope.Tools.Count == 0 || scope.Tools.Contains(tool));

    private static bool CoversEveryActor(Scope scope) => scope.Agents.Count == 0 && scope.Workflows.Count == 0;

    private static List<string> Names(IEnumerable<User> links, string kind, Dictionary<Guid, string> names) => [.. links.Select(l => $"{kind} {names[l.ToId]}").Order(StringComparer.Ordinal)];

    private sealed record User(Guid Id, Guid WorkspaceId, ConsumerKind Kind, string Name, Guid ToId);

    private static async Task<List<User>> UsersAsync(AdminDb db, List<Guid> used, CancellationToken ct) => used.Count == 0 ? [] :
        await db.ConsumerLinks.AsNoTracking().Where(l => used.Contains(l.ToId)).Join(db.Consumers.Where(c => c.DeletedAt == null), l => l.FromId, c => c.Id, (l, c) => new User(c.Id, c.WorkspaceId, c.Kind, c.Name, l.ToId)).ToListAsync(ct);
}
