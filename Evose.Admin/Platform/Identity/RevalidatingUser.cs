using System.Security.Claims;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Identity;

/// <summary>Ends an open circuit's sign-in within a minute of the person being disabled or of a changed password. Use cases do not wait for it.</summary>
public sealed class RevalidatingUser(ILoggerFactory loggers, IDbContextFactory<AdminDb> dbs, IOptions<IdentityOptions> options) : RevalidatingServerAuthenticationStateProvider(loggers)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromMinutes(1);

    protected override async Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken)
    {
        var principal = authenticationState.User;
        if (!Guid.TryParse(principal.FindFirstValue(ClaimTypes.NameIdentifier), out var id)) return false;
        var stamp = principal.FindFirstValue(options.Value.ClaimsIdentity.SecurityStampClaimType);
        await using var db = await dbs.CreateDbContextAsync(cancellationToken);
        return await db.Users.AnyAsync(u => u.Id == id && u.DisabledAt == null && u.SecurityStamp == stamp, cancellationToken);
    }
}
