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

    /// <summary>Where the writer who has just taken the lane goes on: behind the newest frame, or where the copy stands when none is waiting. A damaged frame keeps its place, so that what was in it is missed.</summary>
    public static (long Position, byte[] Link, long LastNumber) Next(NpgsqlConnection connection, int lane, SecretVault vault)
    {
        // Danger: frames before tables. Whoever copies meanwhile takes them from here to there.
        var frames = Newest(connection, lane);
        long position = 0, number = 0;
        byte[]? link = null;
        foreach (var frame in frames.Select(f => f.Frame).Where(f => IsWhole(f, lane)))
        {
            for (var row = JournalFrame.RowsOf(frame); row.Next();)
            {
                if (!row.IsCompletion) number = Math.Max(number, row.Seq);
                if (row.Position <= position) continue;
                (position, link) = (row.Position, row.Link.ToArray());
            }
        }
        using (var command = Ask(connection, "SELECT seq FROM call_record WHERE lane = $1 ORDER BY position DESC LIMIT 1", new NpgsqlParameter<int> { TypedValue = lane }))
            number = Math.Max(number, command.ExecuteScalar() as long? ?? 0);
        var head = Read(connection, lane, vault, locked: false);
        if (link is null || head.Position > position) (position, link) = (head.Position, head.Link);
        return (frames.Select(f => f.Position).Where(p => p < FarthestPosition).Append(position).Max(), link, number);
    }

    public static bool IsWhole(byte[] frame, int lane) => JournalFrame.LengthOf(frame, frame.Length) == frame.Length && JournalFrame.IsWhole(frame, lane);

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
