using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Account;

/// <summary>Opens the vault with the recovery key and wraps every master key under the root that is there now. The key is the only proof asked for: nobody can sign in while sealed.</summary>
public sealed partial class UnsealVault(IDbContextFactory<AdminDb> dbs, SecretVault vault, Bootstrap bootstrap, TimeProvider clock, ILogger<UnsealVault> log)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string? recoveryKey, CancellationToken ct)
    {
        if (!vault.IsSealed) return Done.It;
        if (await OpenAsync(actor, recoveryKey, ct) is { } problem) return problem;
        // The start left out what needs an open vault.
        try
        {
            await bootstrap.RunAsync(ct);
        }
        catch (OptionsValidationException e)
        {
            BadSettings(log, e.Message);
        }
        return Done.It;
    }

    private async Task<Problem?> OpenAsync(Actor actor, string? recoveryKey, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        // Somebody else may have opened it while this one waited.
        if (!vault.IsSealed) return null;
        var generations = await db.KeyGenerations.ToListAsync(ct);
        if (generations.Count == 0) return Problem.Conflict("There is no master key to open yet. Put the root key's setting right and start again.");
        var why = vault.SealedReason;
        if (vault.TryUnseal(recoveryKey ?? "", generations) is null)
        {
            Refused(log, actor.Ip);
            return Problem.Invalid("recovery_key", "This recovery key does not open the vault. Check it letter by letter, and that it is the newest one issued here.");
        }
        try
        {
            // Open already, because the audit event is sealed too; but it only stays so when the next start finds the new wrapping.
            AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.VaultUnsealed, new AuditSubject(null, "vault"), "with the recovery key");
            await write.CommitAsync(ct);
            return null;
        }
        catch
        {
            vault.Reseal(why);
            throw;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A recovery key that was entered from {Ip} did not open the vault.")]
    private static partial void Refused(ILogger logger, string? ip);

    [LoggerMessage(LogLevel.Error, "The vault is open, but the settings of the first start were not carried out: {Reason}")]
    private static partial void BadSettings(ILogger logger, string reason);
}
