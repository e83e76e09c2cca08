using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Account;

/// <summary>Makes the first organization admin, the recovery key and, when named, the first workspace: all of it or nothing, and only while nobody exists.</summary>
public sealed class SetUpOrganization(UserManager<AdminUser> users, AdminDb db, SecretVault vault, SetupToken token, TimeProvider clock)
{
    public sealed record Input(string? Token, string? Email, string? Password, string? Workspace);

    /// <summary>The recovery key, to be shown once and disposed.</summary>
    public async Task<Outcome<RecoveryKey>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (vault.IsSealed) return Problem.Sealed;
        if (!token.Matches(input.Token)) return Problem.Forbidden("setup_token", "The token is not the one on the console. Copy the whole address that was printed at the last start.");
        if (FreeText.Refuse(input.Email, 256, required: true) is { } why) return Problem.Invalid("email", why);
        if (FreeText.Refuse(input.Workspace, 120) is { } whyName) return Problem.Invalid("workspace", whyName);

        if (await db.Users.AnyAsync(ct)) return Problem.NotFound("page");

        var now = clock.GetUtcNow();
        var email = input.Email!.Trim();
        var user = Bootstrap.NewAdmin(email, now);
        if (await PasswordRule.SetAsync(users, user, input.Password ?? "") is { } weak) return Problem.Invalid("password", weak);

        // UserManager writes with this very context, so its save is part of this transaction.
        await using var write = await db.BeginWriteAsync(ct);
        if (await db.Users.AnyAsync(ct)) return Problem.NotFound("page");
        if (await Bootstrap.CreateAsync(users, db, user) is { } refused) return Problem.Invalid("password", refused);

        var admin = new Actor(ActorKind.User, user.Id, email, actor.Ip, actor.RequestId);
        if (!string.IsNullOrWhiteSpace(input.Workspace))
        {
            var slug = Slug.From(input.Workspace);
            if (slug is "org") slug = "workspace";
            var workspace = new Workspace(Guid.CreateVersion7(now), slug, input.Workspace.Trim(), now);
            db.Workspaces.Add(workspace);
            AuditTrail.Append(db, now, admin, AuditAction.WorkspaceCreated, new AuditSubject(workspace.Id, workspace.Slug, workspace.Id));
        }
        var key = vault.IssueRecoveryKey(await db.KeyGenerations.ToListAsync(ct));
        try
        {
            AuditTrail.Append(db, now, admin, AuditAction.RecoveryKeyIssued, new AuditSubject(null, "recovery key"), "issued at set-up");
            await write.CommitAsync(ct);
        }
        catch
        {
            key.Dispose();
            throw;
        }
        token.SetUp();
        return key;
    }

    /// <summary>Notes that the key just shown is kept; only for whoever holds the token, and once.</summary>
    public async Task<Outcome<Done>> ConfirmAsync(string? given, CancellationToken ct)
    {
        if (!token.AwaitsConfirmation || !token.Matches(given)) return Problem.NotFound("page");
        foreach (var generation in await db.KeyGenerations.ToListAsync(ct)) generation.RecoveryConfirmed = true;
        await db.SaveChangesAsync(ct);
        token.Confirmed();
        return Done.It;
    }
}
