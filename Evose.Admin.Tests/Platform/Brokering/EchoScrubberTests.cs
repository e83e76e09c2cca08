using System.Text;
using System.Text.Json;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Platform.Brokering;

public sealed class EchoScrubberTests
{
    private const string Core = "Zq7Wm2Xc9Vb4Nn6Kk8Jh3";
    private const string Value = "sk-\"\\/+%&=< '" + Core + ">~é";

    public static TheoryData<string, string> Echoes()
    {
        var data = new TheoryData<string, string>
        {
            { "raw", $"You sent Bearer {Value}, thank you" },
            { "hex", "key=" + Convert.ToHexStringLower(Encoding.UTF8.GetBytes(Value)) + ";" },
            { "upper hex", "key=" + Convert.ToHexString(Encoding.UTF8.GetBytes(Value)) + ";" },
            { "URL-escaped", "/x?key=" + Uri.EscapeDataString(Value) + "&y=1" },
            { "URL-escaped in lower case", "/x?key=" + System.Text.RegularExpressions.Regex.Replace(Uri.EscapeDataString(Value), "%..", m => m.Value.ToLowerInvariant(), System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1)) },
            { "form-encoded", "a=1&key=" + Uri.EscapeDataString(Value).Replace("%20", "+", StringComparison.Ordinal) },
            { "JSON as browsers write it", "{\"authorization\":\"Bearer " + Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"}" },
            { "JSON with escaped slashes", "{\"k\":\"" + Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("/", "\\/", StringComparison.Ordinal) + "\"}" },
            { "JSON that is safe in HTML", "{\"k\":" + JsonSerializer.Serialize(Value.Replace("é", "", StringComparison.Ordinal)) + "}" },
            { "an event", $"event: message\ndata: {{\"token\": \"{Core}\"}}\n\n" },
        };
        for (var before = 0; before < 3; before++)
        {
            var text = new string('u', before) + ":" + Value + ":tail";
            data.Add($"base64 behind {before + 1} bytes", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text)));
            data.Add($"base64url behind {before + 1} bytes", "x." + Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).Replace('+', '-').Replace('/', '_').TrimEnd('='));
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Echoes))]
    public void Nothing_of_a_value_passes_wherever_the_answer_is_cut(string form, string answer)
    {
        var bytes = Encoding.UTF8.GetBytes(answer);
        using var value = Plaintext.CopyOf(Encoding.UTF8.GetBytes(form is "JSON that is safe in HTML" ? Value.Replace("é", "", StringComparison.Ordinal) : form is "an event" ? Core : Value));
        var traces = new Traces(Value, Core);
        Assert.NotEmpty(traces.In(bytes));
        using var patterns = EchoPatterns.Of([value])!;
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var scrubber = new EchoScrubber(patterns);
            var passed = new List<byte>();
            var first = bytes[..cut];
            var safe = scrubber.Scrub(first, last: false);
            passed.AddRange(first[..safe]);
            byte[] rest = [.. first[safe..], .. bytes[cut..]];
            Assert.Equal(rest.Length, scrubber.Scrub(rest, last: true));
            passed.AddRange(rest);
            Assert.Equal(bytes.Length, passed.Count);
            Assert.Empty(traces.In(passed.ToArray()).Select(shape => $"{form}, cut at {cut}: {shape}"));
            Assert.Contains("•••", Encoding.UTF8.GetString([.. passed]), StringComparison.Ordinal);
            Assert.Equal(1, scrubber.Found);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    public async Task A_stream_gives_the_same_bytes_however_small_the_pieces_are(int piece)
    {
        using var value = Plaintext.CopyOf(Encoding.UTF8.GetBytes(Core));
        var text = string.Concat(Enumerable.Range(0, 40).Select(i => $"{i} Zq7W Zq7Wm2Xc9 {(i % 3 == 0 ? Core : "nothing")} "));
        using var patterns = EchoPatterns.Of([value])!;
        await using var stream = new ScrubbingStream(new Pieces(Encoding.UTF8.GetBytes(text), piece), new EchoScrubber(patterns), patterns.Longest);
        using var passed = new MemoryStream();
        await stream.CopyToAsync(passed, piece);
        Assert.Equal(text.Replace(Core, "•••••••", StringComparison.Ordinal), Encoding.UTF8.GetString(passed.ToArray()));
    }

    [Fact]
    public async Task What_could_not_become_a_value_is_passed_on_at_once()
    {
        using var value = Plaintext.CopyOf(Encoding.UTF8.GetBytes(Core));
        using var patterns = EchoPatterns.Of([value])!;
        var source = new Pieces([], 64);
        await using var stream = new ScrubbingStream(source, new EchoScrubber(patterns), patterns.Longest);
        var buffer = new byte[4096];
        foreach (var line in new[] { "data: one\n\n", "data: two\n\n" })
        {
            source.Add(Encoding.UTF8.GetBytes(line));
            Assert.Equal(line, Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer)));
        }
    }

    [Fact]
    public void A_short_value_is_not_looked_for_and_an_ordinary_key_has_few_forms()
    {
        using var shortOne = Plaintext.CopyOf("1234567"u8);
        Assert.Null(EchoPatterns.Of([shortOne]));
        using var key = Plaintext.CopyOf("sk-proj-abcDEF123456789012345678901234567890abcd"u8);
        using var patterns = EchoPatterns.Of([key])!;
        Assert.InRange(patterns.Count, 6, 9);
    }

    [Fact]
    public void A_header_that_holds_a_value_is_replaced_whole()
    {
        using var key = Plaintext.CopyOf(Encoding.UTF8.GetBytes(Core));
        using var patterns = EchoPatterns.Of([key])!;
        var scrubber = new EchoScrubber(patterns);
        Assert.Equal("***", scrubber.Scrub("https://example.test/?key=" + Core));
        Assert.Same("application/json", scrubber.Scrub("application/json"));
    }

    private sealed class Pieces(byte[] bytes, int most) : MemoryStream
    {
        private readonly Queue<byte> _left = new(bytes);

        public void Add(byte[] more) => Array.ForEach(more, _left.Enqueue);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var n = 0;
            for (; n < buffer.Length && n < most && _left.TryDequeue(out var b); n++) buffer.Span[n] = b;
            return ValueTask.FromResult(n);
        }
    }
}
