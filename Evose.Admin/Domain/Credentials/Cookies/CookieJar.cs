using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>A cookie in a jar; the spans point into the jar's own bytes.</summary>
internal readonly ref struct Cookie
{
    public required ReadOnlySpan<byte> Name { get; init; }

    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>Lower-case, without a leading dot; empty when it came without one.</summary>
    public required ReadOnlySpan<byte> Domain { get; init; }

    public required ReadOnlySpan<byte> Path { get; init; }

    /// <summary>Milliseconds since 1970; 0 ends with the session.</summary>
    public required long Expires { get; init; }

    public required CookieMarks Marks { get; init; }
}

/// <summary>
/// The cookies of a session in one run of bytes, in the order in which they came: what is sealed as the value. Everything here works on memory of the caller, who zeroes it;
/// no value becomes a text. The same cookies are the same bytes, so that two jars can be compared by fingerprint.
/// </summary>
public static class CookieJar
{
    public const int MaxCookies = 200;

    public const int MaxBytes = 64 * 1024;

    /// <summary>Bytes of a name and its value together.</summary>
    public const int MaxPair = 4096;

    internal const byte Format = 1;

    /// <summary>Whether the bytes are a jar: no text begins as one does.</summary>
    public static bool IsJar(ReadOnlySpan<byte> bytes) => bytes.Length > 0 && bytes[0] == Format;

    internal const int HeadSize = 16;

    /// <summary>What people may see of the cookies.</summary>
    public static IReadOnlyList<CookieFacts> Facts(ReadOnlySpan<byte> jar)
    {
        var facts = new List<CookieFacts>();
        foreach (var cookie in new CookieReader(jar))
        {
            facts.Add(new CookieFacts(Encoding.ASCII.GetString(cookie.Name), Encoding.ASCII.GetString(cookie.Domain), Encoding.ASCII.GetString(cookie.Path),
                cookie.Expires == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(cookie.Expires), cookie.Marks.HasFlag(CookieMarks.Secure), cookie.Marks.HasFlag(CookieMarks.HostOnly), cookie.Marks.HasFlag(CookieMarks.HttpOnly)));
        }
        return facts;
    }

    /// <summary>When the first of them ends; null when all end with the session.</summary>
    public static DateTimeOffset? EarliestExpiry(ReadOnlySpan<byte> jar)
    {
        var earliest = long.MaxValue;
        foreach (var cookie in new CookieReader(jar))
            if (cookie.Expires != 0 && cookie.Expires < earliest) earliest = cookie.Expires;
        return earliest == long.MaxValue ? null : DateTimeOffset.FromUnixTimeMilliseconds(earliest);
    }

    /// <summary>When the next of those that live ends, so that other ones belong to an address; the end of time when none will.</summary>
    public static DateTimeOffset NextExpiry(ReadOnlySpan<byte> jar, DateTimeOffset now)
    {
        var (moment, next) = (now.ToUnixTimeMilliseconds(), long.MaxValue);
        foreach (var cookie in new CookieReader(jar))
            if (cookie.Expires > moment && cookie.Expires < next) next = cookie.Expires;
        return next > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.MaxValue : DateTimeOffset.FromUnixTimeMilliseconds(next);
    }

    /// <summary>
    /// Writes the text of the <c>Cookie</c> header for a request: those that belong to its host, path and scheme and live, longer paths first, then older ones. The number of bytes;
    /// 0 when none belongs there. The jar's own length is room enough.
    /// </summary>
    public static int Render(ReadOnlySpan<byte> jar, in CookieTarget target, DateTimeOffset now, Span<byte> destination)
    {
        Span<(int Offset, int Path)> fitting = stackalloc (int, int)[MaxCookies];
        var count = 0;
        var moment = now.ToUnixTimeMilliseconds();
        var reader = new CookieReader(jar);
        while (count < MaxCookies && reader.MoveNext())
        {
            if (!target.Takes(reader.Current, moment)) continue;
            var at = count++;
            for (; at > 0 && fitting[at - 1].Path < reader.Current.Path.Length; at--) fitting[at] = fitting[at - 1];
            fitting[at] = (reader.Offset, reader.Current.Path.Length);
        }
        var used = 0;
        foreach (var (offset, _) in fitting[..count])
        {
            var cookie = CookieReader.At(jar, offset);
            if (used > 0) used = Put("; "u8, destination, used);
            used = Put(cookie.Name, destination, used);
            used = Put("="u8, destination, used);
            used = Put(cookie.Value, destination, used);
        }
        return used;
    }

    /// <summary>
    /// The value of one cookie by the name of a placeholder's field, for a request. A field knows only lower-case letters, digits and '_', so a name that differs in nothing else is meant too;
    /// the exact one wins.
    /// </summary>
    /// <param name="known">True when there is such a cookie at all, perhaps for other addresses.</param>
    public static bool TryFind(ReadOnlySpan<byte> jar, string field, in CookieTarget target, DateTimeOffset now, out ReadOnlySpan<byte> value, out bool known)
    {
        var moment = now.ToUnixTimeMilliseconds();
        value = default;
        known = false;
        var (found, exact, longest) = (false, false, 0);
        foreach (var cookie in new CookieReader(jar))
        {
            var same = Ascii.Equals(cookie.Name, field);
            if (!same && !IsMeant(cookie.Name, field)) continue;
            known = true;
            if (!target.Takes(cookie, moment) || (found && (exact && !same || exact == same && cookie.Path.Length <= longest))) continue;
            (found, exact, longest) = (true, same, cookie.Path.Length);
            value = cookie.Value;
        }
        return found;
    }

    private static bool IsMeant(ReadOnlySpan<byte> name, string field)
    {
        if (name.Length != field.Length) return false;
        for (var i = 0; i < name.Length; i++)
        {
            var c = char.ToLowerInvariant((char)name[i]);
            if ((char.IsAsciiLetterOrDigit(c) ? c : '_') != field[i]) return false;
        }
        return true;
    }

    private static int Put(ReadOnlySpan<byte> bytes, Span<byte> destination, int at)
    {
        bytes.CopyTo(destination[at..]);
        return at + bytes.Length;
    }
}

/// <summary>Walks through a jar. What is no jar has no cookies.</summary>
internal ref struct CookieReader
{
    private readonly ReadOnlySpan<byte> _jar;
    private int _next;

    public CookieReader(ReadOnlySpan<byte> jar)
    {
        _jar = jar;
        _next = jar.Length > 0 && jar[0] == CookieJar.Format ? 1 : jar.Length;
    }

    public Cookie Current { get; private set; }

    /// <summary>Where the current one begins.</summary>
    public int Offset { get; private set; }

    public readonly CookieReader GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_next + CookieJar.HeadSize > _jar.Length || _next + SizeAt(_jar, _next) > _jar.Length) return false;
        Offset = _next;
        Current = At(_jar, _next);
        _next += SizeAt(_jar, _next);
        return true;
    }

    public static Cookie At(ReadOnlySpan<byte> jar, int offset)
    {
        var (name, value, domain, path) = Lengths(jar[offset..]);
        var rest = jar[(offset + CookieJar.HeadSize)..];
        return new Cookie
        {
            Marks = (CookieMarks)jar[offset],
            Expires = BinaryPrimitives.ReadInt64LittleEndian(jar[(offset + 1)..]),
            Name = rest[..name],
            Value = rest.Slice(name, value),
            Domain = rest.Slice(name + value, domain),
            Path = rest.Slice(name + value + domain, path),
        };
    }

    private static int SizeAt(ReadOnlySpan<byte> jar, int offset)
    {
        var (name, value, domain, path) = Lengths(jar[offset..]);
        return CookieJar.HeadSize + name + value + domain + path;
    }

    private static (int Name, int Value, int Domain, int Path) Lengths(ReadOnlySpan<byte> head) =>
        (BinaryPrimitives.ReadUInt16LittleEndian(head[9..]), BinaryPrimitives.ReadUInt16LittleEndian(head[11..]), head[13], BinaryPrimitives.ReadUInt16LittleEndian(head[14..]));
}

/// <summary>Fills a jar in memory of the caller.</summary>
internal ref struct CookieWriter
{
    private readonly Span<byte> _jar;

    public CookieWriter(Span<byte> jar)
    {
        _jar = jar;
        jar[0] = CookieJar.Format;
        Length = 1;
    }

    public int Length { get; private set; }

    public int Count { get; private set; }

    /// <summary>Adds at the end; false when there is no room.</summary>
    public bool TryAdd(scoped Cookie c)
    {
        var size = CookieJar.HeadSize + c.Name.Length + c.Value.Length + c.Domain.Length + c.Path.Length;
        if (Count >= CookieJar.MaxCookies || Length + size > Math.Min(_jar.Length, CookieJar.MaxBytes)) return false;
        var head = _jar.Slice(Length, CookieJar.HeadSize);
        head[0] = (byte)c.Marks;
        BinaryPrimitives.WriteInt64LittleEndian(head[1..], c.Expires);
        BinaryPrimitives.WriteUInt16LittleEndian(head[9..], (ushort)c.Name.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(head[11..], (ushort)c.Value.Length);
        head[13] = (byte)c.Domain.Length;
        BinaryPrimitives.WriteUInt16LittleEndian(head[14..], (ushort)c.Path.Length);
        var rest = _jar[(Length + CookieJar.HeadSize)..];
        c.Name.CopyTo(rest);
        c.Value.CopyTo(rest[c.Name.Length..]);
        c.Domain.CopyTo(rest[(c.Name.Length + c.Value.Length)..]);
        c.Path.CopyTo(rest[(c.Name.Length + c.Value.Length + c.Domain.Length)..]);
        Length += size;
        Count++;
        return true;
    }

    /// <summary>Takes out the one of the same name, domain and path, if there is one.</summary>
    public void Remove(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> domain, scoped ReadOnlySpan<byte> path)
    {
        var reader = new CookieReader(_jar[..Length]);
        while (reader.MoveNext())
        {
            var c = reader.Current;
            if (!c.Name.SequenceEqual(name) || !c.Domain.SequenceEqual(domain) || !c.Path.SequenceEqual(path)) continue;
            var size = CookieJar.HeadSize + c.Name.Length + c.Value.Length + c.Domain.Length + c.Path.Length;
            _jar[(reader.Offset + size)..Length].CopyTo(_jar[reader.Offset..]);
            Length -= size;
            Count--;
            return;
        }
    }

    /// <summary>Adds a cookie whose name and value are a part of a header's text.</summary>
    public bool TryAdd(SetCookie set, scoped ReadOnlySpan<byte> domain, scoped ReadOnlySpan<byte> path)
    {
        Span<byte> pair = stackalloc byte[CookieJar.MaxPair];
        var name = Encoding.ASCII.GetBytes(set.Name, pair);
        var value = Encoding.ASCII.GetBytes(set.Value, pair[name..]);
        var added = TryAdd(new Cookie { Name = pair[..name], Value = pair.Slice(name, value), Domain = domain, Path = path, Expires = set.Expires, Marks = set.Marks });
        CryptographicOperations.ZeroMemory(pair);
        return added;
    }
}
