using System.Buffers;
using System.Security.Cryptography;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Ledger;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class JournalTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("evose-journal-").FullName;
    private long _position;

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void What_was_synced_is_there_after_a_restart_in_order()
    {
        using (var journal = Opened())
            for (var i = 0; i < 50; i++) Write(journal, 3);
        Assert.Equal(Enumerable.Range(1, 150).Select(i => (long)i), Positions());
    }

    [Fact]
    public void A_frame_that_was_cut_off_by_a_power_cut_does_not_count_and_the_next_one_takes_its_place()
    {
        long end;
        using (var journal = Opened())
        {
            Write(journal, 2);
            end = journal.Durable.Offset;
            Write(journal, 2);
        }
        using (var file = File.OpenHandle(Newest(), FileMode.Open, FileAccess.ReadWrite)) RandomAccess.Write(file, new byte[40], end + 60);
        _position = 2;
        using (var journal = new Journal(_directory))
        {
            var seen = new List<long>();
            journal.Open(f => Collect(f, seen));
            Assert.Equal([1, 2], seen);
            Write(journal, 1);
        }
        Assert.Equal([1, 2, 3], Positions());
    }

    [Fact]
    public void Where_there_is_no_room_for_a_file_none_is_begun_and_what_is_left_is_left()
    {
        var room = 0L;
        using var journal = new Journal(_directory, () => room);
        journal.Open(_ => { });
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Contains("no room", Assert.Throws<IOException>(() => Write(journal, 1)).Message, StringComparison.Ordinal);
            journal.Abandon();
            Assert.Empty(Directory.GetFiles(_directory));
        }
        _position = 0;
        room = long.MaxValue;
        Write(journal, 2);
        Assert.Equal([1, 2], Follow(journal));
    }

    [Fact]
    public void A_file_that_could_not_be_made_whole_is_taken_away()
    {
        if (!File.Exists("/dev/full")) Assert.Skip("There is no /dev/full here");
        var path = Path.Combine(_directory, "journal-0000000001.log");
        File.CreateSymbolicLink(path, "/dev/full");
        using var journal = Opened();
        Assert.ThrowsAny<IOException>(() => Write(journal, 1));
        Assert.Empty(Directory.GetFiles(_directory));
        journal.Abandon();
        _position = 0;
        Write(journal, 2);
        Assert.Equal([1, 2], Follow(journal));
    }

    [Fact]
    public void Any_flipped_bit_makes_a_frame_void()
    {
        using (var journal = Opened()) Write(journal, 1);
        var path = Newest();
        var bytes = File.ReadAllBytes(path);
        var length = JournalFrame.LengthOf(bytes.AsSpan(128), 1 << 20);
        Assert.True(length > 100);
        for (var at = 128; at < 128 + length; at++)
        {
            bytes[at] ^= 0x10;
            File.WriteAllBytes(path, bytes);
            Assert.Empty(Positions());
            bytes[at] ^= 0x10;
        }
        File.WriteAllBytes(path, bytes);
        Assert.Equal([1], Positions());
    }

    [Fact]
    public void What_a_failed_group_left_behind_is_void_for_the_reader_and_after_a_restart()
    {
        using (var journal = Opened())
        {
            Write(journal, 2);
            var before = _position;
            // Written but never synced, then given up.
            journal.Append(Frame(5), before);
            journal.Abandon();
            _position = before;
            Write(journal, 3);
            Assert.Equal([1, 2, 3, 4, 5], Follow(journal));
        }
        Assert.Equal([1, 2, 3, 4, 5], Positions());
    }

    [Fact]
    public void Files_are_filled_in_turn_and_used_again_and_frames_of_their_earlier_life_do_not_come_back()
    {
        using (var journal = Opened())
        {
            var place = (File: 0L, Offset: 0L);
            for (var i = 0; i < 40; i++)
            {
                Write(journal, 1, payload: 3 << 20);
                place = journal.Durable;
                journal.Release(place.File);
            }
            Assert.True(place.File >= 8, $"file {place.File}");
            Assert.InRange(Directory.GetFiles(_directory).Length, 1, 3);
            Write(journal, 2);
        }
        var kept = Positions();
        Assert.Equal(42, kept[^1]);
        Assert.Equal(Enumerable.Range((int)kept[0], kept.Count).Select(i => (long)i), kept);
    }

    [Fact]
    public void The_reader_sees_nothing_that_was_not_synced()
    {
        using var journal = Opened();
        Write(journal, 1);
        journal.Append(Frame(1), _position - 1);
        Assert.Equal([1], Follow(journal));
        journal.Sync();
        Assert.Equal([1, 2], Follow(journal));
    }

    private Journal Opened()
    {
        var journal = new Journal(_directory);
        journal.Open(_ => { });
        return journal;
    }

    private void Write(Journal journal, int rows, int payload = 20)
    {
        var before = _position;
        journal.Append(Frame(rows, payload), before);
        journal.Sync();
    }

    private ArrayBufferWriter<byte> Frame(int rows, int payload = 20)
    {
        var frame = new ArrayBufferWriter<byte>();
        JournalFrame.Begin(frame);
        for (var i = 0; i < rows; i++) JournalFrame.Add(frame, false, ++_position, _position << 21, RandomNumberGenerator.GetBytes(payload), "x"u8, new byte[Chain.LinkLength]);
        JournalFrame.End(frame, rows, new byte[JournalFrame.MacLength]);
        return frame;
    }

    private string Newest() => Directory.GetFiles(_directory).Order(StringComparer.Ordinal).Last();

    private List<long> Positions()
    {
        var positions = new List<long>();
        using var journal = new Journal(_directory);
        journal.Open(f => Collect(f, positions));
        return positions;
    }

    private static List<long> Follow(Journal journal)
    {
        var positions = new List<long>();
        var place = journal.Beginning;
        var group = new FrameGroup();
        while (place.CompareTo(journal.Durable) < 0)
        {
            if (journal.ReadFrame(place.File, place.Offset, group))
            {
                place.Offset += group[^1].Length;
            }
            else if (journal.After(place.File) is { } next) place = next;
            else break;
        }
        // Only now: what was read first must have stayed as it was.
        for (var i = 0; i < group.Count; i++) Collect(group[i], positions);
        group.Clear();
        Assert.Equal(0, group.Count);
        return positions;
    }

    private static void Collect(ReadOnlySpan<byte> frame, List<long> positions)
    {
        for (var rows = JournalFrame.RowsOf(frame); rows.Next();) positions.Add(rows.Position);
    }
}
