using System.Data.Common;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Data;

/// <summary>
/// Keeps the vault's master keys abreast of the database: a command or another node may have made a newer one. Looked at every second, and at once by whoever meets
/// bytes that no known key fits. A new key seals only after its lead, when every node has it.
/// </summary>
internal sealed partial class KeyWatch(IDbContextFactory<AdminDb> dbs, SecretVault vault, TimeProvider clock, ILogger<KeyWatch> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Lets the vault look for itself when it meets what it does not know.</summary>
    public static void Attach(SecretVault vault, IDbContextFactory<AdminDb> dbs) => vault.LearnFrom(() =>
    {
        using var db = dbs.CreateDbContext();
        try
        {
            return db.KeyGenerations.AsNoTracking().ToList();
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or TimeoutException)
        {
            // Not learnt: what does not open stays closed.
            return [];
        }
    });

    /// <summary>Takes up generations that are new in the database; they only open for now.</summary>
    public static async Task TakeUpAsync(AdminDb db, SecretVault vault, CancellationToken ct)
    {
        if (vault.IsSealed || await db.KeyGenerations.MaxAsync(g => (int?)g.Generation, ct) is not { } newest || newest <= vault.NewestGeneration) return;
        vault.Renew(await db.KeyGenerations.AsNoTracking().ToListAsync(ct), 0);
    }

    /// <summary>The same, and lets the newest that is past its lead seal.</summary>
    public static async Task RenewAsync(AdminDb db, SecretVault vault, DateTimeOffset now, CancellationToken ct)
    {
        var generations = await db.KeyGenerations.AsNoTracking().ToListAsync(ct);
        if (generations.Count > 0) vault.Renew(generations, KeyGeneration.SealingAt(generations, now));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (vault.IsSealed) continue;
                try
                {
                    await using var db = await dbs.CreateDbContextAsync(stoppingToken);
                    var before = vault.CurrentGeneration;
                    await RenewAsync(db, vault, clock.GetUtcNow(), stoppingToken);
                    if (vault.CurrentGeneration != before) LogRenewed(vault.CurrentGeneration);
                }
                catch (Exception e) when (e is DbException or TimeoutException or IOException or InvalidOperationException or VaultSealedException)
                {
                    // The next second tries again.
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The app ends.
        }
    }

    [LoggerMessage(LogLevel.Information, "New values are sealed under master key {Generation} from now on")]
    private partial void LogRenewed(int generation);
}
