using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Evose.Admin.Domain.Templates;

/// <summary>Writes values the way their slot needs. No error text here may hold any part of a value, which rules out the framework's own decoding errors.</summary>
internal static class SlotEncoder
{
    private const string Hex = "0123456789ABCDEF";

    private static readonly SearchValues<byte> JsonEscaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(i => (byte)i), (byte)'"', (byte)'\\']);

    public static int Measure(ReadOnlySpan<byte> value, TemplateSlot slot)
    {
        if (IsUrl(slot)) return MeasureUrl(value, slot);
        if (!Utf8.IsValid(value)) throw NotText();
        var length = Encoding.UTF8.GetCharCount(value);
        if (slot == TemplateSlot.JsonBody)
            foreach (var b in value)
                if (JsonEscaped.Contains(b)) length += JsonShort(b) == '\0' ? 5 : 1;
        return length;
    }

    public static int Write(ReadOnlySpan<byte> value, Span<char> destination, TemplateSlot slot)
    {
        if (IsUrl(slot)) return WriteUrl(value, destination, slot);
        if (slot != TemplateSlot.JsonBody) return WriteText(value, destination);

        var used = 0;
        while (value.IndexOfAny(JsonEscaped) is >= 0 and var stop)
        {
            used += WriteText(value[..stop], destination[used..]);
            used += WriteJsonEscape(value[stop], destination[used..]);
            value = value[(stop + 1)..];
        }
        return used + WriteText(value, destination[used..]);
    }

    public static int MeasureLiteral(string literal, TemplateSlot slot)
    {
        if (slot != TemplateSlot.Query) return literal.Length;
        var length = 0;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in literal.EnumerateRunes()) length += MeasureUrl(utf8[..rune.EncodeToUtf8(utf8)], slot);
        return length;
    }

    public static int WriteLiteral(string literal, Span<char> destination, TemplateSlot slot)
    {
        if (slot != TemplateSlot.Query)
        {
            if (!literal.TryCopyTo(destination)) throw SecretTemplate.Changed();
            return literal.Length;
        }
        var used = 0;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in literal.EnumerateRunes()) used += WriteUrl(utf8[..rune.EncodeToUtf8(utf8)], destination[used..], slot);
        return used;
    }

    private static int WriteText(ReadOnlySpan<byte> value, Span<char> destination) => Utf8.ToUtf16(value, destination, out _, out var written, replaceInvalidSequences: false) switch
    {
        OperationStatus.Done => written,
        OperationStatus.DestinationTooSmall => throw SecretTemplate.Changed(),
        _ => throw NotText(),
    };

    private static int WriteJsonEscape(byte b, Span<char> destination)
    {
        if (destination.Length < (JsonShort(b) == '\0' ? 6 : 2)) throw SecretTemplate.Changed();
        destination[0] = '\\';
        destination[1] = JsonShort(b) is not '\0' and var letter ? letter : 'u';
        if (destination[1] != 'u') return 2;
        (destination[2], destination[3], destination[4], destination[5]) = ('0', '0', Hex[b >> 4], Hex[b & 15]);
        return 6;
    }

    private static char JsonShort(byte b) => b switch
    {
        (byte)'"' => '"',
        (byte)'\\' => '\\',
        (byte)'\b' => 'b',
        (byte)'\f' => 'f',
        (byte)'\n' => 'n',
        (byte)'\r' => 'r',
        (byte)'\t' => 't',
        _ => '\0',
    };

    private static int MeasureUrl(ReadOnlySpan<byte> value, TemplateSlot slot)
    {
        var length = 0;
        foreach (var b in value) length += IsKept(b, slot) ? 1 : 3;
        return length;
    }

    private static int WriteUrl(ReadOnlySpan<byte> value, Span<char> destination, TemplateSlot slot)
    {
        var used = 0;
        foreach (var b in value)
        {
            var needed = IsKept(b, slot) ? 1 : 3;
            if (destination.Length - used < needed) throw SecretTemplate.Changed();
            if (needed == 1) destination[used] = (char)b;
            else (destination[used], destination[used + 1], destination[used + 2]) = ('%', Hex[b >> 4], Hex[b & 15]);
            used += needed;
        }
        return used;
    }

    private static bool IsUrl(TemplateSlot slot) => slot is TemplateSlot.Query or TemplateSlot.FormBody or TemplateSlot.Path;

    // In a segment these mean themselves, and servers that compare text expect them so: a bot token with its colon.
    private static bool IsKept(byte b, TemplateSlot slot) => IsUnreserved(b) || (slot == TemplateSlot.Path && ":@!$&'()*+,="u8.Contains(b));

    private static bool IsUnreserved(byte b) => char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~';

    private static FormatException NotText() => new("A value is not UTF-8 text and cannot stand here.");
}
