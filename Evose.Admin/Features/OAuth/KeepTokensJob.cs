using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.OAuth;

/// <summary>Refreshes tokens ahead of their end, whether or not anybody uses them. The rows are the truth: a lost, early, late or doubled run changes nothing that is not due.</summary>
public sealed class KeepTokensJob(IDbContextFactory<AdminDb> dbs, TokenKeeper keeper, SecretVault vault, TimeProvider clock) : IJob
{
    private const int AtOnce = 8;

    public static string Name => "oauth-keep-tokens";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        if (vault.IsSealed) return 0;
        var now = clock.GetUtcNow();
        var renewed = 0;
        await Parallel.ForEachAsync(await DueAsync(now, ct), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (due, token) =>
        {
            if (await keeper.RenewAsync(due.CredentialId, due.Version, refused: false, token) == Renewal.Renewed) Interlocked.Increment(ref renewed);
        });
        return renewed + await ForgetAsync(now, ct);
    }

    private async Task<List<(Guid CredentialId, int Version)>> DueAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = await (from g in db.TokenGrants.AsNoTracking()
                          where g.RefreshAt <= now && (g.NotBefore == null || g.NotBefore <= now) && (g.LeaseUntil == null || g.LeaseUntil <= now)
                          join c in db.Credentials.AsNoTracking() on g.CredentialId equals c.Id
                          where c.ArchivedAt == null && c.NeedsSignInAt == null && c.ActiveVersion != null
                          orderby g.RefreshAt
                          select new { c.Id, Version = c.ActiveVersion!.Value }).ToListAsync(ct);
        return rows.ConvertAll(r => (r.Id, r.Version));
    }

    // Kept for a day after their end, so that a late browser is told that it is late.
    private async Task<int> ForgetAsync(DateTimeOffset now, CancellationToken ct)
    {
        var end = now.AddDays(-1);
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (!await db.ConnectAttempts.AnyAsync(a => a.ExpiresAt < end, ct)) return 0;
        await using var write = await db.BeginWriteAsync(ct);
        var forgotten = await db.ConnectAttempts.Where(a => a.ExpiresAt < end).ExecuteDeleteAsync(ct);
        await write.CommitAsync(ct);
        return forgotten;
    }
}
