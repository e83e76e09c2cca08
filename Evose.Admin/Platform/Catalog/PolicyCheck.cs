using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Catalog;

/// <summary>
/// Tells whether a policy is as the app wrote it. To be asked before every change that keeps a part of it: sealing that part anew would otherwise launder what somebody wrote there.
/// </summary>
internal static class PolicyCheck
{
    /// <summary>True when scope and hosts match their seal and the seal is the newest that was audited.</summary>
    public static async Task<bool> IsIntactAsync(AdminDb db, SecretVault vault, Credential credential, CancellationToken ct) =>
        PolicySeal.IsGenuine(vault, credential)
        && await NewestAuditedAsync(db, credential.Id, ct) == credential.PolicyVersion;

    /// <summary>The same for a tool, agent or workflow.</summary>
    public static async Task<bool> IsIntactAsync(AdminDb db, SecretVault vault, Consumer consumer, IEnumerable<Guid> links, CancellationToken ct) =>
        PolicySeal.IsGenuine(vault, consumer, links)
        && await NewestAuditedAsync(db, consumer.Id, ct) == consumer.Revision;

    /// <summary>The newest policy number that the audit trail holds for the thing; 0 when there is none. The next one must be above it: a row put back to an older number would otherwise take a number again, and the row that had it before would fit.</summary>
    public static async Task<int> NewestAuditedAsync(AdminDb db, Guid subject, CancellationToken ct) => await Newest.On(db)(db, subject, ct) ?? 0;

    private static readonly CompiledQuery<Func<AdminDb, Guid, CancellationToken, Task<int?>>> Newest = new(() => EF.CompileAsyncQuery(
        (AdminDb db, Guid subject, CancellationToken ct) => db.AuditEvents.Where(e => e.SubjectId == subject && e.PolicyVersion != null).Max(e => e.PolicyVersion)));

    /// <summary>The number of the consumer's next revision.</summary>
    public static async Task<int> NextRevisionAsync(AdminDb db, Consumer consumer, CancellationToken ct) =>
        Math.Max(consumer.Revision, await NewestAuditedAsync(db, consumer.Id, ct)) + 1;
}
