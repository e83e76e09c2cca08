using System.Buffers;
using System.Collections.Frozen;

namespace Evose.Admin.Domain.Templates;

/// <summary>What may stand in a header that leaves the app: a value that passes here arrives as exactly one header line, byte for byte.</summary>
public static class HeaderRules
{
    public const int MaxNameLength = 128;

    public const int MaxValueLength = 8 * 1024;

    /// <summary>Of the header that carries a whole session's cookies; how much a site takes is for the site to say.</summary>
    public const int MaxCookieLength = 32 * 1024;

    private static readonly SearchValues<char> TokenChars =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> ValueChars =
        SearchValues.Create("\t" + new string([.. Enumerable.Range(0x20, 0x7F - 0x20).Select(c => (char)c)]));

    private static readonly FrozenSet<string> HopByHop = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings");

    private static readonly FrozenSet<string> Framing = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "host", "content-length");

    private static readonly FrozenSet<string> Callers = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "forwarded", "x-forwarded", "x-real-ip", "cookie", "x-api-key", "x-goog-api-key", "api-key");

    private static readonly FrozenSet<string> Stripped = HopByHop.Concat(Framing).Concat(Callers).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] CallersPrefixes = ["x-forwarded-", "x-original-", "x-evose-"];

    /// <summary>A header name is an HTTP token of at most 128 characters.</summary>
    public static bool IsName(string? name) =>
        name is { Length: > 0 and <= MaxNameLength } && !name.AsSpan().ContainsAnyExcept(TokenChars);

    /// <summary>Whether <see cref="RefuseValue"/> has nothing against the value; allocates nothing.</summary>
    public static bool IsValue(ReadOnlySpan<char> value, int maxLength = MaxValueLength) =>
        value.Length <= maxLength
        && !value.ContainsAnyExcept(ValueChars)
        && (value.Length == 0 || (value[0] is not (' ' or '\t') && value[^1] is not (' ' or '\t')));

    /// <summary>Why the value cannot be sent in a header, or null. The text never quotes the value: it may be a secret.</summary>
    public static string? RefuseValue(ReadOnlySpan<char> value)
    {
        if (IsValue(value)) return null;
        if (value.Length > MaxValueLength) return $"The header value is too long: at most {MaxValueLength} characters.";
        if (value.IndexOfAny('\r', '\n') >= 0) return "The header value holds a line break. Remove it; pasted keys often end with one.";
        foreach (var c in value)
        {
            if (c > 0x7E) return "The header value holds a character outside ASCII.";
            if (c < ' ' && c != '\t') return "The header value holds a control character.";
        }
        return "The header value begins or ends with a space or a tab. Remove it.";
    }

    /// <summary>
    /// Whether a header that a caller sends never goes upstream: hop-by-hop, framing, forwarding, cookies and the slots that carry our own keys.
    /// <c>Authorization</c> is not listed: the broker decides about it, for it may carry our key or be the tool's slot.
    /// </summary>
    public static bool IsStripped(string name)
    {
        if (Matches(name, Stripped, "proxy-")) return true;
        if (name.Length == 0 || (name[0] | 0x20) != 'x') return false;
        foreach (var prefix in CallersPrefixes)
            if (StartsWith(name, prefix)) return true;
        return false;
    }

    /// <summary>Whether a tool's template may not set this header: the connection and the message's framing are ours.</summary>
    public static bool IsReservedForTemplates(string name) => Matches(name, HopByHop, "proxy-") || Matches(name, Framing, null);

    private static bool Matches(string name, FrozenSet<string> set, string? prefix)
    {
        if (set.Contains(name) || (prefix is not null && StartsWith(name, prefix))) return true;
        if (!name.Contains('_', StringComparison.Ordinal) || name.Length > 64) return false;

        // CGI-style upstreams read X_Api_Key and X-Api-Key as one header.
        Span<char> dashed = stackalloc char[name.Length];
        name.AsSpan().Replace(dashed, '_', '-');
        return set.GetAlternateLookup<ReadOnlySpan<char>>().Contains(dashed);
    }

    private static bool StartsWith(string name, string prefix)
    {
        if (name.Length < prefix.Length) return false;
        for (var i = 0; i < prefix.Length; i++)
        {
            var c = name[i] == '_' ? '-' : name[i];
            if (char.ToLowerInvariant(c) != prefix[i]) return false;
        }
        return true;
    }
}
