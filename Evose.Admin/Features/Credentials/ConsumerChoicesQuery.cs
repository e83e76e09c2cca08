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
    public sealed record View(IReadOnlyList<string> Tools, IReadOnlyList<string> Agents, IReadOnlyList<string> Workflows, IReadOnlyDictionary<string, string> ToolHosts);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspace!.Id && c.DeletedAt == null).OrderBy(c => c.Kind).ThenBy(c => c.Name).Take(Most).Select(c => new { c.Kind, c.Name, c.Config }).ToListAsync(ct);
        var hosts = rows.Where(r => r.Config is not null).Select(r => (r.Name, Host: ScopeNames.HostOf(r.Config!.BaseUrl))).Where(r => r.Host is not null).ToDictionary(r => r.Name, r => r.Host!);
        return new View(Of(ConsumerKind.Tool), Of(ConsumerKind.Agent), Of(ConsumerKind.Workflow), hosts);

        List<string> Of(ConsumerKind kind) => [.. rows.Where(r => r.Kind == kind).Select(r => r.Name)];
    }
}
