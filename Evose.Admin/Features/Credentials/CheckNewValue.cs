using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Asks the provider, with one request, whether it accepts a value before it is registered. The staged value stays where it is.</summary>
public sealed class CheckNewValue(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, StagedValues staged, ProviderCatalog providers, Prober prober, EgressGuard egress, TimeProvider clock)
{
    /// <param name="Name">The name that the credential is to have.</param>
    /// <param name="AllowedHosts">Where the value may travel; null is the provider's hosts.</param>
    public sealed record Input(string? Name, string? Type, string? Provider, IReadOnlyDictionary<string, Guid> Staged, IReadOnlyList<string>? AllowedHosts = null);

    /// <param name="Advice">What the form of the value says.</param>
    public sealed record Checked(ProbeAnswer Answer, IReadOnlyList<string> Advice);

    public async Task<Outcome<Checked>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (!CredentialName.IsValid(input.Name)) return Problem.Invalid("name", CredentialName.Rule);
        if (CredentialWords.ParseType(input.Type).Failed(out var badType, out var type)) return badType;
        if (await providers.FindAsync(input.Provider, ct) is not { } provider) return Problem.Invalid("provider", "This provider is not known here, so there is nobody to ask.");
        if (DestinationPolicy.Normalize(input.AllowedHosts ?? provider.Hosts).Failed(out var badHost, out var hosts)) return badHost;

        using var values = await LookAsync(actor, input.Staged, ct);
        if (values.Missing is { } missing) return Problem.Invalid(missing, "The value is no longer there: it is kept for 15 minutes. Enter it again.");
        var outcome = await AskAsync(actor, workspace, input.Name!, type, provider, hosts, values.Values, ct);
        return outcome.Failed(out var problem, out var answer) ? problem : new Checked(answer, FormAdvice.Of(provider, values.Values, input.Name!));
    }

    /// <summary>The check itself, audited. To be called with somebody who may register here, outside a write transaction.</summary>
    internal async Task<Outcome<ProbeAnswer>> AskAsync(Actor actor, Workspace workspace, string name, CredentialType type, ProviderRecord provider, IReadOnlyList<string> hosts, IReadOnlyDictionary<string, Plaintext> values, CancellationToken ct)
    {
        if (provider.Type != type) return Problem.Invalid("type", $"A key of {provider.Name.En} is of the type {provider.Type.Wire()}.");
        var destinations = DestinationPolicy.Compile(hosts);
        var plan = ProbePlan.At(provider, egress, workspace.Id, name, destinations, []);
        if ((await prober.AskAsync(actor, (_, _) => Task.FromResult<Outcome<ProbePlan>>(plan), values, ct)).Failed(out var problem, out var answer)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.CredentialChecked, new AuditSubject(workspace.Id, name), $"Before registration, at {provider.Name.En}: {answer.Result.Word()}. {answer.Note}",
            answer.Result == VerifyResult.Alive ? AuditOutcome.Succeeded : AuditOutcome.Failed);
        await write.CommitAsync(ct);
        return answer;
    }

    /// <summary>Copies of staged values, which stay staged.</summary>
    internal async Task<TakenValues> LookAsync(Actor actor, IReadOnlyDictionary<string, Guid> ids, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await staged.LookAllAsync(db, actor, ids, ct);
    }
}
