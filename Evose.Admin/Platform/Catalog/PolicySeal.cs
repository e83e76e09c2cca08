using System.Buffers;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Catalog;

/// <summary>
/// Seals what decides where a value may travel: a credential's scope and hosts, a tool's request, an agent's or workflow's members.
/// Without it, whoever can write to the database re-points a tool and our own broker delivers the value there.
/// </summary>
public static class PolicySeal
{
    public static byte[] Of(SecretVault vault, Credential credential) => vault.PolicyMac(Canonical(credential));

    public static byte[] Of(SecretVault vault, Consumer consumer, IEnumerable<Guid> links) => vault.PolicyMac(Canonical(consumer, links));

    /// <summary>True when the credential's seal is ours, under any master key.</summary>
    public static bool IsGenuine(SecretVault vault, Credential credential) => vault.IsPolicyGenuine(Canonical(credential), credential.PolicyMac);

    /// <summary>The same for a tool, agent or workflow.</summary>
    public static bool IsGenuine(SecretVault vault, Consumer consumer, IEnumerable<Guid> links) => vault.IsPolicyGenuine(Canonical(consumer, links), consumer.PolicyMac);

    private static byte[] Canonical(Credential c)
    {
        var p = new ChainPayload(new ArrayBufferWriter<byte>(256));
        p.Text("evose/policy/credential/1");
        p.Id(c.WorkspaceId);
        p.Id(c.Id);
        p.Number((long)c.PolicyVersion);
        p.Number((long)c.Type);
        p.Number((long)c.AllowedHosts.Count);
        foreach (var host in c.AllowedHosts) p.Text(host);
        foreach (var member in c.ScopeMembers.OrderBy(m => m.ConsumerId))
        {
            p.Number((long)member.Kind);
            p.Id(member.ConsumerId);
        }
        p.Number(c.AllowInUrl ? 1L : 0L);
        p.Text(JsonSerializer.Serialize(c.Injection, JsonSerializerOptions.Default));
        // Only when there are any, so that the seals of all others stay what they were.
        if (c.Grants.Count > 0) p.Number((long)c.Grants.Count);
        foreach (var grant in c.Grants.OrderBy(g => g.WorkspaceId)) p.Id(grant.WorkspaceId);
        // Likewise.
        if (c.FrozenAt is not null) p.Text("frozen");
        return p.Written.ToArray();
    }

    private static byte[] Canonical(Consumer c, IEnumerable<Guid> links)
    {
        var p = new ChainPayload(new ArrayBufferWriter<byte>(512));
        p.Text("evose/policy/consumer/1");
        p.Id(c.WorkspaceId);
        p.Id(c.Id);
        p.Number((long)c.Revision);
        p.Number((long)c.Kind);
        p.Text(c.Name);
        p.Text(c.Config is null ? null : JsonSerializer.Serialize(c.Config, JsonSerializerOptions.Default));
        foreach (var to in links.Order()) p.Id(to);
        return p.Written.ToArray();
    }
}
