using System.Text;
using Evose.Admin.Domain.Leaks;

namespace Evose.Admin.Tests.Domain.Leaks;

/// <summary>The pieces of a text that are compared: a value is among them wherever and however it stands, and the work is linear.</summary>
public sealed class CandidatesTests
{
    private const string Token = "sk-proj-Zq7Wm2Xc9Vb4Nn6Kk8Jh3";

    public static TheoryData<string> Values() =>
        [Token, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "dGhpcyBpcyBhIHZhbHVl==", "pass word with blanks 9", "a.b-c_d~e+f/g=h:i@j%k", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "00000000-1111-2222-3333-444444444444", "SEC0123456789abcdef"];

    [Theory]
    [MemberData(nameof(Values))]
    public void A_value_is_found_in_whatever_usually_stands_around_values(string value)
    {
        foreach (var (before, after) in new[] { ("", ""), ("\n", "\n"), ("KEY=", ""), ("KEY=\"", "\"\n"), ("key: ", "\r\nnext: 1"), ("{\"key\":\"", "\"}"), ("export KEY='", "';"), ("line one\nAPI_KEY = ", "\nline three") })
            Assert.Contains(value, In(before + value + after));
    }

    [Theory]
    [InlineData("Authorization: Bearer ", "")]
    [InlineData("curl -H 'Authorization: Bearer ", "' https://x.test")]
    [InlineData("https://x.test/v1?key=", "&a=b")]
    [InlineData("https://bob:", "@x.test/")]
    [InlineData("The key is ", ". Please rotate it.")]
    [InlineData("The key (", "), was seen")]
    [InlineData("see ", ", then")]
    [InlineData("[", "]")]
    [InlineData("<key>", "</key>")]
    [InlineData("a=1;token=", ";b=2")]
    [InlineData("`", "`")]
    [InlineData("2026-01-01T00:00:00Z ERROR sent ", " to x.test\n")]
    public void A_token_is_found_in_logs_addresses_and_sentences(string before, string after) => Assert.Contains(Token, In(before + Token + after));

    [Fact]
    public void What_is_encoded_is_decoded()
    {
        Assert.Contains("user-secret-12345", In("Authorization: Basic " + Convert.ToBase64String("bob:user-secret-12345"u8)));
        Assert.Contains(Token, In("  key: " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Token))));
        Assert.Contains(Token, In("key: " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Token + "\n")).TrimEnd('=')));
        Assert.Contains("a/b+c=d-long-enough", In("https://x.test/?key=" + Uri.EscapeDataString("a/b+c=d-long-enough")));
    }

    [Fact]
    public void A_key_of_many_lines_is_found_whole()
    {
        var pem = "-----BEGIN PRIVATE KEY-----\n" + string.Join('\n', Enumerable.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ", 20)) + "\n-----END PRIVATE KEY-----";
        Assert.Contains(pem, In("cat key.pem\n" + pem + "\n$ "));
        Assert.Contains(pem + "\n", In(pem + "\n"));
    }

    [Fact]
    public void The_work_grows_with_the_text_and_no_faster()
    {
        foreach (var unit in new[] { "=", "key=", "a ", "-----BEGIN ", "%41", "abcdefghijklmnop", "abcdefgh\n", "Zm9vYmFyYmF6cXV4 ", "\"", "a.b/c:d@" })
        {
            // Counted in bytes that are handed on, which is what everything else costs.
            var (once, twice) = (Handed(unit, 100_000), Handed(unit, 400_000));
            Assert.True(twice <= (4.5 * once) + 100_000, $"'{unit}': {once} bytes for 100 kB and {twice} for 400 kB");
            Assert.True(twice <= 12L * 400_000, $"'{unit}': {twice} bytes for 400 kB");
        }
    }

    [Fact]
    public void Twenty_megabytes_are_cut_to_their_end()
    {
        var text = new byte[20 * 1024 * 1024];
        var line = Encoding.UTF8.GetBytes("2026-01-01T00:00:00Z INFO request to /v1/models took 12 ms, status 200, id 0123456789\n");
        for (var at = 0; at < text.Length; at += line.Length) line.AsSpan(0, Math.Min(line.Length, text.Length - at)).CopyTo(text.AsSpan(at));
        Encoding.UTF8.GetBytes(" " + Token).CopyTo(text.AsSpan(text.Length - Token.Length - 1));
        var wanted = Encoding.UTF8.GetBytes(Token);
        var places = new List<int>();
        Candidates.In(text, (candidate, at) =>
        {
            if (candidate.SequenceEqual(wanted)) places.Add(at);
        });
        Assert.NotEmpty(places);
        Assert.All(places, at => Assert.Equal(text.Length - Token.Length, at));
    }

    private static long Handed(string unit, int length)
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(unit, length / unit.Length)));
        var sum = 0L;
        Candidates.In(text, (candidate, _) => sum += candidate.Length);
        return sum;
    }

    private static List<string> In(string text)
    {
        var found = new List<string>();
        Candidates.In(Encoding.UTF8.GetBytes(text), (candidate, _) => found.Add(Encoding.UTF8.GetString(candidate)));
        return found;
    }
}
