using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Jobs;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Jobs;

/// <summary>Asks for a job to run now; it starts within a second, beside its schedule.</summary>
public sealed class TriggerJob(JobList jobs, IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string name, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        if (jobs.Entries.FirstOrDefault(j => j.Name == name) is not { } job) return Problem.NotFound("job");
        await using var db = await dbs.CreateDbContextAsync(ct);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.JobTriggered, new AuditSubject(null, job.Name));
        await db.SaveChangesAsync(ct);
        job.Trigger();
        return Done.It;
    }
}
