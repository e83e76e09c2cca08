using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Features.Audit;

/// <summary>Verifies both chains for somebody who may read the audit somewhere; asking is audited. One at a time: it reads every row.</summary>
public sealed class VerifyChain(ChainVerifier verifier, Authorizer authorizer, AuditReading reading, SecretVault vault, UsageLedger usageLedger) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1, 1);

    public async Task<Outcome<ChainReport>> ExecuteAsync(Actor actor, CancellationToken ct)
    {
        if (await authorizer.WorkspacesAsync(actor, Permission.ViewAudit, ct) is { Count: 0 }
            && await authorizer.AuthorizeOrganizationAsync(actor, Permission.ViewAudit, ct) is { } refused) return refused;
        if (vault.IsSealed) return Problem.Sealed;
        await _one.WaitAsync(ct);
        ChainReport report;
        try
        {
            await usageLedger.CaughtUpAsync(ct);
            report = await verifier.VerifyAsync(ct);
        }
        finally
        {
            _one.Release();
        }
        await reading.NoteAsync(actor, null, report.FirstBreak is { } b ? $"verify: broken at {b.Lane} {b.Seq}" : $"verify: {report.Events} events", always: true, ct);
        return report;
    }

    public void Dispose() => _one.Dispose();
}
