using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Tests.Domain.Templates;

public sealed class SecretTemplateTests
{
    [Theory]
    [InlineData("", 0, "")]
    [InlineData("plain", 0, "plain")]
    [InlineData("Bearer {{credential:openai_prod}}", 1, "Bearer <openai_prod>")]
    [InlineData("{{credential:a}}{{credential:b}}", 2, "<a><b>")]
    [InlineData("{{credential:crm.user}}:{{credential:crm.pass_word2}}", 2, "<crm.user>:<crm.pass_word2>")]
    [InlineData("{\"a\":{\"k\":\"{{credential:a-b_c}}\"}}", 1, "{\"a\":{\"k\":\"<a-b_c>\"}}")]
    [InlineData("{\"n\":{{credential:n}}}", 1, "{\"n\":<n>}")]
    [InlineData("{{input}} {{#if x}} {{{raw}}} }} {{", 0, "{{input}} {{#if x}} {{{raw}}} }} {{")]
    [InlineData("{{ user.credential }} {credential:x}", 0, "{{ user.credential }} {credential:x}")]
    [InlineData("100% of {{x}} \\ %7B%7Bx%7D%7D", 0, "100% of {{x}} \\ %7B%7Bx%7D%7D")]
    [InlineData("{{cred{{credential:a}}", 1, "{{cred<a>")]
    [InlineData("credential:a {{creden", 0, "credential:a {{creden")]
    public void Reads_placeholders_and_leaves_other_text(string text, int placeholders, string rendered)
    {
        Assert.True(SecretTemplate.TryParse(text, out var template, out var error), error?.Sentence);
        Assert.Equal(placeholders, template.Placeholders.Count);
        Assert.Equal(placeholders > 0, template.HasPlaceholders);
        Assert.Equal(rendered, Render(template, p => "<" + p.Name + (p.Field is null ? "" : "." + p.Field) + ">"));
        Assert.Equal(text, string.Concat(template.Parts.Select(p => p.Placeholder?.Text ?? p.Literal)));
        Assert.Equal(text, template.Rewrite(_ => null));
        Assert.All(template.Placeholders, p => Assert.Equal(p.Text, text.Substring(p.Position, p.Text.Length)));
    }

    [Theory]
    [InlineData("{{credential:}}", TemplateFault.NameMissing, 13)]
    [InlineData("{{credential:.value}}", TemplateFault.NameMissing, 13)]
    [InlineData("{{credential:a", TemplateFault.NotClosed, 0)]
    [InlineData("xx{{credential:", TemplateFault.NotClosed, 2)]
    [InlineData("{{credential:a}", TemplateFault.NotClosed, 0)]
    [InlineData("{{credential:a} }", TemplateFault.NotClosed, 0)]
    [InlineData("{{credential:a.", TemplateFault.NotClosed, 0)]
    [InlineData("{{credential:Openai}}", TemplateFault.NameMalformed, 13)]
    [InlineData("{{credential:openAI}}", TemplateFault.NameMalformed, 17)]
    [InlineData("{{credential:1a}}", TemplateFault.NameMalformed, 13)]
    [InlineData("{{credential: a}}", TemplateFault.NameMalformed, 13)]
    [InlineData("{{credential:a b}}", TemplateFault.NameMalformed, 14)]
    [InlineData("{{credential:{{credential:a}}}}", TemplateFault.NameMalformed, 13)]
    [InlineData("{{credential:a{{credential:b}}}}", TemplateFault.NameMalformed, 14)]
    [InlineData("{{credential:a.B}}", TemplateFault.FieldMalformed, 15)]
    [InlineData("{{credential:a.}}", TemplateFault.FieldMalformed, 15)]
    [InlineData("{{credential:a.b.c}}", TemplateFault.FieldMalformed, 16)]
    [InlineData("{{credential:a.b-c}}", TemplateFault.FieldMalformed, 16)]
    [InlineData("{{{credential:a}}}", TemplateFault.NotExact, 0)]
    [InlineData("{{{{credential:a}}}}", TemplateFault.NotExact, 0)]
    [InlineData("{{ {{credential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{ credential:a }}", TemplateFault.NotExact, 0)]
    [InlineData("{ {credential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{\tcredential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{CREDENTIAL:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{Credential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{credential :a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{credential.a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{credentials:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{credential}}", TemplateFault.NotExact, 0)]
    [InlineData("{{credential\uFF1Aa}}", TemplateFault.NotExact, 0)]
    [InlineData("{{\u0441redential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{cr\u0435dential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{\uFF43\uFF52\uFF45\uFF44\uFF45\uFF4E\uFF54\uFF49\uFF41\uFF4C:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{cred\u200Bential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{\uFEFFcredential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{\u200B{credential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("\uFF5B\uFF5Bcredential:a\uFF5D\uFF5D", TemplateFault.NotExact, 0)]
    [InlineData("{{\U0001D41C\U0001D42Bedential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("%7B%7bcredential:a%7D%7D", TemplateFault.NotExact, 0)]
    [InlineData("{%7Bcredential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("\\u007b\\u007Bcredential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("{{\\u0063redential:a}}", TemplateFault.NotExact, 0)]
    [InlineData("ok {{credential:a}} bad {{ credential:b}}", TemplateFault.NotExact, 24)]
    public void Refuses_what_is_meant_as_a_placeholder_and_is_none(string text, TemplateFault fault, int position)
    {
        Assert.False(SecretTemplate.TryParse(text, out var template, out var error));
        Assert.Null(template);
        Assert.Equal((fault, position), (error.Fault, error.Position));
        Assert.Contains("{{credential:name}}", error.Sentence);
    }

    [Fact]
    public void Accepts_exactly_the_names_that_credentials_may_have()
    {
        for (var c = 0; c <= char.MaxValue; c++)
        {
            foreach (var name in new[] { $"{(char)c}", $"a{(char)c}", $"ab{(char)c}c" })
            {
                Assert.Equal(CredentialName.IsValid(name), Placeholder.IsName(name));
                var parsed = SecretTemplate.TryParse("{{credential:" + name + "}}", out var t, out _) && t.Placeholders is [{ Field: null } only] && only.Name == name;
                Assert.Equal(CredentialName.IsValid(name), parsed);
            }
        }
        foreach (var length in new[] { 1, 63, 64, 65, 1000 })
        {
            var name = new string('a', length);
            Assert.Equal(CredentialName.IsValid(name), SecretTemplate.TryParse("{{credential:" + name + "}}", out _, out _));
            Assert.Equal(length <= 32, SecretTemplate.TryParse("{{credential:a." + name + "}}", out _, out _));
        }
        Assert.Equal(CredentialName.MaxLength, Placeholder.MaxNameLength);
    }

    [Fact]
    public void Error_sentences_never_quote_the_text()
    {
        foreach (var text in new[] { "{{credential:HUSH-HUSH}}", "{{ credential:HUSH-HUSH }}", "{{credential:a.HUSH-HUSH}}", "{{credential:HUSH-HUSH" })
        {
            Assert.False(SecretTemplate.TryParse(text, out _, out var error));
            Assert.DoesNotContain("HUSH", error.Sentence);
        }
    }

    [Theory]
    [InlineData(TemplateSlot.Header, "x=a\"b\\c\n&d é{{e")]
    [InlineData(TemplateSlot.TextBody, "x=a\"b\\c\n&d é{{e")]
    [InlineData(TemplateSlot.JsonBody, "x=a\\\"b\\\\c\\n&d é{{e")]
    [InlineData(TemplateSlot.FormBody, "x=a%22b%5Cc%0A%26d%20%C3%A9%7B%7Be")]
    [InlineData(TemplateSlot.Query, "x%3Da%22b%5Cc%0A%26d%20%C3%A9%7B%7Be")]
    public void Encodes_values_for_their_slot(TemplateSlot slot, string expected)
    {
        Assert.True(SecretTemplate.TryParse("x={{credential:a}}", out var template, out _));
        Assert.Equal(expected, template.Render("a\"b\\c\n&d é{{e", slot, static (v, _) => Encoding.UTF8.GetBytes(v)));
    }

    [Fact]
    public void Json_values_come_back_as_they_were()
    {
        Assert.True(SecretTemplate.TryParse("{\"v\":\"{{credential:a}}\"}", out var template, out _));
        var value = string.Concat(Enumerable.Range(0, 0x300).Select(i => (char)i)) + "\u2028\U0001F600\"\\";
        var json = template.Render(value, TemplateSlot.JsonBody, static (v, _) => Encoding.UTF8.GetBytes(v));
        Assert.Equal(value, System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("v").GetString());
    }

    [Fact]
    public void A_query_literal_is_encoded_like_its_value()
    {
        Assert.True(SecretTemplate.TryParse("a b&\U0001F600", out var template, out _));
        Assert.Equal(Uri.EscapeDataString("a b&\U0001F600"), Render(template, _ => "", TemplateSlot.Query));
    }

    [Fact]
    public void A_value_that_is_no_text_is_refused_without_being_quoted()
    {
        Assert.True(SecretTemplate.TryParse("{{credential:a}}", out var template, out _));
        byte[] value = [0xC3, 0x28, 0xFE, (byte)'s', (byte)'3'];
        foreach (var slot in new[] { TemplateSlot.Header, TemplateSlot.TextBody, TemplateSlot.JsonBody })
        {
            var error = Assert.Throws<FormatException>(() => template.Render(value, slot, static (v, _) => v));
            Assert.DoesNotContain("C3", error.ToString().Split('\n')[0]);
            Assert.DoesNotContain("s3", error.ToString());
        }
        Assert.Equal("%C3%28%FEs3", template.Render(value, TemplateSlot.FormBody, static (v, _) => v));
    }

    [Fact]
    public void A_value_that_changes_between_measuring_and_writing_is_an_error_and_never_a_cut_text()
    {
        Assert.True(SecretTemplate.TryParse("{{credential:a}}", out var template, out _));
        foreach (var (slot, second) in new[] { (TemplateSlot.Header, "longer"), (TemplateSlot.Header, "s"), (TemplateSlot.JsonBody, "\"\"\""), (TemplateSlot.Query, "&&&&") })
        {
            var asked = new int[1];
            Assert.Throws<InvalidOperationException>(() => template.Render(asked, slot, (state, _) => Encoding.UTF8.GetBytes(state[0]++ == 0 ? "four" : second)));
        }
    }

    [Fact]
    public void Rendering_makes_one_string_and_nothing_else()
    {
        Assert.True(SecretTemplate.TryParse("Bearer {{credential:a}}; {{credential:b.c}}", out var template, out _));
        byte[] value = "0123456789abcdef"u8.ToArray();
        ValueSource<byte[]> source = static (v, _) => v;
        foreach (var slot in Enum.GetValues<TemplateSlot>())
        {
            var length = template.Render(value, slot, source).Length;
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++) template.Render(value, slot, source);
            var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 100;
            Assert.InRange(each, 1, 24 + (2 * length) + 8);
        }
        var buffer = new char[256];
        var start = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) template.Render(buffer, value, TemplateSlot.JsonBody, source);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - start);
    }

    [Fact]
    public void Renames_credentials_and_keeps_fields()
    {
        Assert.True(SecretTemplate.TryParse("a {{credential:x}} {{credential:y.f}} {{x}}", out var template, out _));
        Assert.Equal("a {{credential:new_x}} {{credential:y.f}} {{x}}", template.Rewrite(n => n == "x" ? "new_x" : null));
        Assert.Throws<ArgumentException>(() => template.Rewrite(_ => "No Name"));
    }

    [Fact]
    public void Text_beyond_the_limit_is_refused()
    {
        Assert.True(SecretTemplate.TryParse(new string('x', SecretTemplate.MaxLength), out _, out _));
        Assert.False(SecretTemplate.TryParse(new string('x', SecretTemplate.MaxLength + 1), out _, out var error));
        Assert.Equal(TemplateFault.TooLong, error.Fault);
        Assert.NotEmpty(error.Sentence);
    }

    internal static string Render(SecretTemplate template, Func<Placeholder, string> value, TemplateSlot slot = TemplateSlot.TextBody) =>
        template.Render(value, slot, static (find, p) => Encoding.UTF8.GetBytes(find(p)));
}
