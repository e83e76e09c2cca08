using System.Security.Cryptography;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>What the acts on accounts share. Read inside the write transaction, the list of admins holds until the commit, so two acts at once cannot both take the last but one.</summary>
internal static class OrganizationAdmins
{
    public static Task<List<Guid>> EnabledAsync(AdminDb db, CancellationToken ct) =>
        db.Users.Where(u => u.OrganizationRole == OrganizationRole.Admin && u.DisabledAt == null).Select(u => u.Id).ToListAsync(ct);

    /// <summary>Somebody who read the account before cannot save over this change.</summary>
    public static void Touch(AdminUser user) => user.ConcurrencyStamp = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Sign-ins and open pages of before end.</summary>
    public static void EndSessions(AdminUser user)
    {
        Touch(user);
        user.SecurityStamp = Convert.ToHexString(RandomNumberGenerator.GetBytes(20));
    }
}
