using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain;

public sealed class NamesTests
{
    [Theory]
    [InlineData("openai_prod", true)]
    [InlineData("a", true)]
    [InlineData("a-b_c9", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData("9a", false)]
    [InlineData("_a", false)]
    [InlineData("-a", false)]
    [InlineData("Openai", false)]
    [InlineData("a b", false)]
    [InlineData("a.b", false)]
    [InlineData("a\n", false)]
    [InlineData("é", false)]
    [InlineData("а", false)]
    public void Credential_names(string? name, bool valid) => Assert.Equal(valid, CredentialName.IsValid(name));

    [Fact]
    public void Credential_names_have_at_most_64_characters()
    {
        Assert.True(CredentialName.IsValid(new string('a', 64)));
        Assert.False(CredentialName.IsValid(new string('a', 65)));
    }

    [Theory]
    [InlineData("openai_prod", "prod")]
    [InlineData("openai_staging", "staging")]
    [InlineData("a_b_dev", "dev")]
    [InlineData("openai_test", "test")]
    [InlineData("openai", null)]
    [InlineData("openai-prod", null)]
    [InlineData("openai_production", null)]
    [InlineData("_prod", null)]
    [InlineData("openai_prod_", null)]
    public void The_environment_is_the_last_part(string name, string? environment)
    {
        Assert.Equal(environment, CredentialName.Environment(name));
        if (CredentialName.IsValid(name)) Assert.Equal(environment is null, CredentialName.Advise(name) is not null);
        else Assert.Equal(CredentialName.Rule, CredentialName.Advise(name));
    }

    [Fact]
    public void Advice_names_names_that_need_no_advice()
    {
        var advice = CredentialName.Advise("openai")!;
        foreach (var name in new[] { "openai_prod", "openai_staging", "openai_dev" })
        {
            Assert.Contains(name, advice);
            Assert.Null(CredentialName.Advise(name));
        }
    }

    [Theory]
    [InlineData("OpenAI", "openai_prod")]
    [InlineData("OpenAI Production", "openai_prod")]
    [InlineData(" openai-prod ", "openai_prod")]
    [InlineData("Stripe / Staging!", "stripe_staging")]
    [InlineData("crm development", "crm_dev")]
    [InlineData("crm__dev__", "crm_dev")]
    [InlineData("360 Mail", "mail_prod")]
    [InlineData("openai_prod", "openai_prod")]
    [InlineData("", null)]
    [InlineData("123", null)]
    [InlineData("飞书", null)]
    [InlineData("!!!", null)]
    public void Suggests_a_name(string typed, string? name) => Assert.Equal(name, CredentialName.Suggest(typed));

    [Fact]
    public void A_suggestion_is_valid_follows_the_convention_and_suggests_itself()
    {
        var random = new Random(3);
        const string letters = "abzABZ019_- ./é飞\t";
        for (var i = 0; i < 20_000; i++)
        {
            var typed = string.Concat(Enumerable.Range(0, random.Next(70)).Select(_ => letters[random.Next(letters.Length)]));
            if (CredentialName.Suggest(typed) is not { } name) continue;
            Assert.True(CredentialName.IsValid(name), typed);
            Assert.Null(CredentialName.Advise(name));
            Assert.Equal(name, CredentialName.Suggest(name));
        }
    }

    [Theory]
    [InlineData("main", true)]
    [InlineData("9lives", true)]
    [InlineData("a-b_c", true)]
    [InlineData("-a", false)]
    [InlineData("_a", false)]
    [InlineData("A", false)]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Slugs(string? text, bool valid) => Assert.Equal(valid, Slug.IsValid(text));

    [Theory]
    [InlineData("Finance Team", "finance-team")]
    [InlineData("  R&D -- (EU) ", "r-d-eu")]
    [InlineData("2024", "2024")]
    [InlineData("财务", "workspace")]
    [InlineData("", "workspace")]
    public void Makes_a_slug(string text, string slug) => Assert.Equal(slug, Slug.From(text));

    [Fact]
    public void A_made_slug_is_valid()
    {
        var random = new Random(4);
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(150)).Select(_ => (char)random.Next(random.Next(2) == 0 ? 0x80 : 0x3000)));
            Assert.True(Slug.IsValid(Slug.From(text)), text);
        }
        Assert.True(Slug.IsValid(Slug.From(new string('a', 63) + "--" + new string('b', 63))));
    }

    [Theory]
    [InlineData("fine", false, false, true)]
    [InlineData("", false, false, true)]
    [InlineData(null, false, false, true)]
    [InlineData("  ", true, false, false)]
    [InlineData(null, true, false, false)]
    [InlineData("two\nlines", false, false, false)]
    [InlineData("two\nlines", false, true, true)]
    [InlineData("two\r\nlines\tx", false, true, true)]
    [InlineData("nul\0", false, true, false)]
    [InlineData("esc\u001b[31m", false, true, false)]
    [InlineData("del\u007f", false, true, false)]
    [InlineData("c1\u0085", false, true, false)]
    [InlineData("12345678901", false, false, false)]
    [InlineData("1234567890", false, false, true)]
    [InlineData("密钥 é <b>", false, false, true)]
    [InlineData("\u202egpj.exe", false, true, false)]
    [InlineData("\u2067שם\u2069", false, false, true)]
    public void Free_text(string? text, bool required, bool multiline, bool kept) =>
        Assert.Equal(kept, FreeText.Refuse(text, 10 + (text?.Contains('\r') == true ? 10 : 0), required, multiline) is null);
}
