using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Providers;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Providers;

/// <summary>Removes a record of the organization's own. One that credentials name stays until somebody says that they may lose it; a built-in one of the same id comes back instead.</summary>
public sealed class DeleteProvider(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="EvenIfUsed">Also when credentials name it.</param>
    public sealed record Input(string Id, bool EvenIfUsed = false);

    /// <param name="UsedBy">How many credentials named it.</param>
    public sealed record Deleted(int UsedBy);

    public async Task<Outcome<Deleted>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var row = await db.OwnProviders.SingleOrDefaultAsync(p => p.Slug == input.Id, ct);
        var builtIn = ProviderCatalog.BuiltIn.Any(r => r.Id == input.Id);
        if (row is null) return builtIn ? Problem.Conflict("This record comes with the app. It cannot be deleted; save one of your own under its id instead.", "built_in") : Problem.NotFound("provider");

        var used = await db.Credentials.Where(c => c.ArchivedAt == null && c.Provider == row.Slug).OrderBy(c => c.Name).Select(c => c.Name).ToListAsync(ct);
        if (used.Count > 0 && !builtIn && !input.EvenIfUsed)
        {
            return new Problem(ProblemKind.Conflict, "CONFLICT",
                $"{used.Count} credential{(used.Count == 1 ? "" : "s")} of this provider would lose steps and check: {string.Join(", ", used.Take(5))}{(used.Count > 5 ? ", …" : "")}. Delete it anyway, or give them another provider first.",
                new Dictionary<string, object?> { ["state"] = "in_use", ["used_by"] = used.Count });
        }
        db.OwnProviders.Remove(row);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.ProviderDeleted, new AuditSubject(null, row.Slug, row.Id, null, row.Revision + 1),
            builtIn ? "the built-in record stands again" : used.Count > 0 ? $"used by {used.Count} credentials" : "not used");
        await write.CommitAsync(ct);
        return new Deleted(used.Count);
    }
}
