namespace Evose.Admin.Tests.Rules;

/// <summary>The rules find what was planted for them, and only that.</summary>
public sealed class DependencyRulesTests
{
    private const string Root = "Evose.Admin.Tests.Rules.Planted";

    private static readonly DependencyMap Map = new(Root,
    [
        ("Domain", []),
        ("Platform.Vault", ["Domain"]),
        ("Platform.Data", ["Domain*", "Platform.Vault"]),
        ("Features.*", ["Domain*", "Platform*"]),
    ]);

    private static readonly IReadOnlyList<Use> Uses = CompiledUses.Of(typeof(Planted.Domain.Noun).Assembly, Root);

    [Fact]
    public void Every_planted_use_between_folders_is_found()
    {
        var found = Map.Violations(Uses).Select(v => v.Replace(Root + ".", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "Domain.Impure uses Features.Low.Secret",
                "Features.High.ByAsyncBody uses Features.Low.Neighbour",
                "Features.High.ByField uses Features.Low.Neighbour",
                "Features.High.ByGenericArgument uses Features.Low.Neighbour",
                "Features.High.ByIterator uses Features.Low.Neighbour",
                "Features.High.ByLambda uses Features.Low.Neighbour",
                "Features.High.ByNestedType+Inner uses Features.Low.Neighbour",
                "Unheard.Of.Lost uses Domain.Noun, and the map has no folder Unheard.Of",
            ],
            found);
    }

    [Fact]
    public void A_framework_type_in_the_domain_is_found() =>
        Assert.Equal(
            ["Domain.Impure uses Features.Low.Secret", "Domain.Impure uses Microsoft.Extensions.Logging.LogLevel"],
            DependencyRules.ForeignToDomain(Map, Uses).Select(v => v.Replace(Root + ".", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    [Fact]
    public void A_straying_type_is_found()
    {
        var type = Root + ".Platform.Vault.Plaintext";
        Assert.Equal([$"{Root}.Features.High.Allowed uses {type}"], DependencyRules.Straying(Map, Uses, type, ["Platform.Vault"]));
        Assert.Empty(DependencyRules.Straying(Map, Uses, type, ["Platform.Vault", "Features.High"]));
    }

    [Fact]
    public void A_component_that_asks_the_database_is_found()
    {
        var components = CompiledUses.Deriving(typeof(Planted.Domain.Noun).Assembly, "Microsoft.AspNetCore.Components.ComponentBase");
        Assert.Equal([$"{Root}.Features.High.AskingPage uses {Root}.Platform.Data.AdminDb"], DependencyRules.AskingTheDatabase(Uses, components));
    }

    [Fact]
    public void A_circle_cannot_be_written_down()
    {
        Assert.Empty(Map.Upward());
        Assert.Equal(["A names B, and B is not above it"], new DependencyMap("X", [("A", ["B"]), ("B", ["A"])]).Upward());
        Assert.Equal(["P.A names P*, and P.A, P.B is not above it"], new DependencyMap("X", [("P.A", ["P*"]), ("P.B", [])]).Upward());
        Assert.Equal(["F.* names F*, and F.* is not above it"], new DependencyMap("X", [("F.*", ["F*"])]).Upward());
        Assert.Equal(["A names Nowhere, which is no line"], new DependencyMap("X", [("A", ["Nowhere"])]).Upward());
    }
}
