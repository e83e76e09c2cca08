using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Account;

/// <summary>Issues a new recovery key to an organization admin who proves to be present, and notes that it is kept. The earlier key no longer opens anything.</summary>
public sealed class RecoveryKeys(UserManager<AdminUser> users, SignInManager<AdminUser> signIn, AdminDb db, SecretVault vault, Authorizer authorizer, TimeProvider clock)
{
    /// <summary>The key, to be shown once and disposed.</summary>
    public async Task<Outcome<RecoveryKey>> IssueAsync(Actor actor, string? password, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        if (await users.FindByIdAsync(actor.Id.ToString()) is not { } user) return Problem.NotFound("page");
        if (!(await signIn.CheckPasswordSignInAsync(user, password ?? "", lockoutOnFailure: true)).Succeeded) return Problem.Invalid("password", "This is not your password.");

        await using var write = await db.BeginWriteAsync(ct);
        var key = vault.IssueRecoveryKey(await db.KeyGenerations.ToListAsync(ct));
        try
        {
            AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.RecoveryKeyIssued, new AuditSubject(null, "recovery key"), "the earlier one no longer works");
            await write.CommitAsync(ct);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    public async Task<Outcome<Done>> ConfirmAsync(Actor actor, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        await using var write = await db.BeginWriteAsync(ct);
        var generations = await db.KeyGenerations.ToListAsync(ct);
        if (generations.Exists(g => g.WrappedByRecovery is null)) return Problem.Conflict("There is no recovery key yet. Issue one first.");
        foreach (var generation in generations) generation.RecoveryConfirmed = true;
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.RecoveryKeyConfirmed, new AuditSubject(null, "recovery key"), "kept in a safe place");
        await write.CommitAsync(ct);
        return Done.It;
    }
}

/// <summary>Whether a recovery key exists and is said to be kept, for organization admins; null for everybody else.</summary>
public sealed class RecoveryStatusQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    public sealed record Status(bool Issued, bool Confirmed);

    public async Task<Status?> RunAsync(Actor actor, CancellationToken ct)
    {
        if (!(await authorizer.RightsAsync(actor, null, ct)).Allows(Permission.ManageOrganization)) return null;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = await db.KeyGenerations.AsNoTracking().Select(g => new { Issued = g.WrappedByRecovery != null, g.RecoveryConfirmed }).ToListAsync(ct);
        return new Status(rows.TrueForAll(r => r.Issued), rows.TrueForAll(r => r.Issued && r.RecoveryConfirmed));
    }
}
