using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Tests.Domain.Templates;

/// <summary>The rule pack on texts: every form at every place, ordinary text left alone, and work that grows with the text alone. Every value is drawn from a seed while the test runs.</summary>
public sealed class ShapesInTextTests
{
    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const string Hex = "0123456789abcdef";
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static TheoryData<string, string> Secrets() => new()
    {
        { "feishu_hook", "https://open.feishu.cn/open-apis/bot/v2/hook/" + Guid.Parse(Draw(32, Hex)).ToString("D") },
        { "feishu_hook", "https://open.larksuite.com/open-apis/bot/v2/hook/" + Guid.Parse(Draw(32, Hex)).ToString("D") },
        { "dingtalk_hook", "https://oapi.dingtalk.com/robot/send?access_token=" + Draw(64, Hex) },
        { "dingtalk_sign", "SEC" + Draw(64, Hex) },
        { "slack_hook", "https://hooks.slack.com/services/T" + Draw(10, Base62[..36]) + "/B" + Draw(10, Base62[..36]) + "/" + Draw(24) },
        { "slack_hook", "https://hooks.slack.com/workflows/" + Draw(46) },
        { "slack_hook", "https://hooks.slack.com/triggers/" + Draw(46) },
        { "stripe_prod_key", "sk_prod_" + Draw(24) },
        { "aws_other_key_id", "ABIA" + Draw(16, Base32) },
        { "aws_bedrock_key", "ABSK" + Draw(132) },
        { "google_access_token", "ya29.a0" + Draw(120) },
        { "google_refresh_token", "1//0" + Draw(90) },
        { "gitlab_token", "glrt-" + Draw(20) },
        { "alibaba_key_id", "LTAI" + Draw(20) },
        { "twilio_key", "SK" + Draw(32, Hex) },
        { "hubspot_token", "pat-na1-" + Guid.Parse(Draw(32, Hex)).ToString("D") },
        { "xai_key", "xai-" + Draw(80) },
        { "replicate_token", "r8_" + Draw(37) },
        { "digitalocean_token", "dop_v1_" + Draw(64, Hex) },
        { "shopify_token", "shpat_" + Draw(32, Hex) },
        { "databricks_token", "dapi" + Draw(32, Hex) },
        { "pypi_token", "pypi-AgE" + Draw(150) },
        { "docker_token", "dckr_pat_" + Draw(27) },
        { "vault_token", "hvs." + Draw(95) },
        { "zhipu_key", Draw(32, Hex) + "." + Draw(16) },
        { "telegram_token", Draw(9, "123456789") + ":AA" + Draw(33) },
        { "azure_client_secret", Draw(3) + "8Q~" + Draw(34) },
        { "member_value", "{\"app_secret\": \"" + Draw(32) + "\"}" },
        { "member_value", "{\"a\":1,\"password\":\"" + Draw(24) + "\"}" },
        { "parameter_value", "app_secret=" + Draw(32) },
        // The services that share a form with others.
        { "sk_key", "DEEPSEEK=sk-" + Draw(32, Hex) },
        { "sk_key", "MOONSHOT=sk-" + Draw(48) },
        { "sk_key", "DASHSCOPE=sk-" + Draw(32, Hex) },
    };

    [Theory]
    [MemberData(nameof(Secrets))]
    public void Every_form_is_found_at_every_place(string rule, string secret)
    {
        const string Filler = "2026-01-31T08:00:00Z INFO request to /v1/models took 12 ms; user u-17, status 200 ";
        for (var at = 0; at <= Filler.Length; at++)
        {
            var text = Filler[..at] + " " + secret + " " + Filler[at..];
            var finding = PlaintextDetector.Find(text);
            Assert.True(finding is not null && finding.Rule == rule, $"at {at}: {finding?.Rule ?? "nothing"}");
            Assert.InRange(finding!.Position, at, at + secret.Length);
            Assert.InRange(finding.Position + finding.Length, at + 2, at + 1 + secret.Length);
        }
    }

    [Fact]
    public void Every_shape_has_an_example_here()
    {
        var tried = Secrets().Select(row => row.Data.Item1).ToHashSet();
        Assert.All(SecretShape.InText, s => Assert.Contains(s.Rule, tried));
        Assert.All(SecretShape.InText, s => Assert.True(Placeholder.IsName(s.Provider + "_prod")));
    }

    [Theory]
    [InlineData("SECTION 4 of the SECURITY handbook")]
    [InlineData("SKU4711-RED-XL and SKF bearings")]
    [InlineData("https://open.feishu.cn/document/home/index and https://hooks.slack.com/")]
    [InlineData("v1.2.3.4567890123456789 built on 2026.01.31")]
    [InlineData("d41d8cd98f00b204e9800998ecf8427e.png")]
    [InlineData("0123456789abcdef0123456789abcdef.tar.gz")]
    [InlineData("at 12:AA:BB:CC:DD:EE")]
    [InlineData("{\"key\":\"550e8400-e29b-41d4-a716-446655440000\",\"token\":\"none\"}")]
    [InlineData("{\"password\":\"correct-horse-battery-staple\"}")]
    [InlineData("{\"token_count\": \"12345678901234567890\"}")]
    [InlineData("dapi is the name of our data API; xai-platform-of-the-whole-company")]
    [InlineData("ya29. Paragraph, see also 1//0 in the table")]
    [InlineData("LTAI and ABIA are beginnings of ids")]
    [InlineData("pat-na1-is-where-the-tokens-of-north-america-begin")]
    [InlineData("QUERY~1 and 4Q~ results")]
    public void Ordinary_text_is_left_alone(string text) => Assert.Null(PlaintextDetector.Find(text));

    [Fact]
    public void A_thousand_lines_of_a_log_raise_no_alarm()
    {
        var random = new Random(11);
        for (var i = 0; i < 1000; i++)
        {
            var line = $"2026-01-{random.Next(1, 29):D2}T{random.Next(24):D2}:{random.Next(60):D2}:00.{random.Next(1000):D3}Z INFO [{Draw(8, Hex, i)}] {new[] { "GET", "POST" }[i % 2]} /v1/orders/{Guid.Parse(Draw(32, Hex, i)):D}?page={i}&sort=-created_at trace={Draw(32, Hex, i)} span={Draw(16, Hex, i)} commit={Draw(40, Hex, i)} image=sha256:{Draw(64, Hex, i)} took {random.Next(5000)} ms";
            Assert.True(PlaintextDetector.Find(line) is null, $"{PlaintextDetector.Find(line)?.Rule}: {line}");
        }
    }

    [Fact]
    public void Megabytes_of_what_is_worst_for_it_come_to_an_end()
    {
        // What looked at every pair of characters would not be done with these in a day.
        foreach (var unit in new[] { "\":", "\"key\":", ".", "0123456789abcdef", ":AA", "12345678:AA", "Q~", "abc8Q~", "SK", "SEC", "hooks.slack.com/services/", "1//0", "ya29.", "dapi", "\"password\": \"" })
            PlaintextDetector.Find(string.Concat(Enumerable.Repeat(unit, 3_000_000 / unit.Length)));
        var secret = "ghp_" + Draw(36);
        var found = PlaintextDetector.Find(string.Concat(Enumerable.Repeat("2026-01-31 an ordinary line of a log\n", 20 * 1024 * 1024 / 37)) + secret);
        Assert.Equal("github_token", found?.Rule);
    }

    private static string Draw(int length, string alphabet = Base62, int seed = 5)
    {
        var random = new Random((seed * 1000) + length);
        return new string([.. Enumerable.Range(0, length).Select(_ => alphabet[random.Next(alphabet.Length)])]);
    }
}
