using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Features.Account;

/// <summary>Signs a person in with a password. Unknown, wrong and disabled look and cost the same; five failures lock the address for a while, whether it is known or not.</summary>
public sealed class SignIn(UserManager<AdminUser> users, SignInManager<AdminUser> signIn, IPasswordHasher<AdminUser> hasher, UnknownAccounts unknown, AdminDb db, TimeProvider clock)
{
    private static readonly AdminUser Nobody = new();
    private static string? _nobodysHash;

    public async Task<Outcome<AdminUser>> ExecuteAsync(Actor actor, string? email, string? password, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        email = (email ?? "").Trim();
        password = password is { Length: <= PasswordRule.MaxLength } ? password : "";
        var user = email.Length is > 0 and <= 256 ? await users.FindByEmailAsync(email) : null;

        if (user is null or { DisabledAt: not null })
        {
            SpendTime(password);
            return await RefuseAsync(actor, email, unknown.Fail(users.NormalizeEmail(email[..Math.Min(email.Length, 256)]) ?? ""), now, ct);
        }
        if (await users.IsLockedOutAsync(user))
        {
            SpendTime(password);
            return await RefuseAsync(actor, email, user.LockoutEnd, now, ct);
        }
        var result = await signIn.CheckPasswordSignInAsync(user, password, lockoutOnFailure: true);
        if (!result.Succeeded) return await RefuseAsync(actor, email, result.IsLockedOut ? user.LockoutEnd : null, now, ct);

        await signIn.SignInAsync(user, isPersistent: false);
        AuditTrail.Append(db, now, new Actor(ActorKind.User, user.Id, user.Email ?? "", actor.Ip, actor.RequestId), AuditAction.SignedIn, new AuditSubject(null, user.Email, user.Id));
        await db.SaveChangesAsync(ct);
        return user;
    }

    private async Task<Problem> RefuseAsync(Actor actor, string email, DateTimeOffset? lockedUntil, DateTimeOffset now, CancellationToken ct)
    {
        AuditTrail.Append(db, now, actor, AuditAction.SignInRefused, new AuditSubject(null, AsTyped(email)), lockedUntil is null ? null : "locked", AuditOutcome.Refused);
        await db.SaveChangesAsync(ct);
        return lockedUntil is { } until
            ? Problem.RateLimited($"Too many attempts. Try again in {Math.Max(1, (int)Math.Ceiling((until - clock.GetUtcNow()).TotalMinutes))} minutes.")
            : Problem.Unauthorized("E-mail and password do not match. Check both.");
    }

    // What was typed may be anything, a password too long for its field included: 64 printable characters are enough to recognise an address.
    private static string AsTyped(string email)
    {
        var printable = new string([.. email.Where(c => !char.IsControl(c)).Take(64)]);
        return printable.Contains('@', StringComparison.Ordinal) ? printable : "(not an e-mail address)";
    }

    // An unknown address must cost what a known one costs.
    private void SpendTime(string password) =>
        hasher.VerifyHashedPassword(Nobody, _nobodysHash ??= hasher.HashPassword(Nobody, "nobody has this password"), password);
}
