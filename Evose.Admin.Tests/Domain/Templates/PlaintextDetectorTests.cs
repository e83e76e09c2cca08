using System.Runtime.CompilerServices;
using System.Text;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Tests.Domain.Templates;

/// <summary>Every value here is drawn from a seed while the test runs: none of them stands in a file and none was ever issued.</summary>
public sealed class PlaintextDetectorTests
{
    private const string Base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private const string Hex = "0123456789abcdef";

    public static TheoryData<string, string, string?> Secrets()
    {
        var cases = new TheoryData<string, string, string?>
        {
            { "sk_key", "sk-" + Draw(48), "openai" },
            { "sk_key", "sk-" + Draw(20) + "T3BlbkFJ" + Draw(20), "openai" },
            { "sk_key", "sk-" + Draw(32, Hex), "openai" },
            { "openai_project_key", "sk-proj-" + Draw(74) + "T3BlbkFJ" + Draw(74), "openai" },
            { "openai_project_key", "sk-proj-" + Draw(40) + "_" + Draw(40) + "-" + Draw(20), "openai" },
            { "openai_service_key", "sk-svcacct-" + Draw(58) + "T3BlbkFJ" + Draw(58), "openai" },
            { "openai_admin_key", "sk-admin-" + Draw(58) + "T3BlbkFJ" + Draw(58), "openai" },
            { "anthropic_key", "sk-ant-api03-" + Draw(93) + "AA", "anthropic" },
            { "anthropic_key", "sk-ant-admin01-" + Draw(93) + "AA", "anthropic" },
            { "sendgrid_key", "SG." + Draw(22) + "." + Draw(43), "sendgrid" },
            { "google_key", "AIza" + Draw(35), "google" },
            { "google_client_secret", "GOCSPX-" + Draw(28), "google" },
            { "slack_token", "xoxb-" + Draw(12, "0123456789") + "-" + Draw(13, "0123456789") + "-" + Draw(24), "slack" },
            { "slack_token", "xoxp-" + Draw(12, "0123456789") + "-" + Draw(12, "0123456789") + "-" + Draw(32, Hex), "slack" },
            { "slack_token", "xoxa-2-" + Draw(40), "slack" },
            { "slack_token", "xoxr-" + Draw(40), "slack" },
            { "slack_token", "xoxs-" + Draw(40), "slack" },
            { "slack_app_token", "xapp-1-A" + Draw(10, Base62[..36]) + "-" + Draw(13, "0123456789") + "-" + Draw(64, Hex), "slack" },
            { "github_token", "ghp_" + Draw(36), "github" },
            { "github_token", "gho_" + Draw(36), "github" },
            { "github_token", "ghu_" + Draw(36), "github" },
            { "github_token", "ghs_" + Draw(36), "github" },
            { "github_token", "ghr_" + Draw(36), "github" },
            { "github_pat", "github_pat_" + Draw(22) + "_" + Draw(59), "github" },
            { "gitlab_pat", "glpat-" + Draw(20), "gitlab" },
            { "stripe_key", "sk_live_" + Draw(24), "stripe" },
            { "stripe_key", "sk_test_" + Draw(24), "stripe" },
            { "stripe_key", "rk_live_" + Draw(99), "stripe" },
            { "openrouter_key", "sk-or-v1-" + Draw(64, Hex), "openrouter" },
            { "groq_key", "gsk_" + Draw(52), "groq" },
            { "notion_token", "ntn_" + Draw(46), "notion" },
            { "linear_key", "lin_api_" + Draw(40), "linear" },
            { "perplexity_key", "pplx-" + Draw(48), "perplexity" },
            { "webhook_secret", "whsec_" + Draw(32), "webhook" },
            { "aws_key_id", "AKIA" + Draw(16, Base32), "aws" },
            { "aws_session_key_id", "ASIA" + Draw(16, Base32), "aws" },
            { "npm_token", "npm_" + Draw(36), "npm" },
            { "huggingface_token", "hf_" + Draw(34, Base62[10..]), "huggingface" },
            { "evose_key", "evk_" + Draw(38), "evose" },
            { "private_key", "-----BEGIN PRIVATE KEY-----\nMIIE", null },
            { "private_key", "-----BEGIN RSA PRIVATE KEY-----", null },
            { "private_key", "-----BEGIN OPENSSH PRIVATE KEY-----", null },
            { "private_key", "-----BEGIN EC PRIVATE KEY-----", null },
            { "private_key", "-----BEGIN ENCRYPTED PRIVATE KEY-----", null },
            { "web_token", "eyJ" + Draw(33) + ".eyJ" + Draw(60) + "." + Draw(43), null },
            { "bearer_token", "Bearer " + Draw(40), null },
            { "bearer_token", "bearer   " + Draw(64, Hex), null },
            { "bearer_token", "Bearer " + Draw(30) + "/+" + Draw(12) + "==", null },
            { "basic_credentials", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("admin:" + Draw(12))), null },
            { "basic_credentials", "Basic " + Convert.ToBase64String("api:k"u8), null },
            { "address_password", "https://bob:" + Draw(20) + "@host.test/path", null },
            { "address_password", "postgres://app:Winter2024pw@db:5432/x", null },
            { "address_password", "https://" + Draw(40) + "@git.test/a.git", null },
            { "parameter_value", "https://api.test/v1?api_key=" + Draw(32), null },
            { "parameter_value", "https://api.test/v1?a=1&key=" + Draw(24), null },
            { "parameter_value", "https://api.test/robot/send?access_token=" + Draw(64, Hex), null },
            { "parameter_value", "?token=" + Draw(40) + "&x=y", null },
            { "parameter_value", "user=x&password=" + Draw(20), null },
            { "parameter_value", "client_secret=" + Draw(32), null },
            { "parameter_value", "X-Api-Key=" + Draw(32), null },
        };
        return cases;
    }

    [Theory]
    [MemberData(nameof(Secrets))]
    public void Finds_secrets_wherever_they_stand(string rule, string secret, string? provider)
    {
        foreach (var (before, after) in new[] { ("", ""), ("see ", " ."), ("\"", "\""), ("{\"k\":\"", "\"}"), ("line\n", "\nline"), ("(", ")"), ("{{credential:a}} ", " {{credential:b}}"), ("\\n", "\\n"), ("é", "é") })
        {
            var finding = PlaintextDetector.Find(before + secret + after);
            Assert.NotNull(finding);
            Assert.Equal((rule, provider), (finding.Rule, finding.Provider));
            Assert.InRange(finding.Position, before.Length, before.Length + secret.Length - 1);
            Assert.InRange(finding.Position + finding.Length, finding.Position + 1, before.Length + secret.Length);
            Assert.DoesNotContain(secret.Length < 20 ? secret : secret[^12..], finding.Sentence);
            Assert.Contains(provider is null ? "{{credential:service_prod}}" : "{{credential:" + provider + "_prod}}", finding.Sentence);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{{credential:openai_prod}}")]
    [InlineData("Bearer {{credential:openai_prod}}")]
    [InlineData("Basic {{credential:crm.basic}}")]
    [InlineData("https://api.test/v1?api_key={{credential:maps_prod}}&x=1")]
    [InlineData("https://{{credential:crm.user}}:{{credential:crm.password}}@host.test/")]
    [InlineData("token={{credential:a0b1c2d3e4f5a6b7c8d9e0f1}}")]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36")]
    [InlineData("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW")]
    [InlineData("550e8400-e29b-41d4-a716-446655440000")]
    [InlineData("https://api.test/items/550e8400-e29b-41d4-a716-446655440000?key=550e8400-e29b-41d4-a716-446655440000")]
    [InlineData("task-550e8400-e29b-41d4-a716-446655440000")]
    [InlineData("disk-usage-report-for-the-last-thirty-days-2024")]
    [InlineData("sk-your-openai-api-key-goes-here-1234")]
    [InlineData("sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("sk-...")]
    [InlineData("Write sk-proj-<your key> here")]
    [InlineData("sk-ant-YOUR-KEY")]
    [InlineData("risk-assessment-of-the-whole-company-in-detail")]
    [InlineData("ask-me-anything-about-the-new-product-please")]
    [InlineData("xoxb-your-bot-token-goes-here")]
    [InlineData("ghp_your_token")]
    [InlineData("ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("github_pat_example_of_a_personal_access_token")]
    [InlineData("glpat-")]
    [InlineData("sk_test_mode_is_on_for_this_account")]
    [InlineData("sk_live_migration")]
    [InlineData("AKIA is the prefix of AWS key ids")]
    [InlineData("AKIAAAAAAAAAAAAAAAAA")]
    [InlineData("ASIAN MARKETS AND TRADE")]
    [InlineData("npm_config_registry")]
    [InlineData("npm_lifecycle_event_and_other_variables")]
    [InlineData("hf_hub_download")]
    [InlineData("hf_transfer_enabled_for_all_of_the_users")]
    [InlineData("evk_ is how our keys begin")]
    [InlineData("AIza")]
    [InlineData("SG.")]
    [InlineData("SG.Company.Project.Component.Module.Namespace.Class")]
    [InlineData("-----BEGIN CERTIFICATE-----")]
    [InlineData("-----BEGIN PUBLIC KEY-----")]
    [InlineData("-----BEGIN ")]
    [InlineData("The PRIVATE KEY stays at home")]
    [InlineData("eyJ is how web tokens begin")]
    [InlineData("eyJhbGciOiJub25lIn0")]
    [InlineData("eyJhbGciOiJub25lIn0.payload.signature")]
    [InlineData("Bearer token")]
    [InlineData("Bearer authentication-with-our-identity-provider")]
    [InlineData("Bearer 550e8400-e29b-41d4-a716-446655440000")]
    [InlineData("Bearer <token>")]
    [InlineData("Bearer")]
    [InlineData("Basic authentication is used")]
    [InlineData("Basic dGVzdA==")]
    [InlineData("Basic plan")]
    [InlineData("https://example.test/a/very/long/path/with-many-words-in-it/index.html")]
    [InlineData("https://example.test:8443/@user/status/1234567890")]
    [InlineData("https://user@example.test/")]
    [InlineData("https://user:password@example.test/")]
    [InlineData("https://user:changeme@example.test/")]
    [InlineData("ssh://git@git.test/team/repo.git")]
    [InlineData("someone@example.test")]
    [InlineData("https://example.test/?page=2&sort=-created_at,name&limit=100")]
    [InlineData("https://example.test/?key=created_at_descending_order")]
    [InlineData("https://example.test/?key=value")]
    [InlineData("https://example.test/?token=short1")]
    [InlineData("https://example.test/?q=d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("https://example.test/?key=00000000000000000000000000000000")]
    [InlineData("https://example.test/?key=2024-01-01-2024-12-31-00001")]
    [InlineData("https://example.test/?key=img_20240101_123456_v2")]
    [InlineData("key=getUserByIdAndNameOrEmailAddress")]
    [InlineData("monkey=0f9e8d7c6b5a49382716")]
    [InlineData("password=correct-horse-battery-staple")]
    [InlineData("d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("{\"model\":\"gpt-4o-2024-08-06\",\"messages\":[{\"role\":\"user\",\"content\":\"{{input}}\"}]}")]
    [InlineData("2024-05-01T12:34:56.789Z")]
    [InlineData("arn:aws:iam::123456789012:role/ReadOnlyAccessForReviewers")]
    [InlineData("密钥请在控制台创建")]
    public void Leaves_ordinary_text_alone(string text) => Assert.Null(PlaintextDetector.Find(text));

    [Fact]
    public void Knows_a_bare_value_by_the_name_it_stands_under()
    {
        var value = Draw(32, Hex);
        Assert.Null(PlaintextDetector.Find(value));
        foreach (var name in new[] { "X-Api-Key", "x-api-key", "Authorization", "api_key", "ACCESS_TOKEN", "password" })
        {
            var finding = PlaintextDetector.Find(name, " " + value + " ");
            Assert.NotNull(finding);
            Assert.Equal((1, 32), (finding.Position, finding.Length));
            Assert.DoesNotContain(value, finding.Sentence);
            Assert.Null(PlaintextDetector.Find(name, "{{credential:a}}"));
        }
        Assert.Null(PlaintextDetector.Find("X-Request-Id", value));
        Assert.Null(PlaintextDetector.Find(new string('k', 200), value));
        Assert.NotNull(PlaintextDetector.Find("X-Other", "ghp_" + Draw(36)));
    }

    [Fact]
    public void Reports_the_first_of_several()
    {
        var text = "a ghp_" + Draw(36) + " b sk-proj-" + Draw(60);
        Assert.Equal("github_token", PlaintextDetector.Find(text)!.Rule);
        Assert.Equal(2, PlaintextDetector.Find(text)!.Position);
    }

    [Fact]
    public void Every_shape_has_an_example_here()
    {
        var tried = Secrets().Select(row => row.Data.Item1).ToHashSet();
        Assert.All(SecretShape.All, s => Assert.Contains(s.Rule, tried));
        Assert.All(SecretShape.All, s => Assert.True(Placeholder.IsName(s.Provider + "_prod")));
    }

    [Fact]
    public void Suggests_a_placeholder_that_parses()
    {
        Assert.Equal("{{credential:openai_prod}}", PlaintextDetector.SuggestPlaceholder("openai"));
        Assert.True(SecretTemplate.TryParse(PlaintextDetector.SuggestPlaceholder(null), out var t, out _) && t.HasPlaceholders);
    }

    [Fact]
    public void Worst_cases_end()
    {
        foreach (var unit in new[] { "sk-", "sk-proj-", "SG.", "eyJ", "eyJ-", "-eyJaaaaaaaaaaaa.", "eyJaaaaaaaaaa.", "-----BEGIN ", "bearer ", "basic ", "Basic AAAA", "://", "://a:", "key=", "=", "-key", "xoxb-", "AKIA", "%20" })
        {
            var text = string.Concat(Enumerable.Repeat(unit, SecretTemplate.MaxLength / unit.Length));
            PlaintextDetector.Find("api_key", text);
        }
    }

    [Fact]
    public void Random_text_never_crashes()
    {
        var random = new Random(7);
        string[] parts = ["sk-", "eyJ", "Bearer ", "Basic ", "://", "@", ":", "key=", "=", ".", "-", "-----BEGIN ", "PRIVATE KEY", "AKIA", "%2", "\\n", "é", "\uD800", "{{credential:a}}", "Ab1", "0Zz9"];
        for (var i = 0; i < 50_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));
            if (PlaintextDetector.Find(text) is { } f) Assert.InRange(f.Position + f.Length, 1, text.Length);
        }
    }

    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    private static string Draw(int length, string alphabet = Base62, [CallerLineNumber] int line = 0)
    {
        var random = new Random((line * 1000) + length);
        return string.Create(length, (random, alphabet), static (span, s) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = s.alphabet[s.random.Next(s.alphabet.Length)];
        });
    }
}
