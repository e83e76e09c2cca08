using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Features.Audit;

/// <summary><c>audit verify</c> on the command line: 0 when both chains are as the app wrote them, 1 with the reason on standard error when not.</summary>
public static class AuditVerb
{
    public static async Task<int> VerifyAsync(IServiceProvider services, TextWriter output, TextWriter error, CancellationToken ct)
    {
        if (services.GetRequiredService<SecretVault>() is { IsSealed: true } vault)
        {
            await error.WriteLineAsync($"The chain cannot be verified: the vault is sealed. {vault.SealedReason}");
            return 1;
        }
        var report = await services.GetRequiredService<ChainVerifier>().VerifyAsync(ct);
        if (report.FirstBreak is { } found)
        {
            await error.WriteLineAsync($"BROKEN at {found.Lane} {found.Seq}: {found.Reason} Proven before it: audit up to {report.AuditSeq}, calls up to {report.CallSeq}.");
            return 1;
        }
        await output.WriteLineAsync($"Verified: {report.Events} events, audit up to {report.AuditSeq}, calls up to {report.CallSeq + report.Retired}{(report.Retired > 0 ? $" (the first {report.Retired} dropped by policy)" : "")}, in {services.GetRequiredService<DataDirectory>().Path}");
        return 0;
    }
}
