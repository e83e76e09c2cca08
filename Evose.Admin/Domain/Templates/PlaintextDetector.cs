using System.Buffers;
using System.Text.Unicode;

namespace Evose.Admin.Domain.Templates;

/// <summary>Something in a text that looks like a secret; it says where, and never what.</summary>
/// <param name="Rule">Stable id of the rule that matched.</param>
/// <param name="Provider">Slug of the service that issues such secrets, when the form tells.</param>
/// <param name="Called">What it looks like, with its article.</param>
public sealed record Finding(string Rule, string? Provider, string Called, int Position, int Length)
{
    public string Sentence =>
        $"At character {Position + 1} stands something that looks like {Called}. Register it as a credential and write {PlaintextDetector.SuggestPlaceholder(Provider)} instead.";
}

/// <summary>Pure: does a text that people stored hold something that looks like a secret? Linear in the text; the rules are <see cref="SecretShape"/>s and four readings of context.</summary>
public static class PlaintextDetector
{
    private const int EntropyWindow = 64; // judging more of a token would make long runs of prefixes quadratic
    private const int LongestAddress = 512;
    private const int LongestName = 32;

    private static readonly SearchValues<char> AddressStops = SearchValues.Create("@/?#{ \t\r\n\"'<>");

    /// <summary>The first thing in the text that looks like a secret, or null.</summary>
    public static Finding? Find(string text)
    {
        Finding? first = null;
        foreach (var shape in SecretShape.All) Keep(ref first, FindShape(text, shape));
        foreach (var shape in SecretShape.InText) Keep(ref first, FindShape(text, shape));
        Keep(ref first, FindBehindMark(text, ".", IsZhipu, "zhipu_key", "zhipu", "a Zhipu key"));
        Keep(ref first, FindBehindMark(text, ":AA", IsTelegram, "telegram_token", "telegram", "a Telegram bot token"));
        Keep(ref first, FindBehindMark(text, "Q~", IsAzure, "azure_client_secret", "azure", "an Azure client secret"));
        Keep(ref first, FindPrivateKey(text));
        Keep(ref first, FindWebToken(text));
        Keep(ref first, FindScheme(text, "bearer", IsBearer, "bearer_token", "a bearer token"));
        Keep(ref first, FindScheme(text, "basic", IsBasic, "basic_credentials", "a user name with its password"));
        Keep(ref first, FindUserInfo(text));
        Keep(ref first, FindParameter(text));
        Keep(ref first, FindMember(text));
        return first;
    }

    /// <summary>Like <see cref="Find(string)"/>, and knows that the whole text is the value of a header, query value or field of this name.</summary>
    public static Finding? Find(string name, string text)
    {
        if (Find(text) is { } found) return found;
        var value = text.AsSpan().Trim();
        return IsSecretName(name) && LooksDrawn(value) && value.IndexOfAnyExcept(SecretShape.Token) < 0
            ? new Finding("secret_value", null, "a key or a password", text.AsSpan().IndexOf(value), value.Length)
            : null;
    }

    /// <summary>The placeholder to write in place of a secret of this provider.</summary>
    public static string SuggestPlaceholder(string? provider) => Placeholder.Write(provider is null ? "service_prod" : provider + "_prod");

    private static Finding? FindShape(string text, SecretShape shape)
    {
        var end = 0; // end of the run already measured: every hit inside it ends there too
        for (var at = 0; (at = text.IndexOf(shape.Prefix, at, StringComparison.Ordinal)) >= 0; at++)
        {
            if (!IsBoundary(text, at)) continue;
            var tail = at + shape.Prefix.Length;
            if (tail >= end) end = RunEnd(text, tail, shape.Alphabet);
            var length = end - tail;
            if (length < shape.Min || length > shape.Max) continue;
            var value = text.AsSpan(tail, length);
            if (Entropy(value) < shape.Entropy || (shape.Mixed && (Turns(value, out var counted, out _) < Math.Max(3, counted / 8) || IsUuid(value)))) continue;
            return new Finding(shape.Rule, shape.Provider, shape.Called, at, shape.Prefix.Length + length);
        }
        return null;
    }

    private delegate (int From, int Length)? MarkReader(string text, int at);

    // Forms that have no beginning of their own: a mark stands in their middle, and what is around it is measured, never farther than such a value is long.
    private static Finding? FindBehindMark(string text, string mark, MarkReader read, string rule, string provider, string called)
    {
        for (var at = 0; (at = text.IndexOf(mark, at, StringComparison.Ordinal)) >= 0; at++)
            if (read(text, at) is { } found && IsBoundary(text, found.From)) return new Finding(rule, provider, called, found.From, found.Length);
        return null;
    }

    /// <summary>32 hex digits, a dot, 16 letters and digits.</summary>
    private static (int, int)? IsZhipu(string text, int dot)
    {
        if (dot < 32 || dot + 16 >= text.Length || Run(text, dot + 1, 17) != 16) return null;
        var id = text.AsSpan(dot - 32, 32);
        return id.IndexOfAnyExcept(Hex) < 0 && Entropy(id) >= 3 && Turns(text.AsSpan(dot + 1, 16), out _, out _) >= 3 ? (dot - 32, 49) : null;
    }

    /// <summary>8 to 10 digits, a colon, and 35 characters that begin with AA.</summary>
    private static (int, int)? IsTelegram(string text, int colon)
    {
        var from = colon;
        while (from > 0 && colon - from < 11 && char.IsAsciiDigit(text[from - 1])) from--;
        if (colon - from is < 8 or > 10) return null;
        var rest = text.AsSpan(colon + 1, Math.Min(36, text.Length - colon - 1));
        var length = rest.IndexOfAnyExcept(SecretShape.Word) is >= 0 and var end ? end : rest.Length;
        return length == 35 && Entropy(rest[..35]) >= 3 ? (from, colon - from + 36) : null;
    }

    /// <summary>Three characters, a digit, Q~, and 31 to 34 more.</summary>
    private static (int, int)? IsAzure(string text, int mark)
    {
        if (mark < 4 || !char.IsAsciiDigit(text[mark - 1])) return null;
        var rest = text.AsSpan(mark + 2, Math.Min(36, text.Length - mark - 2));
        var length = rest.IndexOfAnyExcept(SecretShape.Token) is >= 0 and var end ? end : rest.Length;
        return length is >= 31 and <= 34 && Entropy(rest[..length]) >= 3 && text.AsSpan(mark - 4, 3).IndexOfAnyExcept(SecretShape.Token) < 0 ? (mark - 4, 6 + length) : null;
    }

    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdef");

    // Letters and digits from a place on, at most so many.
    private static int Run(string text, int from, int most)
    {
        var rest = text.AsSpan(from, Math.Min(most, text.Length - from));
        return rest.IndexOfAnyExcept(SecretShape.Alphanumeric) is >= 0 and var end ? end : rest.Length;
    }

    /// <summary>A member of JSON by its name: <c>"app_secret": "…"</c>.</summary>
    private static Finding? FindMember(string text)
    {
        for (var at = 0; (at = text.IndexOf("\":", at, StringComparison.Ordinal)) >= 0; at++)
        {
            var name = at;
            while (name > 0 && at - name <= LongestName && SecretShape.Word.Contains(text[name - 1])) name--;
            if (name == at || !IsSecretName(text.AsSpan(name, at - name))) continue;
            var value = at + 2;
            while (value < text.Length && text[value] == ' ' && value - at < 16) value++;
            if (value >= text.Length || text[value] != '"') continue;
            var end = RunEnd(text, ++value, SecretShape.Token);
            if (end < text.Length && text[end] == '"' && LooksDrawn(text.AsSpan(value, end - value))) return new Finding("member_value", null, "a key or a password", value, end - value);
        }
        return null;
    }

    private static Finding? FindPrivateKey(string text)
    {
        const string begin = "-----BEGIN ";
        for (var at = 0; (at = text.IndexOf(begin, at, StringComparison.Ordinal)) >= 0; at++)
        {
            var label = text.AsSpan(at + begin.Length, Math.Min(40, text.Length - at - begin.Length));
            if (label.IndexOf("PRIVATE KEY", StringComparison.Ordinal) is >= 0 and var found && label[..found].IndexOf('-') < 0)
                return new Finding("private_key", null, "a private key", at, begin.Length + found + "PRIVATE KEY".Length);
        }
        return null;
    }

    private static Finding? FindWebToken(string text)
    {
        for (var at = 0; (at = text.IndexOf("eyJ", at, StringComparison.Ordinal)) >= 0; at++)
        {
            if (!IsBoundary(text, at)) continue;
            var header = RunEnd(text, at, SecretShape.Word);
            if (header - at >= 12 && text.AsSpan(header).StartsWith(".eyJ", StringComparison.Ordinal))
            {
                var claims = RunEnd(text, header + 1, SecretShape.Word);
                if (claims - header >= 12 && claims < text.Length && text[claims] == '.')
                {
                    var end = RunEnd(text, claims + 1, SecretShape.Word);
                    if (end - claims >= 12) return new Finding("web_token", null, "a signed web token", at, end - at);
                }
            }
            at = header - 1; // a hit inside the same run has the same end
        }
        return null;
    }

    private static Finding? FindScheme(string text, string scheme, ValueCheck check, string rule, string called)
    {
        for (var at = 0; (at = text.IndexOf(scheme, at, StringComparison.OrdinalIgnoreCase)) >= 0; at += scheme.Length)
        {
            if (!IsBoundary(text, at)) continue;
            var value = at + scheme.Length;
            while (value < text.Length && text[value] == ' ') value++;
            if (value == at + scheme.Length) continue;
            var end = RunEnd(text, value, SecretShape.Token);
            while (end < text.Length && text[end] == '=') end++;
            if (check(text.AsSpan(value, end - value))) return new Finding(rule, null, called, value, end - value);
        }
        return null;
    }

    private static Finding? FindUserInfo(string text)
    {
        for (var at = 0; (at = text.IndexOf("://", at, StringComparison.Ordinal)) >= 0; at += 3)
        {
            var rest = text.AsSpan(at + 3, Math.Min(LongestAddress, text.Length - at - 3));
            var stop = rest.IndexOfAny(AddressStops);
            if (stop <= 0 || rest[stop] != '@') continue;
            var user = rest[..stop];
            var colon = user.IndexOf(':');
            var secret = user[(colon + 1)..];
            if (colon >= 0 ? LooksChosen(secret) : LooksDrawn(secret))
                return new Finding("address_password", null, "a password in an address", at + 3 + colon + 1, secret.Length);
        }
        return null;
    }

    private static Finding? FindParameter(string text)
    {
        for (var at = 0; (at = text.IndexOf('=', at)) >= 0; at++)
        {
            var name = at;
            while (name > 0 && at - name <= LongestName && SecretShape.Word.Contains(text[name - 1])) name--;
            if (name > 0 && text[name - 1] is '\\' or '%') name = Math.Min(at, name + (text[name - 1] == '%' ? 2 : 1)); // the end of an escape is no part of the name
            if (name == at || !IsSecretName(text.AsSpan(name, at - name))) continue;
            var end = RunEnd(text, at + 1, SecretShape.Token);
            var value = text.AsSpan(at + 1, end - at - 1);
            if (LooksDrawn(value)) return new Finding("parameter_value", null, "a key or a password", at + 1, value.Length);
        }
        return null;
    }

    private delegate bool ValueCheck(ReadOnlySpan<char> value);

    private static bool IsBearer(ReadOnlySpan<char> value) => value.Length >= 20 && LooksDrawn(value.TrimEnd('='));

    /// <summary>Base-64 of <c>user:password</c>, with at least a character on both sides.</summary>
    private static bool IsBasic(ReadOnlySpan<char> value)
    {
        if (value.Length is < 8 or > 1024) return false;
        Span<byte> decoded = stackalloc byte[768];
        if (!Convert.TryFromBase64Chars(value, decoded, out var length)) return false;
        decoded = decoded[..length];
        var colon = decoded.IndexOf((byte)':');
        return colon >= 0 && colon < length - 1 && decoded.IndexOfAnyInRange((byte)0, (byte)0x1F) < 0 && Utf8.IsValid(decoded);
    }

    /// <summary>True for what a machine drew: long, even, letters and digits in turn, and no UUID.</summary>
    private static bool LooksDrawn(ReadOnlySpan<char> value)
    {
        if (value.Length < 16 || Entropy(value) < 3 || IsUuid(value)) return false;
        var turns = Turns(value, out var counted, out var digits);
        return digits >= 2 && counted >= 16 && turns >= Math.Max(4, counted / 5);
    }

    /// <summary>True for what a person chose as a password: letters and digits in turn.</summary>
    private static bool LooksChosen(ReadOnlySpan<char> value) =>
        value.Length >= 8 && Entropy(value) >= 2.5 && Turns(value, out _, out var digits) >= 2 && digits >= 1;

    private static bool IsUuid(ReadOnlySpan<char> value) => value.Length == 36 && Guid.TryParseExact(value, "D", out _);

    private static bool IsSecretName(ReadOnlySpan<char> name)
    {
        if (name.Length > LongestName) return false;
        Span<char> plain = stackalloc char[name.Length];
        for (var i = 0; i < name.Length; i++) plain[i] = name[i] == '-' ? '_' : char.ToLowerInvariant(name[i]);
        return ((HashSet<string>)SecretShape.SecretNames).GetAlternateLookup<ReadOnlySpan<char>>().Contains(plain);
    }

    /// <summary>True where a token can begin: not inside a word, though after an escape such as <c>%20</c> or <c>\n</c>.</summary>
    private static bool IsBoundary(string text, int at) =>
        at == 0 || !char.IsAsciiLetterOrDigit(text[at - 1])
        || (at >= 2 && text[at - 2] == '\\' && text[at - 1] is 'n' or 'r' or 't')
        || (at >= 3 && text[at - 3] == '%' && char.IsAsciiHexDigit(text[at - 2]) && char.IsAsciiHexDigit(text[at - 1]));

    private static int RunEnd(string text, int from, SearchValues<char> alphabet) =>
        text.AsSpan(from).IndexOfAnyExcept(alphabet) is >= 0 and var length ? from + length : text.Length;

    /// <summary>How often a letter case or digit follows another kind, separators left out.</summary>
    private static int Turns(ReadOnlySpan<char> value, out int counted, out int digits)
    {
        (counted, digits) = (0, 0);
        var turns = 0;
        var last = 0;
        foreach (var c in value[..Math.Min(value.Length, EntropyWindow)])
        {
            var kind = char.IsAsciiDigit(c) ? 1 : char.IsAsciiLetterLower(c) ? 2 : char.IsAsciiLetterUpper(c) ? 3 : 0;
            if (kind == 0) continue;
            counted++;
            if (kind == 1) digits++;
            if (last != 0 && kind != last) turns++;
            last = kind;
        }
        return turns;
    }

    private static double Entropy(ReadOnlySpan<char> value)
    {
        value = value[..Math.Min(value.Length, EntropyWindow)];
        Span<int> counts = stackalloc int[128];
        counts.Clear();
        foreach (var c in value) counts[c & 127]++;
        var bits = 0d;
        foreach (var count in counts)
            if (count > 0) bits -= (double)count / value.Length * Math.Log2((double)count / value.Length);
        return bits;
    }

    private static void Keep(ref Finding? first, Finding? other)
    {
        if (other is not null && (first is null || other.Position < first.Position)) first = other;
    }
}
