namespace Evose.Admin.Domain.OAuth;

/// <summary>What keeps the token of one credential alive: the client, who authorized it, and when it is to be refreshed. The tokens themselves are versions of the credential.</summary>
public sealed class TokenGrant
{
    private TokenGrant() { }

    public TokenGrant(Guid id, Guid credentialId, Guid workspaceId) => (Id, CredentialId, WorkspaceId) = (id, credentialId, workspaceId);

    /// <summary>Of the grant itself, under which changes of the client are audited.</summary>
    public Guid Id { get; private set; }

    public Guid CredentialId { get; private set; }

    public Guid WorkspaceId { get; private set; }

    /// <summary>The <see cref="OAuthApp"/>, sealed; null before anybody has given one.</summary>
    public byte[]? SealedApp { get; set; }

    /// <summary>The client's secret, sealed; null for a client without one.</summary>
    public byte[]? SealedSecret { get; set; }

    /// <summary>The person who authorized it; null when the tokens were given by a program.</summary>
    public Guid? AuthorizedById { get; private set; }

    public string? AuthorizedBy { get; private set; }

    public DateTimeOffset? AuthorizedAt { get; private set; }

    /// <summary>What the provider said it granted.</summary>
    public string? GrantedScopes { get; private set; }

    /// <summary>When the sweep refreshes; null when there is nothing to refresh with or no known end.</summary>
    public DateTimeOffset? RefreshAt { get; private set; }

    public DateTimeOffset? RefreshedAt { get; private set; }

    /// <summary>When the refresh token ends, where the provider says so.</summary>
    public DateTimeOffset? RefreshTokenEndsAt { get; private set; }

    /// <summary>Who refreshes at this moment, on whichever node.</summary>
    public Guid? LeaseOwner { get; private set; }

    public DateTimeOffset? LeaseUntil { get; private set; }

    /// <summary>The version whose refresh token was sent without it being known yet what became of it.</summary>
    public int? SentVersion { get; private set; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; private set; }

    /// <summary>Not tried again before.</summary>
    public DateTimeOffset? NotBefore { get; private set; }

    public TokenFault? LastFault { get; private set; }

    /// <summary>The provider's own word for it.</summary>
    public string? LastFaultCode { get; private set; }

    public DateTimeOffset? LastFaultAt { get; private set; }

    /// <summary>True when nobody refreshes now and nothing says to wait.</summary>
    public bool IsFree(DateTimeOffset now) => !IsLeased(now) && !(NotBefore > now);

    public bool IsLeased(DateTimeOffset now) => LeaseUntil > now;

    /// <summary>Whether the refresh token of this version may be sent: one that works once is never sent again after it was sent with an unknown end.</summary>
    public bool MaySend(int version, bool singleUse) => !singleUse || SentVersion != version;

    public void Lease(Guid owner, int version, DateTimeOffset until) => (LeaseOwner, LeaseUntil, SentVersion) = (owner, until, version);

    public void Authorize(Guid? userId, string? by, DateTimeOffset now) => (AuthorizedById, AuthorizedBy, AuthorizedAt) = (userId, by, now);

    /// <summary>New tokens are in use.</summary>
    public void Took(string? scopes, bool canRefresh, DateTimeOffset? expiresAt, DateTimeOffset? refreshTokenEndsAt, DateTimeOffset now)
    {
        Release();
        (SentVersion, Failures, NotBefore, LastFault, LastFaultCode, LastFaultAt) = (null, 0, null, null, null, null);
        GrantedScopes = scopes ?? GrantedScopes;
        RefreshTokenEndsAt = refreshTokenEndsAt;
        (RefreshedAt, RefreshAt) = (now, canRefresh && expiresAt is { } end ? TokenLife.RefreshAt(now, end) : null);
    }

    /// <summary>It did not work. What is certain not to have used up the refresh token lets it be sent again.</summary>
    public void Failed(TokenFault fault, string? code, bool isCertain, DateTimeOffset now)
    {
        Release();
        Failures++;
        if (isCertain) SentVersion = null;
        (LastFault, LastFaultCode, LastFaultAt) = (fault, code, now);
        NotBefore = now + TokenLife.CoolDown(Failures);
    }

    /// <summary>The client was corrected: what failed before says nothing any more.</summary>
    public void TryAgain(DateTimeOffset now)
    {
        (Failures, NotBefore) = (0, null);
        if (RefreshAt is not null) RefreshAt = now;
    }

    public void Release() => (LeaseOwner, LeaseUntil) = (null, null);
}

/// <summary>One sign-in at a provider that was begun; its state works once, for the person and the browser that began it.</summary>
public sealed class ConnectAttempt
{
    public Guid Id { get; init; }

    public Guid CredentialId { get; init; }

    public Guid UserId { get; init; }

    /// <summary>SHA-256 of the state; the state itself is only in the browser's address.</summary>
    public byte[] StateHash { get; init; } = [];

    /// <summary>SHA-256 of what the browser got as a cookie when it began.</summary>
    public byte[] BrowserHash { get; init; } = [];

    /// <summary>The PKCE verifier, sealed.</summary>
    public byte[] SealedVerifier { get; init; } = [];

    /// <summary>The address that was given to the provider; the exchange repeats it to the letter.</summary>
    public string RedirectUri { get; init; } = "";

    public DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? UsedAt { get; set; }
}
