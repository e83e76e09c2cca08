using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Who used a credential in the last 30 days: by workspace, tool, agent, workflow, user and API key, from the daily rollups.</summary>
public sealed class SourcesQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, UsageLedger usageLedger, TimeProvider clock)
{
    /// <summary>How many names of a kind are listed; the busiest.</summary>
    public const int MaxSources = 100;

    public sealed record Source(string Name, long Calls, long Errors, DateTimeOffset LastAt);

    /// <param name="Truncated">True: a kind had more names than are listed.</param>
    public sealed record View(IReadOnlyList<Source> Workspaces, IReadOnlyList<Source> Tools, IReadOnlyList<Source> Agents, IReadOnlyList<Source> Workflows, IReadOnlyList<Source> Users, IReadOnlyList<Source> ApiKeys, bool Truncated);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, string name, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await CredentialRows.IdAsync(db, workspace!.Id, name, ct) is not { } id) return Problem.NotFound("credential");
        var today = UsageQuery.HourOf(clock.GetUtcNow()) / 24;
        // Each day is one look into the index.
        var days = Enumerable.Range(today - 29, 30).ToArray();
        var rows = await db.UsageSources.AsNoTracking().Where(u => EF.Parameter(days).Contains(u.Day) && u.CredentialId == id).GroupBy(u => new { u.Kind, u.Name })
            .Select(g => new { g.Key.Kind, g.Key.Name, Calls = g.Sum(u => u.Calls), Errors = g.Sum(u => u.Errors), LastAt = g.Max(u => u.LastAt) }).ToListAsync(ct);
        var tools = rows.Where(r => r.Kind == SourceKind.Tool).ToList();
        // A credential belongs to one workspace, and only that one's calls can use it. Every call names a tool.
        IReadOnlyList<Source> own = tools.Count == 0 ? [] : [new Source(workspace!.Slug, tools.Sum(s => s.Calls), tools.Sum(s => s.Errors), tools.Max(s => s.LastAt))];
        return new View(own, By(SourceKind.Tool), By(SourceKind.Agent), By(SourceKind.Workflow), By(SourceKind.User), By(SourceKind.ApiKey), rows.GroupBy(r => r.Kind).Any(g => g.Count() > MaxSources));

        IReadOnlyList<Source> By(SourceKind kind) =>
            [.. rows.Where(r => r.Kind == kind).OrderByDescending(r => r.Calls).ThenBy(r => r.Name, StringComparer.Ordinal).Take(MaxSources).Select(r => new Source(r.Name, r.Calls, r.Errors, r.LastAt))];
    }
}
