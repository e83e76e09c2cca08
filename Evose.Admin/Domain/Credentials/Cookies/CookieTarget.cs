using System.Net;
using System.Text;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>The address of a request as cookies are matched against it: RFC 6265, section 5.1.</summary>
public readonly struct CookieTarget
{
    public CookieTarget(Uri target)
    {
        (Host, Path) = (target.IdnHost.ToLowerInvariant(), target.AbsolutePath);
        // What does not leave the machine cannot be listened to on the way; browsers see it so too.
        IsSecure = target.Scheme is "https" or "wss" || target.IsLoopback;
    }

    public string Host { get; }

    public string Path { get; }

    public bool IsSecure { get; }

    /// <summary>The path that a cookie without one gets: this one up to its last slash.</summary>
    public string DefaultPath => Path.LastIndexOf('/') is > 0 and var last ? Path[..last] : "/";

    internal bool Takes(in Cookie cookie, long now) =>
        (cookie.Expires == 0 || cookie.Expires > now)
        && (IsSecure || !cookie.Marks.HasFlag(CookieMarks.Secure))
        && InDomain(cookie.Domain, cookie.Marks.HasFlag(CookieMarks.HostOnly))
        && InPath(cookie.Path);

    /// <summary>Whether the host is the domain or below it. No domain is every host: the credential's own list decides then.</summary>
    internal bool InDomain(ReadOnlySpan<byte> domain, bool hostOnly)
    {
        if (domain.IsEmpty || Ascii.EqualsIgnoreCase(domain, Host)) return true;
        var dot = Host.Length - domain.Length - 1;
        return !hostOnly && dot > 0 && Host[dot] == '.' && Ascii.EqualsIgnoreCase(domain, Host.AsSpan(dot + 1)) && !IPAddress.TryParse(Host, out _);
    }

    private bool InPath(ReadOnlySpan<byte> path)
    {
        if (path.Length > Path.Length || path.IsEmpty) return false;
        return Ascii.Equals(path, Path.AsSpan(0, path.Length)) && (path.Length == Path.Length || path[^1] == (byte)'/' || Path[path.Length] == '/');
    }
}
