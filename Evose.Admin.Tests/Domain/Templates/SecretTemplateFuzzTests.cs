using System.Text;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Tests.Domain.Templates;

public sealed class SecretTemplateFuzzTests
{
    private static readonly string[] Grammar =
    [
        "{{credential:openai_prod}}", "{{credential:a.b}}", "{{credential:a-b}}", "{{credential:c_1.d}}", "{{credential:", "}}", "{{", "{", "}", "credential", "credential:", "CREDENTIAL:", "Credential", ":", ".", "a", "name_1", "-", "_", " ", "\n", "\t", "\0",
        "%7B", "%7b", "%7D", "\\u007b", "\\u007B", "\\u007d", "%", "%7", "\\", "\\u", "\\u00", "\u200B", "\uFEFF", "\u00AD", "\uFF5B", "\uFE5B", "\u0441", "\u0435", "\uFF43", "\u0301", "\uD835", "\uDC1C", "\U0001D41C",
        "c", "r", "e", "d", "n", "t", "i", "l", "{{input}}", "{{#if}}", "{{{raw}}}", "\"", "'", "Bearer ", "{\"k\":\"", "\"}", "é", "\U0001F600", "credentia", "redential:x}}", "{{credential:A}}", "{{ credential:a }}", "\r\n",
    ];

    [Fact]
    public void A_million_templates_neither_crash_nor_let_a_placeholder_through()
    {
        var random = new Random(20261);
        var text = new StringBuilder();
        var accepted = 0;
        var placeholders = 0;
        const string value = "}}{{credential:evil}}{{";
        for (var i = 0; i < 1_000_000; i++)
        {
            text.Clear();
            if (i % 4 == 3)
                for (var n = random.Next(1, 24); n > 0; n--) text.Append((char)(random.Next(3) == 0 ? random.Next(0x10000) : random.Next(0x80)));
            else
                for (var n = random.Next(1, 9); n > 0; n--) text.Append(Grammar[random.Next(Grammar.Length)]);
            if (i % 16 == 5) text[random.Next(text.Length)] = (char)random.Next(0x100);
            var template = text.ToString();

            if (!SecretTemplate.TryParse(template, out var parsed, out var error, out var reads))
            {
                if (error.Position < 0 || error.Position > template.Length || error.Sentence.Length == 0) Assert.Fail("bad error for " + Show(template));
                continue;
            }
            accepted++;
            placeholders += parsed.Placeholders.Count;
            if (reads > (5 * template.Length) + 5) Assert.Fail($"{reads} looks at {template.Length} characters: " + Show(template));

            var slot = (TemplateSlot)(i % 5);
            var plain = parsed.Render(Array.Empty<byte>(), slot, static (_, _) => "V"u8);
            if (plain.Contains("{{credential:", StringComparison.OrdinalIgnoreCase)) Assert.Fail("a placeholder got through: " + Show(template));
            if (slot is TemplateSlot.Header or TemplateSlot.TextBody)
            {
                var hostile = parsed.Render(value, slot, static (v, _) => Encoding.UTF8.GetBytes(v));
                if (Occurrences(hostile, value) != parsed.Placeholders.Count) Assert.Fail("a value was read again: " + Show(template));
            }
        }
        Assert.InRange(accepted, 100_000, 990_000);
        Assert.InRange(placeholders, 100_000, 10_000_000);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{{")]
    [InlineData("{ ")]
    [InlineData("{{ ")]
    [InlineData("{{c")]
    [InlineData("{{credentia")]
    [InlineData("{{credentia ")]
    [InlineData("{{c\u200B")]
    [InlineData("{\u200B")]
    [InlineData("{{credential:a}}")]
    [InlineData("{{credential:a.b}}x")]
    [InlineData("%7B")]
    [InlineData("\\u007b ")]
    [InlineData("%")]
    [InlineData("\\u007")]
    [InlineData("}")]
    [InlineData("\uFF5B")]
    [InlineData("\uD835")]
    [InlineData("x")]
    [InlineData(" ")]
    public void The_longest_template_is_looked_at_a_fixed_number_of_times(string unit)
    {
        var text = new StringBuilder();
        while (text.Length + unit.Length <= SecretTemplate.MaxLength) text.Append(unit);
        foreach (var worst in new[] { text.ToString(), "{{" + text.ToString(2, text.Length - 2), "{{c" + text.ToString(3, text.Length - 3) })
        {
            _ = SecretTemplate.TryParse(worst, out _, out _, out var reads);
            Assert.InRange(reads, 0, (5 * worst.Length) + 5);
        }
    }

    [Fact]
    public void A_value_full_of_placeholders_is_rendered_as_it_is()
    {
        Assert.True(SecretTemplate.TryParse("{{credential:a}}{{credential:b}}", out var template, out _));
        var rendered = SecretTemplateTests.Render(template, p => p.Name == "a" ? "{{credential:b}}" : "{{credential:a}}{{credential:c}}");
        Assert.Equal("{{credential:b}}{{credential:a}}{{credential:c}}", rendered);
    }

    [Fact]
    public void Values_that_join_with_literals_into_a_placeholder_mean_nothing()
    {
        Assert.True(SecretTemplate.TryParse("{{credential:a}}edential:b}}", out var template, out _));
        var asked = new List<string>();
        Assert.Equal("{{credential:b}}", SecretTemplateTests.Render(template, p =>
        {
            asked.Add(p.Name);
            return "{{cr";
        }));
        Assert.Equal(["a", "a"], asked);
    }

    private static int Occurrences(string text, string part)
    {
        var count = 0;
        for (var at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length) count++;
        return count;
    }

    private static string Show(string text) => string.Concat(text.Select(c => c is >= ' ' and < (char)127 ? c.ToString() : $"\\u{(int)c:x4}"));
}
