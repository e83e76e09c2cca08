using System.Globalization;
using System.Net;

namespace Evose.Admin.Domain.Credentials;

/// <summary>Where a credential may travel: <c>host[:port][/path-prefix]</c> patterns, exact or with one left-most wildcard label; an empty list allows nothing.</summary>
public static class DestinationPolicy
{
    public const int MaxEntries = 50;

    public const int MaxEntryLength = 512;

    private const string Field = "allowed_hosts";

    /// <summary>The patterns in the one form that is stored, sealed and compared: lower-case ASCII hosts, no scheme, no trailing slash, no duplicates.</summary>
    public static Outcome<IReadOnlyList<string>> Normalize(IEnumerable<string> hosts)
    {
        var kept = new List<string>();
        var number = 0;
        foreach (var entry in hosts)
        {
            if (++number > MaxEntries) return Problem.Invalid(Field, $"There are too many hosts: at most {MaxEntries}.");

            // The entry itself is not quoted: people paste URLs with passwords in them.
            if (DestinationPattern.Parse(entry, out var pattern) is { } refusal) return Problem.Invalid(Field, $"Entry {number} {refusal}");

            var text = pattern.ToString();
            if (!kept.Contains(text)) kept.Add(text);
        }
        return Outcome<IReadOnlyList<string>>.Of(kept);
    }

    /// <summary>Whether a value may travel to <paramref name="target"/>; the hot path keeps the result of <see cref="Compile"/> instead.</summary>
    public static bool Allows(IReadOnlyList<string> normalized, Uri target) => Compile(normalized).Allows(target);

    /// <summary>The patterns ready for matching. What is not in normal form allows nothing: it did not come from <see cref="Normalize"/>.</summary>
    public static Destinations Compile(IReadOnlyList<string> normalized)
    {
        var patterns = new List<DestinationPattern>(normalized.Count);
        foreach (var text in normalized)
            if (DestinationPattern.Parse(text, out var pattern) is null && pattern.ToString() == text) patterns.Add(pattern);
        return new Destinations([.. patterns]);
    }
}

/// <summary>A compiled destination policy: decides without allocating, from any thread.</summary>
public sealed class Destinations
{
    private readonly DestinationPattern[] _patterns;

    internal Destinations(DestinationPattern[] patterns) => _patterns = patterns;

    /// <summary>The policy of a credential that may go nowhere.</summary>
    public static readonly Destinations Nowhere = new([]);

    /// <summary>Whether one of the patterns covers scheme, host, port and path of <paramref name="target"/>.</summary>
    public bool Allows(Uri target)
    {
        if (_patterns.Length == 0 || !target.IsAbsoluteUri || target.UserInfo.Length > 0) return false;
        if (target.Scheme != Uri.UriSchemeHttps && target.Scheme != Uri.UriSchemeHttp) return false;

        string host, path;
        try
        {
            // IdnHost, not Host: Host of a full-width or enclosed-digit host is not what is connected to.
            (host, path) = (target.IdnHost, target.AbsolutePath);
        }
        catch (UriFormatException)
        {
            return false;
        }

        foreach (ref readonly var pattern in _patterns.AsSpan())
            if (pattern.Covers(host, target.Port, target.IsDefaultPort, path)) return true;
        return false;
    }
}

/// <summary>One parsed pattern of a destination policy.</summary>
internal readonly record struct DestinationPattern(string Host, bool Wildcard, int? Port, string PathPrefix)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(Wildcard ? "*." : "")}{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}{(Port is { } port ? $":{port}" : "")}{PathPrefix}");

    public bool Covers(string host, int port, bool isDefaultPort, string path)
    {
        if (Port is { } named ? named != port : !isDefaultPort) return false;
        if (!CoversHost(host)) return false;
        if (PathPrefix.Length == 0) return true;

        return path.StartsWith(PathPrefix, StringComparison.Ordinal)
            && (path.Length == PathPrefix.Length || path[PathPrefix.Length] == '/')
            && IsPlainPath(path);
    }

    private bool CoversHost(string host)
    {
        if (!Wildcard) return string.Equals(host, Host, StringComparison.OrdinalIgnoreCase);

        // Exactly one label and its dot stand before the pattern's host, so evil-openai.com and a.b.openai.com are out.
        var dot = host.Length - Host.Length - 1;
        return dot > 0 && host[dot] == '.' && host.AsSpan(0, dot).IndexOf('.') < 0 && host.EndsWith(Host, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Reads one entry; the answer is what is wrong with it, to follow "Entry n", or null.</summary>
    public static string? Parse(string? entry, out DestinationPattern pattern)
    {
        pattern = default;
        var text = entry?.Trim(' ') ?? "";
        if (text.Length == 0) return "is empty. Write a host, such as api.openai.com.";
        if (text.Length > DestinationPolicy.MaxEntryLength) return $"is too long: at most {DestinationPolicy.MaxEntryLength} characters.";
        foreach (var c in text)
        {
            if (char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse)
                return "holds a control character or an invisible one. Type it anew.";
            if (char.IsWhiteSpace(c)) return "holds a space. Write one host per entry.";
            if (c is ',' or ';' or '|' or '"' or '\'' or '<' or '>' or '{' or '}' or '^' or '`')
                return "holds a character that no host has. Write one host per entry, such as api.openai.com/v1.";
        }

        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0)
        {
            if (!text.AsSpan(0, scheme).Equals("https", StringComparison.OrdinalIgnoreCase) && !text.AsSpan(0, scheme).Equals("http", StringComparison.OrdinalIgnoreCase))
                return "has a scheme other than https. Leave the scheme out.";
            text = text[(scheme + 3)..];
        }
        if (text.Contains('\\', StringComparison.Ordinal)) return "holds a backslash. Separate with '/'.";
        if (text.Contains('?', StringComparison.Ordinal)) return "has a query. Only host, port and path prefix count.";
        if (text.Contains('#', StringComparison.Ordinal)) return "has a fragment. Only host, port and path prefix count.";

        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var (authority, path) = slash < 0 ? (text, "") : (text[..slash], text[slash..].TrimEnd('/'));
        if (authority.Contains('@', StringComparison.Ordinal)) return "has a user name or password before the host. Leave them out.";

        if (ParseAuthority(authority, out var host, out var wildcard, out var port) is { } refusal) return refusal;
        if (ParsePath(ref path) is { } pathRefusal) return pathRefusal;
        pattern = new DestinationPattern(host, wildcard, port, path);
        return null;
    }

    private static string? ParseAuthority(string authority, out string host, out bool wildcard, out int? port)
    {
        (host, wildcard, port) = ("", false, null);
        if (authority.Contains('%', StringComparison.Ordinal)) return "has an encoded character or a zone in its host. Write the plain host.";

        var colon = authority.LastIndexOf(':');
        if (authority.StartsWith('['))
        {
            var end = authority.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || (end < authority.Length - 1 && authority[end + 1] != ':')) return "is no IPv6 address in brackets, such as [fd00::7]:8443.";
            colon = end < authority.Length - 1 ? end + 1 : -1;
        }
        else if (colon != authority.IndexOf(':', StringComparison.Ordinal))
        {
            return "has more than one ':'. Put an IPv6 address in brackets, such as [fd00::7]:8443.";
        }

        var name = colon < 0 ? authority : authority[..colon];
        if (colon >= 0)
        {
            var digits = authority.AsSpan(colon + 1);
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 65535 || digits[0] == '0')
                return "has a port that is no number from 1 to 65535.";
            port = number;
        }
        if (name.Length == 0) return "has no host. Write a host, such as api.openai.com.";

        if (name.Contains('*', StringComparison.Ordinal))
        {
            wildcard = true;
            if (!name.StartsWith("*.", StringComparison.Ordinal) || name.LastIndexOf('*') != 0)
                return "has a wildcard in the wrong place. It may stand for the whole left-most label only, such as *.openai.com.";
            name = name[2..];
        }
        return ParseHost(name, wildcard, out host);
    }

    private static string? ParseHost(string name, bool wildcard, out string host)
    {
        const string NoHost = "is no host name. Write a host, such as api.openai.com.";
        host = "";

        // The same parser that later reads the target: what it would read differently cannot be stored.
        if (!Uri.TryCreate($"https://{(wildcard ? "w." : "")}{name}/", UriKind.Absolute, out var uri)) return NoHost;
        try
        {
            host = wildcard ? uri.IdnHost[2..] : uri.IdnHost;
        }
        catch (UriFormatException)
        {
            return NoHost;
        }

        if (uri.HostNameType is UriHostNameType.IPv6) return wildcard ? NoHost : null;
        if (uri.HostNameType is UriHostNameType.IPv4)
            return host == name ? null : "is an IP address in an unusual form. Write it as four decimal numbers, such as 10.1.2.3.";
        if (uri.HostNameType is not UriHostNameType.Dns) return NoHost;

        host = host.ToLowerInvariant();
        if (host.EndsWith('.')) return "ends with a dot. Leave the dot out.";
        if (IPAddress.TryParse(host, out _)) return "is an IP address in an unusual form. Write it as four decimal numbers, such as 10.1.2.3.";
        if (host.Length > 253) return "has a host that is too long: at most 253 characters.";

        var labels = host.Split('.');
        foreach (var label in labels)
        {
            if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-') return NoHost;
            foreach (var c in label)
                if (c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '_')) return NoHost;
        }

        // Resolvers read a name that ends in a number as an address.
        if (labels[^1].All(char.IsAsciiDigit) || labels[^1].StartsWith("0x", StringComparison.Ordinal)) return NoHost;
        if (wildcard && labels.Length < 2) return "has a wildcard over a whole top-level domain. Name at least two labels after it, such as *.openai.com.";
        return null;
    }

    private static string? ParsePath(ref string path)
    {
        if (path.Length == 0) return null;
        if (path.Contains('*', StringComparison.Ordinal)) return "has a wildcard in its path. A path prefix covers everything below it: leave the '*' out.";
        if (path.Contains("//", StringComparison.Ordinal)) return "has an empty step in its path.";
        if (!IsPlainPath(path)) return "has a path with '.' or '..' steps or encoded separators. Write the plain path.";

        var canonical = new Uri("https://host" + path).AbsolutePath;
        if (!IsPlainPath(canonical)) return "has a path that cannot be read. Write the plain path.";
        path = canonical;
        return null;
    }

    /// <summary>
    /// Whether every reader walks this path the same way. Literal dot segments are folded by <see cref="Uri"/> already; what an upstream could
    /// still fold after decoding (<c>%2e</c>, <c>%2f</c>, <c>%5c</c>, a second encoding, <c>..;</c>) is not under any prefix.
    /// </summary>
    private static bool IsPlainPath(ReadOnlySpan<char> path)
    {
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] == '\\' || path[i] < ' ') return false;
            if (path[i] == '%')
            {
                if (i + 2 >= path.Length || !char.IsAsciiHexDigit(path[i + 1]) || !char.IsAsciiHexDigit(path[i + 2])) return false;
                if ((path[i + 1], (char)(path[i + 2] | 0x20)) is ('2', 'e') or ('2', 'f') or ('5', 'c')) return false;
                if ((path[i + 1], path[i + 2]) is ('2', '5') or ('0', _) or ('1', _)) return false;
            }
            if (path[i] == '/' && i + 1 < path.Length && path[i + 1] == '.')
            {
                var end = i + 2 < path.Length && path[i + 2] == '.' ? i + 3 : i + 2;
                if (end == path.Length || path[end] is '/' or ';' or '%') return false;
            }
        }
        return true;
    }
}
