using System.Data.Common;
using System.Globalization;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Npgsql;
using NpgsqlTypes;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Copies what is durable in <c>call_frame</c> to where it can be searched: rows, sums and the chain's head in one transaction, which takes the frames away too. The head says how far a lane's copy has come.
/// Every node copies its own lane ten times a second, and the lanes of nodes that left something behind once a second; a page that asks has all of them copied first, by whichever node it asks.
/// </summary>
public sealed partial class PostgresImport(Postgres postgres, SecretVault vault, ILogger<PostgresImport> log) : IDisposable
{
    /// <summary>A query waits this long for the copy; then it shows what there is.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // Danger: a node that stands still in the middle of a copy holds the lane's lock and maybe those of sums. The server ends its session then, and nobody waits for it long.
    internal const string Timeouts = "SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '1s'";

    // The longer, the more rows share a transaction and the pages that it changes.
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    // Keys of other nodes are asked for once a second.
    private static readonly TimeSpan Doubt = TimeSpan.FromSeconds(2);
    private const int MostStrange = 1000;

    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private readonly Lock _lock = new();
    private readonly CallCopy _calls = new();
    private readonly CallCopy _completions = new();
    private readonly FrameSums _sums = new();

    // Frames that are not as the app wrote them.
    private readonly Dictionary<(int Lane, long Position), Strange> _strange = [];
    private List<TaskCompletionSource> _waiting = [];
    private CopySession? _session;
    private Task? _running;
    private readonly ManualResetEventSlim _end = new();

    // The session is closed by one thread at a time: the loop's own, or who ends it.
    private readonly Lock _copying = new();

    /// <summary>The lane that this node writes; 0 before it has one.</summary>
    internal int Own { get; set; }

    internal void Start()
    {
        lock (_lock) _running ??= Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    internal void News()
    {
        if (_news.CurrentCount == 0) Release(_news);
    }

    /// <summary>False when it is not so within 2 s.</summary>
    internal async ValueTask<bool> CaughtUpAsync(CancellationToken ct)
    {
        if (_running is null) return true;
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock) _waiting.Add(waiter);
        Release(_hurry);
        News();
        try
        {
            await waiter.Task.WaitAsync(Patience, ct);
            return true;
        }
        catch (TimeoutException)
        {
            LogBehind();
            return false;
        }
    }

    /// <summary>Copies the rest of this node's lane and ends.</summary>
    internal async ValueTask StopAsync()
    {
        _end.Set();
        News();
        Release(_hurry);
        if (_running is not null) await _running;
        lock (_copying) Close();
    }

    public void Dispose()
    {
        _end.Set();
        lock (_copying) Close();
    }

    private void Run()
    {
        Thread.CurrentThread.Name = "usage copy";
        var round = 0L;
        for (var failures = 0; ;)
        {
            // Before the copy: what was committed until the end was asked for is copied.
            var ending = _end.IsSet;
            List<TaskCompletionSource> waiting;
            lock (_lock) (waiting, _waiting) = (_waiting, []);
            var all = !ending && (waiting.Count > 0 || TimeProvider.System.GetElapsedTime(round) > Round);
            if (all) round = TimeProvider.System.GetTimestamp();
            // Whatever it is: the copy goes on as soon as it can. What has been taken is in the journal until it is committed.
            if (CopyAll(all, wait: waiting.Count > 0) is { } e)
            {
                // A database is away for longer than a pause, and the log may be on it: one line in ten seconds.
                if (failures++ % 40 == 0) LogFailed(e.GetType().Name, (e as PostgresException)?.SqlState ?? "");
                // Who waits sees what there is when his time is over.
                if (_end.Wait(Pause) && ending) return;
                continue;
            }
            foreach (var waiter in waiting) waiter.TrySetResult();
            failures = 0;
            if (ending) return;
            if (_end.IsSet) continue;
            _news.Wait(Round);
            if (!_end.IsSet) _hurry.Wait(Breath);
        }
    }

    // This node's lane first, and none holds up another: the first failure is returned when all have been tried.
    private Exception? CopyAll(bool all, bool wait)
    {
        Exception? failure = null;
        lock (_copying)
        {
            if (Own != 0) Try(() => CopyLane(_session ??= CopySession.Open(postgres), Own, wait: true));
            var others = new List<int>();
            if (all) Try(() => others = (_session ??= CopySession.Open(postgres)).Lanes());
            foreach (var lane in others)
                if (lane != Own) Try(() => CopyLane(_session ??= CopySession.Open(postgres), lane, wait));
        }
        return failure;

        void Try(Action copy)
        {
            try
            {
                copy();
            }
            catch (Exception e)
            {
                failure ??= e;
                Close();
            }
        }
    }

    private void CopyLane(CopySession session, int lane, bool wait)
    {
        // Behind what was looked at last: frames that are damaged stay.
        for (var after = 0L; Copy(session, lane, wait, ref after);) { }
    }

    // One transaction; true when there may be more behind it.
    private bool Copy(CopySession session, int lane, bool wait, ref long after)
    {
        var committed = false;
        session.Begin();
        try
        {
            if (!session.Lock(lane, wait)) return false;
            var head = LaneHead.Read(session.Connection, lane, vault, locked: true);
            var position = head.Position;
            var frames = session.Frames(lane, Math.Max(position, after), out var more);
            if (frames.Count == 0) return false;
            var taken = new List<long>(frames.Count);
            ReadOnlySpan<byte> link = [], mac = [];
            var doubtful = false;
            // What the app did not write to this place stays there: copied, it could stand where rows of the app belong.
            foreach (var (at, frame) in frames)
            {
                if (!LaneHead.IsOurs(frame, lane, at, vault) || IsUnreadable(lane, at))
                {
                    if (doubtful = !IsLeft(lane, at)) break;
                    after = at;
                    continue;
                }
                after = at;
                try
                {
                    for (var row = JournalFrame.RowsOf(frame); row.Next();)
                    {
                        if (row.Position <= position) continue;
                        position = row.Position;
                        link = row.Link;
                        if (row.IsCompletion) _completions.Completion(lane, row, _sums);
                        else _calls.Call(lane, row, _sums);
                    }
                }
                catch (Exception e) when (e is ArgumentException or IndexOutOfRangeException or InvalidCastException)
                {
                    // A row that the app did not write. The copy begins anew and leaves the frame where it is.
                    Doubted(lane, at).Unreadable = true;
                    throw new InvalidDataException("a frame cannot be read", e);
                }
                mac = JournalFrame.MacOf(frame);
                taken.Add(at);
            }
            Insert(session, CallCopy.Calls, _calls);
            Insert(session, CallCopy.Completions, _completions);
            session.Commit(_sums.Rollups, lane, link.IsEmpty ? null : (position, link.ToArray(), head.Forged ?? mac.ToArray()), taken);
            committed = true;
            return doubtful ? throw new InvalidDataException("a frame is not as the app wrote it") : more;
        }
        finally
        {
            _sums.Clear(committed);
            _calls.Clear();
            _completions.Clear();
            if (!committed) session.RollBack();
        }
    }

    // Not at first sight: it may be under a key that this node has yet to hear of, and what lies behind the copy is never copied.
    private bool IsLeft(int lane, long at)
    {
        var strange = Doubted(lane, at);
        if (TimeProvider.System.GetElapsedTime(strange.Since) < Doubt) return false;
        if (!strange.Told) LogDamaged(lane, at);
        strange.Told = true;
        return true;
    }

    private bool IsUnreadable(int lane, long at) => _strange.TryGetValue((lane, at), out var strange) && strange.Unreadable;

    private Strange Doubted(int lane, long at)
    {
        if (_strange.TryGetValue((lane, at), out var strange)) return strange;
        // Whoever can write there could make any number of them.
        if (_strange.Count >= MostStrange) _strange.Clear();
        return _strange[(lane, at)] = new Strange(TimeProvider.System.GetTimestamp());
    }

    // Since when it is known, whether its rows could not be read, and whether the log names it already.
    private sealed class Strange(long since)
    {
        public long Since => since;

        public bool Unreadable { get; set; }

        public bool Told { get; set; }
    }

    // At once; and when the database refuses one of the rows, such as one whose place another has taken, one after the other without that one.
    private void Insert(CopySession session, string copy, CallCopy rows)
    {
        if (rows.Count == 0) return;
        session.Execute("SAVEPOINT rows");
        try
        {
            session.Copy(copy, rows.Rows);
            session.Execute("RELEASE SAVEPOINT rows");
            return;
        }
        catch (PostgresException e) when (IsOfTheRow(e))
        {
            session.Execute("ROLLBACK TO SAVEPOINT rows");
        }
        for (var i = 0; i < rows.Count; i++)
        {
            var (row, position) = rows[i];
            session.Execute("SAVEPOINT rows");
            try
            {
                session.Copy(copy, row);
                session.Execute("RELEASE SAVEPOINT rows");
            }
            catch (PostgresException e) when (IsOfTheRow(e))
            {
                session.Execute("ROLLBACK TO SAVEPOINT rows");
                LogTaken(position, e.SqlState);
            }
        }
    }

    // Classes 22, 23 and 54: a value that does not fit, one that is there already, one that is too long for an index.
    private static bool IsOfTheRow(PostgresException e) => e.SqlState[..2] is "22" or "23" or "54";

    private void Close()
    {
        var session = _session;
        _session = null;
        session?.Dispose();
    }

    private void Release(SemaphoreSlim signal)
    {
        lock (_lock)
            if (signal.CurrentCount == 0) signal.Release();
    }

    [LoggerMessage(LogLevel.Error, "Recorded calls could not be copied into their tables ({Error} {Code}); they are safe in the journal and are copied as soon as it goes")]
    private partial void LogFailed(string error, string code);

    [LoggerMessage(LogLevel.Critical, "Row {Position} of the record could not be put into its table ({Code}): its place is taken, or it was changed in the journal. Run: audit verify")]
    private partial void LogTaken(long position, string code);

    [LoggerMessage(LogLevel.Critical, "Frame {Position} of lane {Lane} in the journal is not as the app wrote it and is left there. Run: audit verify")]
    private partial void LogDamaged(int lane, long position);

    [LoggerMessage(LogLevel.Warning, "The copy of recorded calls into their tables is behind; a page shows what there is")]
    private partial void LogBehind();

    // One connection with its statements.
    private sealed class CopySession : IDisposable
    {
        private const string InsertHead = "INSERT INTO chain_head (lane, seq, link, mac) VALUES ($1, $2, $3, $4) ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, link = excluded.link, mac = excluded.mac";

        private readonly NpgsqlConnection _connection;
        private readonly NpgsqlBatch _end;
        private readonly NpgsqlBatchCommand _head = Command(InsertHead, NpgsqlDbType.Text, NpgsqlDbType.Bigint, NpgsqlDbType.Bytea, NpgsqlDbType.Bytea);
        private readonly NpgsqlBatchCommand _taken = Command("DELETE FROM call_frame WHERE lane = $1 AND position = ANY($2)", NpgsqlDbType.Integer, NpgsqlDbType.Array | NpgsqlDbType.Bigint);
        private readonly Columns _hours, _days, _sources, _uses, _names;

        private CopySession(NpgsqlConnection connection)
        {
            _connection = connection;
            _end = new NpgsqlBatch(connection) { Timeout = Seconds };
            // In the order of their keys: two nodes that count the same credentials must lock their rows in the same order.
            _hours = new Columns("usage_hour", "hour:i credential_id:b version:i calls:n errors:n key_errors:n duration_us:n",
                " ORDER BY 1, 2, 3 ON CONFLICT (hour, credential_id, version) DO UPDATE SET calls = c.calls + excluded.calls, errors = c.errors + excluded.errors, key_errors = c.key_errors + excluded.key_errors, duration_us = c.duration_us + excluded.duration_us");
            _days = new Columns("usage_day", "day:i credential_id:b version:i calls:n errors:n key_errors:n duration_us:n",
                " ORDER BY 1, 2, 3 ON CONFLICT (day, credential_id, version) DO UPDATE SET calls = c.calls + excluded.calls, errors = c.errors + excluded.errors, key_errors = c.key_errors + excluded.key_errors, duration_us = c.duration_us + excluded.duration_us");
            _sources = new Columns("usage_source", "day:i credential_id:b kind:i name:t calls:n errors:n last_at:n",
                " ORDER BY 1, 2, 3, 4 ON CONFLICT (day, credential_id, kind, name) DO UPDATE SET calls = c.calls + excluded.calls, errors = c.errors + excluded.errors, last_at = greatest(c.last_at, excluded.last_at)");
            _names = new Columns("call_name", "kind:i id:t name:t email:t", " ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING");
            _uses = new Columns("credential_use", "credential_id:b last_used_at:n calls:n",
                " ORDER BY 1 ON CONFLICT (credential_id) DO UPDATE SET last_used_at = greatest(c.last_used_at, excluded.last_used_at), calls = c.calls + excluded.calls");
        }

        // In one transaction. A frame is a group: some tens of calls, at most 512.
        private const int MostFrames = 64, MostBytes = 8 << 20;

        // A transaction of many rows, on a busy machine.
        private static int Seconds => 30;

        public NpgsqlConnection Connection => _connection;

        public static CopySession Open(Postgres postgres)
        {
            var session = new CopySession(postgres.OpenOwn(UsageLedger.Patience));
            try
            {
                session.Execute(Timeouts);
                return session;
            }
            catch
            {
                session.Dispose();
                throw;
            }
        }

        public void Execute(string sql)
        {
            using var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = Seconds };
            command.ExecuteNonQuery();
        }

        public void Begin() => Execute("BEGIN");

        public void RollBack()
        {
            try
            {
                Execute("ROLLBACK");
            }
            catch (Exception e) when (e is DbException or InvalidOperationException)
            {
                // The session is closed by whoever asked; the first failure is the one to tell.
            }
        }

        /// <summary>Whoever copies a lane holds this until the end of the transaction.</summary>
        public bool Lock(int lane, bool wait)
        {
            using var command = new NpgsqlCommand(wait ? "SELECT pg_advisory_xact_lock($1, $2) IS NOT NULL" : "SELECT pg_try_advisory_xact_lock($1, $2)", _connection)
            {
                CommandTimeout = Seconds,
                Parameters = { new NpgsqlParameter<int> { TypedValue = (int)AdvisoryLock.Copy }, new NpgsqlParameter<int> { TypedValue = lane } },
            };
            return command.ExecuteScalar() is true;
        }

        /// <summary>Lanes of which something waits to be copied.</summary>
        public List<int> Lanes()
        {
            using var command = new NpgsqlCommand("SELECT n::int FROM generate_series(1, $1) n WHERE EXISTS (SELECT FROM call_frame j WHERE j.lane = n)", _connection)
            {
                CommandTimeout = Seconds,
                Parameters = { new NpgsqlParameter<int> { TypedValue = CallNumber.MaxLane } },
            };
            using var reader = command.ExecuteReader();
            var lanes = new List<int>();
            while (reader.Read()) lanes.Add(reader.GetInt32(0));
            return lanes;
        }

        /// <summary>The lane's next frames behind a position, in order.</summary>
        public List<(long Position, byte[] Frame)> Frames(int lane, long after, out bool more)
        {
            using var command = new NpgsqlCommand("SELECT position, frame FROM call_frame WHERE lane = $1 AND position > $2 ORDER BY position LIMIT $3", _connection)
            {
                CommandTimeout = Seconds,
                Parameters = { new NpgsqlParameter<int> { TypedValue = lane }, new NpgsqlParameter<long> { TypedValue = after }, new NpgsqlParameter<int> { TypedValue = MostFrames } },
            };
            using var reader = command.ExecuteReader();
            var frames = new List<(long, byte[])>();
            more = false;
            for (var bytes = 0L; !more && reader.Read(); more = frames.Count == MostFrames || bytes > MostBytes)
            {
                var frame = reader.GetFieldValue<byte[]>(1);
                frames.Add((reader.GetInt64(0), frame));
                bytes += frame.Length;
            }
            return frames;
        }

        public void Copy(string copy, ReadOnlyMemory<byte> rows)
        {
            using var stream = _connection.BeginRawBinaryCopy(copy);
            stream.Write(CallCopy.Head.Span);
            stream.Write(rows.Span);
            stream.Write(CallCopy.Tail.Span);
        }

        /// <summary>Sums last: whatever two nodes count alike is held for the shortest time.</summary>
        public void Commit(Rollups rollups, int lane, (long Position, byte[] Link, byte[] Mac)? head, List<long> taken)
        {
            _end.BatchCommands.Clear();
            if (head is { } h)
            {
                Bind(_head, CallNumber.ChainOf(lane), h.Position, h.Link, h.Mac);
                _end.BatchCommands.Add(_head);
            }
            Bind(_taken, lane, taken);
            _end.BatchCommands.Add(_taken);
            foreach (var columns in All) columns.Clear();
            foreach (var (k, n) in rollups.Hours) _hours.Add(k.Hour, Key(k.Credential), k.Version, n.Calls, n.Errors, n.KeyErrors, n.DurationUs);
            foreach (var (k, n) in rollups.Days) _days.Add(k.Day, Key(k.Credential), k.Version, n.Calls, n.Errors, n.KeyErrors, n.DurationUs);
            foreach (var (k, n) in rollups.Sources) _sources.Add(k.Day, Key(k.Credential), (int)k.Kind, k.Name, n.Calls, n.Errors, n.LastTicks);
            foreach (var n in rollups.FreshNames) _names.Add((int)n.Kind, n.Id, n.Name, n.Email);
            foreach (var (k, n) in rollups.Uses) _uses.Add(Key(k), n.LastTicks, n.Calls);
            foreach (var columns in All)
                if (columns.Any) _end.BatchCommands.Add(columns.Command);
            _end.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
            _end.ExecuteNonQuery();
        }

        public void Dispose()
        {
            _end.Dispose();
            try
            {
                _connection.Dispose();
            }
            catch (Exception e) when (e is DbException or InvalidOperationException or IOException)
            {
                // It has ended already, from the other side.
            }
        }

        private Columns[] All => [_hours, _days, _sources, _names, _uses];

        private static byte[] Key(Guid id) => id.ToByteArray(bigEndian: true);

        private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<NpgsqlDbType> types)
        {
            var command = new NpgsqlBatchCommand(sql);
            foreach (var type in types) command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
            return command;
        }

        private static void Bind(NpgsqlBatchCommand command, params ReadOnlySpan<object> values)
        {
            for (var i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i];
        }
    }

    // Rows of one table, kept by column: many rows are one statement with one array per column.
    private sealed class Columns
    {
        private readonly System.Collections.IList[] _columns;

        /// <param name="columns">Names with the type: n bigint, i integer, b bytea, t text.</param>
        public Columns(string table, string columns, string tail)
        {
            var all = columns.Split(' ').Select(c => c.Split(':')).ToList();
            _columns = [.. all.Select(c => List(c[1]))];
            Command = new NpgsqlBatchCommand($"INSERT INTO {table} AS c ({string.Join(", ", all.Select(c => c[0]))}) SELECT * FROM unnest({string.Join(", ", all.Select((_, i) => "$" + (i + 1).ToString(CultureInfo.InvariantCulture)))}){tail}");
            for (var i = 0; i < all.Count; i++) Command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | Type(all[i][1]), Value = _columns[i] });
        }

        public NpgsqlBatchCommand Command { get; }

        public bool Any => _columns[0].Count > 0;

        public void Add(params ReadOnlySpan<object?> row)
        {
            for (var i = 0; i < row.Length; i++) _columns[i].Add(row[i]);
        }

        public void Clear()
        {
            foreach (var column in _columns) column.Clear();
        }

        private static System.Collections.IList List(string type) => type switch
        {
            "n" => new List<long>(),
            "i" => new List<int>(),
            "b" => new List<byte[]>(),
            _ => new List<string>(),
        };

        private static NpgsqlDbType Type(string type) => type switch
        {
            "n" => NpgsqlDbType.Bigint,
            "i" => NpgsqlDbType.Integer,
            "b" => NpgsqlDbType.Bytea,
            _ => NpgsqlDbType.Text,
        };
    }
}
