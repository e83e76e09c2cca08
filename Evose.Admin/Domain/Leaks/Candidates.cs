using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace Evose.Admin.Domain.Leaks;

/// <summary>
/// Pure: the pieces of a text that could be a value as it was registered. A value is compared by fingerprint, so its borders must be guessed: the text is cut at what usually stands around values,
/// by several rules at once, and every piece of every cutting is a candidate, also without what closes a sentence, and decoded when it is base64 or URL-escaped. The work is linear in the text.
/// </summary>
public static class Candidates
{
    /// <summary>Shorter values are not looked for: they would be found everywhere, and could be guessed by trying.</summary>
    public const int MinLength = 8;

    /// <summary>A longer piece without a border is data, not a value.</summary>
    public const int MaxLength = 8 * 1024;

    /// <summary>Gets each candidate, with the place in the text at which it begins. The bytes are only good for the time of the call.</summary>
    public delegate void Taker(ReadOnlySpan<byte> candidate, int at);

    // Cut from wide to narrow. What one rule keeps whole because a value may hold it, another takes for a border.
    private static readonly SearchValues<byte>[] Borders =
    [
        SearchValues.Create("\r\n\0"u8),
        SearchValues.Create("\r\n\0\"'`"u8),
        SearchValues.Create(" \t\r\n\0\"'`<>()[]{}|"u8),
        SearchValues.Create(" \t\r\n\0\"'`<>()[]{}|,;"u8),
        SearchValues.Create(" \t\r\n\0\"'`<>()[]{}|,;=:&?@#"u8),
        SearchValues.Create(" \t\r\n\0\"'`<>()[]{}|,;=:&?@#/\\%!$*^"u8),
    ];

    private static readonly SearchValues<byte> Closing = SearchValues.Create(".,;:!?=/-*"u8);
    private static readonly SearchValues<byte> Around = SearchValues.Create(" \t\"'`,;"u8);

    public static void In(ReadOnlySpan<byte> text, Taker take)
    {
        for (var rule = 0; rule < Borders.Length; rule++)
        {
            var borders = Borders[rule];
            for (var at = 0; at < text.Length;)
            {
                var rest = text[at..];
                var length = rest.IndexOfAny(borders);
                if (length < 0) length = rest.Length;
                if (length is >= MinLength and <= MaxLength)
                {
                    if (rule == 0) Line(rest[..length], at, take);
                    else Piece(rest[..length], at, take, decode: rule >= 3);
                }
                at += length + 1;
            }
        }
        Blocks(text, take);
    }

    // A whole line, and what stands behind its first "=" or ":", for values with blanks in them.
    private static void Line(ReadOnlySpan<byte> line, int at, Taker take)
    {
        Trimmed(line, at, take);
        var mark = line.IndexOfAny((byte)'=', (byte)':');
        if (mark >= 0) Trimmed(line[(mark + 1)..], at + mark + 1, take);
    }

    private static void Trimmed(ReadOnlySpan<byte> piece, int at, Taker take)
    {
        var from = piece.IndexOfAnyExcept(Around);
        if (from < 0) return;
        var inner = piece[from..(piece.LastIndexOfAnyExcept(Around) + 1)];
        if (inner.Length >= MinLength) take(inner, at + from);
    }

    private static void Piece(ReadOnlySpan<byte> piece, int at, Taker take, bool decode)
    {
        take(piece, at);
        var end = piece.LastIndexOfAnyExcept(Closing) + 1;
        if (end < piece.Length && end >= MinLength) take(piece[..end], at);
        if (piece[0] is (byte)'-' or (byte)'.' or (byte)'/' or (byte)'@' && piece.Length > MinLength) take(piece[1..], at + 1);
        if (!decode) return;
        if (piece.Contains((byte)'%')) Unescaped(piece, at, take);
        if (piece.Length >= 12) Decoded(piece, at, take);
    }

    private static void Unescaped(ReadOnlySpan<byte> piece, int at, Taker take)
    {
        var room = ArrayPool<byte>.Shared.Rent(piece.Length);
        var used = 0;
        for (var i = 0; i < piece.Length; i++)
        {
            if (piece[i] == '%' && i + 2 < piece.Length && Digit(piece[i + 1]) is >= 0 and var high && Digit(piece[i + 2]) is >= 0 and var low)
            {
                room[used++] = (byte)((high << 4) | low);
                i += 2;
            }
            else room[used++] = piece[i];
        }
        Give(room, used, at, take);

        static int Digit(byte b) => b is >= (byte)'0' and <= (byte)'9' ? b - '0' : (b | 0x20) is >= 'a' and <= 'f' ? (b | 0x20) - 'a' + 10 : -1;
    }

    // What HTTP Basic and many stores of settings hold: the value in base64, alone or behind a name and a colon.
    private static void Decoded(ReadOnlySpan<byte> piece, int at, Taker take)
    {
        var room = ArrayPool<byte>.Shared.Rent(piece.Length + 4);
        var text = ArrayPool<byte>.Shared.Rent(piece.Length + 4);
        var length = piece.TrimEnd((byte)'=').Length;
        piece[..length].CopyTo(text);
        text.AsSpan(0, length).Replace((byte)'-', (byte)'+');
        text.AsSpan(0, length).Replace((byte)'_', (byte)'/');
        var padded = length;
        while (padded % 4 != 0) text[padded++] = (byte)'=';
        var status = padded - length > 2 ? OperationStatus.InvalidData : Base64.DecodeFromUtf8(text.AsSpan(0, padded), room, out _, out length);
        CryptographicOperations.ZeroMemory(text);
        ArrayPool<byte>.Shared.Return(text);
        if (status != OperationStatus.Done) length = 0;
        Give(room, length, at, take);
    }

    private static void Give(byte[] room, int length, int at, Taker take)
    {
        var made = room.AsSpan(0, length);
        if (length >= MinLength && made.IndexOfAnyInRange((byte)0, (byte)8) < 0)
        {
            var whole = made.TrimEnd("\r\n"u8);
            if (whole.Length >= MinLength) take(whole, at);
            if (whole.IndexOf((byte)':') is >= 0 and var colon && whole.Length - colon - 1 >= MinLength) take(whole[(colon + 1)..], at);
        }
        CryptographicOperations.ZeroMemory(room);
        ArrayPool<byte>.Shared.Return(room);
    }

    // A key of many lines, as it is pasted: with its line ends as they stand, with and without the last.
    private static void Blocks(ReadOnlySpan<byte> text, Taker take)
    {
        var begin = "-----BEGIN "u8;
        var end = "-----END "u8;
        var last = -1; // the end that was found last; it serves every beginning before it
        for (var at = 0; text[at..].IndexOf(begin) is >= 0 and var next; at += begin.Length)
        {
            at += next;
            if (last < at) last = text[at..].IndexOf(end) is >= 0 and var found ? at + found : text.Length;
            if (last == text.Length) return;
            if (last - at > MaxLength * 2 || text.Slice(last + end.Length, Math.Min(80, text.Length - last - end.Length)).IndexOf("-----"u8) is not (>= 0 and var close)) continue;
            var whole = text[at..(last + end.Length + close + 5)];
            take(whole, at);
            if (at + whole.Length < text.Length && text[at + whole.Length] == '\n') take(text.Slice(at, whole.Length + 1), at);
        }
    }
}
