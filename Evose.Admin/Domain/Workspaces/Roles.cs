namespace Evose.Admin.Domain.Workspaces;

/// <summary>What a person is in one workspace.</summary>
public enum WorkspaceRole
{
    /// <summary>Everything in the workspace.</summary>
    Admin,

    /// <summary>Makes tools, agents and workflows; sees credentials and their use.</summary>
    Builder,

    /// <summary>Sees what is there.</summary>
    User,

    /// <summary>Security reviewer: reads metadata, use and audit; changes nothing.</summary>
    Reviewer,
}

/// <summary>What a person is in the whole organization.</summary>
public enum OrganizationRole
{
    /// <summary>Only what the workspaces say.</summary>
    Member,

    /// <summary>Everything everywhere.</summary>
    Admin,

    /// <summary>Security reviewer of every workspace.</summary>
    Reviewer,
}

/// <summary>A person's role in a workspace.</summary>
public sealed class Membership
{
    public Guid WorkspaceId { get; init; }

    public Guid UserId { get; init; }

    public WorkspaceRole Role { get; set; }
}
