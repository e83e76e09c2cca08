using System.Text;
using Evose.Admin.Domain.Credentials.Cookies;

namespace Evose.Admin.Tests.Domain.Credentials.Cookies;

/// <summary>RFC 6265: which cookies go where, what a site may set, and how what several answers set comes together.</summary>
public sealed class CookieJarTests
{
    private static readonly DateTimeOffset T0 = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    // Host-only: the very host.
    [InlineData("app.example.com\tFALSE\t/\tFALSE\t0", "https://app.example.com/", true)]
    [InlineData("app.example.com\tFALSE\t/\tFALSE\t0", "https://APP.Example.com/", true)]
    [InlineData("app.example.com\tFALSE\t/\tFALSE\t0", "https://x.app.example.com/", false)]
    [InlineData("app.example.com\tFALSE\t/\tFALSE\t0", "https://example.com/", false)]
    // A domain and everything below it, and nothing that only ends like it.
    [InlineData(".example.com\tTRUE\t/\tFALSE\t0", "https://example.com/", true)]
    [InlineData(".example.com\tTRUE\t/\tFALSE\t0", "https://a.b.example.com/", true)]
    [InlineData(".example.com\tTRUE\t/\tFALSE\t0", "https://evilexample.com/", false)]
    [InlineData(".example.com\tTRUE\t/\tFALSE\t0", "https://example.com.evil.test/", false)]
    [InlineData(".com\tTRUE\t/\tFALSE\t0", "https://example.com/", false)]
    // Nothing is below an address.
    [InlineData("127.0.0.1\tTRUE\t/\tFALSE\t0", "http://127.0.0.1:8080/", true)]
    [InlineData("0.0.1\tTRUE\t/\tFALSE\t0", "http://127.0.0.1:8080/", false)]
    // Paths end at a step.
    [InlineData("app.example.com\tFALSE\t/app\tFALSE\t0", "https://app.example.com/app", true)]
    [InlineData("app.example.com\tFALSE\t/app\tFALSE\t0", "https://app.example.com/app/x?y=/z", true)]
    [InlineData("app.example.com\tFALSE\t/app/\tFALSE\t0", "https://app.example.com/app/x", true)]
    [InlineData("app.example.com\tFALSE\t/app/\tFALSE\t0", "https://app.example.com/app", false)]
    [InlineData("app.example.com\tFALSE\t/app\tFALSE\t0", "https://app.example.com/apple", false)]
    [InlineData("app.example.com\tFALSE\t/App\tFALSE\t0", "https://app.example.com/app", false)]
    [InlineData("app.example.com\tFALSE\t/app\tFALSE\t0", "https://app.example.com/", false)]
    // Secure needs HTTPS, or the machine itself.
    [InlineData("app.example.com\tFALSE\t/\tTRUE\t0", "https://app.example.com/", true)]
    [InlineData("app.example.com\tFALSE\t/\tTRUE\t0", "http://app.example.com/", false)]
    [InlineData("127.0.0.1\tFALSE\t/\tTRUE\t0", "http://127.0.0.1/", true)]
    // Time.
    [InlineData("app.example.com\tFALSE\t/\tFALSE\t1795608001", "https://app.example.com/", true)]
    public void A_cookie_goes_where_it_belongs_and_nowhere_else(string line, string target, bool goes) =>
        Assert.Equal(goes ? "sid=v" : "", Render(Jar(line + "\tsid\tv"), target));

    [Fact]
    public void A_cookie_does_not_go_after_its_end()
    {
        var jar = Jar("app.example.com\tFALSE\t/\tFALSE\t1795608001\tsid\tv");
        var end = DateTimeOffset.FromUnixTimeSeconds(1795608001);
        Assert.Equal("sid=v", Render(jar, "https://app.example.com/", end.AddMilliseconds(-1)));
        Assert.Equal("", Render(jar, "https://app.example.com/", end));
    }

    [Fact]
    public void Longer_paths_come_first_then_older_cookies()
    {
        var jar = Jar("a.example.com\tFALSE\t/\tFALSE\t0\tone\t1\na.example.com\tFALSE\t/x\tFALSE\t0\ttwo\t2\n.example.com\tTRUE\t/\tFALSE\t0\tthree\t3\na.example.com\tFALSE\t/x/y\tFALSE\t0\tfour\t4\nb.example.com\tFALSE\t/\tFALSE\t0\tother\t5");
        Assert.Equal("four=4; two=2; one=1; three=3", Render(jar, "https://a.example.com/x/y/z"));
        Assert.Equal("one=1; three=3", Render(jar, "https://a.example.com/"));
    }

    [Theory]
    [InlineData("sid", "/", "lower")]
    [InlineData("jsessionid", "/", "upper")]
    [InlineData("xsrf_token", "/", "dashed")]
    [InlineData("deep", "/x/y", "long")]
    [InlineData("deep", "/", null)]
    [InlineData("nothing", "/", null)]
    public void A_field_names_one_cookie(string field, string path, string? value)
    {
        var jar = Jar("a.example.com\tFALSE\t/\tFALSE\t0\tSID\tother\na.example.com\tFALSE\t/\tFALSE\t0\tsid\tlower\na.example.com\tFALSE\t/\tFALSE\t0\tJSESSIONID\tupper\na.example.com\tFALSE\t/\tFALSE\t0\tXSRF-TOKEN\tdashed\na.example.com\tFALSE\t/x\tFALSE\t0\tdeep\tshort\na.example.com\tFALSE\t/x/y\tFALSE\t0\tdeep\tlong");
        var found = CookieJar.TryFind(jar, field, new CookieTarget(new Uri("https://a.example.com" + path)), T0, out var bytes, out var known);
        Assert.Equal(value is not null, found);
        Assert.Equal(field != "nothing", known);
        if (value is not null) Assert.Equal(value, Encoding.ASCII.GetString(bytes));
    }

    [Theory]
    [InlineData("sid=v", "a.example.com!/x")]
    [InlineData("sid=v; Path=/", "a.example.com!/")]
    [InlineData("sid=v; path=relative", "a.example.com!/x")]
    [InlineData("sid=v; Domain=example.com; Path=/", "example.com/")]
    [InlineData("sid=v; domain=.EXAMPLE.com; Path=/", "example.com/")]
    [InlineData("sid=v; Domain=a.example.com; Path=/", "a.example.com/")]
    [InlineData("sid=v; Domain=; Path=/", "a.example.com!/")]
    [InlineData("sid=v; Domain=b.example.com", null)]
    [InlineData("sid=v; Domain=x.a.example.com", null)]
    [InlineData("sid=v; Domain=com", null)]
    [InlineData("sid=v; Domain=evil.test", null)]
    [InlineData("sid", null)]
    [InlineData("=v", null)]
    [InlineData("sid=a\u0001b", null)]
    [InlineData("sid=\u00e9", null)]
    [InlineData("__Secure-sid=v", null)]
    [InlineData("__Secure-sid=v; Secure; Path=/", "a.example.com!/")]
    [InlineData("__Host-sid=v; Secure; Path=/", "a.example.com!/")]
    [InlineData("__Host-sid=v; Secure; Path=/x", null)]
    [InlineData("__Host-sid=v; Secure; Path=/; Domain=a.example.com", null)]
    public void A_site_sets_cookies_for_itself_only(string header, string? kept)
    {
        var set = SetCookie.Read(header, new CookieTarget(new Uri("https://a.example.com/x/y")), T0);
        Assert.Equal(kept, set is null ? null : set.Domain + (set.Marks.HasFlag(CookieMarks.HostOnly) ? "!" : "") + set.Path);
    }

    [Fact]
    public void What_no_browser_keeps_is_not_kept()
    {
        var plain = new CookieTarget(new Uri("http://a.example.com/"));
        Assert.Null(SetCookie.Read("sid=v; Secure", plain, T0));
        Assert.Null(SetCookie.Read("sid=" + new string('x', 4096), plain, T0));
        Assert.NotNull(SetCookie.Read("sid=" + new string('x', 4093), plain, T0));
        Assert.Null(SetCookie.Read("sid=v; Domain=localhost", plain, T0));
        Assert.NotNull(SetCookie.Read("sid=v; Domain=localhost", new CookieTarget(new Uri("http://localhost/")), T0));
        Assert.Equal("/", SetCookie.Read("sid=v", new CookieTarget(new Uri("http://a.example.com/" + new string('p', 2000) + "/x")), T0)!.Path);
        Assert.DoesNotContain("v", SetCookie.Read("sid=v", plain, T0)!.ToString());
    }

    [Theory]
    [InlineData("Max-Age=60", 60)]
    [InlineData("Expires=Wed, 25 Nov 2026 12:01:00 GMT", 60)]
    [InlineData("Expires=Wed, 25-Nov-26 12:01:00 GMT", 60)]
    [InlineData("Expires=Wed Nov 25 12:01:00 2026", 60)]
    [InlineData("Expires=Thu, 01 Jan 2099 00:00:00 GMT; Max-Age=60", 60)]
    [InlineData("Max-Age=60; Expires=Thu, 01 Jan 2099 00:00:00 GMT", 60)]
    [InlineData("Max-Age=99999999999999999999", 400 * 24 * 3600)]
    [InlineData("Expires=Thu, 01 Jan 2099 00:00:00 GMT", 400 * 24 * 3600)]
    [InlineData("Max-Age=x", null)]
    [InlineData("Expires=never", null)]
    [InlineData("Expires=Wed, 31 Feb 2027 12:00:00 GMT", null)]
    [InlineData("Expires=Wed, 25 Nov 2026 25:00:00 GMT", null)]
    public void The_end_is_read_as_browsers_read_it(string attribute, int? seconds)
    {
        var set = SetCookie.Read("sid=v; " + attribute, new CookieTarget(new Uri("https://a.example.com/")), T0)!;
        Assert.Equal(seconds is null ? 0 : T0.AddSeconds(seconds.Value).ToUnixTimeMilliseconds(), set.Expires);
        Assert.False(set.IsGone(T0));
    }

    [Theory]
    [InlineData("Max-Age=0")]
    [InlineData("Max-Age=-1")]
    [InlineData("Expires=Thu, 01 Jan 1970 00:00:00 GMT")]
    public void A_cookie_with_an_end_that_is_past_is_taken_out(string attribute)
    {
        var jar = Jar("a.example.com\tFALSE\t/\tFALSE\t0\tsid\tv\na.example.com\tFALSE\t/\tFALSE\t0\tkeep\tk");
        Assert.Equal("keep=k", Render(After(jar, jar, $"sid=; Path=/; {attribute}"), "https://a.example.com/"));
        // It was there for another path.
        Assert.Same(jar, After(jar, jar, $"sid=; Path=/x; {attribute}"));
    }

    [Fact]
    public void Of_several_answers_none_undoes_what_another_brought()
    {
        var sent = Jar("a.example.com\tFALSE\t/\tFALSE\t0\tsid\tone\na.example.com\tFALSE\t/\tFALSE\t0\tcsrf\tone");
        // The first call's answer, then the second's, which was sent with the same cookies.
        var first = After(sent, sent, "sid=two; Path=/");
        var both = After(sent, first, "csrf=two; Path=/", "sid=one; Path=/");
        Assert.Equal("sid=two; csrf=two", Render(both, "https://a.example.com/"));
        Assert.Equal("sid=two; csrf=two; new=1", Render(After(sent, both, "new=1; Path=/"), "https://a.example.com/"));
        // A third that changes what the first changed comes later, so it holds.
        Assert.Equal("sid=three; csrf=two", Render(After(sent, both, "sid=three; Path=/"), "https://a.example.com/"));
    }

    [Fact]
    public void A_cookie_that_came_without_a_domain_is_the_sites_from_its_first_answer_on()
    {
        var jar = Jar("sid=one; other=x");
        Assert.Equal("sid=one; other=x", Render(jar, "https://b.example.com/"));
        var rolled = After(jar, jar, "sid=two; Path=/");
        Assert.Equal("sid=two; other=x", Render(rolled, "https://a.example.com/"));
        Assert.Equal("other=x", Render(rolled, "https://b.example.com/"));
    }

    [Fact]
    public void An_end_that_moves_a_little_with_every_answer_is_no_news()
    {
        var jar = Jar($"a.example.com\tFALSE\t/\tFALSE\t{T0.AddMinutes(30).ToUnixTimeSeconds()}\tsid\tv");
        Assert.Empty(News(jar, T0.AddMinutes(1), "sid=v; Path=/; Max-Age=1800"));
        Assert.Empty(News(jar, T0.AddMinutes(14), "sid=v; Path=/; Max-Age=1800"));
        // Half of its life is over: it must not end here while it goes on there.
        Assert.Single(News(jar, T0.AddMinutes(16), "sid=v; Path=/; Max-Age=1800"));
        Assert.Single(News(jar, T0.AddMinutes(1), "sid=v; Path=/; Max-Age=60"));
        Assert.Single(News(jar, T0.AddMinutes(1), "sid=v; Path=/"));
        Assert.Single(News(jar, T0.AddMinutes(1), "sid=w; Path=/; Max-Age=1800"));
    }

    [Fact]
    public void A_full_jar_keeps_what_is_in_it()
    {
        var jar = Jar(string.Join("; ", Enumerable.Range(0, 200).Select(i => $"c{i}=v")));
        var after = After(jar, jar, "new=1; Path=/", "c7=w; Path=/");
        var text = Render(after, "https://a.example.com/");
        Assert.Contains("c7=w", text);
        Assert.DoesNotContain("new=1", text);
        Assert.Equal(200, CookieJar.Facts(after).Count);
    }

    [Fact]
    public void The_next_that_ends_is_the_next_of_those_that_live()
    {
        var jar = Jar($"a.example.com\tFALSE\t/\tFALSE\t{T0.AddMinutes(1).ToUnixTimeSeconds()}\tfirst\tv\na.example.com\tFALSE\t/\tFALSE\t{T0.AddMinutes(5).ToUnixTimeSeconds()}\tsecond\tv\na.example.com\tFALSE\t/\tFALSE\t0\tsid\tone");
        Assert.Equal(T0.AddMinutes(1).ToUnixTimeSeconds(), CookieJar.NextExpiry(jar, T0).ToUnixTimeSeconds());
        Assert.Equal(T0.AddMinutes(5).ToUnixTimeSeconds(), CookieJar.NextExpiry(jar, T0.AddMinutes(2)).ToUnixTimeSeconds());
        Assert.Equal(DateTimeOffset.MaxValue, CookieJar.NextExpiry(jar, T0.AddMinutes(6)));
        Assert.Equal(DateTimeOffset.MaxValue, CookieJar.NextExpiry([], T0));
    }

    [Fact]
    public void What_has_expired_goes_when_something_new_comes()
    {
        var jar = Jar($"a.example.com\tFALSE\t/\tFALSE\t{T0.AddMinutes(1).ToUnixTimeSeconds()}\tshort\tv\na.example.com\tFALSE\t/\tFALSE\t0\tsid\tone");
        var news = News(jar, T0.AddMinutes(2), "sid=two; Path=/");
        var room = new byte[CookieJar.MaxBytes];
        var after = room[..CookieNews.Apply(jar, news, T0.AddMinutes(2), room)];
        Assert.Equal(["sid"], CookieJar.Facts(after).Select(c => c.Name));
        Assert.Null(CookieJar.EarliestExpiry(after));
    }

    [Theory]
    [InlineData("app.example.com", true, "app.example.com", true)]
    [InlineData("app.example.com", true, "app.example.com:8443/v1", true)]
    [InlineData("app.example.com", true, "*.example.com", true)]
    [InlineData("app.example.com", true, "example.com", false)]
    [InlineData("example.com", false, "app.example.com", true)]
    [InlineData("example.com", false, "*.example.com", true)]
    [InlineData("example.com", true, "*.example.com", false)]
    [InlineData("a.b.example.com", true, "*.example.com", false)]
    [InlineData("other.test", false, "app.example.com", false)]
    [InlineData("", false, "app.example.com", true)]
    [InlineData("127.0.0.1", true, "127.0.0.1:5080", true)]
    [InlineData("::1", true, "[::1]:5080", true)]
    public void It_is_known_beforehand_which_cookies_could_never_travel(string domain, bool hostOnly, string allowed, bool could) =>
        Assert.Equal(could, new CookieFacts("sid", domain, "/", null, false, hostOnly, false).CouldGoTo([allowed]));

    private static byte[] Jar(string text)
    {
        var room = new byte[CookieJar.MaxBytes];
        if (PastedCookies.Read(Encoding.UTF8.GetBytes(text), T0, room).Failed(out var problem, out var pasted)) Assert.Fail(problem.Message);
        return room[..pasted!.Length];
    }

    private static string Render(byte[] jar, string target, DateTimeOffset? now = null)
    {
        var room = new byte[jar.Length];
        return Encoding.ASCII.GetString(room, 0, CookieJar.Render(jar, new CookieTarget(new Uri(target)), now ?? T0, room));
    }

    private static IReadOnlyList<SetCookie> News(byte[] sent, DateTimeOffset now, params string[] headers) =>
        CookieNews.Of(sent, [.. headers.Select(h => SetCookie.Read(h, new CookieTarget(new Uri("https://a.example.com/")), now)!)], now);

    private static byte[] After(byte[] sent, byte[] newest, params string[] headers)
    {
        var news = News(sent, T0, headers);
        if (news.Count == 0) return newest;
        var room = new byte[CookieJar.MaxBytes];
        return room[..CookieNews.Apply(newest, news, T0, room)];
    }
}
