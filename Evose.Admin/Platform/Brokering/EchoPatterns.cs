using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>
/// The forms in which an upstream could echo the values of one call: as they are, in hex, in base64 and base64url wherever they stand in what was encoded, URL-, form-, JSON- and HTML-escaped.
/// Holds them in pinned bytes that are zeroed on dispose; no form becomes a string. Made for every call, so what is disposed is zeroed and used again.
/// </summary>
public sealed class EchoPatterns : IDisposable
{
    /// <summary>A shorter value says nothing: it would be found everywhere. It is not looked for, and the docs say so.</summary>
    public const int MinLength = 8;

    private const int Room = 2048;

    private static readonly IdlePool<EchoPatterns> Idle = new(1024);

    private readonly byte[] _own = GC.AllocateArray<byte>(Room, pinned: true);
    private (int Start, int Length, int Owner)[] _forms = new (int, int, int)[32];

    // Its own bytes, or longer ones for values that need them.
    private byte[] _bytes;
    private int _used;
    private int _owner;
    private int _disposed;

    private EchoPatterns() => _bytes = _own;

    // For a forgotten Dispose, as with the values themselves.
    ~EchoPatterns() => CryptographicOperations.ZeroMemory(_bytes);

    public int Count { get; private set; }

    /// <summary>Length of the longest form.</summary>
    public int Longest { get; private set; }

    /// <summary>Length of the shortest form: nothing shorter can hold one.</summary>
    public int Shortest { get; private set; } = int.MaxValue;

    public ReadOnlySpan<byte> this[int i] => _bytes.AsSpan(_forms[i].Start, _forms[i].Length);

    /// <summary>Which of the given values a form is one of, counted from 0.</summary>
    public int OwnerOf(int i) => _forms[i].Owner;

    /// <summary>Where forms can begin.</summary>
    internal FormFilter Filter { get; } = new();

    /// <summary>Null when there is nothing to look for.</summary>
    public static EchoPatterns? Of(IEnumerable<Plaintext> values)
    {
        var collecting = new Collector();
        foreach (var value in values)
        {
            collecting.Begin();
            collecting.Add(value.Bytes);
        }
        return collecting.Done();
    }

    /// <summary>Takes the values of one call, one after the other.</summary>
    internal struct Collector
    {
        private EchoPatterns? _patterns;
        private int _next;

        /// <summary>What is added from here on belongs to the next owner.</summary>
        public void Begin() => _next++;

        public void Add(ReadOnlySpan<byte> value)
        {
            if (value.Length < MinLength) return;
            _patterns ??= Rent();
            _patterns._owner = _next - 1;
            _patterns.AddForms(value);
        }

        public readonly EchoPatterns? Done()
        {
            if (_patterns is not { } made) return null;
            // The longest first: where several begin at one place, that is what is found.
            made._forms.AsSpan(0, made.Count).Sort(static (a, b) => b.Length.CompareTo(a.Length));
            for (var i = 0; i < made.Count; i++) made.Filter.Add(made[i], i);
            return made;
        }
    }

    private static EchoPatterns Rent()
    {
        var idle = Idle.TryTake() ?? new EchoPatterns();
        idle._disposed = 0;
        return idle;
    }

    /// <summary>Zeroes everything. Nobody may look for these values any more; a second time does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        Filter.Clear();
        CryptographicOperations.ZeroMemory(_bytes);
        (_bytes, _used, _owner, Count, Longest, Shortest) = (_own, 0, 0, 0, 0, int.MaxValue);
        Idle.TryReturn(this);
    }

    private void AddForms(ReadOnlySpan<byte> value)
    {
        Write(value, value.Length, static (v, to) => Copied(v, to));
        Write(value, value.Length * 2, static (v, to) => Convert.TryToHexStringLower(v, to, out var n) ? n : 0);
        Write(value, value.Length * 2, static (v, to) => Convert.TryToHexString(v, to, out var n) ? n : 0);
        for (var shift = 0; shift < 3; shift++) AddBase64(value, shift);
        if (value.IndexOfAnyExcept(Unreserved) >= 0)
        {
            Write(value, value.Length * 3, static (v, to) => Url(v, to, "0123456789ABCDEF"u8, plus: false));
            Write(value, value.Length * 3, static (v, to) => Url(v, to, "0123456789abcdef"u8, plus: false));
            if (value.Contains((byte)' ')) Write(value, value.Length * 3, static (v, to) => Url(v, to, "0123456789ABCDEF"u8, plus: true));
        }
        if (value.IndexOfAny(JsonSpecial) < 0) return;
        Write(value, value.Length * 6, static (v, to) => Json(v, to, slash: false, strict: false));
        Write(value, value.Length * 6, static (v, to) => Json(v, to, slash: true, strict: false));
        Write(value, value.Length * 6, static (v, to) => Json(v, to, slash: false, strict: true));
        Write(value, value.Length * 6, static (v, to) => Html(v, to));
    }

    private static readonly SearchValues<byte> Unreserved = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"u8);
    private static readonly SearchValues<byte> JsonSpecial = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(i => (byte)i), .. "\"\\/<>&'+`\u007f"u8]);

    private delegate int Former(ReadOnlySpan<byte> value, Span<byte> to);

    // A form that is there already, mostly because nothing in the value needs escaping, is not kept twice.
    private void Write(ReadOnlySpan<byte> value, int room, Former form)
    {
        var length = form(value, Take(room));
        Keep(length);
    }

    // What is not kept is zeroed at once: the next form begins at the same place and may be shorter.
    private void Keep(int length)
    {
        var made = _bytes.AsSpan(_used, length);
        if (length < MinLength || IsThere(made))
        {
            CryptographicOperations.ZeroMemory(made);
            return;
        }
        if (Count == _forms.Length) Array.Resize(ref _forms, Count * 2);
        _forms[Count++] = (_used, length, _owner);
        _used += length;
        Longest = Math.Max(Longest, length);
        Shortest = Math.Min(Shortest, length);
    }

    private bool IsThere(ReadOnlySpan<byte> made)
    {
        for (var i = 0; i < Count; i++)
            if (_forms[i].Length == made.Length && this[i].SequenceEqual(made)) return true;
        return false;
    }

    // Room behind what is there; what is written into it and not kept must be zeroed.
    private Span<byte> Take(int needed)
    {
        if (_bytes.Length - _used < needed)
        {
            var wider = GC.AllocateArray<byte>(Math.Max(_bytes.Length * 2, _used + needed), pinned: true);
            _bytes.AsSpan(0, _used).CopyTo(wider);
            CryptographicOperations.ZeroMemory(_bytes);
            _bytes = wider;
        }
        return _bytes.AsSpan(_used, needed);
    }

    private void AddBase64(ReadOnlySpan<byte> value, int shift)
    {
        var length = EncodeBase64(value, shift);
        var differs = _bytes.AsSpan(_used, length).IndexOfAny((byte)'+', (byte)'/') >= 0;
        Keep(length);
        if (!differs) return;
        // Once more, as base64url writes it.
        var other = _bytes.AsSpan(_used, EncodeBase64(value, shift));
        other.Replace((byte)'+', (byte)'-');
        other.Replace((byte)'/', (byte)'_');
        Keep(length);
    }

    // What stands before and after the value in the encoded text is not known: the characters that also hold bits of the neighbours are left out.
    private int EncodeBase64(ReadOnlySpan<byte> value, int shift)
    {
        var length = shift + value.Length;
        var to = Take(Base64.GetMaxEncodedToUtf8Length(length));
        to[..shift].Clear();
        value.CopyTo(to[shift..]);
        Base64.EncodeToUtf8InPlace(to, length, out var written);
        var from = shift == 0 ? 0 : shift + 1;
        var inner = (length / 3 * 4) - from;
        to.Slice(from, inner).CopyTo(to);
        CryptographicOperations.ZeroMemory(to[inner..written]);
        return inner;
    }

    private static int Copied(ReadOnlySpan<byte> value, Span<byte> to)
    {
        value.CopyTo(to);
        return value.Length;
    }

    private static int Url(ReadOnlySpan<byte> value, Span<byte> to, ReadOnlySpan<byte> digits, bool plus)
    {
        var used = 0;
        foreach (var b in value)
        {
            if (Unreserved.Contains(b)) to[used++] = b;
            else if (plus && b == ' ') to[used++] = (byte)'+';
            else
            {
                (to[used], to[used + 1], to[used + 2]) = ((byte)'%', digits[b >> 4], digits[b & 15]);
                used += 3;
            }
        }
        return used;
    }

    /// <param name="strict">As encoders do that also escape what is special in HTML.</param>
    private static int Json(ReadOnlySpan<byte> value, Span<byte> to, bool slash, bool strict)
    {
        var used = 0;
        foreach (var b in value)
        {
            var letter = b switch { (byte)'"' when !strict => (byte)'"', (byte)'\\' => (byte)'\\', (byte)'/' when slash => (byte)'/', 8 => (byte)'b', 9 => (byte)'t', 10 => (byte)'n', 12 => (byte)'f', 13 => (byte)'r', _ => (byte)0 };
            if (letter != 0)
            {
                (to[used], to[used + 1]) = ((byte)'\\', letter);
                used += 2;
            }
            else if (b < 0x20 || (strict && b is (byte)'"' or (byte)'<' or (byte)'>' or (byte)'&' or (byte)'\'' or (byte)'+' or (byte)'`' or 0x7f))
            {
                "\\u00"u8.CopyTo(to[used..]);
                (to[used + 4], to[used + 5]) = ("0123456789ABCDEF"u8[b >> 4], "0123456789ABCDEF"u8[b & 15]);
                used += 6;
            }
            else to[used++] = b;
        }
        return used;
    }

    private static int Html(ReadOnlySpan<byte> value, Span<byte> to)
    {
        var used = 0;
        foreach (var b in value)
        {
            var name = b switch { (byte)'&' => "&amp;"u8, (byte)'<' => "&lt;"u8, (byte)'>' => "&gt;"u8, (byte)'"' => "&quot;"u8, (byte)'\'' => "&#39;"u8, _ => default };
            if (name.IsEmpty) to[used++] = b;
            else
            {
                name.CopyTo(to[used..]);
                used += name.Length;
            }
        }
        return used;
    }
}
