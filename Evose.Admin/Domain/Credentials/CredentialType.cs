using System.Text.Json.Serialization;

namespace Evose.Admin.Domain.Credentials;

/// <summary>What kind of secret a credential holds.</summary>
public enum CredentialType
{
    /// <summary>One key or token that a service issued.</summary>
    ApiKey,

    /// <summary>An OAuth 2 grant.</summary>
    [JsonStringEnumMemberName("oauth_token")]
    OAuthToken,

    /// <summary>A signed-in session of a site.</summary>
    Cookie,

    /// <summary>Named fields.</summary>
    Custom,
}
