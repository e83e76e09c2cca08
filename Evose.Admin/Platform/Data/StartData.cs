using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Data;

/// <summary>What happens to data and keys before the first request: directory, migration, first master key or unlock.</summary>
public static partial class StartData
{
    /// <summary><c>Evose:DataDirectory</c>, or <c>data</c> beside the app.</summary>
    public static DataDirectory AddDataDirectory(this WebApplicationBuilder builder) =>
        DataDirectory.Prepare(builder.Configuration["Evose:DataDirectory"] is { Length: > 0 } given ? given : Path.Combine(builder.Environment.ContentRootPath, "data"));

    /// <summary>
    /// Migrates, then makes the first master key, or unlocks the ones there are. With a lost or wrong root the vault stays sealed and the app still starts: it can say so,
    /// and take the recovery key. A new key is made only when there has never been one.
    /// </summary>
    public static async Task StartDataAsync(this WebApplication app)
    {
        var services = app.Services;
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        // The container tests the primitives before it hands the vault out; a failure ends the start.
        var vault = services.GetRequiredService<SecretVault>();
        await DataSetup.MigrateAsync(services, now, CancellationToken.None);
        await using var db = await services.GetRequiredService<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var generations = await db.KeyGenerations.AsNoTracking().ToListAsync();
        if (generations.Count > 0)
        {
            vault.Unlock(generations, KeyGeneration.SealingAt(generations, now));
        }
        else if (vault.CanInitialize)
        {
            db.KeyGenerations.Add(vault.Initialize(await db.Installations.Select(i => i.Id).SingleAsync(), now));
            await db.SaveChangesAsync();
        }
        KeyWatch.Attach(vault, services.GetRequiredService<IDbContextFactory<AdminDb>>());
        if (vault.IsSealed) LogSealed(app.Logger, vault.SealedReason);
    }

    [LoggerMessage(LogLevel.Critical, "The vault is sealed: {Reason} Calls are refused with 503 SEALED until the root key is restored or the recovery key is entered at /sealed.")]
    private static partial void LogSealed(ILogger logger, string? reason);
}
