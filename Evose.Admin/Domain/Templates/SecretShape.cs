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
    private static readonly SearchValues<char> Base32 = SearchValues.Create("234567" + Upper);

    /// <summary>The form as a regular expression for a whole value.</summary>
    public string Pattern => Regex.Escape(Prefix) + $"{ClassOf(Alphabet)}{{{Min},{Max}}}";

    /// <summary>True when the whole value has this form.</summary>
    public bool Matches(ReadOnlySpan<char> value) =>
        value.StartsWith(Prefix, StringComparison.Ordinal) && value.Length - Prefix.Length is var tail && tail >= Min && tail <= Max && value[Prefix.Length..].IndexOfAnyExcept(Alphabet) < 0;

    private static string ClassOf(SearchValues<char> alphabet) =>
        alphabet == Alphanumeric ? "[0-9A-Za-z]" : alphabet == Word ? "[0-9A-Za-z_-]" : alphabet == Dotted ? "[0-9A-Za-z_.-]" : alphabet == Base32 ? "[2-7A-Z]" : "[0-9A-Za-z_.~+/-]";

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

    /// <summary>Names whose value is a secret: of query parameters, form fields and headers, in lower case with '_' for '-'.</summary>
    public static readonly IReadOnlySet<string> SecretNames = new HashSet<string>(StringComparer.Ordinal)
    {
        "key", "api_key", "apikey", "token", "access_token", "auth_token", "refresh_token", "password", "passwd", "pwd", "secret", "client_secret",
        "authorization", "proxy_authorization", "x_api_key", "x_auth_token", "x_access_token", "x_goog_api_key", "subscription_key", "ocp_apim_subscription_key", "private_token",
    };
}
