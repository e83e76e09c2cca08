using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Features.Account;

/// <summary>Ends this browser's session.</summary>
public sealed class SignOut(SignInManager<AdminUser> signIn, AdminDb db, TimeProvider clock)
{
    public async Task ExecuteAsync(Actor actor, CancellationToken ct)
    {
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.SignedOut, new AuditSubject(null, actor.Name, actor.Id));
        await db.SaveChangesAsync(ct);
        await signIn.SignOutAsync();
    }
}
