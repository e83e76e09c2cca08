using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>Says by hand whose value a report is about of which nobody sent the value. The report moves to the credential's workspace and leads through what to do there.</summary>
public sealed class AssignLeak(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Workspace">Slug of the credential's; null is where the report is.</param>
    /// <param name="Version">Null is the one in use.</param>
    public sealed record Input(string? Workspace, string? Credential, int? Version = null);

    /// <param name="Workspace">Where the report is now.</param>
    public sealed record Assigned(Guid Id, string Workspace, string Credential, int Version, LeakState State);

    public async Task<Outcome<Assigned>> ExecuteAsync(Actor actor, string ws, Guid id, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        var slug = string.IsNullOrWhiteSpace(input.Workspace) ? ws : input.Workspace.Trim();
        if (!Slug.IsValid(slug)) return Problem.NotFound("workspace");
        if ((await authorizer.AuthorizeAsync(actor, slug, Permission.ManageCredentials, ct)).Failed(out refused, out var owner)) return refused;
        if (input.Credential is not { } name || !CredentialName.IsValid(name)) return Problem.Invalid("credential", "Name the credential whose value it is.");
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var report = await db.LeakReports.SingleOrDefaultAsync(r => r.Id == id && r.WorkspaceId == workspace.Id, ct);
        if (report is null) return Problem.NotFound("report");
        if (report.State == LeakState.Closed) return Problem.Conflict("This report is closed.", "closed");
        if (report.CredentialId is not null) return Problem.Conflict($"This report is about {report.Credential} already.", "assigned");
        var credential = await db.Credentials.Include(c => c.Versions).SingleOrDefaultAsync(c => c.WorkspaceId == owner.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null)
            return await db.CredentialsFor(owner.Id).AnyAsync(c => c.Name == name, ct) ? Problem.Invalid("workspace", "This credential belongs to the organization: its workspace is org.") : Problem.NotFound("credential");
        if ((input.Version ?? credential.ActiveVersion ?? credential.Versions.Select(v => (int?)v.Number).Max()) is not { } version || !credential.Versions.Exists(v => v.Number == version))
            return Problem.Invalid("version", $"There is no such version of {credential.Name}.");
        var now = clock.GetUtcNow();
        await LeakDesk.AssignAsync(db, actor, report, credential, version, now, ct);
        AuditTrail.Append(db, now, actor, AuditAction.LeakHandled, LeakDesk.Subject(credential, report), $"{LeakAct.Assigned.Sentence()}: version {version}{LeakDesk.In(report.Place)}.");
        await write.CommitAsync(ct);
        return new Assigned(report.Id, owner.Slug, credential.Name, version, report.State);
    }
}

/// <summary>What a report may be assigned to: workspaces, their credentials and the versions of one, as far as the actor manages them.</summary>
public sealed class LeakTargetsQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <summary>Names that are proposed; any other can be typed.</summary>
    public const int MaxProposed = 500;

    public sealed record Place(string Slug, string Name);

    public sealed record Version(int Number, VersionState State, DateTimeOffset CreatedAt);

    public async Task<IReadOnlyList<Place>> PlacesAsync(Actor actor, CancellationToken ct)
    {
        var ids = await authorizer.WorkspacesAsync(actor, Permission.ManageCredentials, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        return [.. (await db.Workspaces.AsNoTracking().Where(w => ids == null || ids.Contains(w.Id)).OrderBy(w => w.Name).Select(w => new { w.Slug, w.Name }).ToListAsync(ct)).Select(w => new Place(w.Slug, w.Name))];
    }

    public async Task<Outcome<IReadOnlyList<string>>> CredentialsAsync(Actor actor, string ws, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id && c.ArchivedAt == null).OrderBy(c => c.Name).Select(c => c.Name).Take(MaxProposed).ToListAsync(ct);
    }

    /// <summary>Newest first; none when there is no such credential.</summary>
    public async Task<Outcome<IReadOnlyList<Version>>> VersionsAsync(Actor actor, string ws, string name, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.CredentialVersions.AsNoTracking().Where(v => db.Credentials.Any(c => c.Id == v.CredentialId && c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null))
            .OrderByDescending(v => v.Number).Select(v => new Version(v.Number, v.State, v.CreatedAt)).ToListAsync(ct);
    }
}
