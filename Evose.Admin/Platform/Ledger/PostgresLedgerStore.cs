using System.Data.Common;
using System.Globalization;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Npgsql;
using NpgsqlTypes;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// The ledger of an installation on PostgreSQL: a group is one frame in <c>call_frame</c>, committed in one round trip, and is copied into the tables right after (<see cref="PostgresImport"/>).
/// Each node writes a lane of its own, which it holds by a lock of its session: whoever loses the connection loses the lane, so no lane ever has two writers.
/// A commit is waited for without a thread. What is rare (a new session, a look at the stamp or at what is in doubt, the cancelling of a commit that takes too long) holds one of the pool's.
/// </summary>
public sealed class PostgresLedgerStore(Postgres postgres, PostgresImport import, SecretVault vault, CatalogStamp stamp, TimeProvider clock) : ILedgerStore
{
    // The stamp may grow between two looks; more often than this in one group is no use.
    private const int Looks = 5;

    // Completions of a group whose commit was not answered: they may be there already.
    private readonly HashSet<long> _doubtful = [];

    // If they are, then in these lanes behind these positions.
    private readonly Dictionary<int, long> _doubtfulBehind = [];
    private Session? _session;
    private (int Lane, int Backend)? _lost;

    public async ValueTask WriteAsync(IReadOnlyList<LedgerItem> group)
    {
        var sent = false;
        try
        {
            var session = _session ??= Open();
            var written = Written(group);
            sent = true;
            if (await WriteAsync(session, group, written)) import.News();
            _doubtful.ExceptWith(Completions(group));
            if (_doubtful.Count == 0) _doubtfulBehind.Clear();
        }
        catch
        {
            if (sent) _doubtful.UnionWith(Completions(group));
            throw;
        }
    }

    public ValueTask OpenAsync(CancellationToken ct)
    {
        import.Start();
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> CaughtUpAsync(CancellationToken ct) => import.CaughtUpAsync(ct);

    public ValueTask FlushAsync() => import.StopAsync();

    public void Reset()
    {
        if (_session is null) return;
        _lost = (_session.Lane, _session.Backend);
        if (_doubtful.Count > 0) _doubtfulBehind.TryAdd(_session.Lane, _session.Committed);
        Dispose();
    }

    public void Dispose()
    {
        var session = _session;
        _session = null;
        session?.Dispose();
    }

    // The group is sent in the belief that the stamp is the newest this node knows; the statement writes nothing when it is another, and then the group is decided by that one.
    private async ValueTask<bool> WriteAsync(Session session, IReadOnlyList<LedgerItem> group, HashSet<long> written)
    {
        var now = clock.GetUtcNow();
        var (frames, place) = (session.Frames, session.Frames.Place);
        for (var look = 0; look < Looks; look++)
        {
            var latest = look == 0 ? Believed(session, group) : session.Stamp;
            frames.Place = place;
            frames.Begin();
            foreach (var item in group)
                if (item.Completion is null || !written.Contains(item.FirstSeq)) frames.Add(item, latest, now);
            if (frames.Rows == 0 && latest == session.Stamp) return false;
            if (frames.Rows > 0 && await session.WriteAsync(latest))
            {
                (session.Stamp, session.Committed) = (latest, frames.Position);
                stamp.Advance(latest);
                return true;
            }
            Look(session);
        }
        throw new TimeoutException("the stamp does not stand still");
    }

    // The caller of a stale call decides again: it must not do so by the same old catalogue.
    private void Look(Session session)
    {
        session.Stamp = session.ReadStamp();
        stamp.Advance(session.Stamp);
    }

    // A call that was decided by a newer stamp shows that there is one. Whatever is older than what is believed here is stale in any case.
    private static long Believed(Session session, IReadOnlyList<LedgerItem> group)
    {
        var latest = session.Stamp;
        foreach (var item in group)
            if (item.Completion is null && !item.Entry!.Refused) latest = Math.Max(latest, item.Entry.Stamp);
        return latest;
    }

    // Completions that the session before this one may have written, and has.
    private HashSet<long> Written(IReadOnlyList<LedgerItem> group)
    {
        if (_doubtful.Count == 0) return [];
        var asked = Completions(group).Where(_doubtful.Contains).ToHashSet();
        return asked.Count == 0 ? [] : _session!.Completed(asked, _doubtfulBehind, vault);
    }

    private static IEnumerable<long> Completions(IReadOnlyList<LedgerItem> group) => group.Where(i => i.Completion is not null).Select(i => i.FirstSeq);

    private Session Open()
    {
        var session = Session.Open(postgres, vault, _lost, mustEnd: _doubtful.Count > 0);
        try
        {
            session.Frames.Place = session.Next(vault);
            session.Committed = session.Frames.Position;
            Look(session);
            import.Own = session.Lane;
            import.Start();
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    // One connection with its lane and its statements.
    private sealed class Session : IDisposable
    {
        private static readonly string Lock = string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock_shared({(long)AdvisoryLock.Stamp})");

        private readonly NpgsqlConnection _connection;
        private readonly NpgsqlBatch _write;
        private readonly NpgsqlBatchCommand _insert;
        private readonly NpgsqlParameter<long> _position = new() { NpgsqlDbType = NpgsqlDbType.Bigint };
        private readonly NpgsqlParameter<ReadOnlyMemory<byte>> _frame = new() { NpgsqlDbType = NpgsqlDbType.Bytea };
        private readonly NpgsqlParameter<long> _stamp = new() { NpgsqlDbType = NpgsqlDbType.Bigint };
        private readonly NpgsqlCommand _readStamp;

        private Session(NpgsqlConnection connection, int lane, SecretVault vault)
        {
            (_connection, Lane, Frames) = (connection, lane, new FrameWriter(lane, vault));
            // The server's own word: what stands between may have made up the driver's.
            using (var backend = new NpgsqlCommand("SELECT pg_backend_pid()", connection) { CommandTimeout = Seconds }) Backend = (int)backend.ExecuteScalar()!;
            // One transaction, for which the server needs no word: the lock first and in a statement of its own, so that what is read after it is from before every later
            // change of the stamp, and no change commits until this group has.
            _write = new NpgsqlBatch(connection) { Timeout = Seconds };
            _write.BatchCommands.Add(new NpgsqlBatchCommand(Lock));
            _insert = new NpgsqlBatchCommand(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO call_frame (lane, position, frame) SELECT {lane}, $1, $2 FROM installation WHERE stamp = $3")) { Parameters = { _position, _frame, _stamp } };
            _write.BatchCommands.Add(_insert);
            _readStamp = new NpgsqlCommand("SELECT stamp FROM installation", connection) { CommandTimeout = Seconds };
        }

        public int Lane { get; }

        public FrameWriter Frames { get; }

        /// <summary>The server's process that serves this session.</summary>
        public int Backend { get; }

        /// <summary>The newest that this session has seen in the database.</summary>
        public long Stamp { get; set; }

        /// <summary>The lane's last position that is known to be committed.</summary>
        public long Committed { get; set; }

        private static int Seconds => (int)UsageLedger.Patience.TotalSeconds;

        /// <param name="lost">The lane that this node held before; it takes it again when it is free.</param>
        /// <param name="mustEnd">Whether the session that held it must have ended, because something of it may still be on the way.</param>
        public static Session Open(Postgres postgres, SecretVault vault, (int Lane, int Backend)? lost, bool mustEnd)
        {
            NpgsqlConnection? connection = null;
            try
            {
                connection = postgres.OpenOwn(UsageLedger.Patience);
                var session = new Session(connection, Claim(connection, lost, mustEnd), vault);
                // By hand: prepared by the driver in the middle of a batch, the second answer has been seen with the third one's columns.
                session._frame.TypedValue = ReadOnlyMemory<byte>.Empty;
                session._write.Prepare();
                return session;
            }
            catch
            {
                connection?.Dispose();
                throw;
            }
        }

        /// <summary>Commits the frame; false, and nothing is written, when the stamp is another.</summary>
        public async ValueTask<bool> WriteAsync(long stamp)
        {
            var frame = Frames.End();
            JournalFrame.Seal(frame, Lane);
            (_position.TypedValue, _frame.TypedValue, _stamp.TypedValue) = (Frames.Position, frame.WrittenMemory, stamp);
            await _write.ExecuteNonQueryAsync();
            return _insert.RecordsAffected == 1;
        }

        /// <inheritdoc cref="LaneHead.Next"/>
        public (long Position, byte[] Link, long LastNumber) Next(SecretVault vault) => LaneHead.Next(_connection, Lane, vault);

        public long ReadStamp() => _readStamp.ExecuteScalar() as long? ?? throw new InvalidOperationException("the installation row is missing");

        /// <summary>Those of the completions that are committed, copied or not.</summary>
        public HashSet<long> Completed(HashSet<long> asked, IReadOnlyDictionary<int, long> behind, SecretVault vault)
        {
            var found = new HashSet<long>();
            var copied = false;
            foreach (var (lane, after) in behind)
            {
                var there = LaneHead.Completed(_connection, lane, after, asked, vault);
                found.UnionWith(there.Found);
                copied |= there.Copied;
            }
            // The table may be what nobody can reach.
            if (!copied || found.Count == asked.Count) return found;
            using var command = new NpgsqlCommand("SELECT call_seq FROM call_completion WHERE call_seq = ANY($1)", _connection) { CommandTimeout = Seconds, Parameters = { new NpgsqlParameter<long[]> { TypedValue = [.. asked] } } };
            using var reader = command.ExecuteReader();
            while (reader.Read()) found.Add(reader.GetInt64(0));
            return found;
        }

        // Lane 0 is SQLite's.
        private static int Claim(NpgsqlConnection connection, (int Lane, int Backend)? lost, bool mustEnd)
        {
            using var claim = new NpgsqlCommand("SELECT pg_try_advisory_lock($1, $2)", connection) { CommandTimeout = Seconds, Parameters = { new NpgsqlParameter<int> { TypedValue = (int)AdvisoryLock.Lane }, new NpgsqlParameter<int>() } };
            if (lost is { } before)
            {
                if (Try(before.Lane)) return before.Lane;
                if (mustEnd && IsHeld(connection, before.Lane, before.Backend))
                {
                    // It serves nobody any more: this node has closed its end. The lane is free when it is gone.
                    using var end = new NpgsqlCommand("SELECT pg_terminate_backend($1)", connection) { CommandTimeout = Seconds, Parameters = { new NpgsqlParameter<int> { TypedValue = before.Backend } } };
                    end.ExecuteNonQuery();
                    claim.CommandText = "SELECT pg_advisory_lock($1, $2) IS NOT NULL";
                    if (Try(before.Lane)) return before.Lane;
                }
            }
            for (var lane = 1; lane <= Domain.Calls.CallNumber.MaxLane; lane++)
                if (Try(lane)) return lane;
            throw new InvalidOperationException($"all {Domain.Calls.CallNumber.MaxLane} lanes of the ledger are taken by other nodes");

            bool Try(int lane)
            {
                ((NpgsqlParameter<int>)claim.Parameters[1]).TypedValue = lane;
                return claim.ExecuteScalar() is true;
            }
        }

        private static bool IsHeld(NpgsqlConnection connection, int lane, int backend)
        {
            using var command = new NpgsqlCommand("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::oid AND objid = $2::oid AND pid = $3 AND granted)", connection)
            {
                CommandTimeout = Seconds,
                Parameters = { new NpgsqlParameter<int> { TypedValue = (int)AdvisoryLock.Lane }, new NpgsqlParameter<int> { TypedValue = lane }, new NpgsqlParameter<int> { TypedValue = backend } },
            };
            return command.ExecuteScalar() is true;
        }

        public void Dispose()
        {
            _write.Dispose();
            _readStamp.Dispose();
            Frames.Dispose();
            try
            {
                // Not pooled, so the session ends, and with it an open transaction and the lane.
                _connection.Dispose();
            }
            catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
            {
                // It has ended already, from the other side.
            }
        }
    }
}
