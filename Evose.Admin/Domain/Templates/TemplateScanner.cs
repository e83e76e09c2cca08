using System.Buffers;
using System.Globalization;
using System.Text;

namespace Evose.Admin.Domain.Templates;

/// <summary>
/// Splits a text into literals and placeholders in one pass. Every run of opening braces is consumed whole, so no character is looked at
/// more than a fixed number of times; <see cref="Reads"/> counts the looks and a test bounds them.
/// </summary>
internal ref struct TemplateScanner(string text)
{
    private const string Word = "credential";

    // All that can begin an opening brace: itself, its escapes, and the characters that look like it.
    private static readonly SearchValues<char> Openers = SearchValues.Create("{%\\\uFF5B\uFE5B\uFE37\u2774\u2983");

    // Letters of other scripts that look like a letter of "credential" and that compatibility folding leaves alone.
    private const string Lookalikes = "\u0441c\u0421c\u03F2c\u03F9c\u0433r\u0435e\u0415e\u0395e\u0501d\u039Dn\u0578n\u0422t\u03A4t\u0456i\u0406i\u0399i\u0131i\u0130i\u0430a\u0410a\u0391a\u03B1a\u04CFl\u04C0l";

    public long Reads { get; private set; }

    public TemplateError? Scan(List<TemplatePart> parts, List<Placeholder> placeholders)
    {
        if (text.Length > SecretTemplate.MaxLength) return new TemplateError(TemplateFault.TooLong, SecretTemplate.MaxLength);

        var literal = 0;
        var at = 0;
        while (true)
        {
            var skipped = text.AsSpan(at).IndexOfAny(Openers);
            Reads += skipped < 0 ? text.Length - at : skipped + 1;
            if (skipped < 0) break;
            at += skipped;

            var start = at;
            var braces = SkipBraces(ref at);
            if (braces == 0) at++;
            if (braces < 2 || !MeansCredential(at)) continue;
            if (at != start + 2 || !text.AsSpan(start).StartsWith("{{credential:", StringComparison.Ordinal))
                return new TemplateError(TemplateFault.NotExact, start);

            at += Word.Length + 1;
            if (ReadPlaceholder(start, ref at, out var placeholder) is { } error) return error;
            if (literal < start) parts.Add(new TemplatePart(text[literal..start], null));
            parts.Add(new TemplatePart("", placeholder));
            placeholders.Add(placeholder!);
            literal = at;
        }
        if (literal < text.Length) parts.Add(new TemplatePart(literal == 0 ? text : text[literal..], null));
        return null;
    }

    private TemplateError? ReadPlaceholder(int start, ref int at, out Placeholder? placeholder)
    {
        placeholder = null;
        var name = at;
        while (at < text.Length && at - name <= Placeholder.MaxNameLength && Placeholder.IsNameChar(text[at])) at++;
        Reads += at - name + 1;
        if (at == text.Length) return new TemplateError(TemplateFault.NotClosed, start);
        if (at == name && text[at] is '}' or '.') return new TemplateError(TemplateFault.NameMissing, at);
        if (!Placeholder.IsName(text.AsSpan(name, at - name))) return new TemplateError(TemplateFault.NameMalformed, at == name ? at : name);
        var nameEnd = at;

        var hasField = text[at] == '.';
        var field = hasField ? ++at : at;
        if (hasField)
        {
            while (at < text.Length && at - field <= Placeholder.MaxFieldLength && Placeholder.IsFieldChar(text[at])) at++;
            Reads += at - field + 1;
            if (at == text.Length) return new TemplateError(TemplateFault.NotClosed, start);
            if (!Placeholder.IsField(text.AsSpan(field, at - field))) return new TemplateError(TemplateFault.FieldMalformed, field);
        }

        if (text[at] != '}') return new TemplateError(hasField ? TemplateFault.FieldMalformed : TemplateFault.NameMalformed, at);
        if (at + 1 == text.Length || text[at + 1] != '}') return new TemplateError(TemplateFault.NotClosed, start);
        placeholder = new Placeholder(text[name..nameEnd], hasField ? text[field..at] : null, start);
        at += 2;
        return null;
    }

    private int SkipBraces(ref int at)
    {
        var braces = 0;
        var end = at;
        while (at < text.Length)
        {
            var c = Read(at, out var length);
            if (IsBrace(c)) braces++;
            else if (braces == 0 || !IsBlank(c)) break;
            at += length;
            end = at;
        }
        at = end;
        return braces;
    }

    /// <summary>True when what follows reads as "credential" to a person or to a lenient parser, whatever its case, script, escapes or invisible characters.</summary>
    private bool MeansCredential(int at)
    {
        var found = 0;
        while (found < Word.Length && at < text.Length)
        {
            var c = Read(at, out var length);
            at += length;
            if (IsInvisible(c)) continue;
            if (Fold(c) != Word[found]) return false;
            found++;
        }
        return found == Word.Length;
    }

    /// <summary>The character at a place, with <c>%7B</c> and <c>\u007B</c> read as what they stand for.</summary>
    private Rune Read(int at, out int length)
    {
        Reads++;
        var rest = text.AsSpan(at);
        if (rest[0] == '%' && rest.Length >= 3 && byte.TryParse(rest.Slice(1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b) && b < 0x80)
        {
            length = 3;
            return new Rune((char)b);
        }
        if (rest[0] == '\\' && rest.Length >= 6 && rest[1] is 'u' or 'U' && ushort.TryParse(rest.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var u) && Rune.TryCreate((char)u, out var escaped))
        {
            length = 6;
            return escaped;
        }
        Rune.DecodeFromUtf16(rest, out var rune, out length); // a lone surrogate reads as U+FFFD, which is no brace and no letter
        return rune;
    }

    private static bool IsBrace(Rune c) => c.Value is '{' or 0xFF5B or 0xFE5B or 0xFE37 or 0x2774 or 0x2983;

    private static bool IsBlank(Rune c) => Rune.IsWhiteSpace(c) || IsInvisible(c);

    private static bool IsInvisible(Rune c) =>
        c.Value is 0x115F or 0x1160 or 0x3164 or 0xFFA0
        || Rune.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.Control or UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark;

    private static char Fold(Rune c)
    {
        if (c.IsAscii) return char.ToLowerInvariant((char)c.Value);
        if (c.IsBmp && Lookalikes.IndexOf((char)c.Value, StringComparison.Ordinal) is >= 0 and var known && known % 2 == 0) return Lookalikes[known + 1];
        var folded = c.ToString().Normalize(NormalizationForm.FormKD);
        return char.IsAscii(folded[0]) ? char.ToLowerInvariant(folded[0]) : '\0';
    }
}
