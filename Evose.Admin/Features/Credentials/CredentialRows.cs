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

    private static readonly CompiledQuery<Func<AdminDb, Guid, string, CancellationToken, Task<Guid?>>> OwnLiving = new(() => EF.CompileAsyncQuery(
        (AdminDb db, Guid workspaceId, string name, CancellationToken ct) => db.Credentials.Where(c => c.WorkspaceId == workspaceId && c.Name == name && c.ArchivedAt == null).Select(c => (Guid?)c.Id).SingleOrDefault()));

    /// <summary>What a name means in a workspace.</summary>
    /// <param name="Own">False: the organization's, granted to the workspace.</param>
    internal readonly record struct Meant(Guid Id, bool Own);

    /// <summary>The living credential that the name means in the workspace, granted ones included, otherwise the one archived last; null when there never was one.</summary>
    public static async Task<Meant?> FindAsync(AdminDb db, Guid workspaceId, string name, CancellationToken ct)
    {
        if (!CredentialName.IsValid(name)) return null;
        if (await OwnLiving.On(db)(db, workspaceId, name, ct) is { } living) return new Meant(living, true);
        // From the grants, which are few.
        var granted = await db.CredentialGrants.Where(g => g.WorkspaceId == workspaceId).Join(db.Credentials.Where(c => c.Name == name && c.ArchivedAt == null), g => g.CredentialId, c => c.Id, (_, c) => (Guid?)c.Id).FirstOrDefaultAsync(ct);
        if (granted is { } id) return new Meant(id, false);
        var archived = await db.Credentials.Where(c => c.WorkspaceId == workspaceId && c.Name == name).OrderByDescending(c => c.ArchivedAt).Select(c => (Guid?)c.Id).FirstOrDefaultAsync(ct);
        return archived is { } last ? new Meant(last, true) : null;
    }

    /// <summary>Id of what <see cref="FindAsync"/> finds.</summary>
    public static async Task<Guid?> IdAsync(AdminDb db, Guid workspaceId, string name, CancellationToken ct) => (await FindAsync(db, workspaceId, name, ct))?.Id;
}
