using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Features.Credentials;

/// <summary>The words for types and the reading of what people write about a credential, the same for pages and REST.</summary>
internal static class CredentialWords
{
    public const int MaxDescription = 2000;
    public const int MaxProvider = 64;

    public static string Wire(this CredentialType type) => type switch
    {
        CredentialType.ApiKey => "api_key",
        CredentialType.OAuthToken => "oauth_token",
        CredentialType.Cookie => "cookie",
        CredentialType.Custom => "custom",
    };

    /// <summary>The word for a person.</summary>
    public static string Called(this CredentialType type) => type switch
    {
        CredentialType.ApiKey => "API key",
        CredentialType.OAuthToken => "OAuth token",
        CredentialType.Cookie => "Cookie",
        CredentialType.Custom => "Custom",
    };

    public static Outcome<CredentialType> ParseType(string? word) => word switch
    {
        "api_key" => CredentialType.ApiKey,
        "oauth_token" => CredentialType.OAuthToken,
        "cookie" => CredentialType.Cookie,
        "custom" => CredentialType.Custom,
        _ => Problem.Invalid("type", "Say which type it is: api_key, oauth_token, cookie or custom."),
    };

    /// <summary>An instant in ISO 8601 that is still to come; one without an offset is UTC.</summary>
    public static Outcome<DateTimeOffset?> ParseExpiry(string? text, DateTimeOffset now) => ExpiryPolicy.ParseDate(text, now);

    /// <summary>Why a text cannot be kept, or null. What looks like a secret is refused with the placeholder to write instead.</summary>
    public static Problem? RefuseText(string field, string? text, int max, bool multiline = false)
    {
        if (FreeText.Refuse(text, max, multiline: multiline) is { } why) return Problem.Invalid(field, why);
        return text is not null && Domain.Templates.PlaintextDetector.Find(text) is { } found ? Problem.Invalid(field, found.Sentence) : null;
    }

    /// <summary>Why rules of a session cannot be kept, or null.</summary>
    public static Problem? RefuseSession(CredentialType type, SessionRules rules)
    {
        if (type != CredentialType.Cookie) return Problem.Invalid("session", "Only a credential of type cookie has a session.");
        return rules.Problem() ?? RefuseText("session.marker", rules.Marker, SessionRules.MaxText) ?? RefuseText("session.login_path", rules.LoginPath, SessionRules.MaxText);
    }

    public static string? Trimmed(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
