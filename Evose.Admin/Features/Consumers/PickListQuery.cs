using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>What the editors offer to choose from: placeholders, tools and agents of a workspace.</summary>
public sealed class PickListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <param name="Placeholders">The texts that mean each living credential, one per field.</param>
    public sealed record View(IReadOnlyList<string> Placeholders, IReadOnlyList<string> Tools, IReadOnlyList<string> Agents);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var credentials = await db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id && c.ArchivedAt == null).OrderBy(c => c.Name)
            .Select(c => new { c.Name, Fields = c.Versions.Where(v => v.State == VersionState.Active).SelectMany(v => v.Fields).Select(f => f.Name).ToList() }).ToListAsync(ct);
        var consumers = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id && c.DeletedAt == null).OrderBy(c => c.Name).Select(c => new { c.Kind, c.Name }).ToListAsync(ct);
        return new View(
            [.. credentials.SelectMany(c => c.Fields.DefaultIfEmpty(Credential.MainField).Order(StringComparer.Ordinal).Select(f => Placeholder.Write(c.Name, f == Credential.MainField ? null : f)))],
            [.. consumers.Where(c => c.Kind == ConsumerKind.Tool).Select(c => c.Name)],
            [.. consumers.Where(c => c.Kind == ConsumerKind.Agent).Select(c => c.Name)]);
    }
}
