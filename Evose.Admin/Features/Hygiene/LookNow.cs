using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Has a workspace looked at now, use included, instead of at night; the organization has all of them looked at.</summary>
public sealed class LookNow(EvaluateHygiene evaluate, IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Changed">How many findings came, went or changed.</param>
    public sealed record Looked(int Changed);

    public async Task<Outcome<Looked>> ExecuteAsync(Actor actor, string workspaceSlug, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.HandleFindings, ct)).Failed(out var refused, out var workspace)) return refused;
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.JobTriggered, new AuditSubject(workspace.Id, ScanHygieneJob.Name));
            await db.SaveChangesAsync(ct);
        }
        return new Looked(workspace.IsOrganization ? await evaluate.AllAsync(ct) : await evaluate.OneAsync(workspace.Id, ct));
    }
}
