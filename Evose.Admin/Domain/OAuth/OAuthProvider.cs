namespace Evose.Admin.Domain.OAuth;

/// <summary>How a token endpoint wants its request.</summary>
public enum OAuthBody
{
    /// <summary>As a form.</summary>
    Form,

    /// <summary>As JSON.</summary>
    Json,
}

/// <summary>How the client says who it is at the token endpoint.</summary>
public enum OAuthClientAuth
{
    /// <summary>Id and secret are members of the body.</summary>
    Body,

    /// <summary>Id and secret go with HTTP Basic.</summary>
    Basic,
}

/// <summary>How one provider speaks OAuth 2: data, so that a correction is one record. What is not said is as the standard has it.</summary>
public sealed record OAuthProvider
{
    /// <summary>The same id as in the provider catalogue.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Where the person is sent; empty when the operator has to give it.</summary>
    public string AuthorizeUrl { get; init; } = "";

    /// <summary>Where codes and refresh tokens are exchanged; empty when the operator has to give it.</summary>
    public string TokenUrl { get; init; } = "";

    public OAuthBody Body { get; init; }

    public OAuthClientAuth ClientAuth { get; init; }

    /// <summary>What the members of the requests and of the answer are called.</summary>
    public OAuthNames Names { get; init; } = new();

    /// <summary>What is added to the authorize address.</summary>
    public IReadOnlyDictionary<string, string> AuthorizeParameters { get; init; } = new Dictionary<string, string>();

    /// <summary>The parameter under which the code comes back.</summary>
    public string CodeParameter { get; init; } = "code";

    public string ScopeSeparator { get; init; } = " ";

    /// <summary>Scopes to begin with, separated by blanks.</summary>
    public string DefaultScopes { get; init; } = "";

    /// <summary>The scope without which no refresh token is given; null when there is none.</summary>
    public string? OfflineScope { get; init; }

    public bool SendsPkce { get; init; } = true;

    /// <summary>Whether the exchange of a code repeats the redirect address.</summary>
    public bool SendsRedirectUri { get; init; } = true;

    /// <summary>A member of the answer that must have <see cref="SuccessValue"/>, because errors come with status 200; null when the status tells.</summary>
    public string? SuccessMember { get; init; }

    public string? SuccessValue { get; init; }

    /// <summary>A refresh token works once, and its answer brings the next one.</summary>
    public bool IsRefreshSingleUse { get; init; }

    /// <summary>The provider's own codes for: somebody has to sign in again.</summary>
    public IReadOnlyList<string> NeedsConsent { get; init; } = [];

    /// <summary>The provider's own codes for: the app is not set up as it should be.</summary>
    public IReadOnlyList<string> Misconfigured { get; init; } = [];

    /// <summary>The provider's own codes for: try again later.</summary>
    public IReadOnlyList<string> Transient { get; init; } = [];

    /// <summary>Codes in an answer of the provider's API that say: this token is over. Looked for in <see cref="DeadTokenMember"/> of small JSON answers.</summary>
    public IReadOnlyList<string> DeadTokenCodes { get; init; } = [];

    public string DeadTokenMember { get; init; } = "code";

    /// <summary>The header that carries the token in a call.</summary>
    public string Header { get; init; } = "Authorization";

    /// <summary>What stands in it, with <c>{}</c> for the token.</summary>
    public string HeaderFormat { get; init; } = "Bearer {}";

    /// <summary>Hosts of the provider's API.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>Where an OAuth client is made.</summary>
    public string? ConsoleUrl { get; init; }

    /// <summary>What to know before connecting, for a person.</summary>
    public string? Note { get; init; }

    /// <summary>What no public source confirms, for a person; null when all is confirmed.</summary>
    public string? Unconfirmed { get; init; }

    /// <summary>The operator gives the addresses.</summary>
    public bool IsGeneric => TokenUrl.Length == 0;
}

/// <summary>Names of members; a dot leads into an object.</summary>
public sealed record OAuthNames
{
    public string ClientId { get; init; } = "client_id";

    public string ClientSecret { get; init; } = "client_secret";

    public string GrantType { get; init; } = "grant_type";

    public string Code { get; init; } = "code";

    public string RedirectUri { get; init; } = "redirect_uri";

    public string Verifier { get; init; } = "code_verifier";

    public string RefreshToken { get; init; } = "refresh_token";

    /// <summary>In the answer, as all that follow.</summary>
    public string AccessToken { get; init; } = "access_token";

    public string NewRefreshToken { get; init; } = "refresh_token";

    public string ExpiresIn { get; init; } = "expires_in";

    public string RefreshExpiresIn { get; init; } = "refresh_token_expires_in";

    public string Scope { get; init; } = "scope";

    public string Error { get; init; } = "error";
}

/// <summary>An organization's client at a provider, without its secret. Kept sealed: it decides where secret and refresh token are sent.</summary>
/// <param name="Number">Grows with every change; the newest must also stand in the audit trail.</param>
/// <param name="Scopes">Separated by blanks.</param>
public sealed record OAuthApp(string Provider, string ClientId, string AuthorizeUrl, string TokenUrl, OAuthBody Body, OAuthClientAuth ClientAuth, string Scopes, int Number);
