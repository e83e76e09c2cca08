using System.Text;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>
/// A request as the browsers' "Copy as cURL" gives it: for a POSIX shell with single, double and <c>$'…'</c> quotes and continued lines, or for Windows with carets.
/// Its cookies belong to the address that it calls.
/// </summary>
internal static class CurlCommand
{
    /// <summary>Short options that take a value.</summary>
    private const string ShortWithValue = "AbcCdDeEFHhKmoPQrtTuUwxXyYz";

    private static readonly HashSet<string> LongWithValue = new(StringComparer.Ordinal)
    {
        "aws-sigv4", "cacert", "capath", "cert", "cert-type", "ciphers", "config", "connect-timeout", "connect-to", "continue-at", "cookie", "cookie-jar", "crlfile", "data", "data-ascii", "data-binary",
        "data-raw", "data-urlencode", "dump-header", "form", "form-string", "header", "interface", "json", "key", "limit-rate", "max-filesize", "max-redirs", "max-time", "noproxy", "oauth2-bearer",
        "output", "pass", "pinnedpubkey", "proto", "proxy", "proxy-header", "proxy-user", "range", "referer", "request", "request-target", "resolve", "retry", "retry-delay", "retry-max-time", "socks5",
        "socks5-hostname", "speed-limit", "speed-time", "stderr", "time-cond", "tls-max", "trace", "trace-ascii", "upload-file", "url", "url-query", "user", "user-agent", "variable", "write-out",
    };

    /// <summary>A word of the command in the reader's memory.</summary>
    private readonly record struct Word(int Start, int Length, int Line);

    public static bool IsOne(ReadOnlySpan<byte> text)
    {
        text = Command(text);
        return text.Length > 4 && Ascii.EqualsIgnoreCase(text[..4], "curl"u8) && (text[4] is (byte)' ' or (byte)'\t' or (byte)'\\' or (byte)'\r' or (byte)'\n' or (byte)'^' || (text.Length > 8 && Ascii.EqualsIgnoreCase(text[4..8], ".exe"u8)));
    }

    public static void Read(ReadOnlySpan<byte> text, Span<byte> room, ref CookieCollector found)
    {
        var words = new List<Word>();
        if (Split(Command(text), room, words) is { } unclosed)
        {
            found.Refuse(unclosed, "a quote that begins here does not end. Copy the whole command.");
            return;
        }
        var host = "";
        var secure = CookieMarks.None;
        var cookies = new List<Word>();
        for (var i = 1; i < words.Count; i++)
        {
            var word = Text(room, words[i]);
            var (option, value) = OptionOf(word);
            if (option is null)
            {
                if (host.Length == 0) TryHost(word, out host, out secure);
                continue;
            }
            Word given;
            if (value >= 0) given = new Word(words[i].Start + value, words[i].Length - value, words[i].Line);
            else if (TakesValue(option) && i + 1 < words.Count) given = words[++i];
            else continue;
            var said = Text(room, given);
            if (option is "b" or "cookie")
            {
                if (!said.Contains((byte)'='))
                {
                    found.Refuse(given.Line, "the command names a file of cookies. Paste what is in that file.");
                    return;
                }
                cookies.Add(given);
            }
            else if (option is "H" or "header" && CookieHeader.IsNamed(said)) cookies.Add(new Word(given.Start + 7, given.Length - 7, given.Line));
            else if (option is "url" && host.Length == 0) TryHost(said, out host, out secure);
        }
        if (cookies.Count == 0)
        {
            found.Refuse(0, "The command sends no cookie. Copy a request that was made while signed in; in Chrome choose Copy as cURL (bash).");
            return;
        }
        Span<byte> domain = stackalloc byte[256];
        domain = domain[..Encoding.ASCII.GetBytes(host, domain)];
        foreach (var word in cookies) CookieHeader.Pairs(word.Line, Text(room, word), domain, host.Length == 0 ? CookieMarks.None : CookieMarks.HostOnly | secure, ref found);
    }

    private static ReadOnlySpan<byte> Command(ReadOnlySpan<byte> text) => text.StartsWith("$ "u8) ? text[2..].TrimStart(" "u8) : text;

    private static Span<byte> Text(Span<byte> room, Word word) => room.Slice(word.Start, word.Length);

    // The option's name, and where a value glued to it begins; -1 when there is none.
    private static (string? Option, int Value) OptionOf(ReadOnlySpan<byte> word)
    {
        if (word.Length < 2 || word[0] != (byte)'-') return (null, -1);
        if (word[1] == (byte)'-')
        {
            var equals = word.IndexOf((byte)'=');
            var name = word[2..(equals < 0 ? word.Length : equals)];
            return (name.Length > 40 ? "" : Encoding.ASCII.GetString(name), equals < 0 ? -1 : equals + 1);
        }
        // -sSb 'a=1' and -bfoo: letters up to the first that takes a value.
        for (var i = 1; i < word.Length; i++)
            if (ShortWithValue.Contains((char)word[i], StringComparison.Ordinal)) return (((char)word[i]).ToString(), i + 1 < word.Length ? i + 1 : -1);
        return ("", -1);
    }

    private static bool TakesValue(string option) => option.Length == 1 || LongWithValue.Contains(option);

    private static bool TryHost(ReadOnlySpan<byte> word, out string host, out CookieMarks secure)
    {
        (host, secure) = ("", CookieMarks.None);
        // The path and query may hold secrets, so only the front becomes a text.
        var scheme = word.IndexOf("://"u8);
        if (scheme is < 0 or > 8) return false;
        var end = word[(scheme + 3)..].IndexOfAny((byte)'/', (byte)'?', (byte)'#');
        var front = end < 0 ? word : word[..(scheme + 3 + end)];
        if (front.IndexOf((byte)'@') is >= 0 and var at) front = front[(at + 1)..];
        else front = front[(scheme + 3)..];
        if (front.Length is 0 or > 260 || !Uri.TryCreate("https://" + Encoding.UTF8.GetString(front) + "/", UriKind.Absolute, out var uri)) return false;
        try
        {
            if (uri.IdnHost.Length is 0 or > 253) return false;
            host = uri.IdnHost.ToLowerInvariant();
        }
        catch (UriFormatException)
        {
            // What no name can be written as in ASCII.
            return false;
        }
        if (Ascii.EqualsIgnoreCase(word[..scheme], "https"u8) || Ascii.EqualsIgnoreCase(word[..scheme], "wss"u8)) secure = CookieMarks.Secure;
        return true;
    }

    // The line on which a quote begins that does not end, or null.
    private static int? Split(ReadOnlySpan<byte> text, Span<byte> room, List<Word> words)
    {
        var windows = text.IndexOf("^\""u8) >= 0;
        var (used, start, line, startLine, inWord) = (0, 0, 1, 1, false);
        for (var i = 0; i < text.Length; i++)
        {
            var b = text[i];
            if (windows && b == (byte)'^' && i + 1 < text.Length)
            {
                // What follows a caret is meant as it is; before a line's end it goes on on the next.
                b = text[++i];
                if (b == (byte)'\r' && i + 1 < text.Length && text[i + 1] == (byte)'\n') b = text[++i];
            }
            else if (!windows && b == (byte)'\\' && i + 1 < text.Length)
            {
                b = text[++i];
                if (b == (byte)'\r' && i + 1 < text.Length && text[i + 1] == (byte)'\n') b = text[++i];
                if (b == (byte)'\n')
                {
                    line++;
                    continue;
                }
                Begin();
                room[used++] = b;
                continue;
            }
            if (b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                if (inWord) words.Add(new Word(start, used - start, startLine));
                inWord = false;
                if (b == (byte)'\n') line++;
                continue;
            }
            if (!windows && b is (byte)';' or (byte)'|' or (byte)'&') break;
            Begin();
            var opened = line;
            if (b == (byte)'"')
            {
                if (!Double(text, ref i, room, ref used, ref line, windows)) return opened;
            }
            else if (b == (byte)'\'' && !windows)
            {
                var length = text[(i + 1)..].IndexOf((byte)'\'');
                if (length < 0) return opened;
                text.Slice(i + 1, length).CopyTo(room[used..]);
                line += text.Slice(i + 1, length).Count((byte)'\n');
                used += length;
                i += length + 1;
            }
            else if (b == (byte)'$' && !windows && i + 1 < text.Length && text[i + 1] == (byte)'\'')
            {
                i++;
                if (!Escaped(text, ref i, room, ref used, ref line)) return opened;
            }
            else
            {
                room[used++] = b;
            }
        }
        if (inWord) words.Add(new Word(start, used - start, startLine));
        return null;

        void Begin()
        {
            if (inWord) return;
            (inWord, start, startLine) = (true, used, line);
        }
    }

    private static bool Double(ReadOnlySpan<byte> text, ref int i, Span<byte> room, ref int used, ref int line, bool windows)
    {
        for (i++; i < text.Length; i++)
        {
            var b = text[i];
            if (windows && b == (byte)'^' && i + 1 < text.Length)
            {
                b = text[++i];
                // The closing quote is written with a caret, too.
                if (b == (byte)'"') return true;
                if (b == (byte)'\\' && i + 2 < text.Length && text[i + 1] == (byte)'^') b = text[i += 2];
            }
            else if (b == (byte)'"') return true;
            else if (b == (byte)'\\' && i + 1 < text.Length && (text[i + 1] is (byte)'"' or (byte)'\\' || (!windows && text[i + 1] is (byte)'$' or (byte)'`' or (byte)'\n'))) b = text[++i];
            if (b == (byte)'\n') line++;
            room[used++] = b;
        }
        return false;
    }

    private static bool Escaped(ReadOnlySpan<byte> text, ref int i, Span<byte> room, ref int used, ref int line)
    {
        for (i++; i < text.Length; i++)
        {
            var b = text[i];
            if (b == (byte)'\'') return true;
            if (b == (byte)'\n') line++;
            if (b != (byte)'\\' || i + 1 >= text.Length)
            {
                room[used++] = b;
                continue;
            }
            var code = text[++i];
            if (code is (byte)'x' or (byte)'u' or (byte)'U')
            {
                var value = Digits(text, ref i, code == (byte)'x' ? 2 : code == (byte)'u' ? 4 : 8, 16);
                if (code == (byte)'x') room[used++] = (byte)value;
                else if (Rune.TryCreate(value, out var rune)) used += rune.EncodeToUtf8(room[used..]);
                else room[used++] = (byte)'?';
            }
            else if (code is >= (byte)'0' and <= (byte)'7')
            {
                i--;
                room[used++] = (byte)Digits(text, ref i, 3, 8);
            }
            else
            {
                room[used++] = code switch { (byte)'n' => (byte)'\n', (byte)'r' => (byte)'\r', (byte)'t' => (byte)'\t', (byte)'a' => 7, (byte)'b' => 8, (byte)'e' or (byte)'E' => 27, (byte)'f' => 12, (byte)'v' => 11, _ => code };
            }
        }
        return false;
    }

    private static int Digits(ReadOnlySpan<byte> text, ref int i, int most, int radix)
    {
        var value = 0;
        for (var n = 0; n < most && i + 1 < text.Length; n++)
        {
            var digit = char.IsAsciiHexDigit((char)text[i + 1]) ? Convert.ToInt32(((char)text[i + 1]).ToString(), 16) : radix;
            if (digit >= radix) break;
            value = (value * radix) + digit;
            i++;
        }
        return value;
    }
}
