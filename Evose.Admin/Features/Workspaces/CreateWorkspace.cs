using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Creates a workspace. Its slug stands in every address and never changes.</summary>
public sealed class CreateWorkspace(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public const int MaxNameLength = 120;

    /// <param name="Slug">Made from the name when not given.</param>
    public sealed record Input(string? Name, string? Slug);

    public async Task<Outcome<Workspace>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        if (FreeText.Refuse(input.Name, MaxNameLength, required: true) is { } why) return Problem.Invalid("name", why);
        var slug = input.Slug ?? Slug.From(input.Name!);
        if (!Slug.IsValid(slug) || slug is "org" or "_all") return Problem.Invalid("slug", Slug.Rule + " 'org' is taken by the organization itself.");

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await db.Workspaces.AnyAsync(w => w.Slug == slug, ct)) return Problem.Conflict($"There is already a workspace '{slug}'. Choose another slug.");

        var now = clock.GetUtcNow();
        var workspace = new Workspace(Guid.CreateVersion7(now), slug, input.Name!.Trim(), now);
        db.Workspaces.Add(workspace);
        AuditTrail.Append(db, now, actor, AuditAction.WorkspaceCreated, new AuditSubject(workspace.Id, workspace.Slug, workspace.Id));
        await write.CommitAsync(ct);
        return workspace;
    }
}
