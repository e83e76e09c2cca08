using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Platform.Data;

/// <summary>Which credentials exist for a workspace: its own, and those of the organization that are granted to it.</summary>
public static class Credentials
{
    /// <summary>The living ones; a name means at most one of them.</summary>
    public static IQueryable<Credential> CredentialsFor(this AdminDb db, Guid workspaceId) =>
        db.Credentials.Where(c => c.ArchivedAt == null && (c.WorkspaceId == workspaceId || db.CredentialGrants.Where(g => g.WorkspaceId == workspaceId).Select(g => g.CredentialId).Contains(c.Id)));
}
