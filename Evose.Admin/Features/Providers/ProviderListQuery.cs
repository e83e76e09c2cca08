using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Providers;

/// <summary>The providers that are known here, for everybody who sees a workspace: a record holds no secret.</summary>
public sealed class ProviderListQuery(ProviderCatalog providers, IDbContextFactory<AdminDb> dbs, Authorizer authorizer)
{
    /// <param name="Used">How many credentials name each provider, by id.</param>
    /// <param name="CanManage">True for organization admins.</param>
    public sealed record View(IReadOnlyList<ProviderEntry> Providers, IReadOnlyDictionary<string, int> Used, bool CanManage);

    public async Task<Outcome<View>> RunAsync(Actor actor, CancellationToken ct)
    {
        if (await authorizer.WorkspacesAsync(actor, Permission.View, ct) is { Count: 0 }) return Problem.Forbidden("role", "Your role does not allow this. Ask an organization admin.");
        var entries = await providers.ListAsync(ct);
        var canManage = (await authorizer.RightsAsync(actor, null, ct)).Allows(Permission.ManageOrganization);
        await using var db = await dbs.CreateDbContextAsync(ct);
        // How much is used in other people's workspaces is for those who run the organization.
        var used = !canManage ? [] : await db.Credentials.AsNoTracking().Where(c => c.ArchivedAt == null && c.Provider != null).GroupBy(c => c.Provider!).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, ct);
        return new View(entries, used, canManage);
    }

    /// <param name="search">A part of an id, a name in either language, or a host.</param>
    public async Task<Outcome<Page<ProviderEntry>>> PageAsync(Actor actor, string? search, int? limit, string? cursor, CancellationToken ct)
    {
        if (Cursors.Limit(limit).Failed(out var badLimit, out var most)) return badLimit;
        if (Cursors.Decode(cursor).Failed(out var badCursor, out var after)) return badCursor;
        if ((await RunAsync(actor, ct)).Failed(out var problem, out var view)) return problem;
        var found = view.Providers.Where(p => Fits(p, search?.Trim() ?? ""));
        if (after is not null) found = found.SkipWhile(p => p.Record.Id != after).Skip(1);
        return Page<ProviderEntry>.Of([.. found.Take(most + 1)], most, p => p.Record.Id);
    }

    internal static bool Fits(ProviderEntry entry, string text) =>
        text.Length == 0 || Has(entry.Record.Id, text) || Has(entry.Record.Name.En, text) || Has(entry.Record.Name.Zh, text) || entry.Record.Hosts.Any(h => Has(h, text));

    private static bool Has(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);

    public async Task<Outcome<ProviderEntry>> OneAsync(Actor actor, string id, CancellationToken ct)
    {
        if ((await RunAsync(actor, ct)).Failed(out var problem, out var view)) return problem;
        return view.Providers.FirstOrDefault(p => p.Record.Id == id) is { } entry ? entry : Problem.NotFound("provider");
    }
}
