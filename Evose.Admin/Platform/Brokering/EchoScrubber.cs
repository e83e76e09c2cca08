using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Platform.Brokering;

/// <summary>Overwrites every form of the values in a stream of bytes, also where a form is cut by the border of two pieces. The length of what passes never changes.</summary>
public sealed class EchoScrubber(EchoPatterns patterns)
{
    /// <summary>How often a form was found.</summary>
    public int Found { get; private set; }

    /// <summary>Whose values were found, as bits by <see cref="EchoPatterns.OwnerOf"/>; beyond the 64th they share the last.</summary>
    public ulong Owners { get; private set; }

    /// <summary>
    /// Overwrites what is found in <paramref name="data"/> and answers how many of its bytes may be passed on. The rest is the beginning of what could become a form: give it again, in front of what follows.
    /// </summary>
    /// <param name="last">Nothing follows.</param>
    public int Scrub(Span<byte> data, bool last)
    {
        var filter = patterns.Filter;
        for (var at = filter.Next(data, 0); at < data.Length; at = filter.Next(data, at))
        {
            if (At(data, at) is not (> 0 and var length))
            {
                at++;
                continue;
            }
            // Forms may overlap: what begins inside of this one is masked to its own end.
            var end = at + length;
            for (var inside = at + 1; inside < end; inside++) end = Math.Max(end, inside + At(data, inside));
            Mask(data[at..end]);
            Found++;
            at = end;
        }
        return last ? data.Length : data.Length - Unfinished(data);
    }

    // Length of the longest form that stands at the place; 0 when none does.
    private int At(ReadOnlySpan<byte> data, int at)
    {
        var rest = data[at..];
        for (var i = 0; i < patterns.Count; i++)
        {
            var form = patterns[i];
            if (!rest.StartsWith(form)) continue;
            Owners |= 1UL << Math.Min(63, patterns.OwnerOf(i));
            return form.Length;
        }
        return 0;
    }

    private const int OnStack = 256;

    /// <summary>The text with every form overwritten; the same instance when there is none.</summary>
    public string Scrub(string text)
    {
        // Most headers say too little. A character takes up to three bytes, in ASCII it takes one.
        if (text.Length < patterns.Shortest && (text.Length < patterns.Shortest / 3 || Ascii.IsValid(text))) return text;
        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        byte[]? rented = null;
        var room = most <= OnStack ? stackalloc byte[OnStack] : rented = ArrayPool<byte>.Shared.Rent(most);
        try
        {
            var bytes = room[..Encoding.UTF8.GetBytes(text, room)];
            var before = Found;
            Scrub(bytes, last: true);
            // A header takes no other characters than ASCII.
            return Found == before ? text : "***";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
            if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        }
    }

    // "•" takes three bytes; what is left over is filled with stars, so that a declared length stays true.
    private static void Mask(Span<byte> found)
    {
        var used = 0;
        for (; found.Length - used >= 3; used += 3) "•"u8.CopyTo(found[used..]);
        found[used..].Fill((byte)'*');
    }

    private int Unfinished(ReadOnlySpan<byte> data)
    {
        var longest = 0;
        for (var i = 0; i < patterns.Count; i++)
        {
            var form = patterns[i];
            // Only a longer tail than the one already found is of interest.
            var from = Math.Max(0, data.Length - form.Length + 1);
            while (data.Length - from > longest && data[from..].IndexOf(form[0]) is >= 0 and var at)
            {
                from += at;
                if (data.Length - from <= longest) break;
                if (form.StartsWith(data[from..]))
                {
                    longest = data.Length - from;
                    break;
                }
                from++;
            }
        }
        return longest;
    }
}
