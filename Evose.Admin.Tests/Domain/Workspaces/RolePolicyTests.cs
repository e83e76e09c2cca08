using Evose.Admin.Domain.Workspaces;

namespace Evose.Admin.Tests.Domain.Workspaces;

public sealed class RolePolicyTests
{
    // One letter per Permission in its order: View, ViewCalls, ViewAudit, Consumers, Credentials, Members, API keys, Notifications, Organization, Findings.
    [Theory]
    [InlineData(OrganizationRole.Admin, null, "YYYYYYYYYYY")]
    [InlineData(OrganizationRole.Admin, WorkspaceRole.Admin, "YYYYYYYYYYY")]
    [InlineData(OrganizationRole.Admin, WorkspaceRole.Builder, "YYYYYYYYYYY")]
    [InlineData(OrganizationRole.Admin, WorkspaceRole.User, "YYYYYYYYYYY")]
    [InlineData(OrganizationRole.Admin, WorkspaceRole.Reviewer, "YYYYYYYYYYY")]
    [InlineData(OrganizationRole.Reviewer, null, "YYY--------")]
    [InlineData(OrganizationRole.Reviewer, WorkspaceRole.Admin, "YYYYYYYY-YY")]
    [InlineData(OrganizationRole.Reviewer, WorkspaceRole.Builder, "YYYY-------")]
    [InlineData(OrganizationRole.Reviewer, WorkspaceRole.User, "YYY--------")]
    [InlineData(OrganizationRole.Reviewer, WorkspaceRole.Reviewer, "YYY--------")]
    [InlineData(OrganizationRole.Member, null, "-----------")]
    [InlineData(OrganizationRole.Member, WorkspaceRole.Admin, "YYYYYYYY-YY")]
    [InlineData(OrganizationRole.Member, WorkspaceRole.Builder, "YY-Y-------")]
    [InlineData(OrganizationRole.Member, WorkspaceRole.User, "Y----------")]
    [InlineData(OrganizationRole.Member, WorkspaceRole.Reviewer, "YYY--------")]
    public void The_whole_matrix(OrganizationRole organization, WorkspaceRole? workspace, string allowed)
    {
        var permissions = Enum.GetValues<Permission>();
        Assert.Equal(permissions.Length, allowed.Length);
        Assert.Equal(allowed, string.Concat(permissions.Select(p => RolePolicy.Allows(organization, workspace, p) ? 'Y' : '-')));
    }

    [Fact]
    public void Reviewers_change_nothing_by_themselves()
    {
        foreach (var permission in Enum.GetValues<Permission>())
        {
            Assert.Equal(RolePolicy.IsReading(permission), RolePolicy.Allows(OrganizationRole.Reviewer, null, permission));
            Assert.Equal(RolePolicy.IsReading(permission), RolePolicy.Allows(OrganizationRole.Member, WorkspaceRole.Reviewer, permission));
        }
    }
}
