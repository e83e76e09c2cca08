using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Evose.Admin.Tests.Rules;

/// <summary>Finds a canary, or any twelve characters of it, in bytes: as it is, and in every form that software turns a text into on its way.</summary>
internal sealed class CanaryScanner
{
    public const int Window = 12;

    private readonly Dictionary<ulong, List<(byte[] Needle, string What)>> _needles = [];
    // Two bytes tell most places apart without a look into the dictionary.
    private readonly bool[] _starts = new bool[65536];

    public int Needles { get; private set; }

    /// <summary>A text that no other draw makes: visible ASCII, with characters that URLs, JSON, HTML and base64 write differently.</summary>
    public static string Draw(int length = 32)
    {
        const string changed = "+/=&<>\"'%\\?#";
        const string plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        return new string([.. Enumerable.Range(0, length).Select(i => i % 5 == 3 ? changed[RandomNumberGenerator.GetInt32(changed.Length)] : plain[RandomNumberGenerator.GetInt32(plain.Length)])]);
    }

    /// <summary>Letters and digits only, for places where nothing else is taken.</summary>
    public static string DrawPlain(int length = 32)
    {
        // A draw without digits is rare, and then may pass for a word.
        while (true)
        {
            var drawn = RandomNumberGenerator.GetString("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", length);
            if (drawn.Count(char.IsAsciiDigit) >= 3) return drawn;
        }
    }

    public void Add(string name, string canary)
    {
        Assert.True(canary.Length >= 24, name);
        for (var i = 0; i + Window <= canary.Length; i++)
            foreach (var (form, bytes) in Forms(canary.Substring(i, Window))) Add(bytes, $"{name} {form} at {i}");
    }

    /// <summary>Every form in which twelve characters may stand somewhere.</summary>
    public static IEnumerable<(string Form, byte[] Bytes)> Forms(string text)
    {
        var raw = Encoding.UTF8.GetBytes(text);
        yield return ("raw", raw);
        yield return ("utf-16", Encoding.Unicode.GetBytes(text));
        yield return ("utf-16be", Encoding.BigEndianUnicode.GetBytes(text));
        yield return ("hex", Ascii(Convert.ToHexStringLower(raw)));
        yield return ("HEX", Ascii(Convert.ToHexString(raw)));
        yield return ("reversed", [.. raw.Reverse()]);
        yield return ("url", Ascii(Uri.EscapeDataString(text)));
        yield return ("url lower", Ascii(WebUtility.UrlEncode(text)));
        yield return ("json", Ascii(JsonEncodedText.Encode(text).ToString()));
        yield return ("json relaxed", Ascii(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString()));
        yield return ("html", Ascii(WebUtility.HtmlEncode(text)));
        yield return ("html strict", Ascii(HtmlEncoder.Default.Encode(text)));
        for (var alignment = 0; alignment < 3; alignment++)
        {
            // Whole groups of three bytes, wherever the text begins inside of one.
            var skip = (3 - alignment) % 3;
            var whole = (raw.Length - skip) / 3 * 3;
            yield return ($"base64 {alignment}", Ascii(Convert.ToBase64String(raw, skip, whole)));
            yield return ($"base64url {alignment}", Ascii(Base64Url.EncodeToString(raw.AsSpan(skip, whole))));
        }
    }

    /// <summary>What was found, as the canary's name, the form and the place; never the canary.</summary>
    public List<string> Scan(string where, ReadOnlySpan<byte> bytes, int most = 3)
    {
        var hits = new List<string>();
        for (var i = 0; i + 8 <= bytes.Length && hits.Count < most; i++)
        {
            if (!_starts[bytes[i] | (bytes[i + 1] << 8)]) continue;
            if (!_needles.TryGetValue(BitConverter.ToUInt64(bytes[i..]), out var candidates)) continue;
            foreach (var (needle, what) in candidates)
            {
                if (!bytes[i..].StartsWith(needle)) continue;
                hits.Add($"{where}: {what}, byte {i}");
                i += needle.Length;
                break;
            }
        }
        return hits;
    }

    public List<string> Scan(string where, string text, int most = 3) => Scan(where, Encoding.UTF8.GetBytes(text), most);

    private void Add(byte[] needle, string what)
    {
        var key = BitConverter.ToUInt64(needle);
        if (!_needles.TryGetValue(key, out var same)) _needles[key] = same = [];
        if (same.Exists(s => s.Needle.AsSpan().SequenceEqual(needle))) return;
        same.Add((needle, what));
        _starts[needle[0] | (needle[1] << 8)] = true;
        Needles++;
    }

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);
}
