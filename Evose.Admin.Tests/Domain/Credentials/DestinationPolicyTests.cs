using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Credentials;

public sealed class DestinationPolicyTests
{
    [Theory]
    [InlineData("api.openai.com", "api.openai.com")]
    [InlineData("  API.OpenAI.com  ", "api.openai.com")]
    [InlineData("https://api.x.com/", "api.x.com")]
    [InlineData("HTTPS://api.x.com", "api.x.com")]
    [InlineData("http://crm.internal:8080/", "crm.internal:8080")]
    [InlineData("https://api.x.com/v1/", "api.x.com/v1")]
    [InlineData("api.x.com/v1/chat", "api.x.com/v1/chat")]
    [InlineData("api.x.com:8443/v1", "api.x.com:8443/v1")]
    [InlineData("api.x.com:443", "api.x.com:443")]
    [InlineData("*.openai.com", "*.openai.com")]
    [InlineData("*.OpenAI.com:8443/v1/", "*.openai.com:8443/v1")]
    [InlineData("münchen.de", "xn--mnchen-3ya.de")]
    [InlineData("*.münchen.de", "*.xn--mnchen-3ya.de")]
    [InlineData("api。openai。com", "api.openai.com")]
    [InlineData("ａｐｉ.openai.com", "api.openai.com")]
    [InlineData("localhost", "localhost")]
    [InlineData("crm", "crm")]
    [InlineData("my_host.internal", "my_host.internal")]
    [InlineData("127.0.0.1:5001", "127.0.0.1:5001")]
    [InlineData("[::1]:8080", "[::1]:8080")]
    [InlineData("[FD00:0:0::7]", "[fd00::7]")]
    [InlineData("api.x.com/ü", "api.x.com/%C3%BC")]
    [InlineData("api.x.com/v1/.well-known", "api.x.com/v1/.well-known")]
    [InlineData("api.x.com/...", "api.x.com/...")]
    public void Normalizes_what_people_write(string written, string kept) => Assert.Equal([kept], Normalize(written));

    [Theory]
    [InlineData("", "empty")]
    [InlineData("   ", "empty")]
    [InlineData("api.x.com\n", "control character")]
    [InlineData("api\0.x.com", "control character")]
    [InlineData("api.x\u200b.com", "invisible")]
    [InlineData("api.x\u202e.com", "invisible")]
    [InlineData("api x.com", "space")]
    [InlineData("api.x.com\u00a0", "space")]
    [InlineData("a.com,b.com", "one host per entry")]
    [InlineData("a.com;b.com", "one host per entry")]
    [InlineData("{{credential:x}}.com", "no host has")]
    [InlineData("ftp://a.com", "scheme")]
    [InlineData("javascript://a.com", "scheme")]
    [InlineData("://a.com", "scheme")]
    [InlineData("https://user@a.com", "user name")]
    [InlineData("https://user:pa55@a.com/", "user name")]
    [InlineData("@a.com", "user name")]
    [InlineData("a.com?x=1", "query")]
    [InlineData("a.com/v1?", "query")]
    [InlineData("a.com#x", "fragment")]
    [InlineData("a.com\\v1", "backslash")]
    [InlineData("a%2ecom", "encoded character")]
    [InlineData("[fe80::1%25eth0]", "zone")]
    [InlineData("*", "wildcard")]
    [InlineData("*.", "no host")]
    [InlineData("**.a.com", "wildcard")]
    [InlineData("*.*.a.com", "wildcard")]
    [InlineData("a.*.com", "wildcard")]
    [InlineData("*com", "wildcard")]
    [InlineData("*a.com", "wildcard")]
    [InlineData("a*.b.com", "wildcard")]
    [InlineData("a.com.*", "wildcard")]
    [InlineData("*.com", "top-level domain")]
    [InlineData("*.localhost", "top-level domain")]
    [InlineData("*.10.0.0.1", "unusual form")]
    [InlineData("*.[::1]", "brackets")]
    [InlineData("a.com/*", "wildcard in its path")]
    [InlineData("a.com/v1/../admin", "'..'")]
    [InlineData("a.com/v1/%2e%2e/admin", "'..'")]
    [InlineData("a.com/v1%2fadmin", "encoded")]
    [InlineData("a.com/v1%5cadmin", "encoded")]
    [InlineData("a.com/v1/%252e%252e", "encoded")]
    [InlineData("a.com/%zz", "plain path")]
    [InlineData("a.com//v1", "empty step")]
    [InlineData("a.com.", "ends with a dot")]
    [InlineData("a..com", "no host name")]
    [InlineData(".a.com", "no host name")]
    [InlineData("-a.com", "no host name")]
    [InlineData("a-.com", "no host name")]
    [InlineData("https://", "no host")]
    [InlineData("https:///v1", "no host")]
    [InlineData("/v1", "no host")]
    [InlineData(":443", "no host")]
    [InlineData("a.com:", "port")]
    [InlineData("a.com:0", "port")]
    [InlineData("a.com:65536", "port")]
    [InlineData("a.com:+443", "port")]
    [InlineData("a.com:0443", "port")]
    [InlineData("a.com:https", "port")]
    [InlineData("::1", "brackets")]
    [InlineData("[::1", "brackets")]
    [InlineData("[::1]8080", "brackets")]
    [InlineData("[a.com]", "no host name")]
    [InlineData("127.1", "unusual form")]
    [InlineData("2130706433", "unusual form")]
    [InlineData("0x7f000001", "unusual form")]
    [InlineData("0177.0.0.1", "unusual form")]
    [InlineData("①②⑦.⓪.⓪.①", "unusual form")]
    [InlineData("1.2.3.4.5", "no host name")]
    [InlineData("256.1.1.1", "no host name")]
    [InlineData("mailto:a@b.com", "user name")]
    public void Refuses_what_is_no_destination(string written, string saying)
    {
        Assert.True(DestinationPolicy.Normalize(["ok.com", written]).Failed(out var problem));
        Assert.Equal(ProblemKind.Invalid, problem.Kind);
        Assert.Equal("allowed_hosts", problem.Details!["field"]);
        Assert.StartsWith("Entry 2 ", problem.Message);
        Assert.Contains(saying, problem.Message);
        if (written.Contains("pa55", StringComparison.Ordinal)) Assert.DoesNotContain("pa55", problem.Message);
    }

    [Fact]
    public void Refuses_null_too_long_and_too_many()
    {
        Assert.True(DestinationPolicy.Normalize([null!]).Failed(out _));
        Assert.True(DestinationPolicy.Normalize(["a\ud800.com"]).Failed(out _));
        Assert.True(DestinationPolicy.Normalize([$"a.com/{new string('x', 600)}"]).Failed(out var tooLong));
        Assert.Contains("512", tooLong.Message);
        Assert.True(DestinationPolicy.Normalize([$"{new string('a', 64)}.com"]).Failed(out _));
        Assert.True(DestinationPolicy.Normalize([string.Join('.', Enumerable.Repeat("abcdefghi", 30))]).Failed(out _));
        Assert.True(DestinationPolicy.Normalize(Enumerable.Range(0, 51).Select(i => $"h{i}.com")).Failed(out var tooMany));
        Assert.Contains("50", tooMany.Message);
        Assert.Equal(50, Normalize([.. Enumerable.Range(0, 50).Select(i => $"h{i}.com")]).Count);
    }

    [Fact]
    public void Keeps_order_and_drops_duplicates() =>
        Assert.Equal(["b.com", "a.com"], Normalize("b.com", "a.com", "https://B.com/", "a.com"));

    [Fact]
    public void Normal_form_is_stable()
    {
        var once = Normalize("*.OpenAI.com:8443/v1/", "münchen.de", "[FD00:0::7]:1", "api.x.com/ü/");
        Assert.Equal(once, Normalize([.. once]));
    }

    [Theory]
    // exact host
    [InlineData("api.openai.com", "https://api.openai.com/v1/chat", true)]
    [InlineData("api.openai.com", "https://API.OPENAI.COM/", true)]
    [InlineData("api.openai.com", "https://ａｐｉ.openai.com/", true)]
    [InlineData("api.openai.com", "https://api。openai。com/", true)]
    [InlineData("api.openai.com", "https://api.openai.com./", false)]
    [InlineData("api.openai.com", "https://openai.com/", false)]
    [InlineData("api.openai.com", "https://x.api.openai.com/", false)]
    [InlineData("api.openai.com", "https://api.openai.com.evil.test/", false)]
    [InlineData("api.openai.com", "https://evil-api.openai.com/", false)]
    [InlineData("api.openai.com", "https://api.openai.com@evil.test/", false)]
    [InlineData("api.openai.com", "https://evil.test@api.openai.com/", false)]
    [InlineData("api.openai.com", "https://evil.test/#@api.openai.com/", false)]
    [InlineData("api.openai.com", "https://evil.test/?api.openai.com", false)]
    [InlineData("api.openai.com", "https://аpi.openai.com/", false)]
    [InlineData("api.openai.com", "https://api.օpenai.com/", false)]
    [InlineData("api.openai.com", "wss://api.openai.com/", false)]
    [InlineData("api.openai.com", "ftp://api.openai.com/", false)]
    // wildcard
    [InlineData("*.openai.com", "https://api.openai.com/", true)]
    [InlineData("*.openai.com", "https://API.openai.com/", true)]
    [InlineData("*.openai.com", "https://openai.com/", false)]
    [InlineData("*.openai.com", "https://a.b.openai.com/", false)]
    [InlineData("*.openai.com", "https://evilopenai.com/", false)]
    [InlineData("*.openai.com", "https://evil-openai.com/", false)]
    [InlineData("*.openai.com", "https://openai.com.evil.test/", false)]
    [InlineData("*.openai.com", "https://api.openai.com.evil.test/", false)]
    [InlineData("*.openai.com", "https://api.openai.com./", false)]
    [InlineData("*.münchen.de", "https://api.münchen.de/", true)]
    [InlineData("*.münchen.de", "https://api.xn--mnchen-3ya.de/", true)]
    [InlineData("*.münchen.de", "https://api.munchen.de/", false)]
    // ports
    [InlineData("a.com", "https://a.com:443/", true)]
    [InlineData("a.com", "http://a.com/", true)]
    [InlineData("a.com", "http://a.com:80/", true)]
    [InlineData("a.com", "https://a.com:80/", false)]
    [InlineData("a.com", "http://a.com:443/", false)]
    [InlineData("a.com", "https://a.com:8443/", false)]
    [InlineData("a.com:8443", "https://a.com:8443/", true)]
    [InlineData("a.com:8443", "https://a.com/", false)]
    [InlineData("a.com:443", "https://a.com/", true)]
    [InlineData("127.0.0.1:5001", "http://127.0.0.1:5001/x", true)]
    [InlineData("127.0.0.1:5001", "http://127.1:5001/x", true)]
    [InlineData("127.0.0.1:5001", "http://127.0.0.2:5001/x", false)]
    [InlineData("[::1]:8080", "http://[::1]:8080/", true)]
    [InlineData("[::1]:8080", "http://[0:0::1]:8080/", true)]
    [InlineData("[::1]:8080", "http://[::2]:8080/", false)]
    // path prefix
    [InlineData("a.com/v1", "https://a.com/v1", true)]
    [InlineData("a.com/v1", "https://a.com/v1/", true)]
    [InlineData("a.com/v1", "https://a.com/v1/chat?x=../y", true)]
    [InlineData("a.com/v1", "https://a.com/v1?x=%2e%2e", true)]
    [InlineData("a.com/v1", "https://a.com/v1/a%20b", true)]
    [InlineData("a.com/v1", "https://a.com/v1/file..txt", true)]
    [InlineData("a.com/v1", "https://a.com/v1/.well-known/x", true)]
    [InlineData("a.com/v1", "https://a.com/v1/x/../y", true)]
    [InlineData("a.com/v1", "https://a.com/x/../v1/y", true)]
    [InlineData("a.com/ü", "https://a.com/ü/x", true)]
    [InlineData("a.com/v1", "https://a.com/v10", false)]
    [InlineData("a.com/v1", "https://a.com/V1/x", false)]
    [InlineData("a.com/v1", "https://a.com/", false)]
    [InlineData("a.com/v1", "https://a.com//v1/x", false)]
    [InlineData("a.com/v1", "https://a.com/v1/../admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/..", false)]
    [InlineData("a.com/v1", "https://a.com/v1/%2e%2e/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/%2E%2e/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/.%2e/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/..%2fadmin", false)]
    [InlineData("a.com/v1", "https://a.com/v1%2f..%2fadmin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/x%2Fy", false)]
    [InlineData("a.com/v1", "https://a.com/v1/..%5cadmin", false)]
    [InlineData("a.com/v1", "https://a.com/v1\\..\\admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/%252e%252e/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/%25252e/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/..;/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/.;x=1/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1/..%3b/admin", false)]
    [InlineData("a.com/v1", "https://a.com/v1;x=1/y", false)]
    [InlineData("a.com/v1", "https://a.com/v1/%00/x", false)]
    [InlineData("a.com/v1", "https://a.com/v1/%0d%0ax", false)]
    [InlineData("a.com/v1", "https://b.com/v1/x", false)]
    public void Allows_what_the_pattern_covers_and_nothing_else(string pattern, string target, bool allowed) =>
        Assert.Equal(allowed, DestinationPolicy.Allows(Normalize(pattern), new Uri(target)));

    [Fact]
    public void Does_not_trust_a_path_that_was_never_canonicalised()
    {
        var raw = new Uri("https://a.com/v1/../admin", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        Assert.False(DestinationPolicy.Allows(["a.com/v1"], raw));
    }

    [Fact]
    public void An_empty_list_allows_nothing()
    {
        Assert.False(DestinationPolicy.Allows([], new Uri("https://a.com/")));
        Assert.False(Destinations.Nowhere.Allows(new Uri("https://a.com/")));
    }

    [Fact]
    public void A_relative_url_goes_nowhere() => Assert.False(DestinationPolicy.Allows(["a.com"], new Uri("/x", UriKind.Relative)));

    [Theory]
    [InlineData("A.com")]
    [InlineData("https://a.com")]
    [InlineData("a.com/")]
    [InlineData("*")]
    [InlineData("")]
    public void What_is_not_in_normal_form_allows_nothing(string stored) =>
        Assert.False(DestinationPolicy.Compile([stored]).Allows(new Uri("https://a.com/")));

    [Fact]
    public void Any_one_pattern_is_enough() =>
        Assert.True(DestinationPolicy.Allows(["b.com", "*.c.com", "a.com/v1"], new Uri("https://a.com/v1/x")));

    [Fact]
    public void Deciding_allocates_nothing()
    {
        var compiled = DestinationPolicy.Compile([.. Enumerable.Range(0, 48).Select(i => $"h{i}.example.com/v1"), "*.openai.com", "api.x.com/v1"]);
        Uri[] targets = [new("https://api.x.com/v1/chat/completions?a=b"), new("https://api.openai.com/v1"), new("https://nowhere.test/x")];
        var allowed = 0;
        foreach (var target in targets) allowed += compiled.Allows(target) ? 1 : 0; // Uri keeps its parsed parts after the first look

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            foreach (var target in targets) allowed += compiled.Allows(target) ? 1 : 0;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(2_002, allowed);
    }

    private static IReadOnlyList<string> Normalize(params string[] hosts)
    {
        Assert.False(DestinationPolicy.Normalize(hosts).Failed(out var problem, out var kept), problem?.Message);
        return kept!;
    }
}
