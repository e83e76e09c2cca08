using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Which workspaces a credential of the organization is granted to, and that a name means one thing in each.</summary>
internal static class Granting
{
    public const int Max = 200;

    /// <summary>The workspaces by slug; only a credential of the organization has any.</summary>
    public static async Task<Outcome<IReadOnlyDictionary<string, Guid>>> ResolveAsync(AdminDb db, Workspace owner, IReadOnlyList<string?>? slugs, CancellationToken ct)
    {
        IReadOnlyDictionary<string, Guid> none = new Dictionary<string, Guid>();
        if (slugs is null) return Outcome<IReadOnlyDictionary<string, Guid>>.Of(none);
        if (!owner.IsOrganization) return slugs.Count == 0 ? Outcome<IReadOnlyDictionary<string, Guid>>.Of(none) : Problem.Invalid("grants", "Only a credential of the organization is granted to workspaces. Register it under 'org'.");
        if (slugs.Count > Max) return Problem.Invalid("grants", $"There are too many workspaces: at most {Max}.");
        var wanted = slugs.Select(s => s ?? "").Distinct(StringComparer.Ordinal).ToList();
        var valid = wanted.FindAll(Slug.IsValid);
        var found = await db.Workspaces.Where(w => w.Id != Workspace.OrganizationId && valid.Contains(w.Slug)).ToDictionaryAsync(w => w.Slug, w => w.Id, ct);
        // What is no slug is not quoted: it may be a value in the wrong place.
        var unknown = wanted.Where(s => !found.ContainsKey(s)).Select(s => Slug.IsValid(s) ? s : "(not a slug)").ToList();
        return unknown.Count == 0 ? found : new Problem(ProblemKind.Invalid, "INVALID_REQUEST", $"There is no workspace {string.Join(", ", unknown.Take(20))}. Create it first, or leave it out.",
            new Dictionary<string, object?> { ["field"] = "grants", ["unknown"] = unknown });
    }

    /// <summary>The workspaces that it is granted to, by slug.</summary>
    public static async Task<IReadOnlyDictionary<string, Guid>> OfAsync(AdminDb db, Credential credential, CancellationToken ct)
    {
        var ids = credential.Grants.Select(g => g.WorkspaceId).ToList();
        return ids.Count == 0 ? new Dictionary<string, Guid>() : await db.Workspaces.Where(w => ids.Contains(w.Id)).ToDictionaryAsync(w => w.Slug, w => w.Id, ct);
    }

    /// <summary>Why the name cannot be had in the owner's workspace and in all that are granted it; null when it can.</summary>
    public static async Task<Problem?> RefuseNameAsync(AdminDb db, Guid ownerId, string name, IReadOnlyList<Guid> grants, Guid? except, CancellationToken ct)
    {
        foreach (var workspaceId in grants.Prepend(ownerId))
        {
            if (await db.CredentialsFor(workspaceId).Where(c => c.Name == name && c.Id != except).Select(c => new { c.WorkspaceId }).FirstOrDefaultAsync(ct) is not { } other) continue;
            if (workspaceId != ownerId)
            {
                var slug = await db.Workspaces.Where(w => w.Id == workspaceId).Select(w => w.Slug).SingleAsync(ct);
                return Problem.Conflict($"The workspace '{slug}' has a credential {name} already. Choose another name, or do not grant it there.", "exists");
            }
            return Problem.Conflict(other.WorkspaceId == ownerId ? $"There is already a credential {name} in this workspace. Choose another name, or rotate that one."
                : $"The organization grants this workspace a credential {name} already. Choose another name, or use that one.", "exists");
        }
        return null;
    }
}
