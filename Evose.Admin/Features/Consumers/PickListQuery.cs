using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Providers;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>What the editors offer to choose from: placeholders, tools and agents of a workspace.</summary>
public sealed class PickListQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, ProviderCatalog providers)
{
    /// <param name="Placeholders">The texts that mean each living credential, one per field.</param>
    public sealed record View(IReadOnlyList<string> Placeholders, IReadOnlyList<string> Tools, IReadOnlyList<string> Agents)
    {
        /// <summary>The credentials that travel by rules of their own, so that a tool can attach them.</summary>
        public IReadOnlyList<string> Attachable { get; init; } = [];

        /// <summary>The living credentials with the provider that each names.</summary>
        public IReadOnlyList<CredentialChoice> Credentials { get; init; } = [];

        public IReadOnlyList<ProviderRecord> Providers { get; init; } = [];
    }

    /// <summary>A credential to choose from.</summary>
    public sealed record CredentialChoice(string Name, string? Provider);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var credentials = await db.CredentialsFor(workspace.Id).AsNoTracking().OrderBy(c => c.Name)
            .Select(c => new { c.Name, c.Provider, c.Type, c.Injection, Fields = c.Versions.Where(v => v.State == VersionState.Active).SelectMany(v => v.Fields).Select(f => f.Name).ToList() }).ToListAsync(ct);
        var consumers = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspace.Id && c.DeletedAt == null).OrderBy(c => c.Name).Select(c => new { c.Kind, c.Name }).ToListAsync(ct);
        return new View(
            [.. credentials.SelectMany(c => c.Fields.DefaultIfEmpty(Credential.MainField).Order(StringComparer.Ordinal).Select(f => Placeholder.Write(c.Name, f == Credential.MainField ? null : f)))],
            [.. consumers.Where(c => c.Kind == ConsumerKind.Tool).Select(c => c.Name)],
            [.. consumers.Where(c => c.Kind == ConsumerKind.Agent).Select(c => c.Name)])
        {
            Attachable = [.. credentials.Where(c => SaveTool.IsAttachable(c.Type, c.Injection)).Select(c => c.Name)],
            Credentials = credentials.ConvertAll(c => new CredentialChoice(c.Name, c.Provider)),
            Providers = [.. (await providers.ListAsync(ct)).Where(p => !p.Tampered && p.Record.BaseUrl.Length > 0).Select(p => p.Record)],
        };
    }
}
