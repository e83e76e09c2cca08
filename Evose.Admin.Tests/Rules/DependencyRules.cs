using Evose.Admin.Domain;

namespace Evose.Admin.Tests.Rules;

/// <summary>Who may use whom. To add a folder, add a line; a line may only name lines above it.</summary>
public sealed class DependencyRules
{
    private const string Root = "Evose.Admin";

    private static readonly string[] Below = ["Domain*", "Platform*", "UI"];

    private static readonly DependencyMap Map = new(Root,
    [
        ("Domain", []),
        ("Domain.Workspaces", ["Domain"]),
        ("Domain.Consumers", ["Domain"]),
        ("Domain.Templates", ["Domain"]),
        ("Domain.Audit", ["Domain"]),
        ("Domain.Notifications", ["Domain"]),
        ("Domain.Credentials", ["Domain", "Domain.Consumers"]),
        ("Domain.Leaks", ["Domain", "Domain.Credentials"]),
        ("Domain.OAuth", ["Domain"]),
        ("Domain.Providers", ["Domain", "Domain.Consumers", "Domain.Templates", "Domain.Credentials"]),
        ("Domain.Access", ["Domain", "Domain.Consumers", "Domain.Credentials"]),
        ("Domain.Calls", ["Domain", "Domain.Access"]),
        ("Domain.Hygiene", ["Domain", "Domain.Consumers", "Domain.Credentials"]),
        ("Platform.Vault", ["Domain*"]),
        ("Platform.Data", ["Domain*", "Platform.Vault"]),
        ("Platform.Web", ["Domain*"]),
        ("Platform.Catalog", ["Domain*", "Platform.Data", "Platform.Vault"]),
        ("Platform.Ledger", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Catalog"]),
        ("Platform.Outbound", ["Domain*", "Platform.Vault"]),
        ("Platform.Brokering", ["Domain*", "Platform.Vault", "Platform.Catalog", "Platform.Outbound", "Platform.Ledger"]),
        ("Platform.Providers", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Outbound"]),
        ("Platform.Audit", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Ledger"]),
        ("Platform.Identity", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Audit", "Platform.Catalog", "Platform.Web"]),
        ("Platform.Notifications", ["Domain*", "Platform.Data", "Platform.Audit", "Platform.Web"]),
        ("Platform.Leaks", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Catalog", "Platform.Audit", "Platform.Notifications"]),
        ("Platform.OAuth", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Audit", "Platform.Outbound", "Platform.Notifications"]),
        ("Platform.Probing", ["Domain*", "Platform.Vault", "Platform.Catalog", "Platform.Outbound", "Platform.Ledger", "Platform.Brokering", "Platform.Providers", "Platform.Notifications"]),
        ("Platform.Api", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Identity", "Platform.Web"]),
        ("Platform.Intake", ["Domain*", "Platform.Data", "Platform.Vault", "Platform.Audit", "Platform.Identity", "Platform.Web"]),
        ("Platform.Jobs", ["Domain*", "Platform.Data", "Platform.Audit", "Platform.Notifications"]),
        ("UI", ["Domain*"]),
        ("Features.*", Below),
        ("Shell", [.. Below, "Features*"]),
    ]);

    private static readonly string[] PlaintextFolders =
        ["Platform.Vault", "Platform.Brokering", "Platform.Intake", "Platform.Api", "Platform.OAuth", "Platform.Providers", "Platform.Probing", "Features.OAuth", "Features.Credentials", "Features.Rotation", "Features.Broker", "Features.Sessions", "Features.Demo", "Features.Channels", "Features.Leaks"];

    /// <summary>System namespaces that reach the outside world, the clock or chance. Hashing is arithmetic.</summary>
    private static readonly string[] Impure =
        ["System.IO.", "System.Net.Http", "System.Net.Sockets", "System.Net.Dns", "System.Threading.", "System.Data.", "System.TimeProvider", "System.Random", "System.Console", "System.Environment", "System.Diagnostics.Process", "System.Diagnostics.Stopwatch", "System.Security.Cryptography.RandomNumberGenerator"];

    private static readonly Lazy<IReadOnlyList<Use>> Uses = new(() => CompiledUses.Of(typeof(Actor).Assembly, Root));

    [Fact]
    public void Folders_only_use_what_the_map_allows() => Report(Map.Violations(Uses.Value));

    [Fact]
    public void The_map_has_no_circle() => Report(Map.Upward());

    [Fact]
    public void The_domain_uses_only_system() => Report(ForeignToDomain(Map, Uses.Value));

    [Fact]
    public void The_domain_has_no_clock_no_chance_and_no_outside_world() => Report(
        from use in Uses.Value
        where IsDomain(Map, use.From) && Impure.Any(i => use.To.StartsWith(i, StringComparison.Ordinal)) && !use.To.StartsWith("System.IO.Hashing.", StringComparison.Ordinal)
        select use.ToString());

    [Fact]
    public void Plaintext_stays_where_values_are_handled() => Report(Straying(Map, Uses.Value, Root + ".Platform.Vault.Plaintext", PlaintextFolders));

    [Fact]
    public void Components_never_use_the_database() => Report(
        AskingTheDatabase(Uses.Value, CompiledUses.Deriving(typeof(Actor).Assembly, "Microsoft.AspNetCore.Components.ComponentBase")));

    [Fact]
    public void The_rules_see_the_code()
    {
        Assert.InRange(Uses.Value.Count, 300, int.MaxValue);
        Assert.Contains(new Use("Evose.Admin.Domain.Access.AccessPolicy", "Evose.Admin.Domain.Credentials.Scope"), Uses.Value);
        Assert.Equal(("", "Domain", "Domain.Access", "Features.Rotation", null), (Map.Folder("Evose.Admin.Program"), Map.Folder("Evose.Admin.Domain.Actor"),
            Map.Folder("Evose.Admin.Domain.Access.ApiKey"), Map.Folder("Evose.Admin.Features.Rotation.Deep.Thing+Inner"), Map.Folder("System.String")));
    }

    internal static IEnumerable<string> ForeignToDomain(DependencyMap map, IEnumerable<Use> uses) =>
        from use in uses
        where IsDomain(map, use.From) && !IsDomain(map, use.To)
        where !use.To.StartsWith("System.", StringComparison.Ordinal) && !use.To.StartsWith("Microsoft.CodeAnalysis.", StringComparison.Ordinal) // attributes the compiler writes
        where use.To.Contains('.', StringComparison.Ordinal) // a name without a namespace is a type parameter
        select use.ToString();

    internal static IEnumerable<string> Straying(DependencyMap map, IEnumerable<Use> uses, string type, string[] folders) =>
        from use in uses
        where (use.To == type || use.To.StartsWith(type + "+", StringComparison.Ordinal)) && map.Folder(use.From) is { Length: > 0 } folder && !folders.Contains(folder)
        select use.ToString();

    internal static IEnumerable<string> AskingTheDatabase(IEnumerable<Use> uses, IReadOnlySet<string> components) =>
        from use in uses
        where use.To.EndsWith("AdminDb", StringComparison.Ordinal) && components.Contains(use.From.Split('+', '/')[0])
        select use.ToString();

    private static bool IsDomain(DependencyMap map, string type) => map.Folder(type) is { } folder && (folder == "Domain" || folder.StartsWith("Domain.", StringComparison.Ordinal));

    private static void Report(IEnumerable<string> violations)
    {
        var found = string.Join('\n', violations.Order());
        Assert.True(found.Length == 0, found);
    }
}
