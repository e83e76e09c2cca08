using System.Text;
using Evose.Admin.Domain.Credentials.Cookies;

namespace Evose.Admin.Tests.Domain.Credentials.Cookies;

/// <summary>What browsers and their extensions give to the clipboard becomes a jar; what is no such thing is refused with its line and without a word of it.</summary>
public sealed class PastedCookiesTests
{
    private static readonly DateTimeOffset T0 = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    private const string Chrome = """
        curl 'https://app.example.com/api/me?x=1' \
          -H 'accept: */*' \
          -H 'accept-language: en-US,en;q=0.9' \
          -b 'sid=abc123; theme=dark; q="a b"' \
          -H 'referer: https://other.example.org/' \
          --data-raw '{"url":"https://third.example.net"}' \
          --compressed
        """;

    private const string ChromeEscaped = """
        curl 'https://app.example.com/' \
          -b $'sid=abc\u0021123; note=it\'s' \
          -H 'user-agent: Mozilla/5.0'
        """;

    private const string ChromeWindows = """
        curl ^"https://app.example.com/api?a=1^&b=2^" ^
          -H ^"accept: */*^" ^
          -b ^"sid=abc^%^20d; q=^\^"x^\^"^" ^
          -H ^"user-agent: Mozilla/5.0^"
        """;

    private const string Firefox = """
        curl 'https://app.example.com/' -X POST -H 'User-Agent: Mozilla/5.0' -H 'Cookie: sid=abc123; theme=dark' --data-raw 'a=b;c=d'
        """;

    private const string DoubleQuoted = """
        curl "https://app.example.com:8443/x" -H "Cookie: sid=a\"b\$c" -sSL --max-time 10
        """;

    private const string Netscape = "# Netscape HTTP Cookie File\n# a comment\n\n.example.com\tTRUE\t/\tTRUE\t1924992000\tsid\tabc123\n#HttpOnly_app.example.com\tFALSE\t/app\tFALSE\t0\ttoken\tx y\napp.example.com\tFALSE\t/\tFALSE\t1924992000.5\tempty\t";

    private const string Extension = """
        [
          { "domain": ".example.com", "expirationDate": 1924992000.123, "hostOnly": false, "httpOnly": true, "name": "sid", "path": "/", "sameSite": "lax", "secure": true, "session": false, "storeId": "0", "value": "a\u0062c/\"q\"" },
          { "domain": "app.example.com", "hostOnly": true, "httpOnly": false, "name": "theme", "path": "/app", "sameSite": "unspecified", "secure": false, "session": true, "storeId": "0", "value": "dark", "id": 2 }
        ]
        """;

    private const string Playwright = """
        { "cookies": [ { "name": "sid", "value": "abc", "domain": ".example.com", "path": "/", "expires": 1924992000, "httpOnly": true, "secure": true, "sameSite": "Lax" },
                       { "name": "t", "value": "1", "domain": "app.example.com", "path": "/", "expires": -1, "httpOnly": false, "secure": false, "sameSite": "None" } ],
          "origins": [ { "origin": "https://app.example.com", "localStorage": [ { "name": "k", "value": "v" } ] } ] }
        """;

    private const string Selenium = """[{"domain":"app.example.com","expiry":1924992000,"httpOnly":true,"name":"sid","path":"/","sameSite":"Lax","secure":true,"value":"abc"}]""";

    private const string HttpDate = """{"name":"sid","value":"abc","host":"app.example.com","expires":"Tue, 01 Jan 2031 00:00:00 GMT"}""";

    [Theory]
    [InlineData("sid=abc123; theme=dark", "sid=abc123|theme=dark", "|")]
    [InlineData("Cookie: sid=abc123; theme=dark;", "sid=abc123|theme=dark", "|")]
    [InlineData("cookie:a=b=c==; empty=", "a=b=c==|empty=", "|")]
    [InlineData("GET / HTTP/1.1\nHost: app.example.com\ncookie: sid=abc\naccept: */*", "sid=abc", "")]
    [InlineData(Chrome, "sid=abc123|theme=dark|q=\"a b\"", "app.example.com!|app.example.com!|app.example.com!")]
    [InlineData(ChromeEscaped, "sid=abc!123|note=it's", "app.example.com!|app.example.com!")]
    [InlineData(ChromeWindows, "sid=abc%20d|q=\"x\"", "app.example.com!|app.example.com!")]
    [InlineData(Firefox, "sid=abc123|theme=dark", "app.example.com!|app.example.com!")]
    [InlineData(DoubleQuoted, "sid=a\"b$c", "app.example.com!")]
    [InlineData("curl --url https://app.example.com --cookie=a=1 -H 'Cookie: b=2'", "a=1|b=2", "app.example.com!|app.example.com!")]
    [InlineData("$ curl https://user:pw@app.example.com/ -sSba=1", "a=1", "app.example.com!")]
    [InlineData("curl 'http://[::1]:8080/' -b 'a=1'", "a=1", "::1!")]
    [InlineData(Netscape, "sid=abc123|token=x y|empty=", "example.com|app.example.com!|app.example.com!")]
    [InlineData(Extension, "sid=abc/\"q\"|theme=dark", "example.com|app.example.com!")]
    [InlineData(Playwright, "sid=abc|t=1", "example.com|app.example.com!")]
    [InlineData(Selenium, "sid=abc", "app.example.com!")]
    [InlineData(HttpDate, "sid=abc", "app.example.com!")]
    public void Every_format_gives_names_values_and_domains(string text, string pairs, string domains)
    {
        var (pasted, jar) = Read(text);
        Assert.Equal(pairs.Split('|'), Pairs(jar));
        Assert.Equal(domains.Split('|'), pasted.Cookies.Select(c => c.Domain + (c.HostOnly ? "!" : "")));
    }

    [Fact]
    public void Path_expiry_and_marks_are_kept_and_the_first_to_end_is_the_sessions_end()
    {
        var (pasted, _) = Read(Netscape);
        Assert.Equal(new CookieFacts("sid", "example.com", "/", DateTimeOffset.FromUnixTimeSeconds(1924992000), Secure: true, HostOnly: false, HttpOnly: false), pasted.Cookies[0]);
        Assert.Equal(new CookieFacts("token", "app.example.com", "/app", null, Secure: false, HostOnly: true, HttpOnly: true), pasted.Cookies[1]);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1924992000), pasted.ExpiresAt);

        (pasted, _) = Read(Playwright);
        Assert.Equal((DateTimeOffset.FromUnixTimeSeconds(1924992000), null), (pasted.Cookies[0].ExpiresAt, pasted.Cookies[1].ExpiresAt));
        Assert.Null(Read("a=1; b=2").Pasted.ExpiresAt);
        Assert.Equal(new DateTimeOffset(2031, 1, 1, 0, 0, 0, TimeSpan.Zero), Read(HttpDate).Pasted.ExpiresAt);
        // Sent over HTTPS, so only over HTTPS from now on.
        Assert.True(Read(Chrome).Pasted.Cookies[0].Secure);
        Assert.False(Read("curl http://app.example.com -b a=1").Pasted.Cookies[0].Secure);
    }

    [Fact]
    public void What_has_expired_is_left_out_and_a_later_one_replaces_an_earlier_one()
    {
        var (pasted, jar) = Read("a.example.com\tFALSE\t/\tFALSE\t100\told\tx\na.example.com\tFALSE\t/\tFALSE\t0\tsid\tone\na.example.com\tFALSE\t/\tFALSE\t0\tsid\ttwo\na.example.com\tFALSE\t/b\tFALSE\t0\tsid\tthree");
        Assert.Equal(["sid=two", "sid=three"], Pairs(jar));
        Assert.Equal(1, pasted.Expired);
    }

    [Fact]
    public void The_same_cookies_are_the_same_bytes_however_they_were_copied()
    {
        var (_, header) = Read("curl 'https://app.example.com/' -H 'Cookie: a=1; b=2'");
        var (_, other) = Read("curl -b 'a=1; b=2' --url https://app.example.com/other");
        Assert.Equal(header, other);
    }

    [Theory]
    [InlineData("", "No cookie was found")]
    [InlineData("  \n ", "No cookie was found")]
    [InlineData("CANARYcanary", "has no '='")]
    [InlineData("a=1; CANARYcanary; b=2", "cookie 2 has no '='")]
    [InlineData("sid=CANARY; Path=/; HttpOnly", "Set-Cookie")]
    [InlineData("CANARYcanaryCANARYcanaryCANARY==", "a value without its name")]
    [InlineData("sid=CANARY\u00e9", "cannot be sent in a header")]
    [InlineData("si d=CANARY", "no cookie name has")]
    [InlineData("=CANARY", "has no name")]
    [InlineData("some text CANARY\nand more of it", "Line 2: a Cookie header is one line")]
    [InlineData("curl 'https://app.example.com/' \\\n -H 'accept: */*'", "sends no cookie")]
    [InlineData("curl 'https://app.example.com/' \\\n -b 'sid=CANARY", "Line 2: a quote")]
    [InlineData("curl https://app.example.com/ \\\n -b CANARY.txt", "Line 2: the command names a file")]
    [InlineData("# Netscape HTTP Cookie File\n.example.com\tTRUE\t/\tTRUE\t0\tsid\tok\n.example.com TRUE / TRUE 0 sid CANARY", "Line 3: a cookies.txt has 7 fields")]
    [InlineData(".example.com\tTRUE\t/\tmaybe\t0\tsid\tCANARY", "Line 1: the second and fourth field")]
    [InlineData(".example.com\tTRUE\t/\tTRUE\tCANARY\tsid\tx", "Line 1: the fifth field")]
    [InlineData("\n\n#HttpOnly_\tTRUE\t/\tTRUE\t0\tsid\tCANARY", "the domain, is empty")]
    [InlineData("a b.com\tTRUE\t/\tTRUE\t0\tsid\tCANARY", "the domain of cookie 1 is none")]
    [InlineData(".example.com\tTRUE\t/\tTRUE\t100\tsid\tCANARY", "The only cookie here has expired")]
    [InlineData("[{\"name\":\"sid\",\n\"value\":\"CANARY\",\n}", "Line 3: this is no JSON")]
    [InlineData("[\n{\"name\":\"sid\",\"value\":\"CANARY\"},\n7]", "Line 3: a list of cookies holds objects")]
    [InlineData("[\n{\"name\":\"sid\"}]", "Line 2: cookie 1 has no value")]
    [InlineData("[{\"value\":\"CANARY\"}]", "cookie 1 has no name")]
    [InlineData("[{\"name\":\"sid\",\n\"value\":{\"CANARY\":1}}]", "Line 2: cookie 1 has a name, value, domain or path that is no text")]
    [InlineData("[{\"name\":\"sid\",\"value\":\"x\",\n\"expires\":\"CANARY\"}]", "Line 2: the expiry of cookie 1 is no time")]
    [InlineData("[{\"name\":\"sid\",\n\"value\":\"CANARY\\ud83d\"}]", "Line 2: this holds a text that is not valid Unicode")]
    [InlineData("[]", "No cookie was found")]
    [InlineData("{\"cookies\":[]}", "No cookie was found")]
    [InlineData("[{\"name\":\"sid\",\"value\":\"a\\nCANARY\"}]", "cannot be sent in a header")]
    [InlineData("[{\"name\":\"sid\",\"value\":\"x\"}] CANARY", "this is no JSON")]
    public void What_is_wrong_is_said_with_its_line_and_never_quoted(string text, string why)
    {
        var room = new byte[CookieJar.MaxBytes];
        Assert.True(PastedCookies.Read(Encoding.UTF8.GetBytes(text), T0, room).Failed(out var problem, out _));
        Assert.Contains(why, problem.Message);
        Assert.Equal("fields.value", problem.Details!["field"]);
        Assert.DoesNotContain("CANARY", problem.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Two_hundred_cookies_are_taken_and_one_more_is_not()
    {
        var (pasted, _) = Read(string.Join("; ", Enumerable.Range(0, 200).Select(i => $"cookie_{i}=value_{i}")));
        Assert.Equal(200, pasted.Cookies.Count);
        Assert.Contains("more than 200 cookies", Refusal(string.Join("; ", Enumerable.Range(0, 201).Select(i => $"c{i}=v"))));
        Assert.Contains("larger than 4096 bytes", Refusal("a=" + new string('x', 4096)));
        Assert.Contains("at most 64 KiB", Refusal(string.Join("; ", Enumerable.Range(0, 20).Select(i => $"c{i}=" + new string('x', 4000)))));
        Assert.Contains("64 KiB", Refusal(string.Join("\n", Enumerable.Range(0, 17).Select(i => $"a.example.com\tTRUE\t/\tTRUE\t0\tc{i}\t{new string('x', 3840)}"))));
    }

    [Fact]
    public void Whatever_is_pasted_it_is_read_or_refused()
    {
        var random = new Random(7);
        string[] seeds = [Chrome, ChromeEscaped, ChromeWindows, Firefox, Netscape, Extension, Playwright, "Cookie: a=b; c=d"];
        var room = new byte[CookieJar.MaxBytes];
        var read = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(seeds[i % seeds.Length]).ToList();
            for (var n = random.Next(1, 6); n > 0 && bytes.Count > 1; n--)
            {
                var at = random.Next(bytes.Count);
                switch (random.Next(4))
                {
                    case 0: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)); break;
                    case 1: bytes.Insert(at, (byte)random.Next(256)); break;
                    case 2: bytes[at] = (byte)"'\"\\\t\n={}[];,^$"[random.Next(14)]; break;
                    default: bytes.InsertRange(at, bytes[..random.Next(1, Math.Min(40, bytes.Count))]); break;
                }
            }
            if (PastedCookies.Read(bytes.ToArray(), T0, room).Failed(out var problem, out var pasted)) Assert.InRange(problem.Message.Length, 10, 300);
            else
            {
                read++;
                Assert.InRange(pasted.Cookies.Count, 1, 200);
                Assert.Equal(pasted.Cookies.Count, Pairs(room[..pasted.Length]).Length);
            }
        }
        Assert.InRange(read, 1000, 19_900);
    }

    private static (PastedCookies Pasted, byte[] Jar) Read(string text)
    {
        var room = new byte[CookieJar.MaxBytes];
        if (PastedCookies.Read(Encoding.UTF8.GetBytes(text), T0, room).Failed(out var problem, out var pasted)) Assert.Fail(problem.Message);
        return (pasted!, room[..pasted!.Length]);
    }

    private static string Refusal(string text)
    {
        Assert.True(PastedCookies.Read(Encoding.UTF8.GetBytes(text), T0, new byte[CookieJar.MaxBytes]).Failed(out var problem, out _));
        return problem.Message;
    }

    private static string[] Pairs(byte[] jar)
    {
        var pairs = new List<string>();
        foreach (var cookie in new CookieReader(jar)) pairs.Add(Encoding.ASCII.GetString(cookie.Name) + "=" + Encoding.ASCII.GetString(cookie.Value));
        return [.. pairs];
    }
}
