using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Providers;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>The check of a pending value: by the record of its provider when there is one, else with a GET through a tool.</summary>
public sealed class PendingProbe(Prober prober, ProviderCatalog providers, IDbContextFactory<AdminDb> dbs, EgressGuard egress)
{
    /// <param name="throughTool">Ask through a tool, whatever is known of the provider.</param>
    /// <param name="toolName">Which one; null is the first in scope that references the credential.</param>
    public async Task<Outcome<ProbeAnswer>> AskAsync(Actor actor, Credential credential, Guid versionId, bool throughTool, string? toolName, ProbePath path, CancellationToken ct)
    {
        var provider = throughTool ? null : await CheckerAsync(credential, ct);
        return await prober.AskAsync(actor, async (snapshot, token) =>
        {
            // Read after the snapshot: what changes later makes the stamp stale, and the record is refused.
            if (await PendingAsync(versionId, token) is not { } pending) return Problem.Conflict("The rotation moved on while the value was checked.");
            if (provider is null) return ToolCheck.Plan(snapshot, egress, credential.Id, pending, toolName, path);
            if (snapshot.CredentialsById.GetValueOrDefault(credential.Id) is not { } known) return Problem.NotFound("credential");
            if (known.Tampered) return Denial.PolicyTampered.ToProblem();
            return ProbePlan.At(provider, egress, known.WorkspaceId, known.Name, known.Destinations,
                [new ChosenVersion(known.WorkspaceId, known.Id, known.Name, pending.Number, pending.Value!, known)]);
        }, null, ct);
    }

    /// <summary>The record by which a credential's value can be checked: its kind fits, it has a check, and the value may travel there. Null means: through a tool.</summary>
    public async Task<ProviderRecord?> CheckerAsync(Credential credential, CancellationToken ct) =>
        await providers.FindAsync(credential.Provider, ct) is { HasProbe: true } provider && provider.Type == credential.Type
            && DestinationPolicy.Allows(credential.AllowedHosts, new Uri(provider.Probe!.Url)) ? provider : null;

    private async Task<CredentialVersion?> PendingAsync(Guid versionId, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.CredentialVersions.AsNoTracking().Include(v => v.Fields).SingleOrDefaultAsync(v => v.Id == versionId && v.State == VersionState.Pending, ct);
    }
}
