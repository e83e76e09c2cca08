using System.Buffers.Binary;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Vault;
using Npgsql;
using NpgsqlTypes;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Where a lane of PostgreSQL stands: how far its copy has come, and where its writer goes on.</summary>
internal static class LaneHead
{
    private const int MostFrames = 64;

    // No lane comes near it; whoever puts something behind it wants the count to overflow.
    private const long FarthestPosition = 1L << 62;

    private static int Seconds => (int)UsageLedger.Patience.TotalSeconds;

    /// <summary>How far the lane's copy has come, and the MAC that stays when the head is not ours. Such a head, or one that is missing where rows are, counts for nothing: then the rows say how far.</summary>
    /// <param name="locked">Nobody changes the head until the transaction ends.</param>
    public static (long Position, byte[] Link, byte[]? Forged) Read(NpgsqlConnection connection, int lane, SecretVault vault, bool locked)
    {
        byte[]? forged = null;
        using (var command = Ask(connection, "SELECT seq, link, mac FROM chain_head WHERE lane = $1" + (locked ? " FOR UPDATE" : ""), new NpgsqlParameter<string> { TypedValue = CallNumber.ChainOf(lane) }))
        using (var reader = command.ExecuteReader())
        {
            if (reader.Read())
            {
                var (position, link, mac) = (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2));
                if (link.Length == Chain.LinkLength && HeadSeal.IsGenuine(vault, Chain.HeadBytes(CallNumber.ChainOf(lane), position, link), mac)) return (position, link, null);
                forged = mac;
            }
        }
        var last = Last(connection, lane);
        return (last.Position, last.Link, forged ?? (last.Position > 0 ? new byte[JournalFrame.MacLength] : null));
    }

    /// <summary>Where the writer who has just taken the lane goes on: behind the newest frame, or where the copy stands when none is waiting. A frame that is not as the app wrote it keeps its place, so that what was in it is missed.</summary>
    public static (long Position, byte[] Link, long LastNumber) Next(NpgsqlConnection connection, int lane, SecretVault vault)
    {
        // Danger: frames before head and tables. Whoever copies meanwhile takes them from here to there.
        var frames = Newest(connection, lane);
        var head = Read(connection, lane, vault, locked: false);
        var (position, link, number) = (head.Position, head.Link, 0L);
        foreach (var (_, frame) in frames.Where(f => f.Position > head.Position && IsOurs(f.Frame, lane, f.Position, vault) && IsChained(f.Frame, lane)).OrderBy(f => f.Position))
        {
            for (var row = JournalFrame.RowsOf(frame); row.Next();)
            {
                if (!row.IsCompletion) number = Math.Max(number, row.Seq);
                (position, link) = (row.Position, row.Link.ToArray());
            }
        }
        // Numbers only grow: those of frames that wait are the newest. Not asked without need, because the tables may be what nobody can reach.
        if (number == 0)
        {
            using var command = Ask(connection, "SELECT seq FROM call_record WHERE lane = $1 ORDER BY position DESC LIMIT 1", new NpgsqlParameter<int> { TypedValue = lane });
            number = command.ExecuteScalar() as long? ?? 0;
        }
        return (frames.Select(f => f.Position).Where(p => p < FarthestPosition).Append(position).Max(), link, number);
    }

    /// <summary>
    /// Whether the app wrote the frame to this place: it is whole, its rows stand one behind the other up to here under the numbers that their bytes have, and the MAC of the last one's place and link is the app's.
    /// The bytes of a row are proven by the chain alone, which verification walks.
    /// </summary>
    public static bool IsOurs(byte[] frame, int lane, long position, SecretVault vault)
    {
        if (frame.Length < JournalFrame.HeadLength || JournalFrame.LengthOf(frame, frame.Length) != frame.Length || !JournalFrame.IsWhole(frame, lane)) return false;
        try
        {
            var row = JournalFrame.RowsOf(frame);
            var rows = 0;
            for (var before = 0L; row.Next(); before = row.Position, rows++)
            {
                if (rows > 0 && row.Position != before + 1) return false;
                if (BinaryPrimitives.ReadInt64BigEndian(row.Payload) != (row.IsCompletion ? 2 : 1) || BinaryPrimitives.ReadInt64BigEndian(row.Payload[8..]) != row.Seq) return false;
            }
            return rows > 0 && position >= rows && row.Position == position && HeadSeal.IsGenuine(vault, Chain.HeadBytes(CallNumber.ChainOf(lane), position, row.Link), JournalFrame.MacOf(frame));
        }
        catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException)
        {
            // A right checksum around lengths that lead nowhere.
            return false;
        }
    }

    // Each row but the first, whose predecessor lies elsewhere.
    private static bool IsChained(byte[] frame, int lane)
    {
        Span<byte> link = stackalloc byte[Chain.LinkLength];
        ReadOnlySpan<byte> before = [];
        for (var row = JournalFrame.RowsOf(frame); row.Next(); before = row.Link)
        {
            if (before.IsEmpty) continue;
            Chain.Link(before, CallNumber.ChainOf(lane), row.Position, row.Payload, link);
            if (!link.SequenceEqual(row.Link)) return false;
        }
        return true;
    }

    /// <summary>Those of these completions that a frame of the lane behind a position holds, and whether others of behind it may have been copied already.</summary>
    public static (IReadOnlyList<long> Found, bool Copied) Completed(NpgsqlConnection connection, int lane, long after, HashSet<long> asked, SecretVault vault)
    {
        var found = new List<long>();
        using (var command = Ask(connection, "SELECT position, frame FROM call_frame WHERE lane = $1 AND position > $2", new NpgsqlParameter<int> { TypedValue = lane }, new NpgsqlParameter<long> { TypedValue = after }))
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                var (position, frame) = (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1));
                if (!IsOurs(frame, lane, position, vault)) continue;
                for (var row = JournalFrame.RowsOf(frame); row.Next();)
                    if (row.IsCompletion && asked.Contains(row.Seq)) found.Add(row.Seq);
            }
        }
        // Danger: after the frames. What was copied before they were read, the head tells of.
        return (found, Read(connection, lane, vault, locked: false).Position > after);
    }

    private static (long Position, byte[] Link) Last(NpgsqlConnection connection, int lane)
    {
        using var command = Ask(connection, "(SELECT position, link FROM call_record WHERE lane = $1 ORDER BY position DESC LIMIT 1) UNION ALL (SELECT position, link FROM call_completion WHERE lane = $1 ORDER BY position DESC LIMIT 1) ORDER BY 1 DESC LIMIT 1",
            new NpgsqlParameter<int> { TypedValue = lane });
        using var reader = command.ExecuteReader();
        return reader.Read() && reader.GetFieldValue<byte[]>(1) is { Length: Chain.LinkLength } link ? (reader.GetInt64(0), link) : (0, Chain.Origin);
    }

    private static List<(long Position, byte[] Frame)> Newest(NpgsqlConnection connection, int lane)
    {
        using var command = Ask(connection, "SELECT position, frame FROM call_frame WHERE lane = $1 ORDER BY position DESC LIMIT $2", new NpgsqlParameter<int> { TypedValue = lane }, new NpgsqlParameter<int> { TypedValue = MostFrames });
        using var reader = command.ExecuteReader();
        var frames = new List<(long, byte[])>();
        while (reader.Read()) frames.Add((reader.GetInt64(0), reader.GetFieldValue<byte[]>(1)));
        return frames;
    }

    private static NpgsqlCommand Ask(NpgsqlConnection connection, string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = Seconds };
        foreach (var parameter in parameters) command.Parameters.Add(parameter);
        return command;
    }
}
