using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Append-only files of frames, filled in turn and used again once everything in them can be queried. What was synced survives a power cut; a frame that was being written
/// then does not count. One writer appends, one reader follows.
/// </summary>
/// <param name="room">How many bytes are free where the files are; a test says less.</param>
internal sealed class Journal(string directory, Func<long>? room = null) : IDisposable
{
    /// <summary>Files are made this long at once: writing into allocated space changes nothing but the data and the file's time, and the time need not be synced (<see cref="FileSync"/>).</summary>
    public const int FileLength = 16 << 20;

    private const int HeaderLength = 128;
    private const int Spares = 2;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, OneFile> _files = [];
    private readonly Stack<string> _spares = new();
    private long _file;
    private long _offset;
    private bool _broken;

    // What the reader may read.
    private (long File, long Offset) _durable;

    /// <summary>The last whole frame's end, by file number and offset; the reader reads up to here.</summary>
    public (long File, long Offset) Durable
    {
        get { lock (_lock) return _durable; }
    }

    /// <summary>Where the reader begins.</summary>
    public (long File, long Offset) Beginning
    {
        get { lock (_lock) return (_files.Keys.FirstOrDefault(), HeaderLength); }
    }

    private sealed record OneFile(string Path, SafeFileHandle Handle)
    {
        /// <summary>Where its last good frame ends; known when no more are coming.</summary>
        public long End { get; set; } = FileLength;
    }

    /// <summary>Opens what is there and finds its end, handing over every whole frame in order. Frames that a later file declares void are left out.</summary>
    public void Open(Action<ReadOnlySpan<byte>> frame)
    {
        Directory.CreateDirectory(directory);
        var headers = new SortedDictionary<long, (string Path, long After)>();
        foreach (var path in Directory.GetFiles(directory, "journal-*.log"))
        {
            if (ReadHeader(path) is { } header) headers[header.Number] = (path, header.After);
            else _spares.Push(path);
        }
        var numbers = headers.Keys.ToList();
        var group = new FrameGroup();
        for (var i = 0; i < numbers.Count; i++)
        {
            var number = numbers[i];
            var handle = File.OpenHandle(headers[number].Path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
            var file = _files[number] = new OneFile(headers[number].Path, handle);
            _file = number;
            _offset = HeaderLength;
            var until = numbers.Skip(i + 1).Select(n => headers[n].After).DefaultIfEmpty(long.MaxValue).Min();
            for (; ReadFrame(number, _offset, group); group.Clear())
            {
                if (LastPosition(group[0]) > until) break;
                frame(group[0]);
                _offset += group[0].Length;
            }
            group.Clear();
            file.End = _offset;
        }
        if (_file != 0) _files[_file].End = FileLength;
        _durable = (_file, _offset);
    }

    /// <summary>Whether a copied journal goes on where a copied database ends: the last position it holds (the database's own when it has none beyond), or null where rows between the two are missing.</summary>
    public static long? Continues(string directory, long position)
    {
        using var journal = new Journal(directory);
        var whole = true;
        journal.Open(frame =>
        {
            for (var rows = JournalFrame.RowsOf(frame); rows.Next();)
            {
                if (rows.Position <= position) continue;
                whole &= rows.Position == position + 1;
                position = rows.Position;
            }
        });
        return whole ? position : null;
    }

    /// <summary>Appends a frame; it counts once <see cref="Sync"/> has returned. After a failure nothing can be appended until <see cref="Abandon"/>.</summary>
    /// <param name="position">The lane's position before the frame, for the header of a file that begins with it.</param>
    public void Append(ArrayBufferWriter<byte> frame, long position)
    {
        if (_broken || _file == 0 || _offset + frame.WrittenCount > FileLength) Roll(position);
        JournalFrame.Seal(frame, _file);
        RandomAccess.Write(_files[_file].Handle, frame.WrittenSpan, _offset);
        _offset += frame.WrittenCount;
    }

    public void Sync()
    {
        FileSync.Data(_files[_file].Handle);
        lock (_lock) _durable = (_file, _offset);
    }

    /// <summary>After a failed write or sync nobody knows what is on the disk: the next frame begins a file that declares what came after the last good one void.</summary>
    public void Abandon()
    {
        lock (_lock)
        {
            _broken = true;
            foreach (var (number, file) in _files)
                if (number >= _durable.File) file.End = number == _durable.File ? _durable.Offset : HeaderLength;
        }
    }

    /// <summary>Adds the whole frame at this place to the group; false when there is none.</summary>
    public bool ReadFrame(long file, long offset, FrameGroup group)
    {
        OneFile? one;
        lock (_lock)
        {
            if (!_files.TryGetValue(file, out one) || offset >= one.End) return false;
        }
        var handle = one.Handle;
        Span<byte> head = stackalloc byte[JournalFrame.HeadLength];
        if (offset + head.Length > FileLength || RandomAccess.Read(handle, head, offset) < head.Length) return false;
        var length = JournalFrame.LengthOf(head, (int)(FileLength - offset));
        if (length == 0) return false;
        var frame = group.Room(length);
        var read = 0;
        while (read < length)
        {
            var n = RandomAccess.Read(handle, frame[read..], offset + read);
            if (n == 0) return false;
            read += n;
        }
        if (!JournalFrame.IsWhole(frame, file)) return false;
        group.Add(length);
        return true;
    }

    /// <summary>The next file's beginning, or null when this is the last.</summary>
    public (long File, long Offset)? After(long file)
    {
        lock (_lock)
        {
            foreach (var number in _files.Keys)
                if (number > file) return (number, HeaderLength);
            return null;
        }
    }

    /// <summary>Everything in the files before this one can be queried: they are kept to be used again.</summary>
    public void Release(long before)
    {
        lock (_lock)
        {
            foreach (var number in _files.Keys.Where(n => n < before).ToList())
            {
                var (path, handle) = _files[number];
                handle.Dispose();
                _files.Remove(number);
                if (_spares.Count < Spares) _spares.Push(path);
                else File.Delete(path);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var file in _files.Values) file.Handle.Dispose();
            _files.Clear();
            _file = 0;
        }
    }

    private void Roll(long position)
    {
        // Frames of the full file must be durable before those of the next; a broken one's are void. They count with the group's end.
        if (!_broken && _file != 0) RandomAccess.FlushToDisk(_files[_file].Handle);
        var number = _file + 1;
        var path = PathOf(number);
        string? spare;
        lock (_lock) _spares.TryPop(out spare);
        if (spare is not null && File.Exists(spare)) File.Move(spare, path, overwrite: true);
        var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            if (RandomAccess.GetLength(handle) != FileLength)
            {
                // Asked first: each refused call would else fill what is left, which others need as well.
                if ((room?.Invoke() ?? Room()) < FileLength) throw new IOException(string.Create(CultureInfo.InvariantCulture, $"There is no room for a file of {FileLength >> 20} MiB in {directory}"));
                var zeros = new byte[1 << 20];
                for (var at = 0; at < FileLength; at += zeros.Length) RandomAccess.Write(handle, zeros, at);
            }
            RandomAccess.Write(handle, Header(number, position), 0);
            RandomAccess.FlushToDisk(handle);
        }
        catch
        {
            handle.Dispose();
            // Half a file would keep its room and never be used.
            File.Delete(path);
            throw;
        }
        lock (_lock)
        {
            if (!_broken && _file != 0) _files[_file].End = _offset;
            _files[number] = new OneFile(path, handle);
            _file = number;
            _offset = HeaderLength;
            _broken = false;
        }
    }

    // A file system that does not know its own size is written to, and says itself when it is full.
    private long Room() => new DriveInfo(Path.GetFullPath(directory)) is { TotalSize: > 0 } drive ? drive.AvailableFreeSpace : long.MaxValue;

    private string PathOf(long number) => Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"journal-{number:D10}.log"));

    private static long LastPosition(ReadOnlySpan<byte> frame)
    {
        var last = 0L;
        for (var rows = JournalFrame.RowsOf(frame); rows.Next();) last = rows.Position;
        return last;
    }

    private static byte[] Header(long number, long after)
    {
        var header = new byte[HeaderLength];
        "EVOSEJNL"u8.CopyTo(header);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8), number);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), after);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(24), JournalFrame.Checksum(header.AsSpan(0, 24), 0));
        return header;
    }

    private static (long Number, long After)? ReadHeader(string path)
    {
        using var file = File.OpenHandle(path);
        Span<byte> header = stackalloc byte[28];
        if (RandomAccess.Read(file, header, 0) < header.Length || !header.StartsWith("EVOSEJNL"u8)) return null;
        if (BinaryPrimitives.ReadUInt32LittleEndian(header[24..]) != JournalFrame.Checksum(header[..24], 0)) return null;
        return (BinaryPrimitives.ReadInt64LittleEndian(header[8..]), BinaryPrimitives.ReadInt64LittleEndian(header[16..]));
    }
}
