namespace Evose.Admin.Domain.Credentials;

/// <summary>Pure: which version a new call uses.</summary>
public static class VersionSelector
{
    /// <summary>
    /// The active version, or null. Two active versions, or one without a value, mean that rows were changed behind the app's back: nothing is picked.
    /// Instants are not compared with <paramref name="now"/>: another node's clock may run ahead, and a fresh promotion must count at once.
    /// </summary>
    public static CredentialVersion? Pick(IReadOnlyList<CredentialVersion> versions, DateTimeOffset now)
    {
        _ = now;
        CredentialVersion? active = null;
        for (var i = 0; i < versions.Count; i++)
        {
            if (versions[i].State != VersionState.Active) continue;
            if (active is not null) return null;
            active = versions[i];
        }
        return active?.WrappedKey is null ? null : active;
    }
}
