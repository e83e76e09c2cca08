using System.Globalization;
using System.Text.Json;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>JSON as browser extensions and automation tools write it: a list of cookies, an object that has one in <c>cookies</c>, or a single cookie.</summary>
internal static class CookieExport
{
    public static void Read(ReadOnlySpan<byte> text, Span<byte> room, ref CookieCollector found)
    {
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = 16, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        try
        {
            reader.Read();
            var number = 0;
            if (reader.TokenType == JsonTokenType.StartArray) List(text, ref reader, room, ref number, ref found);
            else Outer(text, ref reader, room, ref number, ref found);
            // What follows must be nothing; otherwise this throws.
            if (found.Refusal is null) while (reader.Read()) { }
        }
        catch (JsonException e)
        {
            // Its text can quote what stands there.
            found.Refuse((int)(e.LineNumber ?? 0) + 1, "this is no JSON from here on. Copy the whole export.");
        }
        catch (InvalidOperationException)
        {
            // Bytes that are no UTF-8, or half of a surrogate pair.
            found.Refuse(LineOf(text, reader.TokenStartIndex), "this holds a text that is not valid Unicode. Export the cookies anew.");
        }
    }

    private static void List(ReadOnlySpan<byte> text, ref Utf8JsonReader reader, Span<byte> room, ref int number, ref CookieCollector found)
    {
        while (found.Refusal is null && reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                found.Refuse(LineOf(text, reader.TokenStartIndex), "a list of cookies holds objects with name, value and domain.");
                return;
            }
            One(text, ref reader, room, ++number, ref found);
        }
    }

    // An object around the list, or a cookie itself: told apart by its members.
    private static void Outer(ReadOnlySpan<byte> text, ref Utf8JsonReader reader, Span<byte> room, ref int number, ref CookieCollector found)
    {
        var look = reader;
        while (look.Read() && look.TokenType == JsonTokenType.PropertyName)
        {
            var isList = look.ValueTextEquals("cookies"u8);
            look.Read();
            if (isList && look.TokenType == JsonTokenType.StartArray)
            {
                reader = look;
                List(text, ref reader, room, ref number, ref found);
                return;
            }
            look.Skip();
        }
        One(text, ref reader, room, ++number, ref found);
    }

    private static void One(ReadOnlySpan<byte> text, ref Utf8JsonReader reader, Span<byte> room, int number, ref CookieCollector found)
    {
        var line = LineOf(text, reader.TokenStartIndex);
        var used = 0;
        Range name = default, value = default, domain = default, path = default;
        var (hasName, hasValue, session, expires) = (false, false, false, 0L);
        bool? hostOnly = null;
        var marks = CookieMarks.None;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = MemberOf(reader);
            reader.Read();
            switch (member)
            {
                case Member.Name or Member.Value or Member.Domain or Member.Path:
                    if (reader.TokenType != JsonTokenType.String)
                    {
                        // Null is how some write "none"; a number or an object is not a cookie's.
                        if (reader.TokenType == JsonTokenType.Null) continue;
                        found.Refuse(LineOf(text, reader.TokenStartIndex), $"cookie {number} has a name, value, domain or path that is no text.");
                        return;
                    }
                    // Some write them twice; the room is as long as the whole text, so a copy of each always fits.
                    var length = reader.CopyString(room[used..]);
                    var range = used..(used + length);
                    used += length;
                    if (member == Member.Name) (name, hasName) = (range, true);
                    else if (member == Member.Value) (value, hasValue) = (range, true);
                    else if (member == Member.Domain) domain = range;
                    else path = range;
                    break;
                case Member.Expires:
                    if (!TryExpiry(ref reader, out expires))
                    {
                        found.Refuse(LineOf(text, reader.TokenStartIndex), $"the expiry of cookie {number} is no time. It is a number of seconds since 1970, or a date.");
                        return;
                    }
                    break;
                case Member.Secure when reader.TokenType == JsonTokenType.True:
                    marks |= CookieMarks.Secure;
                    break;
                case Member.HttpOnly when reader.TokenType == JsonTokenType.True:
                    marks |= CookieMarks.HttpOnly;
                    break;
                case Member.HostOnly when reader.TokenType is JsonTokenType.True or JsonTokenType.False:
                    hostOnly = reader.TokenType == JsonTokenType.True;
                    break;
                case Member.Session:
                    session = reader.TokenType == JsonTokenType.True;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (!hasName || !hasValue)
        {
            found.Refuse(line, $"cookie {number} has no {(hasName ? "value" : "name")}.");
            return;
        }
        var host = room[domain];
        if (hostOnly ?? (!host.IsEmpty && host[0] != (byte)'.')) marks |= CookieMarks.HostOnly;
        found.Add(line, number, room[name], room[value], host, room[path], session ? 0 : expires, marks);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(room[..used]);
    }

    private enum Member
    {
        Other,
        Name,
        Value,
        Domain,
        Path,
        Expires,
        Secure,
        HttpOnly,
        HostOnly,
        Session,
    }

    private static Member MemberOf(in Utf8JsonReader reader) =>
        reader.ValueTextEquals("name"u8) ? Member.Name
        : reader.ValueTextEquals("value"u8) ? Member.Value
        : reader.ValueTextEquals("domain"u8) || reader.ValueTextEquals("host"u8) ? Member.Domain
        : reader.ValueTextEquals("path"u8) ? Member.Path
        : reader.ValueTextEquals("expirationDate"u8) || reader.ValueTextEquals("expires"u8) || reader.ValueTextEquals("expiry"u8) ? Member.Expires
        : reader.ValueTextEquals("secure"u8) ? Member.Secure
        : reader.ValueTextEquals("httpOnly"u8) ? Member.HttpOnly
        : reader.ValueTextEquals("hostOnly"u8) ? Member.HostOnly
        : reader.ValueTextEquals("session"u8) ? Member.Session
        : Member.Other;

    // A number is seconds since 1970, or milliseconds when it is too large for those; a text is a date.
    private static bool TryExpiry(ref Utf8JsonReader reader, out long expires)
    {
        expires = 0;
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return true;
            case JsonTokenType.Number when reader.TryGetDouble(out var n):
                expires = CookieCollector.FromSeconds(n > 253_402_300_799 ? n / 1000 : n);
                return true;
            case JsonTokenType.String when reader.ValueSpan.Length <= 64:
                var text = reader.GetString()!;
                if (text.Length == 0 || text.Equals("session", StringComparison.OrdinalIgnoreCase)) return true;
                if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && double.IsFinite(seconds)) expires = CookieCollector.FromSeconds(seconds > 253_402_300_799 ? seconds / 1000 : seconds);
                else if (DateTimeOffset.TryParseExact(text, ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var iso)) expires = Math.Max(1, iso.ToUnixTimeMilliseconds());
                else if (CookieDate.Parse(text) is { } date) expires = Math.Max(1, date.ToUnixTimeMilliseconds());
                else return false;
                return true;
            default:
                return false;
        }
    }

    private static int LineOf(ReadOnlySpan<byte> text, long index) => text[..(int)index].Count((byte)'\n') + 1;
}
