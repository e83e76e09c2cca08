namespace Evose.Admin.Domain.OAuth;

/// <summary>Why no token came, by what has to happen next.</summary>
public enum TokenFault
{
    /// <summary>The provider did not answer, or said to come back later.</summary>
    Transient,

    /// <summary>Somebody has to sign in again.</summary>
    NeedsConsent,

    /// <summary>The client is not set up as the provider wants it.</summary>
    Misconfigured,

    /// <summary>The request went out and no answer came: whether a token that works once was used up is not known.</summary>
    Unknown,
}

/// <summary>Pure: when a token is refreshed, and how an error of a token endpoint is read.</summary>
public static class TokenLife
{
    /// <summary>A call that would begin this close to the end of its token waits for a new one.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Ahead = TimeSpan.FromMinutes(5);

    private static readonly string[] Consent = ["invalid_grant", "interaction_required", "consent_required", "login_required", "access_denied", "token_revoked", "bad_refresh_token", "bad_verification_code", "invalid_refresh_token", "token_expired"];

    private static readonly string[] Setup =
        ["invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request", "redirect_uri_mismatch", "bad_client_secret", "bad_redirect_uri", "incorrect_client_credentials", "invalid_client_id"];

    /// <summary>At 80 % of the life and at least 5 minutes before its end; of a life too short for that, at its half.</summary>
    public static DateTimeOffset RefreshAt(DateTimeOffset issuedAt, DateTimeOffset expiresAt)
    {
        var life = expiresAt - issuedAt;
        if (life <= TimeSpan.Zero) return issuedAt;
        var at = life * 0.8;
        if (life - at < Ahead) at = life - Ahead;
        return issuedAt + (at < life / 2 ? life / 2 : at);
    }

    /// <summary>How long to leave a provider alone after so many failures in a row: 15 seconds, doubled each time, at most 15 minutes.</summary>
    public static TimeSpan CoolDown(int failures) => TimeSpan.FromSeconds(Math.Min(900, 15 * Math.Pow(2, Math.Clamp(failures - 1, 0, 10))));

    /// <summary>What an answer without a token means.</summary>
    /// <param name="codes">The provider's code and the standard's error word, where the answer has them.</param>
    public static TokenFault Read(OAuthProvider provider, int status, IReadOnlyList<string> codes)
    {
        foreach (var code in codes)
        {
            if (provider.Transient.Contains(code)) return TokenFault.Transient;
            if (provider.NeedsConsent.Contains(code)) return TokenFault.NeedsConsent;
            if (provider.Misconfigured.Contains(code)) return TokenFault.Misconfigured;
        }
        if (status is 408 or 429 or >= 500) return TokenFault.Transient;
        foreach (var code in codes)
        {
            if (Consent.Contains(code)) return TokenFault.NeedsConsent;
            if (Setup.Contains(code)) return TokenFault.Misconfigured;
        }
        return status is 401 or 404 or 405 ? TokenFault.Misconfigured : TokenFault.Transient;
    }

    /// <summary>The fault for a person.</summary>
    public static string Sentence(this TokenFault fault) => fault switch
    {
        TokenFault.Transient => "The provider did not give a token and may do so later.",
        TokenFault.NeedsConsent => "The provider asks for a new sign-in: the consent ended, was withdrawn, or was for a person who is gone.",
        TokenFault.Misconfigured => "The provider does not accept the client as it is set up. Check client id, secret, addresses and scopes.",
        TokenFault.Unknown => "The last refresh had no answer, and its refresh token works only once, so it is not sent again.",
    };
}
