using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Features.Account;

/// <summary>Replaces the signed-in person's password. Every other session of theirs ends within a minute.</summary>
public sealed class ChangePassword(UserManager<AdminUser> users, SignInManager<AdminUser> signIn, AdminDb db, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string? current, string? wanted, CancellationToken ct)
    {
        if (await users.FindByIdAsync(actor.Id.ToString()) is not { } user) return Problem.NotFound("account");
        var check = await signIn.CheckPasswordSignInAsync(user, current ?? "", lockoutOnFailure: true);
        if (check.IsLockedOut) return Problem.RateLimited("Too many attempts. Try again in 15 minutes.");
        if (!check.Succeeded) return Problem.Invalid("current", "This is not your present password.");
        if (current == wanted) return Problem.Invalid("wanted", "This is the password you have already.");

        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.PasswordChanged, new AuditSubject(null, user.Email, user.Id));
        var changed = await users.ChangePasswordAsync(user, current ?? "", wanted ?? "");
        if (!changed.Succeeded)
        {
            db.ChangeTracker.Clear();
            return Problem.Invalid("wanted", string.Join(' ', changed.Errors.Select(e => e.Description)));
        }
        ct.ThrowIfCancellationRequested();
        await signIn.RefreshSignInAsync(user);
        return Done.It;
    }
}
