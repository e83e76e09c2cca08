using System.Globalization;
using System.Net;
using System.Text;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>What one <c>Set-Cookie</c> header of an answer asks for: RFC 6265, section 5.2 and 5.3. Name and value stay a part of the header's text.</summary>
public sealed class SetCookie
{
    /// <summary>No cookie lives longer than this, whatever the site says.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(400);

    private const int MaxAttribute = 1024;

    private readonly string _header;
    private readonly Range _name, _value;

    private SetCookie(string header, Range name, Range value) => (_header, _name, _value) = (header, name, value);

    public ReadOnlySpan<char> Name => _header.AsSpan(_name);

    public ReadOnlySpan<char> Value => _header.AsSpan(_value);

    /// <summary>The answering host, or the domain above it that the site named.</summary>
    public string Domain { get; private init; } = "";

    public string Path { get; private init; } = "/";

    /// <summary>Milliseconds since 1970; 0 ends with the session.</summary>
    internal long Expires { get; private init; }

    internal CookieMarks Marks { get; private init; }

    /// <summary>True when the site wants it gone.</summary>
    public bool IsGone(DateTimeOffset now) => Expires != 0 && Expires <= now.ToUnixTimeMilliseconds();

    /// <summary>Never the value.</summary>
    public override string ToString() => "[cookie]";

    /// <summary>Null when a browser would not keep it: not a cookie, too large, for another host, for a whole top-level domain, or marked secure without being so.</summary>
    public static SetCookie? Read(string header, in CookieTarget from, DateTimeOffset now)
    {
        var text = header.AsSpan();
        foreach (var c in text)
            if (c is < ' ' and not '\t' or > '~') return null;
        var end = text.IndexOf(';') is >= 0 and var semicolon ? semicolon : text.Length;
        var equals = text[..end].IndexOf('=');
        if (equals < 0) return null;
        var (name, value) = (Trimmed(text, 0, equals), Trimmed(text, equals + 1, end));
        var (nameLength, valueLength) = (name.End.Value - name.Start.Value, value.End.Value - value.Start.Value);
        if (nameLength == 0 || nameLength + valueLength > CookieJar.MaxPair) return null;

        string? domain = null, path = null;
        long? maxAge = null, expires = null;
        var marks = CookieMarks.None;
        foreach (var range in text[end..].Split(';'))
        {
            var attribute = text[end..][range];
            var at = attribute.IndexOf('=');
            var key = (at < 0 ? attribute : attribute[..at]).Trim();
            var said = at < 0 ? default : attribute[(at + 1)..].Trim();
            if (said.Length > MaxAttribute) continue;
            if (key.Equals("Domain", StringComparison.OrdinalIgnoreCase)) domain = said.TrimStart('.').ToString().ToLowerInvariant();
            else if (key.Equals("Path", StringComparison.OrdinalIgnoreCase)) path = said.StartsWith('/') ? said.ToString() : null;
            else if (key.Equals("Max-Age", StringComparison.OrdinalIgnoreCase)) maxAge = Age(said, now) ?? maxAge;
            else if (key.Equals("Expires", StringComparison.OrdinalIgnoreCase)) expires = CookieDate.Parse(said) is { } date ? Capped(date, now) : expires;
            else if (key.Equals("Secure", StringComparison.OrdinalIgnoreCase)) marks |= CookieMarks.Secure;
            else if (key.Equals("HttpOnly", StringComparison.OrdinalIgnoreCase)) marks |= CookieMarks.HttpOnly;
        }

        if (marks.HasFlag(CookieMarks.Secure) && !from.IsSecure) return null;
        // One label is nobody's domain, and an address has nothing below it: then only the host itself is left.
        var single = string.IsNullOrEmpty(domain) || !domain.Contains('.', StringComparison.Ordinal) || IPAddress.TryParse(from.Host, out _);
        if (single) marks |= CookieMarks.HostOnly;
        if (!string.IsNullOrEmpty(domain) && domain != from.Host && (single || domain.Length > 253 || !from.InDomain(Encoding.ASCII.GetBytes(domain), hostOnly: false))) return null;
        var called = text[name];
        if (called.StartsWith("__Secure-", StringComparison.OrdinalIgnoreCase) && !marks.HasFlag(CookieMarks.Secure)) return null;
        if (called.StartsWith("__Host-", StringComparison.OrdinalIgnoreCase) && (!marks.HasFlag(CookieMarks.Secure) || !string.IsNullOrEmpty(domain) || path != "/")) return null;
        return new SetCookie(header, name, value) { Domain = string.IsNullOrEmpty(domain) ? from.Host : domain, Path = path ?? (from.DefaultPath is { Length: <= MaxAttribute } own ? own : "/"), Expires = maxAge ?? expires ?? 0, Marks = marks };
    }

    private static Range Trimmed(ReadOnlySpan<char> text, int from, int to)
    {
        while (from < to && text[from] is ' ' or '\t') from++;
        while (to > from && text[to - 1] is ' ' or '\t') to--;
        return from..to;
    }

    private static long? Age(ReadOnlySpan<char> said, DateTimeOffset now)
    {
        var digits = said.StartsWith('-') ? said[1..] : said;
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) return null;
        if (said[0] == '-' || !digits.ContainsAnyExcept('0')) return 1;
        var seconds = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? Math.Min(n, (long)Longest.TotalSeconds) : (long)Longest.TotalSeconds;
        return now.AddSeconds(seconds).ToUnixTimeMilliseconds();
    }

    private static long Capped(DateTimeOffset date, DateTimeOffset now) => Math.Max(1, (date < now + Longest ? date : now + Longest).ToUnixTimeMilliseconds());
}

/// <summary>The dates of cookies, which come in any order and form: RFC 6265, section 5.1.1.</summary>
internal static class CookieDate
{
    private const string Months = "janfebmaraprmayjunjulaugsepoctnovdec";

    public static DateTimeOffset? Parse(ReadOnlySpan<char> text)
    {
        int? day = null, month = null, year = null, hour = null, minute = null, second = null;
        for (var at = 0; at < text.Length;)
        {
            if (IsDelimiter(text[at]))
            {
                at++;
                continue;
            }
            var end = at;
            while (end < text.Length && !IsDelimiter(text[end])) end++;
            var token = text[at..end];
            at = end;
            if (hour is null && TryTime(token, out var h, out var m, out var s)) (hour, minute, second) = (h, m, s);
            else if (day is null && TryNumber(token, 1, 2, out var d)) day = d;
            else if (month is null && MonthOf(token) is { } mon) month = mon;
            else if (year is null && TryNumber(token, 2, 4, out var y)) year = y;
        }
        if (year is >= 70 and <= 99) year += 1900;
        if (year is >= 0 and <= 69) year += 2000;
        if (day is not (>= 1 and <= 31) || month is null || year is not (>= 1601 and <= 9999) || hour is not <= 23 || minute is not <= 59 || second is not <= 59) return null;
        return day <= DateTime.DaysInMonth(year.Value, month.Value) ? new DateTimeOffset(year.Value, month.Value, day.Value, hour.Value, minute.Value, second.Value, TimeSpan.Zero) : null;
    }

    private static bool IsDelimiter(char c) => c is '\t' or (>= ' ' and <= '/') or (>= ';' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~');

    private static bool TryTime(ReadOnlySpan<char> token, out int hour, out int minute, out int second)
    {
        (hour, minute, second) = (0, 0, 0);
        Span<Range> parts = stackalloc Range[4];
        return token.Split(parts, ':') == 3 && TryNumber(token[parts[0]], 1, 2, out hour) && TryNumber(token[parts[1]], 1, 2, out minute) && TryNumber(token[parts[2]], 1, 2, out second);
    }

    private static int? MonthOf(ReadOnlySpan<char> token)
    {
        if (token.Length < 3) return null;
        for (var i = 0; i < 12; i++)
            if (token[..3].Equals(Months.AsSpan(i * 3, 3), StringComparison.OrdinalIgnoreCase)) return i + 1;
        return null;
    }

    // What follows the digits does not count.
    private static bool TryNumber(ReadOnlySpan<char> token, int least, int most, out int number)
    {
        number = 0;
        var digits = 0;
        while (digits < token.Length && char.IsAsciiDigit(token[digits])) digits++;
        return digits >= least && digits <= most && int.TryParse(token[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
