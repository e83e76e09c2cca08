using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>One tool, agent or workflow with all that hangs on it.</summary>
public sealed class ConsumerDetailQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, TimeProvider clock, UsageLedger usageLedger)
{
    /// <summary>One placeholder of a tool.</summary>
    /// <param name="Exists">False: no living credential has the name, and every call of the tool is refused.</param>
    public sealed record ReferenceRow(string Credential, string Place, bool Exists);

    /// <summary>A credential that a tool's templates name.</summary>
    /// <param name="Status">Null when there is no such living credential.</param>
    /// <param name="Covered">The scope names the tool, or leaves the choice to agents and workflows.</param>
    /// <param name="MayTravel">The allowed hosts cover the tool's base URL.</param>
    /// <param name="MayStand">False: the tool puts it into the address, and the credential does not allow that.</param>
    /// <param name="FromOrganization">The organization grants it to the workspace.</param>
    public sealed record UsedCredential(string Name, CredentialStatus? Status, bool Covered, bool MayTravel, bool MayStand = true, bool FromOrganization = false);

    public sealed record Other(ConsumerKind Kind, string Name);

    /// <param name="Scopes">Living credentials whose scope names it.</param>
    /// <param name="LostMembers">Everything it declared was deleted: until it declares something else, its calls are refused.</param>
    /// <param name="BoundKeys">Live API keys that are this agent.</param>
    /// <param name="Calls">Null when the actor may not see calls.</param>
    public sealed record View(Guid Id, ConsumerKind Kind, string Name, string? Description, ToolConfig? Config, IReadOnlyList<ReferenceRow> References, IReadOnlyList<UsedCredential> Credentials,
        IReadOnlyList<Other> Members, bool LostMembers, IReadOnlyList<Other> UsedBy, IReadOnlyList<string> Scopes, int BoundKeys, RecentCalls.Count? Calls,
        DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, int Revision)
    {
        public IReadOnlyList<string> MemberNames(ConsumerKind kind) => [.. Members.Where(m => m.Kind == kind).Select(m => m.Name)];
    }

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, ConsumerKind kind, string name, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        var seesCalls = (await authorizer.RightsAsync(actor, workspaceSlug, ct)).Allows(Permission.ViewCalls);
        var now = clock.GetUtcNow();

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var read = await db.BeginReadAsync(ct);
        var c = await db.Consumers.AsNoTracking().SingleOrDefaultAsync(x => x.WorkspaceId == workspace.Id && x.Kind == kind && x.Name == name && x.DeletedAt == null, ct);
        if (c is null) return Problem.NotFound(kind.Word());

        var references = await db.References.AsNoTracking().Where(r => r.ToolId == c.Id).OrderBy(r => r.Place).ThenBy(r => r.CredentialName).ToListAsync(ct);
        var names = references.Select(r => r.CredentialName).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var credentials = await db.CredentialsFor(workspace.Id).AsNoTracking().AsSplitQuery().Where(x => names.Contains(x.Name))
            .Include(x => x.ScopeMembers).Include(x => x.Versions).ToDictionaryAsync(x => x.Name, ct);
        var declared = await (from l in db.ConsumerLinks join x in db.Consumers on l.ToId equals x.Id where l.FromId == c.Id orderby x.Kind, x.Name select new { x.Kind, x.Name, x.DeletedAt }).ToListAsync(ct);
        var usedBy = await (from l in db.ConsumerLinks join x in db.Consumers on l.FromId equals x.Id where l.ToId == c.Id && x.DeletedAt == null orderby x.Kind, x.Name select new Other(x.Kind, x.Name)).ToListAsync(ct);
        var scopes = await (from m in db.ScopeMembers join x in db.Credentials on m.CredentialId equals x.Id where m.ConsumerId == c.Id && x.ArchivedAt == null orderby x.Name select x.Name).ToListAsync(ct);
        var keys = kind == ConsumerKind.Agent ? await db.ApiKeys.CountAsync(k => k.AgentId == c.Id && k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now), ct) : 0;
        RecentCalls.Count? calls = seesCalls ? (await RecentCalls.CountAsync(callLog, workspace.Id, kind, now, ct)).Of(c.Id) : null;

        Other[] members = [.. declared.Where(d => d.DeletedAt is null).Select(d => new Other(d.Kind, d.Name))];
        return new View(c.Id, c.Kind, c.Name, c.Description, c.Config,
            [.. references.Select(r => new ReferenceRow(r.CredentialName, r.Place, credentials.ContainsKey(r.CredentialName)))],
            [.. names.Select(n => Use(n, credentials.GetValueOrDefault(n), c, references.Exists(r => r.CredentialName == n && ToolDraft.IsInAddress(r.Place)), now))],
            members, members.Length == 0 && declared.Count > 0, usedBy, scopes, keys, calls, c.CreatedAt, c.UpdatedAt, c.Revision);
    }

    private static UsedCredential Use(string name, Credential? credential, Consumer tool, bool inAddress, DateTimeOffset now) => credential is null
        ? new UsedCredential(name, null, false, false)
        : new UsedCredential(name, CredentialStatusPolicy.Of(credential, now), ScopePolicy.Covers(credential.Scope, tool.Id),
            Uri.TryCreate(tool.Config?.BaseUrl, UriKind.Absolute, out var target) && DestinationPolicy.Allows(credential.AllowedHosts, target),
            credential.AllowInUrl || !(inAddress || (tool.Config?.Attached?.Contains(name) == true && credential.Injection.Fields.Any(f => f.Place == FieldPlace.Query))), credential.WorkspaceId != tool.WorkspaceId);
}
