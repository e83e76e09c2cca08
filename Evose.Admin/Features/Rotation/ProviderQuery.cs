using Evose.Admin.Domain;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Providers;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>What is known of the service that a credential's new value comes from.</summary>
public sealed class ProviderQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, ProviderCatalog providers, PendingProbe probe)
{
    /// <param name="Record">Null when the service is not known.</param>
    /// <param name="Checks">True when a new value is checked by the record, without a tool.</param>
    public sealed record View(ProviderRecord? Record, bool Checks);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, string name, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var credential = await db.Credentials.AsNoTracking().SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null) return Problem.NotFound("credential");
        return new View(await providers.FindAsync(credential.Provider, ct), await probe.CheckerAsync(credential, ct) is not null);
    }
}
