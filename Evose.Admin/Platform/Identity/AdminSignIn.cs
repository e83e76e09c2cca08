using System.Security.Claims;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Identity;

/// <summary>Identity's sign-in for people who are not disabled: a disabled person neither gets in nor stays in.</summary>
public sealed class AdminSignIn(
    UserManager<AdminUser> users, IHttpContextAccessor context, IUserClaimsPrincipalFactory<AdminUser> principals, IOptions<IdentityOptions> options,
    ILogger<SignInManager<AdminUser>> logger, IAuthenticationSchemeProvider schemes, IUserConfirmation<AdminUser> confirmation)
    : SignInManager<AdminUser>(users, context, principals, options, logger, schemes, confirmation)
{
    public override async Task<bool> CanSignInAsync(AdminUser user) => user.DisabledAt is null && await base.CanSignInAsync(user);

    public override async Task<AdminUser?> ValidateSecurityStampAsync(ClaimsPrincipal? principal) =>
        await base.ValidateSecurityStampAsync(principal) is { DisabledAt: null } user ? user : null;
}
