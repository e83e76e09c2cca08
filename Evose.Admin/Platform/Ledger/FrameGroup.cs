namespace Evose.Admin.Platform.Ledger;

/// <summary>Frames that are read together, one behind the other in memory that is used again. What is read of a frame is valid until the group is cleared or another frame is added.</summary>
internal sealed class FrameGroup
{
    // A group of one large frame does not keep its memory.
    private const int MostKept = 8 << 20;

    private readonly List<Range> _frames = [];
    private byte[] _bytes = new byte[1 << 16];
    private int _length;

    public int Count => _frames.Count;

    public ReadOnlySpan<byte> this[int frame] => _bytes.AsSpan(_frames[frame]);

    /// <summary>Room for a frame that counts once it is <see cref="Add">added</see>.</summary>
    public Span<byte> Room(int length)
    {
        if (_bytes.Length - _length < length) Array.Resize(ref _bytes, Math.Max(_length + length, Math.Min(2 * _bytes.Length, MostKept)));
        return _bytes.AsSpan(_length, length);
    }

    public void Add(int length)
    {
        _frames.Add(_length..(_length + length));
        _length += length;
    }

    public void Clear()
    {
        _frames.Clear();
        _length = 0;
        if (_bytes.Length > MostKept) _bytes = new byte[1 << 16];
    }
}
