using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;

namespace Evose.Admin.Tests.Domain.Hygiene;

/// <summary>Snapshots for tests of rules: a credential that no rule finds fault with, to be spoilt in one respect.</summary>
internal static class GivenHygiene
{
    public static readonly DateTimeOffset Now = new(2026, 6, 15, 12, 0, 0, TimeSpan.Zero);

    public static DateTimeOffset Ago(double days) => Now.AddDays(-days);

    public static HygieneCredential Credential(string name = "openai_prod", double created = 40, double? entered = null, CredentialType type = CredentialType.ApiKey, double? expires = 60, double? used = 1, bool renews = false) =>
        new(Id(name), name, type, Ago(created), 1, Ago(entered ?? created), renews, expires is { } days ? Now.AddDays(days) : null)
        {
            Owner = new HygieneOwner(true, "ann@example.test", false), Hosts = ["api.example.test"], Use = new HygieneUse(used is { } u ? Ago(u) : null, []), Fields = [Evose.Admin.Domain.Credentials.Credential.MainField],
        };

    public static HygieneScopeEntry Entry(ConsumerKind kind, string name, double since = 60) => new(Id(kind + name), kind, name, name, Ago(since));

    public static HygieneSnapshot In(string place, params HygieneCredential[] credentials) => new(new HygienePlace(Id(place), place), credentials, [], new Dictionary<string, IReadOnlyList<string>?>());

    public static HygieneTwin Twin(string name, string place, bool here = false, double created = 40) => new(Id(place + name), name, new HygienePlace(Id(place), place), here, Ago(created));

    /// <summary>What is found, as <c>rule subject</c>.</summary>
    public static List<string> Found(HygieneSnapshot snapshot, DateTimeOffset? now = null) => [.. HygieneRules.Evaluate(snapshot, now ?? Now).Select(o => $"{o.Rule.Id} {o.Subject.Name}").Order(StringComparer.Ordinal)];

    /// <summary>The same name has the same id.</summary>
    public static Guid Id(string name) => new(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)).AsSpan(0, 16));
}
