using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Retires old versions whose grace is over. The rows are the truth: a lost, early, late or doubled run changes nothing that is not due.</summary>
public sealed class RetireOverdueJob(IDbContextFactory<AdminDb> dbs, RetireVersion retire, Erasure erasure, TimeProvider clock) : IJob
{
    public static string Name => "rotation-retire-overdue";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        await erasure.IfOwedAsync();
        var due = await DueAsync(ct);
        var ended = 0;
        foreach (var id in due)
            if (await retire.SweepAsync(Actor.Job(Name), id, ct)) ended++;
        return ended;
    }

    private async Task<List<Guid>> DueAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.Rotations.AsNoTracking()
            .Where(r => (r.State == RotationState.Grace && r.RetireAt <= now)
                || ((r.State == RotationState.Grace || r.State == RotationState.Pending) && db.Credentials.Any(c => c.Id == r.CredentialId && c.ArchivedAt != null)))
            .OrderBy(r => r.RetireAt).Select(r => r.Id).ToListAsync(ct);
    }
}
