using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Tests.Domain.Templates;

public sealed class HeaderRulesTests
{
    [Theory]
    [InlineData("Authorization", true)]
    [InlineData("X-Api-Key", true)]
    [InlineData("x_custom.1~`|!#$%&'*+^", true)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData(" X", false)]
    [InlineData("X ", false)]
    [InlineData("X Y", false)]
    [InlineData("X:", false)]
    [InlineData(":authority", false)]
    [InlineData("X\r\nY", false)]
    [InlineData("X\0", false)]
    [InlineData("X\t", false)]
    [InlineData("Ä", false)]
    [InlineData("X\u212a", false)]
    [InlineData("X(", false)]
    [InlineData("X\"", false)]
    [InlineData("X/Y", false)]
    [InlineData("X{Y}", false)]
    [InlineData("X@Y", false)]
    public void A_name_is_a_token(string? name, bool valid) => Assert.Equal(valid, HeaderRules.IsName(name));

    [Fact]
    public void A_name_has_at_most_128_characters()
    {
        Assert.True(HeaderRules.IsName(new string('x', 128)));
        Assert.False(HeaderRules.IsName(new string('x', 129)));
    }

    [Fact]
    public void X03_every_value_of_the_corpus_is_judged_right()
    {
        var corpus = HeaderValueCorpus.All();
        Assert.True(corpus.Count >= 200, $"only {corpus.Count} cases");
        Assert.Empty(corpus.Where(c => HeaderRules.IsValue(c.Value) != c.Valid).Select(c => c.Name));
        Assert.Empty(corpus.Where(c => HeaderRules.RefuseValue(c.Value) is null != c.Valid).Select(c => c.Name));
    }

    [Fact]
    public void Refusals_never_quote_the_value()
    {
        Assert.DoesNotContain("sk-secret", HeaderRules.RefuseValue("sk-secret\n"));
        Assert.DoesNotContain("sk-secret", HeaderRules.RefuseValue("sk-secretü"));
        Assert.DoesNotContain("sk-secret", HeaderRules.RefuseValue("sk-secret "));
        Assert.Contains("line break", HeaderRules.RefuseValue("sk-secret\n"));
        Assert.Contains("8192", HeaderRules.RefuseValue(new string('x', 8193)));
    }

    [Theory]
    [InlineData("Connection")]
    [InlineData("KEEP-ALIVE")]
    [InlineData("Proxy-Authorization")]
    [InlineData("Proxy-Authenticate")]
    [InlineData("proxy-connection")]
    [InlineData("TE")]
    [InlineData("Trailer")]
    [InlineData("Transfer-Encoding")]
    [InlineData("transfer_encoding")]
    [InlineData("Upgrade")]
    [InlineData("HTTP2-Settings")]
    [InlineData("Forwarded")]
    [InlineData("X-Forwarded-For")]
    [InlineData("X-FORWARDED-HOST")]
    [InlineData("X_Forwarded_For")]
    [InlineData("X-Real-IP")]
    [InlineData("X-Original-URL")]
    [InlineData("X-Original-Host")]
    [InlineData("Cookie")]
    [InlineData("Host")]
    [InlineData("Content-Length")]
    [InlineData("X-Evose-Agent")]
    [InlineData("x-evose-user-email")]
    [InlineData("X_Evose_Agent")]
    [InlineData("X-Api-Key")]
    [InlineData("x_api_key")]
    [InlineData("x-goog-api-key")]
    [InlineData("API-Key")]
    public void Callers_cannot_send(string name) => Assert.True(HeaderRules.IsStripped(name));

    [Theory]
    [InlineData("Accept")]
    [InlineData("Content-Type")]
    [InlineData("Authorization")]
    [InlineData("X-Request-Id")]
    [InlineData("X-Evos")]
    [InlineData("Host-Name")]
    [InlineData("Tea")]
    [InlineData("OpenAI-Beta")]
    [InlineData("anthropic-version")]
    [InlineData("X-Api-Key-2")]
    [InlineData("some_long_header_name_with_underscores_that_is_far_longer_than_any_listed")]
    public void Callers_can_send(string name) => Assert.False(HeaderRules.IsStripped(name));

    [Theory]
    [InlineData("Host", true)]
    [InlineData("content-length", true)]
    [InlineData("Transfer-Encoding", true)]
    [InlineData("Connection", true)]
    [InlineData("Keep-Alive", true)]
    [InlineData("Proxy-Authorization", true)]
    [InlineData("TE", true)]
    [InlineData("Trailer", true)]
    [InlineData("Upgrade", true)]
    [InlineData("Content_Length", true)]
    [InlineData("Authorization", false)]
    [InlineData("X-Api-Key", false)]
    [InlineData("api-key", false)]
    [InlineData("Cookie", false)]
    [InlineData("Content-Type", false)]
    public void Templates_cannot_set_framing(string name, bool reserved) => Assert.Equal(reserved, HeaderRules.IsReservedForTemplates(name));

    [Fact]
    public void Deciding_allocates_nothing()
    {
        string[] names = ["X-Request-Id", "x_forwarded_for", "Content-Type", "Proxy-X", "x_api_key", "Cookie"];
        var hits = 0;
        foreach (var name in names) hits += HeaderRules.IsStripped(name) && HeaderRules.IsValue(name) ? 1 : 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            foreach (var name in names) hits += HeaderRules.IsStripped(name) && HeaderRules.IsValue(name) ? 1 : 0;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(4_004, hits);
    }
}

/// <summary>X-03: header values with the verdict each must get.</summary>
internal static class HeaderValueCorpus
{
    internal sealed record Case(string Name, string Value, bool Valid);

    public static List<Case> All()
    {
        var cases = new List<Case>();
        void Add(string name, string value, bool valid) => cases.Add(new Case(name, value, valid));

        foreach (var c in Enumerable.Range(0, 32).Append(127).Select(c => (char)c))
        {
            Add($"0x{(int)c:x2} at start", $"{c}sk-abc", false);
            Add($"0x{(int)c:x2} in the middle", $"sk-{c}abc", c == '\t');
            Add($"0x{(int)c:x2} at end", $"sk-abc{c}", false);
        }
        for (var c = (char)0x21; c < 0x7F; c++) Add($"printable 0x{(int)c:x2}", $"{c}a{c}", true);
        for (var c = (char)0x80; c <= 0xFF; c += (char)4) Add($"latin-1 0x{(int)c:x2}", $"a{c}b", false);

        string[] breaks = ["\r\n", "\n", "\r", "\n\r", "\r\n\r\n", "\r\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029", "\u560d\u560a", "\u010d\u010a", "\u4e0d\u4e0a"];
        string[] payloads = ["X-Evil: 1", " folded", "\tfolded", "Content-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x", "Transfer-Encoding: chunked"];
        foreach (var (b, i) in breaks.Select((b, i) => (b, i)))
            foreach (var (p, j) in payloads.Select((p, j) => (p, j)))
                Add($"break {i} with payload {j}", $"sk-abc{b}{p}", false);

        string[] unicode = ["ü", "ключ", "密钥", "🔑", "a\u200bb", "\ufeffabc", "a\u00a0b", "\ud800", "x\udc00", "ａｂｃ", "a\u0301", "\u202eabc", "\u017f", "\u212a"];
        foreach (var (u, i) in unicode.Select((u, i) => (u, i))) Add($"unicode {i}", u, false);

        string[] edges = [" a", "a ", "\ta", "a\t", "  ", " ", "\t", " \t "];
        foreach (var (e, i) in edges.Select((e, i) => (e, i))) Add($"edge {i}", e, false);

        Add("8 KiB", new string('k', 8192), true);
        Add("8 KiB + 1", new string('k', 8193), false);
        Add("64 KiB", new string('k', 65536), false);
        Add("8 KiB ending in a line feed", new string('k', 8191) + "\n", false);

        string[] good =
        [
            "", "a", "Bearer sk-abc.def_ghi-jkl", "Basic dXNlcjpwYXNz", "a b", "a  b", "a\tb", "a \t b", "k=v; k2=v2", "\"quoted\"", "a,b", "a, b",
            "{\"json\":true}", "%0d%0a", "\\r\\n", "&#13;&#10;", "{{credential:x}}", "=?utf-8?q?x?=", "(comment)", "a:b", ": x", "<script>", "~!@#$%^&*()_+",
        ];
        foreach (var (g, i) in good.Select((g, i) => (g, i))) Add($"good {i}", g, true);
        return cases;
    }
}
