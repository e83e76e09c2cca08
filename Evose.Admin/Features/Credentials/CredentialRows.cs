using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>How the rows of this feature are found.</summary>
internal static class CredentialRows
{
    public const string OfOrganization = "This credential belongs to the organization, which grants it to this workspace. Only an organization admin can change it, under 'org'.";

    public const string Stale = "Somebody else changed this since you opened it. Reload the page to see what, then change it again.";

    /// <summary>The living credential of the name, to be changed: with scope and versions. 404, or 409 when only an archived one is left.</summary>
    public static async Task<Outcome<Credential>> LivingAsync(AdminDb db, Guid workspaceId, string name, int? revision, CancellationToken ct)
    {
        var credential = await db.Credentials.AsSplitQuery().Include(c => c.ScopeMembers).Include(c => c.Versions)
            .SingleOrDefaultAsync(c => c.WorkspaceId == workspaceId && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null)
        {
            if (await db.CredentialsFor(workspaceId).AnyAsync(c => c.Name == name, ct)) return Problem.Forbidden("organization_credential", OfOrganization);
            return await db.Credentials.AnyAsync(c => c.WorkspaceId == workspaceId && c.Name == name, ct)
                ? Problem.Conflict("This credential is archived. Register a new one.", "archived") : Problem.NotFound("credential");
        }
        return revision is { } shown && shown != credential.Revision ? Problem.Conflict(Stale, "changed") : credential;
    }

    /// <summary>Id of the living credential that the name means in the workspace, granted ones included, otherwise of the one archived last; null when there never was one.</summary>
    public static async Task<Guid?> IdAsync(AdminDb db, Guid workspaceId, string name, CancellationToken ct)
    {
        if (!CredentialName.IsValid(name)) return null;
        var living = await db.Credentials.Where(c => c.WorkspaceId == workspaceId && c.Name == name && c.ArchivedAt == null).Select(c => (Guid?)c.Id).SingleOrDefaultAsync(ct);
        // From the grants, which are few.
        living ??= await db.CredentialGrants.Where(g => g.WorkspaceId == workspaceId).Join(db.Credentials.Where(c => c.Name == name && c.ArchivedAt == null), g => g.CredentialId, c => c.Id, (_, c) => (Guid?)c.Id).FirstOrDefaultAsync(ct);
        return living ?? await db.Credentials.Where(c => c.WorkspaceId == workspaceId && c.Name == name).OrderByDescending(c => c.ArchivedAt).Select(c => (Guid?)c.Id).FirstOrDefaultAsync(ct);
    }
}
