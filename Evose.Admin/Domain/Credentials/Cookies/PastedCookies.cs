using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>
/// Pure: reads what a person copies out of a browser (a <c>Cookie</c> header, a cURL command, a cookies.txt or an extension's JSON) into a jar. Works on bytes of the caller, who zeroes them;
/// what is wrong is said with its line and never quoted, names included: on a line that is wrong, anything may be a value.
/// </summary>
/// <param name="Length">Bytes of the jar.</param>
/// <param name="Expired">How many were left out because they had expired.</param>
public sealed record PastedCookies(int Length, IReadOnlyList<CookieFacts> Cookies, DateTimeOffset? ExpiresAt, int Expired)
{
    private const string Field = "fields.value";

    private const string Nothing = "No cookie was found in this. Paste a Cookie header, a request copied as cURL, a cookies.txt or a browser extension's JSON export.";

    /// <param name="jar">Memory for the jar: <see cref="CookieJar.MaxBytes"/>.</param>
    public static Outcome<PastedCookies> Read(ReadOnlySpan<byte> text, DateTimeOffset now, Span<byte> jar)
    {
        if (text.StartsWith("\uFEFF"u8)) text = text[3..];
        text = text.Trim(" \t\r\n"u8);
        if (text.Length > CookieJar.MaxBytes) return Problem.Invalid(Field, "This is too large: at most 64 KiB. Export the cookies of one site only.");
        // Room for what is written otherwise than it is meant: never longer than the text.
        var room = GC.AllocateArray<byte>(text.Length, pinned: true);
        var found = new CookieCollector(jar, now);
        try
        {
            if (text.IsEmpty) found.Refuse(0, Nothing);
            else if (text[0] is (byte)'[' or (byte)'{') CookieExport.Read(text, room, ref found);
            else if (CurlCommand.IsOne(text)) CurlCommand.Read(text, room, ref found);
            else if (CookieFile.IsOne(text)) CookieFile.Read(text, ref found);
            else CookieHeader.Read(text, ref found);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
        }
        if (found.Refusal is { } refusal) return Problem.Invalid(Field, refusal);
        if (found.Count == 0)
        {
            return Problem.Invalid(Field, found.Expired == 0 ? Nothing
                : found.Expired == 1 ? "The only cookie here has expired. Sign in again and copy it anew." : $"All {found.Expired} cookies here have expired. Sign in again and copy them anew.");
        }
        return new PastedCookies(found.Length, CookieJar.Facts(jar[..found.Length]), CookieJar.EarliestExpiry(jar[..found.Length]), found.Expired);
    }
}

/// <summary>Takes the cookies that a reader finds, checks them, and keeps the first thing that is wrong.</summary>
internal ref struct CookieCollector
{
    private readonly long _now;
    private CookieWriter _writer;

    public CookieCollector(Span<byte> jar, DateTimeOffset now)
    {
        _writer = new CookieWriter(jar);
        _now = now.ToUnixTimeMilliseconds();
    }

    public readonly int Length => _writer.Length;

    public readonly int Count => _writer.Count;

    public int Expired { get; private set; }

    public string? Refusal { get; private set; }

    /// <param name="line">0 when there is only one.</param>
    public void Refuse(int line, string why) => Refusal ??= line == 0 ? why : string.Create(CultureInfo.InvariantCulture, $"Line {line}: {why}");

    /// <summary>Adds one; a later one of the same name, domain and path replaces the earlier one.</summary>
    /// <param name="domain">Empty: it came without one.</param>
    /// <param name="expires">Milliseconds since 1970; 0 ends with the session.</param>
    public void Add(int line, int number, scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value, scoped ReadOnlySpan<byte> domain, scoped ReadOnlySpan<byte> path, long expires, CookieMarks marks)
    {
        if (Refusal is not null) return;
        name = name.Trim(" \t"u8);
        value = value.Trim(" \t\r"u8);
        if (RefusePair(name, value) is { } bad)
        {
            Refuse(line, $"cookie {number} {bad}");
            return;
        }
        Span<byte> host = stackalloc byte[256];
        if (!TryDomain(domain, host, out var length, ref marks))
        {
            Refuse(line, $"the domain of cookie {number} is none. Write it as app.example.com.");
            return;
        }
        host = host[..length];
        if (path.IsEmpty || path[0] != (byte)'/' || path.Length > 1024 || path.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)) path = "/"u8;
        if (expires != 0 && expires <= _now)
        {
            Expired++;
            return;
        }
        _writer.Remove(name, host, path);
        if (!_writer.TryAdd(new Cookie { Name = name, Value = value, Domain = host, Path = path, Expires = expires, Marks = marks }))
            Refuse(line, $"this is more than {CookieJar.MaxCookies} cookies or 64 KiB. Export the cookies of one site only.");
    }

    private static string? RefusePair(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.IsEmpty) return "has no name. Write name=value.";
        // A token alone, pasted without its name, would otherwise become a name, which people may see.
        if (name.Length >= 20 && !value.IsEmpty && !value.ContainsAnyExcept((byte)'=')) return "looks like a value without its name. Write name=value.";
        if (name.Length + value.Length > CookieJar.MaxPair) return "is larger than 4096 bytes, which no browser keeps.";
        if (name.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e) || name.IndexOfAny((byte)'=', (byte)';') >= 0) return "has a name with a character that no cookie name has.";
        if (value.ContainsAnyExceptInRange((byte)0x20, (byte)0x7e) || value.Contains((byte)';')) return "has a value with a character that cannot be sent in a header. Copy it again.";
        return null;
    }

    private static bool TryDomain(ReadOnlySpan<byte> domain, Span<byte> host, out int length, ref CookieMarks marks)
    {
        length = 0;
        domain = domain.Trim(" \t"u8);
        if (domain.IsEmpty) return true;
        if (domain[0] == (byte)'.') domain = domain[1..];
        else if (domain[0] == (byte)'[' && domain[^1] == (byte)']') domain = domain[1..^1];
        if (domain.Length is 0 or > 253) return false;
        if (Ascii.IsValid(domain))
        {
            if (Ascii.ToLower(domain, host, out length) != System.Buffers.OperationStatus.Done) return false;
        }
        else
        {
            try
            {
                length = Encoding.ASCII.GetBytes(new IdnMapping().GetAscii(Encoding.UTF8.GetString(domain)).ToLowerInvariant(), host);
            }
            catch (ArgumentException)
            {
                return false;
            }
        }
        foreach (var b in host[..length])
            if (!char.IsAsciiLetterOrDigit((char)b) && b is not ((byte)'-' or (byte)'.' or (byte)'_' or (byte)':')) return false;
        // Nothing is below an address or a single label.
        if (host[..length].IndexOf((byte)'.') < 0 || host[..length].Contains((byte)':') || IPAddress.TryParse(Encoding.ASCII.GetString(host[..length]), out _)) marks |= CookieMarks.HostOnly;
        return host[0] != (byte)'.' && host[length - 1] != (byte)'.';
    }

    /// <summary>Seconds since 1970 as people's tools write them; 0 and less end with the session.</summary>
    public static long FromSeconds(double seconds) => seconds is not > 0 ? 0 : (long)Math.Min(seconds * 1000, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() - 1);
}

/// <summary>The text of a <c>Cookie</c> header, alone or among the lines of a request's headers.</summary>
internal static class CookieHeader
{
    public static void Read(ReadOnlySpan<byte> text, ref CookieCollector found)
    {
        if (!text.Contains((byte)'\n'))
        {
            Pairs(0, IsNamed(text) ? text["Cookie:".Length..] : text, [], CookieMarks.None, ref found);
            return;
        }
        var line = 0;
        foreach (var range in text.Split((byte)'\n'))
        {
            line++;
            var content = text[range].Trim(" \t\r"u8);
            if (IsNamed(content)) Pairs(line, content["Cookie:".Length..], [], CookieMarks.None, ref found);
        }
        if (found is { Count: 0, Expired: 0 }) found.Refuse(2, "a Cookie header is one line. Paste it whole and alone, or copy the request as cURL.");
    }

    /// <summary><c>a=1; b=2</c>, all for one host, or for none that is known.</summary>
    public static void Pairs(int line, scoped ReadOnlySpan<byte> text, scoped ReadOnlySpan<byte> domain, CookieMarks marks, ref CookieCollector found)
    {
        var number = 0;
        foreach (var range in text.Split((byte)';'))
        {
            var pair = text[range].Trim(" \t\r"u8);
            if (pair.IsEmpty) continue;
            number++;
            var equals = pair.IndexOf((byte)'=');
            if (equals < 0)
            {
                found.Refuse(line, Ascii.EqualsIgnoreCase(pair, "HttpOnly"u8) || Ascii.EqualsIgnoreCase(pair, "Secure"u8)
                    ? "this is what a site answers (Set-Cookie). Copy the Cookie header that the browser sends."
                    : $"cookie {number} has no '='. Write name=value, separated by ';'.");
                return;
            }
            found.Add(line, number, pair[..equals], pair[(equals + 1)..], domain, "/"u8, 0, marks);
        }
    }

    public static bool IsNamed(ReadOnlySpan<byte> line) => line.Length > 7 && Ascii.EqualsIgnoreCase(line[..7], "Cookie:"u8);
}

/// <summary>A cookies.txt: seven fields a line, separated by tabs.</summary>
internal static class CookieFile
{
    private static ReadOnlySpan<byte> HttpOnly => "#HttpOnly_"u8;

    public static bool IsOne(ReadOnlySpan<byte> text)
    {
        if (text.StartsWith("# Netscape HTTP Cookie File"u8) || text.StartsWith("# HTTP Cookie File"u8) || text.StartsWith(HttpOnly)) return true;
        foreach (var range in text.Split((byte)'\n'))
            if (text[range] is { IsEmpty: false } line && line[0] != (byte)'#' && line.Count((byte)'\t') >= 5) return true;
        return false;
    }

    public static void Read(ReadOnlySpan<byte> text, ref CookieCollector found)
    {
        Span<Range> fields = stackalloc Range[8];
        var (line, number) = (0, 0);
        foreach (var range in text.Split((byte)'\n'))
        {
            line++;
            var content = text[range].TrimEnd("\r "u8);
            var marks = CookieMarks.None;
            if (content.StartsWith(HttpOnly))
            {
                content = content[HttpOnly.Length..];
                marks = CookieMarks.HttpOnly;
            }
            else if (content.Trim("\t "u8).IsEmpty || content[0] == (byte)'#') continue;
            number++;
            var count = Split(content, fields);
            // An empty value at the end is often written without its tab.
            if (count is not (6 or 7))
            {
                found.Refuse(line, $"a cookies.txt has 7 fields a line, separated by tabs; here are {count}. Copy the file as it is, with its tabs.");
                return;
            }
            var domain = content[fields[0]];
            var path = content[fields[2]];
            var expiry = content[fields[4]];
            if (!IsFlag(content[fields[1]], out var includes) || !IsFlag(content[fields[3]], out var isSecure))
            {
                found.Refuse(line, "the second and fourth field are TRUE or FALSE.");
                return;
            }
            if (!System.Buffers.Text.Utf8Parser.TryParse(expiry, out double seconds, out var read) || read != expiry.Length || !double.IsFinite(seconds))
            {
                found.Refuse(line, "the fifth field is the expiry in seconds since 1970, or 0.");
                return;
            }
            if (domain.IsEmpty)
            {
                found.Refuse(line, "the first field, the domain, is empty.");
                return;
            }
            if (!includes) marks |= CookieMarks.HostOnly;
            if (isSecure) marks |= CookieMarks.Secure;
            found.Add(line, number, content[fields[5]], count == 7 ? content[fields[6]] : [], domain, path, CookieCollector.FromSeconds(seconds), marks);
        }
    }

    private static int Split(ReadOnlySpan<byte> content, Span<Range> fields)
    {
        var (count, from) = (0, 0);
        for (var i = 0; i <= content.Length; i++)
        {
            if (i < content.Length && content[i] != (byte)'\t') continue;
            if (count < fields.Length) fields[count] = from..i;
            count++;
            from = i + 1;
        }
        return count;
    }

    private static bool IsFlag(ReadOnlySpan<byte> text, out bool value)
    {
        value = Ascii.EqualsIgnoreCase(text, "TRUE"u8);
        return value || Ascii.EqualsIgnoreCase(text, "FALSE"u8);
    }
}
