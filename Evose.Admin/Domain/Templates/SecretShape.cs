using System.Buffers;
using System.Text.RegularExpressions;

namespace Evose.Admin.Domain.Templates;

/// <summary>The form of one kind of secret, as data: a fixed beginning and what follows it.</summary>
/// <param name="Rule">Stable id of the rule.</param>
/// <param name="Provider">Slug of the service that issues it.</param>
/// <param name="Called">What a person calls it, with its article.</param>
/// <param name="Prefix">How it begins.</param>
/// <param name="Alphabet">What may follow.</param>
/// <param name="Min">Fewest characters that follow.</param>
/// <param name="Max">Most characters that follow; a longer run is something else.</param>
/// <param name="Entropy">Least bits per character of what follows.</param>
/// <param name="Mixed">True when letters of both cases or digits must alternate, which tells a drawn token from words.</param>
internal sealed record SecretShape(string Rule, string Provider, string Called, string Prefix, SearchValues<char> Alphabet, int Min, int Max, double Entropy = 3, bool Mixed = true)
{
    private const string Digits = "0123456789";
    private const string Lower = "abcdefghijklmnopqrstuvwxyz";
    private const string Upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    public static readonly SearchValues<char> Alphanumeric = SearchValues.Create(Digits + Lower + Upper);
    public static readonly SearchValues<char> Word = SearchValues.Create(Digits + Lower + Upper + "_-");
    public static readonly SearchValues<char> Token = SearchValues.Create(Digits + Lower + Upper + "_-.~+/");
    private static readonly SearchValues<char> Dotted = SearchValues.Create(Digits + Lower + Upper + "_-.");
    private static readonly SearchValues<char> LowerHex = SearchValues.Create(Digits + "abcdef");
    private static readonly SearchValues<char> Base32 = SearchValues.Create("234567" + Upper);

    /// <summary>The form as a regular expression for a whole value.</summary>
    public string Pattern => Regex.Escape(Prefix) + $"{ClassOf(Alphabet)}{{{Min},{Max}}}";

    /// <summary>True when the whole value has this form.</summary>
    public bool Matches(ReadOnlySpan<char> value) =>
        value.StartsWith(Prefix, StringComparison.Ordinal) && value.Length - Prefix.Length is var tail && tail >= Min && tail <= Max && value[Prefix.Length..].IndexOfAnyExcept(Alphabet) < 0;

    private static string ClassOf(SearchValues<char> alphabet) =>
        alphabet == Alphanumeric ? "[0-9A-Za-z]" : alphabet == Word ? "[0-9A-Za-z_-]" : alphabet == Dotted ? "[0-9A-Za-z_.-]" : alphabet == Base32 ? "[2-7A-Z]" : alphabet == LowerHex ? "[0-9a-f]" : "[0-9A-Za-z_.~+/-]";

    /// <summary>The narrower form stands before the wider one that shares its beginning.</summary>
    public static readonly IReadOnlyList<SecretShape> All =
    [
        new("anthropic_key", "anthropic", "an Anthropic key", "sk-ant-", Word, 20, 250),
        new("openai_project_key", "openai", "an OpenAI project key", "sk-proj-", Word, 20, 250),
        new("openai_service_key", "openai", "an OpenAI service account key", "sk-svcacct-", Word, 20, 250),
        new("openai_admin_key", "openai", "an OpenAI admin key", "sk-admin-", Word, 20, 250),
        new("openrouter_key", "openrouter", "an OpenRouter key", "sk-or-v1-", Alphanumeric, 32, 80),
        new("sk_key", "openai", "an OpenAI-style key", "sk-", Word, 20, 250),
        new("sendgrid_key", "sendgrid", "a SendGrid key", "SG.", Dotted, 60, 72),
        new("google_key", "google", "a Google API key", "AIza", Word, 33, 45),
        new("google_client_secret", "google", "a Google OAuth client secret", "GOCSPX-", Word, 20, 60),
        .. "baprse".Select(kind => new SecretShape("slack_token", "slack", "a Slack token", $"xox{kind}-", Word, 15, 250, 2.5)),
        new("slack_app_token", "slack", "a Slack app token", "xapp-", Word, 20, 250, 2.5),
        .. "pousr".Select(kind => new SecretShape("github_token", "github", "a GitHub token", $"gh{kind}_", Alphanumeric, 36, 255)),
        new("github_pat", "github", "a GitHub access token", "github_pat_", Word, 22, 255),
        new("gitlab_pat", "gitlab", "a GitLab access token", "glpat-", Word, 20, 300),
        .. new[] { "sk_live_", "sk_test_", "rk_live_", "rk_test_" }.Select(prefix => new SecretShape("stripe_key", "stripe", "a Stripe key", prefix, Alphanumeric, 10, 250, 2.5)),
        new("groq_key", "groq", "a Groq key", "gsk_", Alphanumeric, 40, 80),
        new("notion_token", "notion", "a Notion token", "ntn_", Alphanumeric, 36, 60),
        new("linear_key", "linear", "a Linear API key", "lin_api_", Alphanumeric, 40, 40),
        new("perplexity_key", "perplexity", "a Perplexity key", "pplx-", Alphanumeric, 48, 48),
        new("webhook_secret", "webhook", "a webhook signing secret", "whsec_", Token, 20, 120),
        new("aws_key_id", "aws", "an AWS key id", "AKIA", Base32, 16, 16, 2.5, Mixed: false),
        new("aws_session_key_id", "aws", "an AWS session key id", "ASIA", Base32, 16, 16, 2.5, Mixed: false),
        new("npm_token", "npm", "an npm token", "npm_", Alphanumeric, 36, 36),
        new("huggingface_token", "huggingface", "a Hugging Face token", "hf_", Alphanumeric, 30, 60),
        new("evose_key", "evose", "an Evose API key", "evk_", Alphanumeric, 24, 64),
    ];

    /// <summary>Forms that are looked for in texts alone: parts of addresses that are keys themselves, short-lived tokens, and keys of services that the catalogue of providers does not know.</summary>
    public static readonly IReadOnlyList<SecretShape> InText =
    [
        .. new[] { "open.feishu.cn/open-apis/bot/v2/hook/", "open.larksuite.com/open-apis/bot/v2/hook/" }.Select(prefix => new SecretShape("feishu_hook", "feishu", "a Feishu bot's address", prefix, Word, 30, 64, 2.5, Mixed: false)),
        new("dingtalk_hook", "dingtalk", "a DingTalk robot's address", "oapi.dingtalk.com/robot/send?access_token=", Alphanumeric, 64, 64),
        new("dingtalk_sign", "dingtalk", "a DingTalk robot's signing secret", "SEC", LowerHex, 64, 64),
        .. new[] { "services", "workflows", "triggers" }.Select(kind => new SecretShape("slack_hook", "slack", "a Slack webhook's address", $"hooks.slack.com/{kind}/", Token, 40, 64, 2.5)),
        .. new[] { "sk_prod_", "rk_prod_" }.Select(prefix => new SecretShape("stripe_prod_key", "stripe", "a Stripe key", prefix, Alphanumeric, 10, 250, 2.5)),
        .. new[] { "ABIA", "ACCA" }.Select(prefix => new SecretShape("aws_other_key_id", "aws", "an AWS key id", prefix, Base32, 16, 16, 2.5, Mixed: false)),
        new("aws_bedrock_key", "aws", "an AWS Bedrock key", "ABSK", Token, 100, 280),
        new("google_access_token", "google", "a Google access token", "ya29.", Dotted, 30, 2048),
        new("google_refresh_token", "google", "a Google refresh token", "1//0", Word, 30, 512),
        .. new[] { "glrt-", "gldt-", "glptt-", "glcbt-" }.Select(prefix => new SecretShape("gitlab_token", "gitlab", "a GitLab token", prefix, Word, 20, 300)),
        new("alibaba_key_id", "alibaba", "an Alibaba Cloud key id", "LTAI", Alphanumeric, 12, 24),
        new("twilio_key", "twilio", "a Twilio key", "SK", LowerHex, 32, 32),
        .. new[] { "pat-na1-", "pat-eu1-" }.Select(prefix => new SecretShape("hubspot_token", "hubspot", "a HubSpot token", prefix, Word, 36, 36, 2.5, Mixed: false)),
        new("xai_key", "xai", "an xAI key", "xai-", Alphanumeric, 60, 120),
        new("replicate_token", "replicate", "a Replicate token", "r8_", Alphanumeric, 37, 37),
        new("digitalocean_token", "digitalocean", "a DigitalOcean token", "dop_v1_", LowerHex, 64, 64),
        new("shopify_token", "shopify", "a Shopify token", "shpat_", LowerHex, 32, 32),
        new("databricks_token", "databricks", "a Databricks token", "dapi", LowerHex, 32, 32),
        new("pypi_token", "pypi", "a PyPI token", "pypi-AgE", Word, 50, 250),
        new("docker_token", "docker", "a Docker access token", "dckr_pat_", Word, 20, 64),
        new("vault_token", "vault", "a Vault token", "hvs.", Word, 60, 250),
    ];

    /// <summary>Names whose value is a secret: of query parameters, form fields and headers, in lower case with '_' for '-'.</summary>
    public static readonly IReadOnlySet<string> SecretNames = new HashSet<string>(StringComparer.Ordinal)
    {
        "key", "api_key", "apikey", "token", "access_token", "auth_token", "refresh_token", "password", "passwd", "pwd", "secret", "client_secret",
        "app_secret", "appsecret", "app_key", "access_key", "access_key_secret", "secret_key", "secret_access_key", "private_key", "signing_secret", "webhook_secret", "encrypt_key", "aeskey", "session_token", "id_token",
        "authorization", "proxy_authorization", "x_api_key", "x_auth_token", "x_access_token", "x_goog_api_key", "subscription_key", "ocp_apim_subscription_key", "private_token",
    };
}
