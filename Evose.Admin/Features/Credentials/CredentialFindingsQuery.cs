using Evose.Admin.Domain;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>The hygiene findings of one credential in short, and its own score.</summary>
public sealed class CredentialFindingsQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public sealed record Row(string Rule, string Title, HygieneSeverity Severity, string Text, bool Accepted, DateTimeOffset? AcceptedUntil);

    /// <param name="LookedAt">Null: not yet.</param>
    public sealed record View(HygieneScore Score, IReadOnlyList<Row> Rows, DateTimeOffset? LookedAt);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, Guid credentialId, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = clock.GetUtcNow();
        var found = await db.HygieneFindings.AsNoTracking().Where(f => f.SubjectId == credentialId && f.WorkspaceId == workspace.Id && f.ResolvedAt == null).OrderByDescending(f => f.Severity).ThenBy(f => f.Rule).ToListAsync(ct);
        var looked = await db.HygieneLooks.AsNoTracking().Where(l => l.WorkspaceId == workspace.Id).Select(l => (DateTimeOffset?)l.At).SingleOrDefaultAsync(ct);
        return new View(HygieneScore.Of(1, HygieneCounts.Of(found.Where(f => f.StateAt(now) == HygieneState.Open).Select(f => f.Severity))),
            [.. found.Select(f => new Row(f.Rule, HygieneRules.Find(f.Rule)?.Title ?? f.Rule, f.Severity, f.Text, f.StateAt(now) == HygieneState.Accepted, f.AcceptedUntil))], looked);
    }
}
