using Evose.Admin.Domain.Workspaces;
using Microsoft.AspNetCore.Identity;

namespace Evose.Admin.Platform.Data;

/// <summary>A person who can sign in.</summary>
public sealed class AdminUser : IdentityUser<Guid>
{
    public OrganizationRole OrganizationRole { get; set; }

    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>Set: may not sign in and may do nothing, also on pages already open.</summary>
    public DateTimeOffset? DisabledAt { get; set; }
}
