namespace Evose.Admin.Domain.Credentials;

/// <summary>The one word that says how a credential is.</summary>
public enum CredentialStatus
{
    /// <summary>In use, nothing to do.</summary>
    Active,

    /// <summary>A rotation is open.</summary>
    Rotating,

    /// <summary>Near its expiry date.</summary>
    Expiring,

    /// <summary>Past its expiry date.</summary>
    Expired,

    /// <summary>No version is in use.</summary>
    Unavailable,

    /// <summary>The site says that nobody is signed in with its value.</summary>
    NeedsSignIn,

    /// <summary>Out of use for good.</summary>
    Archived,

    /// <summary>Somebody stopped every use of it.</summary>
    Frozen,
}

/// <summary>Pure: the status of a credential at a moment; what needs a person most wins.</summary>
public static class CredentialStatusPolicy
{
    public static readonly TimeSpan ExpiringWithin = TimeSpan.FromDays(30);

    public static CredentialStatus Of(Credential credential, DateTimeOffset now) =>
        Of(credential.ArchivedAt is not null, credential.ActiveVersion is not null, credential.ExpiresAt, credential.Pending is not null || credential.Retiring is not null, now, credential.NeedsSignInAt is not null,
            credential.FrozenAt is not null);

    public static CredentialStatus Of(bool archived, bool hasActiveVersion, DateTimeOffset? expiresAt, bool rotationOpen, DateTimeOffset now, bool needsSignIn = false, bool frozen = false) =>
        archived ? CredentialStatus.Archived
        : frozen ? CredentialStatus.Frozen
        : needsSignIn ? CredentialStatus.NeedsSignIn
        : !hasActiveVersion ? CredentialStatus.Unavailable
        : needsSignIn ? CredentialStatus.NeedsSignIn
        : expiresAt <= now ? CredentialStatus.Expired
        : expiresAt - now <= ExpiringWithin ? CredentialStatus.Expiring
        : rotationOpen ? CredentialStatus.Rotating
        : CredentialStatus.Active;

    /// <summary>The word on the wire and on the screen.</summary>
    public static string Word(this CredentialStatus status) => status switch
    {
        CredentialStatus.Active => "active",
        CredentialStatus.Rotating => "rotating",
        CredentialStatus.Expiring => "expiring",
        CredentialStatus.Expired => "expired",
        CredentialStatus.Unavailable => "unavailable",
        CredentialStatus.NeedsSignIn => "needs_sign_in",
        CredentialStatus.Archived => "archived",
        CredentialStatus.Frozen => "frozen",
    };
}
