namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>What people may see of a cookie: everything but its value.</summary>
/// <param name="Domain">Empty: it came without one, and goes to whatever host the credential allows.</param>
/// <param name="ExpiresAt">Null: it ends with the session.</param>
/// <param name="HostOnly">Only the very host; false is the domain and everything below it.</param>
public sealed record CookieFacts(string Name, string Domain, string Path, DateTimeOffset? ExpiresAt, bool Secure, bool HostOnly, bool HttpOnly)
{
    /// <summary>Whether a host that one of the patterns allows could ever be sent this cookie.</summary>
    public bool CouldGoTo(IReadOnlyList<string> allowedHosts) => Domain.Length == 0 || allowedHosts.Any(CouldGoTo);

    private bool CouldGoTo(string pattern)
    {
        var wildcard = pattern.StartsWith("*.", StringComparison.Ordinal);
        var host = wildcard ? pattern[2..] : pattern;
        if (host.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash) host = host[..slash];
        host = host.StartsWith('[') ? host[1..].Split(']')[0] : host.Split(':')[0];
        if (Is(host, Domain) && !wildcard) return true;
        // The domain and what is below it, against one host or one label before a host.
        if (!HostOnly && (Is(host, Domain) || host.EndsWith("." + Domain, StringComparison.Ordinal))) return true;
        return wildcard && Domain.EndsWith("." + host, StringComparison.Ordinal) && !Domain[..^(host.Length + 1)].Contains('.', StringComparison.Ordinal);
    }

    private static bool Is(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}

/// <summary>The marks of a cookie as they are kept.</summary>
[Flags]
internal enum CookieMarks : byte
{
    None = 0,
    Secure = 1,
    HostOnly = 2,
    HttpOnly = 4,
}
