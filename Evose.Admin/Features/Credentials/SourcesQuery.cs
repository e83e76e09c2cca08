using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Who used a credential in the last 30 days: by workspace, tool, agent, workflow, user and API key, from the daily rollups.</summary>
public sealed class SourcesQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, UsageLedger usageLedger, TimeProvider clock)
{
    /// <summary>How many combinations are told apart; the busiest count.</summary>
    public const int MaxSources = 500;

    public sealed record Source(string Name, long Calls, long Errors, DateTimeOffset LastAt);

    /// <param name="Truncated">True: there were more combinations than are told apart, so small ones are missing.</param>
    public sealed record View(IReadOnlyList<Source> Workspaces, IReadOnlyList<Source> Tools, IReadOnlyList<Source> Agents, IReadOnlyList<Source> Workflows, IReadOnlyList<Source> Users, IReadOnlyList<Source> ApiKeys, bool Truncated);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, string name, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await CredentialRows.IdAsync(db, workspace!.Id, name, ct) is not { } id) return Problem.NotFound("credential");
        var after = (UsageQuery.HourOf(clock.GetUtcNow()) / 24) - 30;
        var rows = await db.UsageSources.AsNoTracking().Where(u => u.CredentialId == id && u.Day > after).GroupBy(u => u.Source)
            .Select(g => new { Parts = g.Key, Calls = g.Sum(u => u.Calls), Errors = g.Sum(u => u.Errors), LastAt = g.Max(u => u.LastAt) })
            .OrderByDescending(g => g.Calls).Take(MaxSources + 1).ToListAsync(ct);
        var sources = rows.Take(MaxSources).Select(r => (Parts: r.Parts.Split('\u001f'), r.Calls, r.Errors, r.LastAt)).ToList();
        // A credential belongs to one workspace, and only that one's calls can use it.
        IReadOnlyList<Source> own = sources.Count == 0 ? [] : [new Source(workspace!.Slug, sources.Sum(s => s.Calls), sources.Sum(s => s.Errors), sources.Max(s => s.LastAt))];
        return new View(own, By(0), By(1), By(2), By(3), By(4), rows.Count > MaxSources);

        IReadOnlyList<Source> By(int part) =>
        [
            .. sources.Where(s => s.Parts.Length > part && s.Parts[part].Length > 0).GroupBy(s => s.Parts[part])
                .Select(g => new Source(g.Key, g.Sum(s => s.Calls), g.Sum(s => s.Errors), g.Max(s => s.LastAt))).OrderByDescending(s => s.Calls).ThenBy(s => s.Name, StringComparer.Ordinal),
        ];
    }
}
