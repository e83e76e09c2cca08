using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>What a scope can name: the living tools, agents and workflows of a workspace, with the host that each tool reaches.</summary>
public sealed class ConsumerChoicesQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    public const int Most = 1000;

    /// <param name="ToolHosts">Host by tool, as it would be allowed when no host is given.</param>
    public sealed record View(IReadOnlyList<string> Tools, IReadOnlyList<string> Agents, IReadOnlyList<string> Workflows, IReadOnlyDictionary<string, string> ToolHosts)
    {
        /// <summary>For the organization: slugs of the workspaces that it can grant a credential to.</summary>
        public IReadOnlyList<string> Workspaces { get; init; } = [];

        /// <summary>For the organization: those of the given workspaces alone.</summary>
        public View Within(IReadOnlySet<string> slugs)
        {
            return this with { Tools = Of(Tools), Agents = Of(Agents), Workflows = Of(Workflows) };

            List<string> Of(IReadOnlyList<string> names) => [.. names.Where(n => slugs.Contains(n.Split('/')[0]))];
        }
    }

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (workspace.IsOrganization) return await OfAllAsync(db, ct);
        var rows = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspace!.Id && c.DeletedAt == null).OrderBy(c => c.Kind).ThenBy(c => c.Name).Take(Most).Select(c => new { c.Kind, c.Name, c.Config }).ToListAsync(ct);
        var hosts = rows.Where(r => r.Config is not null).Select(r => (r.Name, Host: ScopeNames.HostOf(r.Config!.BaseUrl))).Where(r => r.Host is not null).ToDictionary(r => r.Name, r => r.Host!);
        return new View(Of(ConsumerKind.Tool), Of(ConsumerKind.Agent), Of(ConsumerKind.Workflow), hosts);

        List<string> Of(ConsumerKind kind) => [.. rows.Where(r => r.Kind == kind).Select(r => r.Name)];
    }

    // Everybody in every workspace, as workspace/name.
    private static async Task<View> OfAllAsync(AdminDb db, CancellationToken ct)
    {
        var rows = await (from c in db.Consumers.AsNoTracking() join w in db.Workspaces on c.WorkspaceId equals w.Id where c.DeletedAt == null orderby c.Kind, w.Slug, c.Name select new { c.Kind, Name = w.Slug + "/" + c.Name, c.Config }).Take(Most).ToListAsync(ct);
        var hosts = rows.Where(r => r.Config is not null).Select(r => (r.Name, Host: ScopeNames.HostOf(r.Config!.BaseUrl))).Where(r => r.Host is not null).ToDictionary(r => r.Name, r => r.Host!);
        var workspaces = await db.Workspaces.AsNoTracking().Where(w => w.Id != Workspace.OrganizationId).OrderBy(w => w.Slug).Select(w => w.Slug).ToListAsync(ct);
        return new View(Of(ConsumerKind.Tool), Of(ConsumerKind.Agent), Of(ConsumerKind.Workflow), hosts) { Workspaces = workspaces };

        List<string> Of(ConsumerKind kind) => [.. rows.Where(r => r.Kind == kind).Select(r => r.Name)];
    }
}
