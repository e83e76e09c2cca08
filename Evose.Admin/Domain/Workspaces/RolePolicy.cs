namespace Evose.Admin.Domain.Workspaces;

/// <summary>The things that roles and API-key scopes allow.</summary>
public enum Permission
{
    /// <summary>See that the workspace exists, its credentials' metadata and its consumers.</summary>
    View,

    /// <summary>See calls and usage.</summary>
    ViewCalls,

    /// <summary>Read the audit trail.</summary>
    ViewAudit,

    /// <summary>Create and change tools, agents and workflows.</summary>
    ManageConsumers,

    /// <summary>Register, change, rotate and archive credentials.</summary>
    ManageCredentials,

    /// <summary>Add, change and remove members.</summary>
    ManageMembers,

    /// <summary>Issue and revoke API keys.</summary>
    ManageApiKeys,

    /// <summary>Acknowledge notifications.</summary>
    HandleNotifications,

    /// <summary>Create workspaces; see and run jobs; recovery key.</summary>
    ManageOrganization,

    /// <summary>Set channels, ladder, escalation and forced updates.</summary>
    ManageNotifications,

    /// <summary>Accept a hygiene finding for a time, take that back, have a workspace looked at now.</summary>
    HandleFindings,
}

/// <summary>Pure: what a role allows. Default deny.</summary>
public static class RolePolicy
{
    /// <param name="workspace">The person's role in the workspace the thing belongs to; null when not a member or when the thing belongs to the organization.</param>
    public static bool Allows(OrganizationRole organization, WorkspaceRole? workspace, Permission permission) =>
        organization == OrganizationRole.Admin
        || (organization == OrganizationRole.Reviewer && IsReading(permission))
        || (workspace is { } role && Allows(role, permission));

    public static bool IsReading(Permission permission) => permission is Permission.View or Permission.ViewCalls or Permission.ViewAudit;

    private static bool Allows(WorkspaceRole role, Permission permission) => role switch
    {
        WorkspaceRole.Admin => permission is not Permission.ManageOrganization,
        WorkspaceRole.Builder => permission is Permission.View or Permission.ViewCalls or Permission.ManageConsumers,
        WorkspaceRole.User => permission is Permission.View,
        WorkspaceRole.Reviewer => IsReading(permission),
    };
}
