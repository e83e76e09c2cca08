using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Who used a credential in the last 30 days: by workspace, tool, agent, workflow, user and API key, from the daily rollups.</summary>
public sealed class SourcesQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, UsageLedger usageLedger, SourceSums sums, TimeProvider clock)
{
    /// <summary>How many names of a kind are listed; the busiest.</summary>
    public const int MaxSources = 100;

    public sealed record Source(string Name, long Calls, long Errors, DateTimeOffset LastAt);

    /// <param name="Truncated">True: a kind had more names than are listed.</param>
    public sealed record View(IReadOnlyList<Source> Workspaces, IReadOnlyList<Source> Tools, IReadOnlyList<Source> Agents, IReadOnlyList<Source> Workflows, IReadOnlyList<Source> Users, IReadOnlyList<Source> ApiKeys, bool Truncated);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, string name, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await CredentialRows.FindAsync(db, workspace.Id, name, ct) is not { } meant) return Problem.NotFound("credential");
        if (!meant.Own || workspace.IsOrganization) return await SharedAsync(db, callLog, meant.Id, workspace, clock.GetUtcNow(), ct);
        var today = UsageSums.HourOf(clock.GetUtcNow()) / 24;
        var rows = await sums.OfAsync(db, meant.Id, today - 29, today, ct);
        var tools = rows.Where(r => r.Kind == SourceKind.Tool).ToList();
        // A credential of a workspace is used by that one's calls alone. Every call names a tool.
        IReadOnlyList<Source> own = tools.Count == 0 ? [] : [new Source(workspace.Slug, tools.Sum(s => s.Calls), tools.Sum(s => s.Errors), tools.Max(s => s.LastAt))];
        return new View(own, By(SourceKind.Tool), By(SourceKind.Agent), By(SourceKind.Workflow), By(SourceKind.User), By(SourceKind.ApiKey), rows.GroupBy(r => r.Kind).Any(g => g.Count() > MaxSources));

        IReadOnlyList<Source> By(SourceKind kind) =>
            [.. rows.Where(r => r.Kind == kind).OrderByDescending(r => r.Calls).ThenBy(r => r.Name, StringComparer.Ordinal).Take(MaxSources).Select(r => new Source(r.Name, r.Calls, r.Errors, r.LastAt))];
    }

    // Several workspaces use it; each sees its own part, and the organization all.
    private static async Task<View> SharedAsync(AdminDb db, CallLog callLog, Guid id, Workspace asking, DateTimeOffset now, CancellationToken ct)
    {
        var use = await NewestUse.OfAsync(callLog, id, asking.IsOrganization ? null : asking.Id, now.AddDays(-30), ct);
        var ids = use.Rows.Select(r => r.WorkspaceId).OfType<Guid>().Distinct().ToList();
        var slugs = await db.Workspaces.AsNoTracking().Where(w => ids.Contains(w.Id)).ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        string Slug(NewestUse.Row r) => r.WorkspaceId is { } w ? slugs.GetValueOrDefault(w) ?? "" : "";
        string? Named(NewestUse.Row r, string? name) => name is null ? null : asking.IsOrganization ? $"{Slug(r)}/{name}" : name;
        return new View(By(Slug), By(r => Named(r, r.Tool)), By(r => Named(r, r.Agent)), By(r => Named(r, r.Workflow)), By(r => r.UserId), By(r => r.ApiKey), !use.IsComplete);

        IReadOnlyList<Source> By(Func<NewestUse.Row, string?> part) =>
        [
            .. use.Rows.Where(r => !string.IsNullOrEmpty(part(r))).GroupBy(r => part(r)!)
                .Select(g => new Source(g.Key, g.Count(), g.Count(r => r.IsError), g.Max(r => r.At))).OrderByDescending(s => s.Calls).ThenBy(s => s.Name, StringComparer.Ordinal),
        ];
    }
}
