using System.Text;

namespace Evose.Admin.Domain.Credentials.Cookies;

/// <summary>
/// Pure: what an answer's cookies change. Several calls of one session run at once, each begun with some jar: what differs from the jar that a call was sent with is news, and only news is put
/// into the newest jar. So no call undoes what another brought, and a site that repeats what it was sent changes nothing.
/// </summary>
public static class CookieNews
{
    /// <summary>Those of the cookies that say something else than the jar the call was sent with.</summary>
    public static IReadOnlyList<SetCookie> Of(ReadOnlySpan<byte> sent, IReadOnlyList<SetCookie> set, DateTimeOffset now)
    {
        List<SetCookie>? news = null;
        foreach (var cookie in set)
            if (IsNews(sent, cookie, now)) (news ??= []).Add(cookie);
        return news ?? (IReadOnlyList<SetCookie>)[];
    }

    /// <summary>Whether the jar holds a cookie of this name: the session that an answer's cookie belongs to, when a call carries several.</summary>
    public static bool Knows(ReadOnlySpan<byte> jar, SetCookie cookie)
    {
        foreach (var held in new CookieReader(jar))
            if (Ascii.Equals(held.Name, cookie.Name)) return true;
        return false;
    }

    /// <summary>The jar with the news in it and without what has expired, written to <paramref name="destination"/>, which has room for <see cref="CookieJar.MaxBytes"/>; its length. When the jar is full, what is in it stays and what is new is left out.</summary>
    public static int Apply(ReadOnlySpan<byte> jar, IReadOnlyList<SetCookie> news, DateTimeOffset now, Span<byte> destination)
    {
        var writer = new CookieWriter(destination);
        var moment = now.ToUnixTimeMilliseconds();
        Span<byte> domain = stackalloc byte[256], path = stackalloc byte[1024];
        var placed = new bool[news.Count];
        foreach (var held in new CookieReader(jar))
        {
            var last = -1;
            for (var i = 0; i < news.Count; i++)
            {
                if (!IsSame(held, news[i])) continue;
                last = i;
                if (!held.Domain.IsEmpty) placed[i] = true;
            }
            if (last < 0)
            {
                if (held.Expires == 0 || held.Expires > moment) writer.TryAdd(held);
                continue;
            }
            placed[last] = true;
            if (news[last].IsGone(now)) continue;
            // In the place of the old one: a cookie keeps its age.
            Put(ref writer, news[last], domain, path);
        }
        for (var i = 0; i < news.Count; i++)
        {
            if (placed[i] || Later(news, i) || news[i].IsGone(now)) continue;
            Put(ref writer, news[i], domain, path);
        }
        return writer.Length;
    }

    private static void Put(ref CookieWriter writer, SetCookie cookie, scoped Span<byte> domain, scoped Span<byte> path)
    {
        domain = domain[..Encoding.ASCII.GetBytes(cookie.Domain, domain)];
        path = path[..Encoding.ASCII.GetBytes(cookie.Path, path)];
        Span<byte> name = stackalloc byte[CookieJar.MaxPair];
        writer.Remove(name[..Encoding.ASCII.GetBytes(cookie.Name, name)], domain, path);
        writer.TryAdd(cookie, domain, path);
    }

    private static bool Later(IReadOnlyList<SetCookie> news, int i)
    {
        for (var j = i + 1; j < news.Count; j++)
            if (news[j].Name.SequenceEqual(news[i].Name) && news[j].Domain == news[i].Domain && news[j].Path == news[i].Path) return true;
        return false;
    }

    private static bool IsNews(ReadOnlySpan<byte> sent, SetCookie cookie, DateTimeOffset now)
    {
        foreach (var held in new CookieReader(sent))
        {
            if (!IsSame(held, cookie)) continue;
            return cookie.IsGone(now) || held.Domain.IsEmpty || !Ascii.Equals(held.Value, cookie.Value) || held.Marks != cookie.Marks || LivesOtherwise(held.Expires, cookie.Expires, now);
        }
        return !cookie.IsGone(now);
    }

    // A site that moves the end with every answer would make every answer a new version: it counts when half of the life is over, or when the end comes nearer.
    private static bool LivesOtherwise(long was, long wanted, DateTimeOffset now)
    {
        if (was == 0 || wanted == 0) return was != wanted;
        var (left, life) = (was - now.ToUnixTimeMilliseconds(), wanted - now.ToUnixTimeMilliseconds());
        return left < life / 2 || wanted < was - 60_000;
    }

    // A cookie that came without a domain is the one of its name: from now on it is the site's, with the site's domain.
    private static bool IsSame(in Cookie held, SetCookie cookie) =>
        Ascii.Equals(held.Name, cookie.Name) && (held.Domain.IsEmpty || (Ascii.EqualsIgnoreCase(held.Domain, cookie.Domain) && Ascii.Equals(held.Path, cookie.Path)));
}
