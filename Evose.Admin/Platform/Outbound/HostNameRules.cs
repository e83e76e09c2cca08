using System.Globalization;
using System.Numerics;

namespace Evose.Admin.Platform.Outbound;

/// <summary>Which host names can be trusted to be what they look like; pure.</summary>
internal static class HostNameRules
{
    private static readonly IdnMapping Idn = new();

    /// <summary>Letters that draw like Latin ones: a label of nothing else is a disguise, such as Cyrillic "аррӏе".</summary>
    private const string CyrillicLookalikes = "асԁеһіјӏорԗԛѕԝхуъЬҽпгѵѡ";

    private const string GreekLookalikes = "αικνρυωηοτ";

    /// <summary>What is wrong with an ASCII host that is no address, as a sentence, or null.</summary>
    public static string? Refuse(string host)
    {
        if (host.Length is 0 or > 253) return "The host name is missing or too long.";
        if (host[^1] == '.') return "The host name ends with a dot. Leave the dot out.";

        var lastDot = host.LastIndexOf('.');
        var last = host.AsSpan(lastDot + 1);

        // Resolvers read a name that ends in a number as an address: 2130706433 is 127.0.0.1.
        if (last.Length == 0 || !last.ContainsAnyExceptInRange('0', '9') || last.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return "The host is an IP address in an unusual form. Write the host's name.";

        foreach (var range in host.AsSpan().Split('.'))
        {
            var label = host.AsSpan()[range];
            if (label.Length is 0 or > 63) return "The host name has a label that is empty or too long.";
            foreach (var c in label)
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_')) return "The host name holds a character that no host has.";
            if (label.StartsWith("xn--", StringComparison.OrdinalIgnoreCase) && IsDisguised(label.ToString()))
                return "The host name mixes scripts or imitates Latin letters. Check it; if it is right, use a name in one script.";
        }
        return null;
    }

    public static bool IsSingleLabel(string host) => !host.Contains('.', StringComparison.Ordinal);

    public static bool IsLocalhost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private static bool IsDisguised(string label)
    {
        string text;
        try
        {
            text = Idn.GetUnicode(label);
        }
        catch (ArgumentException)
        {
            return true;
        }

        // An xn-- label that decodes to nothing but ASCII, or does not encode back to itself, is not a registered name.
        if (string.Equals(text, label, StringComparison.OrdinalIgnoreCase)) return true;

        var seen = Scripts.None;
        bool cyrillicDisguise = true, greekDisguise = true;
        foreach (var rune in text.EnumerateRunes())
        {
            var script = ScriptOf(rune.Value);
            if (script == Scripts.None) continue;
            seen |= script;
            cyrillicDisguise &= rune.IsBmp && CyrillicLookalikes.Contains((char)rune.Value, StringComparison.Ordinal);
            greekDisguise &= rune.IsBmp && GreekLookalikes.Contains((char)rune.Value, StringComparison.Ordinal);
        }
        return seen switch
        {
            Scripts.None => true,
            Scripts.Cyrillic => cyrillicDisguise,
            Scripts.Greek => greekDisguise,
            _ => !IsOneWriting(seen),
        };
    }

    /// <summary>One script, or one of the mixes that Japanese, Korean and Chinese are written in.</summary>
    private static bool IsOneWriting(Scripts seen) =>
        BitOperations.IsPow2((int)seen)
        || (Scripts.Latin | Scripts.Han | Scripts.Kana).HasFlag(seen)
        || (Scripts.Latin | Scripts.Han | Scripts.Hangul).HasFlag(seen)
        || (Scripts.Latin | Scripts.Han | Scripts.Bopomofo).HasFlag(seen);

    [Flags]
    private enum Scripts
    {
        None = 0,
        Latin = 1,
        Greek = 2,
        Cyrillic = 4,
        Han = 8,
        Kana = 16,
        Hangul = 32,
        Bopomofo = 64,
        Armenian = 128,
        Hebrew = 256,
        Arabic = 512,
        Indic = 1024,
        SoutheastAsian = 2048,
        Georgian = 4096,
        Cherokee = 8192,
        Other = 16384,
    }

    private static Scripts ScriptOf(int c) => c switch
    {
        (>= '0' and <= '9') or '-' or '_' or 0xB7 or 0x30FB or (>= 0x300 and <= 0x36F) => Scripts.None,
        < 0x80 or (>= 0xC0 and <= 0x24F) or (>= 0x1E00 and <= 0x1EFF) => Scripts.Latin,
        (>= 0x370 and <= 0x3FF) or (>= 0x1F00 and <= 0x1FFF) => Scripts.Greek,
        (>= 0x400 and <= 0x52F) or (>= 0x1C80 and <= 0x1C8F) or (>= 0x2DE0 and <= 0x2DFF) or (>= 0xA640 and <= 0xA69F) => Scripts.Cyrillic,
        >= 0x531 and <= 0x58F => Scripts.Armenian,
        >= 0x591 and <= 0x5FF => Scripts.Hebrew,
        (>= 0x600 and <= 0x6FF) or (>= 0x750 and <= 0x77F) or (>= 0x8A0 and <= 0x8FF) => Scripts.Arabic,
        >= 0x900 and <= 0xDFF => Scripts.Indic,
        (>= 0xE00 and <= 0xEFF) or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17FF) => Scripts.SoutheastAsian,
        (>= 0x10A0 and <= 0x10FF) or (>= 0x1C90 and <= 0x1CBF) => Scripts.Georgian,
        (>= 0x13A0 and <= 0x13FF) or (>= 0xAB70 and <= 0xABBF) => Scripts.Cherokee,
        (>= 0x1100 and <= 0x11FF) or (>= 0x3130 and <= 0x318F) or (>= 0xAC00 and <= 0xD7AF) => Scripts.Hangul,
        0x3005 or 0x3007 or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0x20000 and <= 0x323AF) => Scripts.Han,
        >= 0x3041 and <= 0x30FF => Scripts.Kana,
        (>= 0x3105 and <= 0x312F) or (>= 0x31A0 and <= 0x31BF) => Scripts.Bopomofo,
        _ => Scripts.Other,
    };
}
