using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Providers;

namespace Evose.Admin.Tests.Platform.Providers;

/// <summary>What holds for every record that comes with the app.</summary>
public sealed class CatalogueTests
{
    // What the product promises to know.
    private static readonly string[] Promised =
    [
        "openai", "anthropic", "gemini", "azure_openai", "deepseek", "moonshot", "dashscope", "zhipu", "sendgrid", "mailgun", "twilio", "stripe", "github", "gitlab", "slack", "notion", "linear",
        "google", "feishu", "lark", "dingtalk", "aws", "hubspot", "cloudflare", "openrouter", "groq", "huggingface", "generic",
    ];

    public static IEnumerable<TheoryDataRow<ProviderRecord>> Records => ProviderCatalog.BuiltIn.Select(r => new TheoryDataRow<ProviderRecord>(r) { TestDisplayName = r.Id });

    [Fact]
    public void Knows_the_services_it_promises_each_once()
    {
        Assert.Empty(Promised.Except(ProviderCatalog.BuiltIn.Select(r => r.Id)));
        Assert.True(ProviderCatalog.BuiltIn.Count >= 25);
        Assert.Equal(ProviderCatalog.BuiltIn.Count, ProviderCatalog.BuiltIn.Select(r => r.Id).Distinct().Count());
        Assert.Equal(ProviderCatalog.BuiltIn.Count, ProviderCatalog.BuiltIn.Select(r => r.Name.En).Distinct().Count());
        Assert.True(ProviderCatalog.BuiltIn.Count(r => r.HasProbe) >= 25);
    }

    [Theory, MemberData(nameof(Records))]
    public void A_record_can_be_kept_holds_no_secret_and_survives_being_written(ProviderRecord r)
    {
        Assert.Null(ProviderRules.Refuse(r)?.Message);
        Assert.Null(ProviderRules.FindSecret(ProviderJson.Write(r)));
        Assert.False(ProviderJson.Read(ProviderJson.WriteIndented(r)).Failed(out _, out var again));
        Assert.Equal(ProviderJson.Write(r), ProviderJson.Write(again!));
        // The name that a credential of it is given.
        Assert.True(CredentialName.IsValid(r.Id + "_prod"));
        Assert.Equal(DestinationPolicy.Normalize(r.Hosts).Value, r.Hosts);
    }

    [Theory, MemberData(nameof(Records))]
    public void Speaks_both_languages_and_says_how_a_new_key_is_made(ProviderRecord r)
    {
        Assert.True(r.Steps.En.Count >= 2 && r.Steps.En.Count == r.Steps.Zh.Count);
        Assert.All(r.Steps.Zh, s => Assert.Contains(s, c => c > '\u2e80'));
        Assert.All(r.Steps.En, s => Assert.DoesNotContain(s, c => c > '\u2e80'));
        Assert.All(r.Inputs, i => Assert.True(i.Label.En.Length > 0 && i.Label.Zh.Length > 0));
        if (!r.Notes.IsEmpty) Assert.Contains(r.Notes.Zh, c => c > '\u2e80');
        if (r.Id != ProviderCatalog.Generic) Assert.StartsWith("https://", r.ConsoleUrl);
        // A doubt about a part that is not there would be noise.
        if (r.Probe is null) Assert.DoesNotContain(ProviderFact.Probe, r.Unconfirmed);
        if (r.Notes.IsEmpty) Assert.DoesNotContain(ProviderFact.Notes, r.Unconfirmed);
    }

    [Theory, MemberData(nameof(Records))]
    public void Its_tool_and_its_check_are_requests_that_the_broker_can_make(ProviderRecord r)
    {
        if (r.BaseUrl.Length > 0)
        {
            var tool = CredentialCatalog.Compile(r.Tool("x_prod"));
            Assert.NotNull(tool);
            Assert.True(DestinationPolicy.Allows(r.Hosts, tool.Base));
            if (!r.NeedsAttaching && r.Inputs.Any(i => i.Place != FieldPlace.None)) Assert.Equal(["x_prod"], tool.Credentials);
        }
        if (!r.HasProbe) return;
        var probe = CredentialCatalog.Compile(r.ProbeRequest("x_prod")!);
        Assert.NotNull(probe);
        Assert.True(DestinationPolicy.Allows(r.Hosts, probe.Base));
        // The check sends every secret of the credential, or it would check something else.
        Assert.Equal(r.Inputs.Where(i => i.IsSecret).Select(i => i.Name).Order(), probe.Values.Select(v => v.Field).Where(f => r.Inputs.Single(i => i.Name == f).IsSecret).Order());
    }

    [Fact]
    public void Shapes_are_told_in_one_place()
    {
        // Each shape that the detector knows is a record's, but those that no service of the catalogue issues.
        string[] ours = ["webhook_secret", "evose_key"];
        foreach (var shape in SecretShape.All.Where(s => !ours.Contains(s.Rule) && s.Rule != "google_client_secret"))
        {
            var record = Assert.Single(ProviderCatalog.BuiltIn, r => r.Id == shape.Provider);
            Assert.Contains(record.Inputs, i => i.Shapes.Contains(shape.Rule));
        }
        // No record writes as a pattern what a shape says.
        foreach (var input in ProviderCatalog.BuiltIn.SelectMany(r => r.Inputs).Where(i => i.Pattern is not null))
            Assert.DoesNotContain(SecretShape.All, s => input.Pattern!.StartsWith(s.Prefix, StringComparison.Ordinal) && s.Rule != "sk_key");
        // The two readings of a shape agree.
        foreach (var shape in SecretShape.All)
        {
            var form = ProviderRules.Compile($"^(?:{shape.Pattern})$")!;
            foreach (var sample in new[] { shape.Prefix + new string('A', shape.Min), shape.Prefix + new string('7', shape.Max), shape.Prefix + new string('a', shape.Max + 1), shape.Prefix + "!" + new string('A', shape.Min), "x" + shape.Prefix + new string('A', shape.Min) })
                Assert.Equal(form.IsMatch(sample), shape.Matches(sample));
        }
    }

    [Fact]
    public void Facts_from_memory_are_marked()
    {
        // The sources of the catalogue name these as not confirmed.
        foreach (var (id, fact) in new[] { ("feishu", ProviderFact.Reading), ("dingtalk", ProviderFact.Shape), ("dingtalk", ProviderFact.Probe), ("stripe", ProviderFact.Placement), ("deepseek", ProviderFact.Shape), ("azure_openai", ProviderFact.Shape), ("zhipu", ProviderFact.Probe) })
            Assert.Contains(fact, ProviderCatalog.BuiltIn.Single(r => r.Id == id).Unconfirmed);
    }
}
