namespace Evose.Admin.Domain.Access;

/// <summary>What somebody who issues a key may do themselves, in every place that the key is to reach.</summary>
/// <param name="OrganizationWide">May issue keys for the whole organization.</param>
/// <param name="Read">Sees the workspaces.</param>
/// <param name="Invoke">May have tools called.</param>
/// <param name="ReadAudit">Reads the audit trail.</param>
/// <param name="Change">Changes credentials, tools, agents and workflows.</param>
/// <param name="Own">The scopes of the key that issues; null when a person does.</param>
public sealed record IssuerRights(bool OrganizationWide, bool Read, bool Invoke, bool ReadAudit, bool Change, IReadOnlyList<string>? Own = null);

/// <summary>Pure: which scopes somebody may hand out. Nobody gives more than they have.</summary>
public static class IssuePolicy
{
    public static readonly TimeSpan DefaultLife = TimeSpan.FromDays(90);

    /// <summary>Beyond this a key as good as never ends, which only an organization admin may decide.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(366);

    /// <summary>Null when every scope may be handed out, otherwise the first that may not.</summary>
    public static string? FirstRefused(IEnumerable<string> scopes, IssuerRights issuer) => scopes.FirstOrDefault(scope => !May(scope, issuer));

    private static bool May(string scope, IssuerRights issuer) => scope switch
    {
        ApiKeyScopes.Read => issuer.Read,
        ApiKeyScopes.ToolInvoke => issuer.Invoke,
        ApiKeyScopes.AuditRead => issuer.ReadAudit,
        ApiKeyScopes.Admin => issuer.OrganizationWide || issuer.Change,
        ApiKeyScopes.All => issuer.OrganizationWide && (issuer.Own is null || issuer.Own.Contains(ApiKeyScopes.All)),
        _ => false,
    };
}
