using System.Buffers.Binary;
using System.Data.Common;
using System.Text;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Copies what is durable in the journal to where it can be searched: rows into the open segment, then sums and the chain's head into the database. The head says how far the sums have
/// come and the segment's last row how far the rows have, so a crash at any point repeats nothing and loses nothing.
/// </summary>
public sealed partial class JournalImport(Sqlite sqlite, CallSegments segments, IOptions<RetentionOptions> retention, WriteGate gate, SecretVault vault, CatalogStamp stamp, ILogger<JournalImport> log) : IDisposable
{
    /// <summary>A query waits this long for the copy; then it shows what there is.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int GroupRows = 8192;
    private static readonly TimeSpan SegmentAge = TimeSpan.FromDays(31);

    // Those in the database itself go row by row when their time is over; a file goes at once.
    private const int MostInDatabase = 20_000;

    // A page that asks does not wait for it. The longer, the more rows share the pages of the database that they change.
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private readonly Lock _lock = new();
    private readonly List<((long, long) Place, TaskCompletionSource Done)> _waiting = [];
    private readonly FrameSums _sums = new();
    private readonly FrameGroup _frames = new();
    private readonly Dictionary<int, RowStatements> _older = [];
    private Statements? _statements;
    private RowStatements? _rows;
    private Journal? _journal;
    private Task? _running;
    private (long File, long Offset) _place;
    private long _position;

    // The newest row in the open segment: further than the head when the database was not reached after the segment was.
    private long _stored;
    private long _lastSeq;

    // Of the open segment.
    private long _firstSeq;
    private long _openCalls;
    private byte[]? _forged;
    private readonly ManualResetEventSlim _end = new();
    private bool _disposed;

    /// <summary>How far the database has come.</summary>
    public sealed record Head(long Position, byte[] Link, long LastNumber);

    /// <summary>Reads the head. One that is not ours counts for nothing: then the rows themselves say how far the copy has come.</summary>
    public Head ReadHead()
    {
        using var connection = sqlite.Open();
        segments.Forget();
        ReadOpen();
        var head = HeadOf(connection);
        _forged = head is { } h && !IsGenuine(h) ? h.Mac : null;
        _position = head is null || _forged is not null ? _stored : head.Value.Position;
        // In the database, rows and head are one transaction.
        if (segments.All[0].Number == 0) _stored = _position;
        return new Head(_position, head?.Link ?? Chain.Origin, _lastSeq);
    }

    private void ReadOpen()
    {
        var open = segments.All[0];
        using var rows = segments.Open(open);
        _stored = Math.Max(Math.Max(Scalar(rows, "SELECT max(position) FROM call_record WHERE lane = 0"), Scalar(rows, "SELECT max(position) FROM call_completion WHERE lane = 0")), open.AfterPosition);
        _lastSeq = Math.Max(Scalar(rows, "SELECT max(seq) FROM call_record"), open.FirstSeq - 1);
        _firstSeq = Scalar(rows, "SELECT min(seq) FROM call_record");
        _openCalls = Scalar(rows, "SELECT count(*) FROM call_record");
    }

    internal async Task StartAsync(Journal journal, CancellationToken ct)
    {
        _journal = journal;
        // A thread of its own: it works for milliseconds at a time and waits for the disk, and must not do that in the place of calls.
        _running = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await CaughtUpAsync(ct);
    }

    internal void News()
    {
        if (_news.CurrentCount == 0) Release(_news);
    }

    internal async ValueTask<bool> CaughtUpAsync(CancellationToken ct)
    {
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (_journal is null || _place.CompareTo(_journal.Durable) >= 0) return true;
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((_journal.Durable, waiter));
        }
        News();
        Release(_hurry);
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

    /// <summary>Copies the rest and ends.</summary>
    internal async ValueTask StopAsync()
    {
        if (_disposed) return;
        _end.Set();
        News();
        Release(_hurry);
        if (_running is not null) await _running;
        Close();
    }

    public void Dispose()
    {
        _disposed = true;
        // Danger: the copy uses handles of SQLite that Close frees. It has ended, unless the app did not come as far as to end it.
        _end.Set();
        News();
        Release(_hurry);
        _running?.Wait(TimeSpan.FromSeconds(10));
        Close();
        _news.Dispose();
        _hurry.Dispose();
        _end.Dispose();
    }

    private void Run()
    {
        Thread.CurrentThread.Name = "usage copy";
        for (var empty = 0; ;)
        {
            var rows = 0;
            try
            {
                rows = Copy();
            }
            catch (Exception e) when (e is DbException or TimeoutException or IOException or InvalidOperationException or VaultSealedException)
            {
                LogFailed(e.GetType().Name, (e as SqliteException)?.SqliteErrorCode ?? 0);
                Close();
                if (_end.IsSet) return;
                _end.Wait(Pause);
                continue;
            }
            var done = _place.CompareTo(_journal!.Durable) >= 0;
            empty = rows > 0 ? 0 : empty + 1;
            // What cannot be read at the end is copied at the next start, if it is there: it must not be asked for without end.
            if (_end.IsSet && (done || empty > 2)) return;
            // Full groups follow each other at once; small ones wait a little for company, unless a query waits for them.
            if (!done && rows >= GroupRows) continue;
            if (done) _news.Wait();
            if (!_end.IsSet) _hurry.Wait(Breath);
        }
    }

    // One transaction.
    private int Copy()
    {
        var place = _place;
        var rows = 0;
        _frames.Clear();
        while (rows < GroupRows && Next(ref place)) rows += BinaryPrimitives.ReadInt32LittleEndian(_frames[^1][8..]);
        if (_frames.Count > 0)
        {
            // In the order of arrival, as everybody: a semaphore lets those who block pass first.
            if (!gate.TryEnterAsync(TimeSpan.FromSeconds(10), CancellationToken.None).GetAwaiter().GetResult()) throw new TimeoutException("the database's writer is busy");
            try
            {
                Copy(_frames);
            }
            finally
            {
                gate.Leave();
            }
        }
        lock (_lock)
        {
            _place = place;
            for (var i = _waiting.Count - 1; i >= 0; i--)
            {
                if (_waiting[i].Place.CompareTo(place) > 0) continue;
                _waiting[i].Done.TrySetResult();
                _waiting.RemoveAt(i);
            }
        }
        _journal!.Release(place.File);
        return rows;
    }

    private bool Next(ref (long File, long Offset) place)
    {
        var durable = _journal!.Durable;
        if (place.File == 0) place = _journal.Beginning;
        while (place.CompareTo(durable) < 0)
        {
            if (_journal.ReadFrame(place.File, place.Offset, _frames))
            {
                place.Offset += _frames[^1].Length;
                return true;
            }
            if (_journal.After(place.File) is not { } next) return false;
            place = next;
        }
        return false;
    }

    private void Copy(FrameGroup frames)
    {
        var s = _statements ??= new Statements(Tuned(sqlite.Open()));
        BeginSegmentIfDue(s, frames);
        var rows = _rows ??= segments.All[0] is { Number: > 0 } open ? new RowStatements(Tuned(segments.Open(open)), owned: true) : new RowStatements(s.Connection, owned: false);
        var committed = false;
        var (position, calls) = (_position, _openCalls);
        s.Begin.Run();
        try
        {
            rows.Begin();
            ReadStampAndHead(s.Connection);
            Expect(rows, frames);
            ReadOnlySpan<byte> link = [];
            for (var i = 0; i < frames.Count; i++)
            {
                var frame = frames[i];
                var last = _position;
                for (var row = JournalFrame.RowsOf(frame); row.Next();)
                {
                    last = row.Position;
                    if (row.Position <= _position) continue;
                    _position = row.Position;
                    link = row.Link;
                    if (row.IsCompletion) AddCompletion(rows, row);
                    else AddCall(rows, row);
                }
                // The journal was changed on the disk: what is in it is kept, and never signed.
                if (last == _position && !link.IsEmpty && !HeadSeal.IsGenuine(vault, Chain.HeadBytes(Chain.CallLane, _position, link), JournalFrame.MacOf(frame))) _forged ??= JournalFrame.MacOf(frame).ToArray();
            }
            if (rows.Calls.Rows.Left + rows.Completions.Rows.Left > 0) throw new InvalidOperationException("Rows of the journal were counted and not copied");
            if (_position > position)
            {
                WriteSums(s);
                s.Head.Text(Chain.CallLane).Number(_position).Blob(link).Blob(_forged ?? JournalFrame.MacOf(frames[^1])).Run();
            }
            // Danger: rows before the head. The head says that the journal's frames are needed no more.
            foreach (var older in _older.Values) older.Commit();
            rows.Commit();
            if (rows.Owned) _stored = Math.Max(_stored, _position);
            s.Commit.Run();
            _stored = Math.Max(_stored, _position);
            committed = true;
        }
        finally
        {
            _sums.Clear(committed);
            CloseOlder();
            if (!committed)
            {
                (_position, _openCalls) = (position, calls);
                // The connections go back to their pools: a transaction must not stay open in them.
                rows.TryRollBack();
                s.TryRollBack();
            }
        }
    }

    // A segment ends when it is full or a month old, the one in the database sooner; the next group begins the next.
    private void BeginSegmentIfDue(Statements s, FrameGroup frames)
    {
        if (_openCalls == 0 || _forged is not null || FirstCall(frames) is not { } first) return;
        var most = segments.All[0].Number == 0 ? Math.Min(MostInDatabase, retention.Value.SegmentCalls) : retention.Value.SegmentCalls;
        if (_openCalls < most && CallNumber.At(first) - CallNumber.At(_firstSeq) < SegmentAge) return;
        // Danger: rows beyond the head are from a run that ended before the head was written. They come once more, and belong where they already are.
        if (_stored > _position) return;
        if (HeadOf(s.Connection) is not { } head || head.Position != _position || !IsGenuine(head)) return;
        CloseRows();
        segments.Begin(_lastSeq, head.Position, head.Link, head.Mac);
        (_openCalls, _firstSeq) = (0, 0);
    }

    private static long? FirstCall(FrameGroup frames)
    {
        for (var i = 0; i < frames.Count; i++)
            for (var row = JournalFrame.RowsOf(frames[i]); row.Next();)
                if (!row.IsCompletion) return row.Seq;
        return null;
    }

    // A stamp that was moved behind the app's back is taken up; a head that was is left unsigned from now on.
    private void ReadStampAndHead(SqliteConnection connection)
    {
        stamp.Advance(Scalar(connection, "SELECT stamp FROM installation"));
        if (_forged is null && HeadOf(connection) is { } head && !IsGenuine(head)) _forged = head.Mac;
    }

    private static (long Position, byte[] Link, byte[] Mac)? HeadOf(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT seq, link, mac FROM chain_head WHERE lane = 'calls'";
        using var reader = command.ExecuteReader();
        return reader.Read() ? (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<byte[]>(2)) : null;
    }

    private bool IsGenuine((long Position, byte[] Link, byte[] Mac) head) =>
        head.Link.Length == Chain.LinkLength && HeadSeal.IsGenuine(vault, Chain.HeadBytes(Chain.CallLane, head.Position, head.Link), head.Mac);

    private void AddCall(RowStatements rows, JournalFrame.Rows row)
    {
        var r = new ChainReader(row.Payload);
        r.Number();
        _lastSeq = Math.Max(_lastSeq, row.Seq);
        var insert = rows.Calls.Rows.Next().Number(r.Number()).Number(JournalStore.Lane).Number(row.Position);
        Id(insert, ref r);
        var at = r.Number();
        insert.Number(at);
        Id(insert, ref r);
        Id(insert, ref r);
        var tool = Text(insert, ref r);
        Id(insert, ref r);
        var agent = Text(insert, ref r);
        Id(insert, ref r);
        var workflow = Text(insert, ref r);
        Text(insert, ref r);
        var userId = Text(insert, ref r);
        var userName = Text(insert, ref r);
        var userEmail = Text(insert, ref r);
        Id(insert, ref r);
        var key = Text(insert, ref r);
        Text(insert, ref r);
        var credential = Id(insert, ref r);
        Text(insert, ref r);
        if (r.TryNumber(out var version)) insert.Number(version);
        else insert.Null();
        Text(insert, ref r);
        Text(insert, ref r);
        Text(insert, ref r);
        var refused = r.Number();
        insert.Number(refused);
        Text(insert, ref r);
        Text(insert, ref r);
        insert.Blob(row.Link);
        _openCalls += Insert(rows.Calls, row);
        if (_firstSeq == 0) _firstSeq = row.Seq;
        _sums.Named(userId, userName, userEmail, key);
        if (refused == 0 && !credential.IsEmpty) _sums.Call(credential, (int)version, at, tool, agent, workflow, userId, key);
    }

    private void AddCompletion(RowStatements rows, JournalFrame.Rows row)
    {
        var counts = Bind(rows.Completions.Rows.Next(), row);
        Insert(rows.Completions, row);
        // A call of an earlier segment: a copy for those who look there. The chain's row is the one here.
        if (row.Seq < segments.All[0].FirstSeq && OlderOf(row.Seq) is { } older)
        {
            older.Completions.Expect(1);
            Bind(older.Completions.Rows.Next(), row);
            older.Completions.Rows.Add();
        }
        _sums.Completion(row.Extra, counts);
    }

    private static Counts Bind(SqliteStatement insert, JournalFrame.Rows row)
    {
        var r = new ChainReader(row.Payload);
        r.Number();
        insert.Number(r.Number()).Number(JournalStore.Lane).Number(row.Position).Number(r.Number());
        int? status = null;
        if (r.TryNumber(out var given)) insert.Number((status = (int)given).Value);
        else insert.Null();
        var duration = r.Number();
        var outcome = (CallOutcome)r.Number();
        insert.Number(duration).Number((long)outcome);
        var reason = Text(insert, ref r);
        insert.Blob(row.Link);
        return Counts.Of(outcome, status, reason.IsEmpty ? null : Encoding.UTF8.GetString(reason), duration);
    }

    // What a run that ended between rows and head has put there already is there. How many were written now.
    private int Insert(RowTable table, JournalFrame.Rows row)
    {
        var tried = table.Add(row, out var written);
        if (written < tried)
            foreach (var position in table.Missing(tried))
                if (position > _stored) LogTaken(position);
        return written;
    }

    // Says before the first row how many are new; the same rows that are then added.
    private void Expect(RowStatements rows, FrameGroup frames)
    {
        var (position, calls, completions) = (_position, 0, 0);
        for (var i = 0; i < frames.Count; i++)
        {
            for (var row = JournalFrame.RowsOf(frames[i]); row.Next();)
            {
                if (row.Position <= position) continue;
                position = row.Position;
                if (row.IsCompletion) completions++;
                else calls++;
            }
        }
        rows.Calls.Expect(calls);
        rows.Completions.Expect(completions);
    }

    // Null: retired.
    private RowStatements? OlderOf(long seq)
    {
        var segment = segments.All.FirstOrDefault(s => s.FirstSeq <= seq && seq <= s.LastSeq);
        if (segment is null) return null;
        if (_older.TryGetValue(segment.Number, out var older)) return older;
        older = segment.Number == 0 ? new RowStatements(_statements!.Connection, owned: false) : new RowStatements(segments.Open(segment), owned: true);
        _older[segment.Number] = older;
        older.Begin();
        return older;
    }

    private void CloseOlder()
    {
        foreach (var older in _older.Values)
        {
            older.TryRollBack();
            older.Dispose();
        }
        _older.Clear();
    }

    private static ReadOnlySpan<byte> Id(SqliteStatement insert, ref ChainReader r)
    {
        if (r.TryBytes(out var id)) insert.Blob(id);
        else insert.Null();
        return id;
    }

    private static ReadOnlySpan<byte> Text(SqliteStatement insert, ref ChainReader r)
    {
        if (r.TryBytes(out var text)) insert.Text(text);
        else insert.Null();
        return text;
    }

    private void WriteSums(Statements s)
    {
        Span<byte> id = stackalloc byte[16];
        var hours = _sums.Rollups.Hours.ToList();
        s.Hours.Expect(hours.Count);
        foreach (var (k, n) in hours)
        {
            k.Credential.TryWriteBytes(id, true, out _);
            s.Hours.Next().Number(k.Hour).Blob(id).Number(k.Version).Number(n.Calls).Number(n.Errors).Number(n.KeyErrors).Number(n.DurationUs);
            s.Hours.Add();
        }
        var days = _sums.Rollups.Days.ToList();
        s.Days.Expect(days.Count);
        foreach (var (k, n) in days)
        {
            k.Credential.TryWriteBytes(id, true, out _);
            s.Days.Next().Number(k.Day).Blob(id).Number(k.Version).Number(n.Calls).Number(n.Errors).Number(n.KeyErrors).Number(n.DurationUs);
            s.Days.Add();
        }
        var sources = _sums.Rollups.Sources.ToList();
        s.Sources.Expect(sources.Count);
        foreach (var (k, n) in sources)
        {
            k.Credential.TryWriteBytes(id, true, out _);
            s.Sources.Next().Number(k.Day).Blob(id).Number((int)k.Kind).Text(k.Name).Number(n.Calls).Number(n.Errors).Number(n.LastTicks);
            s.Sources.Add();
        }
        var uses = _sums.Rollups.Uses.ToList();
        s.Uses.Expect(uses.Count);
        foreach (var (k, n) in uses)
        {
            k.TryWriteBytes(id, true, out _);
            s.Uses.Next().Blob(id).Number(n.LastTicks).Number(n.Calls);
            s.Uses.Add();
        }
        foreach (var n in _sums.Rollups.FreshNames) s.Named.Number((int)n.Kind).Text(n.Id).Text(n.Name).Text(n.Email).Run();
    }

    private void CloseRows()
    {
        _rows?.Dispose();
        _rows = null;
    }

    private void Close()
    {
        CloseRows();
        _statements?.Dispose();
        _statements = null;
    }

    // The writer touches pages all over: a cache that holds them, and a log that takes several groups before it is moved into the file.
    private static SqliteConnection Tuned(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=8192;";
        command.ExecuteNonQuery();
        return connection;
    }

    private static long Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar() as long? ?? 0;
    }

    private void Release(SemaphoreSlim signal)
    {
        lock (_lock)
            if (signal.CurrentCount == 0) signal.Release();
    }

    [LoggerMessage(LogLevel.Error, "Recorded calls could not be copied into the database ({Error} {Code}); they are safe in the journal and are copied as soon as it goes")]
    private partial void LogFailed(string error, int code);

    [LoggerMessage(LogLevel.Critical, "The place of row {Position} in the table of calls was taken by a row that the app did not write. Run: audit verify")]
    private partial void LogTaken(long position);

    [LoggerMessage(LogLevel.Warning, "The copy of recorded calls into the database is behind; a page shows what there is")]
    private partial void LogBehind();

    private sealed class Statements(SqliteConnection connection) : IDisposable
    {
        public SqliteConnection Connection => connection;

        public SqliteStatement Begin { get; } = new(connection, "BEGIN IMMEDIATE");

        public SqliteStatement Commit { get; } = new(connection, "COMMIT");

        public SqliteStatement Head { get; } = new(connection, "INSERT INTO chain_head (lane, seq, link, mac) VALUES (?,?,?,?) ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, link = excluded.link, mac = excluded.mac");

        public SqliteRows Hours { get; } = new(connection, "INSERT INTO usage_hour (hour, credential_id, version, calls, errors, key_errors, duration_us)", 7, " ON CONFLICT (hour, credential_id, version) "
            + "DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, key_errors = key_errors + excluded.key_errors, duration_us = duration_us + excluded.duration_us");

        public SqliteRows Days { get; } = new(connection, "INSERT INTO usage_day (day, credential_id, version, calls, errors, key_errors, duration_us)", 7, " ON CONFLICT (day, credential_id, version) "
            + "DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, key_errors = key_errors + excluded.key_errors, duration_us = duration_us + excluded.duration_us");

        public SqliteRows Sources { get; } = new(connection, "INSERT INTO usage_source (day, credential_id, kind, name, calls, errors, last_at)", 7, " ON CONFLICT (day, credential_id, kind, name) "
            + "DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, last_at = max(last_at, excluded.last_at)");

        public SqliteRows Uses { get; } = new(connection, "INSERT INTO credential_use (credential_id, last_used_at, calls)", 3, " ON CONFLICT (credential_id) "
            + "DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at), calls = calls + excluded.calls");

        public SqliteStatement Named { get; } = new(connection, "INSERT INTO call_name (kind, id, name, email) VALUES (?,?,?,?) ON CONFLICT DO NOTHING");

        public void TryRollBack() => RollBack(connection);

        public void Dispose()
        {
            foreach (var statement in new IDisposable[] { Begin, Commit, Head, Hours, Days, Sources, Uses, Named }) statement.Dispose();
            connection.Dispose();
        }
    }

    /// <summary>Inserts rows into a segment; in a transaction of its own when the segment is a file of its own.</summary>
    private sealed class RowStatements(SqliteConnection connection, bool owned) : IDisposable
    {
        private readonly SqliteStatement _begin = new(connection, "BEGIN IMMEDIATE");
        private readonly SqliteStatement _commit = new(connection, "COMMIT");
        private bool _begun;

        public bool Owned => owned;

        public RowTable Calls { get; } = new(connection, "call_record", "seq, lane, position, id, at, workspace_id, tool_id, tool, agent_id, agent, workflow_id, workflow, run_id, user_id, user_name, user_email, "
            + "api_key_id, api_key, ip, credential_id, credential, version, method, host, path, refused, rule, request_id, link", 29);

        public RowTable Completions { get; } = new(connection, "call_completion", "call_seq, lane, position, at, status, duration_us, outcome, reason, link", 9);

        public void Begin()
        {
            if (!owned) return;
            _begin.Run();
            _begun = true;
        }

        public void Commit()
        {
            if (!_begun) return;
            _commit.Run();
            _begun = false;
        }

        public void TryRollBack()
        {
            if (_begun) RollBack(connection);
            _begun = false;
        }

        public void Dispose()
        {
            foreach (var statement in new IDisposable[] { _begin, _commit, Calls, Completions }) statement.Dispose();
            if (owned) connection.Dispose();
        }
    }

    /// <summary>Inserts the chain's rows into one table and knows those that are written together, so that one whose place is taken can be told.</summary>
    private sealed class RowTable(SqliteConnection connection, string table, string columns, int count) : IDisposable
    {
        private readonly long[] _positions = new long[SqliteRows.Together];
        private readonly byte[] _links = new byte[SqliteRows.Together * Chain.LinkLength];
        private int _waiting;

        public SqliteRows Rows { get; } = new(connection, $"INSERT OR IGNORE INTO {table} ({columns})", count);

        public void Expect(int rows)
        {
            _waiting = 0;
            Rows.Expect(rows);
        }

        /// <summary>How many rows were tried, 0 while this one waits for more.</summary>
        public int Add(JournalFrame.Rows row, out int written)
        {
            _positions[_waiting] = row.Position;
            row.Link.CopyTo(_links.AsSpan(_waiting * Chain.LinkLength));
            _waiting++;
            var tried = Rows.Add(out written);
            if (tried > 0) _waiting = 0;
            return tried;
        }

        /// <summary>The places, of as many rows as were tried last, in which there is none or another.</summary>
        public IEnumerable<long> Missing(int tried)
        {
            using var command = connection.CreateCommand();
            command.CommandText = $"SELECT link FROM {table} WHERE lane = 0 AND position = $p";
            for (var i = 0; i < tried; i++)
            {
                command.Parameters.Clear();
                command.Parameters.AddWithValue("$p", _positions[i]);
                if (command.ExecuteScalar() is not byte[] link || !link.AsSpan().SequenceEqual(_links.AsSpan(i * Chain.LinkLength, Chain.LinkLength))) yield return _positions[i];
            }
        }

        public void Dispose() => Rows.Dispose();
    }

    private static void RollBack(SqliteConnection connection)
    {
        try
        {
            using var rollback = new SqliteStatement(connection, "ROLLBACK");
            rollback.Run();
        }
        catch (SqliteException)
        {
            // The engine has already rolled back; the first failure is the one to tell.
        }
    }
}
