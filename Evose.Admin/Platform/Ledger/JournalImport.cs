using System.Buffers.Binary;
using System.Data.Common;
using System.Text;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Copies what is durable in the journal into the database, where it can be searched: rows, sums and the chain's head in one transaction. The head says how far the copy has come,
/// so a crash at any point repeats nothing and loses nothing.
/// </summary>
public sealed partial class JournalImport(Sqlite sqlite, WriteGate gate, SecretVault vault, CatalogStamp stamp, ILogger<JournalImport> log) : IDisposable
{
    /// <summary>A query waits this long for the copy; then it shows what there is.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const int GroupRows = 8192;
    // A page that asks does not wait for it. The longer, the more rows share the pages of the database that they change.
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private readonly Lock _lock = new();
    private readonly List<((long, long) Place, TaskCompletionSource Done)> _waiting = [];
    private readonly Rollups _rollups = new();
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private Statements? _statements;
    private Journal? _journal;
    private Task? _running;
    private (long File, long Offset) _place;
    private long _position;
    private byte[]? _forged;
    private volatile bool _ending;
    private bool _disposed;

    /// <summary>How far the database has come.</summary>
    public sealed record Head(long Position, byte[] Link, long LastNumber);

    /// <summary>Reads the head. One that is not ours counts for nothing: then the rows themselves say how far the copy has come.</summary>
    public Head ReadHead()
    {
        using var connection = sqlite.Open();
        var lastNumber = Scalar(connection, "SELECT max(seq) FROM call_record");
        var head = HeadOf(connection);
        _forged = head is { } h && !IsGenuine(h) ? h.Mac : null;
        _position = head is null || _forged is not null ? Math.Max(Scalar(connection, "SELECT max(position) FROM call_record WHERE lane = 0"), Scalar(connection, "SELECT max(position) FROM call_completion WHERE lane = 0")) : head.Value.Position;
        return new Head(_position, head?.Link ?? Chain.Origin, lastNumber);
    }

    internal async Task StartAsync(Journal journal, CancellationToken ct)
    {
        _journal = journal;
        _running = Task.Run(RunAsync, CancellationToken.None);
        await CaughtUpAsync(ct);
    }

    internal void News()
    {
        if (_news.CurrentCount == 0) Release(_news);
    }

    internal async ValueTask CaughtUpAsync(CancellationToken ct)
    {
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (_journal is null || _place.CompareTo(_journal.Durable) >= 0) return;
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((_journal.Durable, waiter));
        }
        News();
        Release(_hurry);
        try
        {
            await waiter.Task.WaitAsync(Patience, ct);
        }
        catch (TimeoutException)
        {
            LogBehind();
        }
    }

    /// <summary>Copies the rest and ends.</summary>
    internal async ValueTask StopAsync()
    {
        if (_disposed) return;
        _ending = true;
        News();
        Release(_hurry);
        if (_running is not null) await _running;
        Close();
    }

    public void Dispose()
    {
        _disposed = true;
        Close();
        _news.Dispose();
        _hurry.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            var rows = 0;
            try
            {
                rows = await CopyAsync();
            }
            catch (Exception e) when (e is DbException or TimeoutException or IOException or InvalidOperationException or VaultSealedException)
            {
                LogFailed(e.GetType().Name, (e as SqliteException)?.SqliteErrorCode ?? 0);
                Close();
                if (_ending) return;
                await Task.Delay(Pause);
                continue;
            }
            var done = _place.CompareTo(_journal!.Durable) >= 0;
            if (done && _ending) return;
            // Full groups follow each other at once; small ones wait a little for company, unless a query waits for them.
            if (!done && rows >= GroupRows) continue;
            if (done) await _news.WaitAsync();
            if (!_ending) await _hurry.WaitAsync(Breath);
        }
    }

    // One transaction.
    private async Task<int> CopyAsync()
    {
        var frames = new List<byte[]>();
        var place = _place;
        var rows = 0;
        while (rows < GroupRows && Next(ref place) is { } frame)
        {
            frames.Add(frame);
            rows += BinaryPrimitives.ReadInt32LittleEndian(frame.AsSpan(8));
        }
        if (frames.Count > 0)
        {
            if (!await gate.TryEnterAsync(TimeSpan.FromSeconds(10), CancellationToken.None)) throw new TimeoutException("the database's writer is busy");
            try
            {
                Copy(frames);
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

    private byte[]? Next(ref (long File, long Offset) place)
    {
        var durable = _journal!.Durable;
        if (place.File == 0) place = _journal.Beginning;
        while (place.CompareTo(durable) < 0)
        {
            if (_journal.ReadFrame(place.File, place.Offset) is { } frame)
            {
                place.Offset += frame.Length;
                return frame;
            }
            if (_journal.After(place.File) is not { } next) return null;
            place = next;
        }
        return null;
    }

    private void Copy(List<byte[]> frames)
    {
        var s = _statements ??= new Statements(sqlite.Open());
        var committed = false;
        var position = _position;
        s.Begin.Run();
        try
        {
            ReadStampAndHead(s.Connection);
            ReadOnlySpan<byte> link = [];
            foreach (var frame in frames)
            {
                var last = _position;
                for (var row = JournalFrame.RowsOf(frame); row.Next();)
                {
                    last = row.Position;
                    if (row.Position <= _position) continue;
                    _position = row.Position;
                    link = row.Link;
                    if (row.IsCompletion) AddCompletion(s, row);
                    else AddCall(s, row);
                }
                // The journal was changed on the disk: what is in it is kept, and never signed.
                if (last == _position && !link.IsEmpty && !HeadSeal.IsGenuine(vault, Chain.HeadBytes(Chain.CallLane, _position, link), JournalFrame.MacOf(frame))) _forged ??= JournalFrame.MacOf(frame).ToArray();
            }
            if (_position > position)
            {
                WriteSums(s);
                s.Head.Text(Chain.CallLane).Number(_position).Blob(link).Blob(_forged ?? JournalFrame.MacOf(frames[^1])).Run();
            }
            s.Commit.Run();
            committed = true;
        }
        finally
        {
            _rollups.Clear();
            if (_names.Count > 10_000) _names.Clear();
            if (!committed)
            {
                _position = position;
                // The connection goes back to its pool: a transaction must not stay open in it.
                s.TryRollBack();
            }
        }
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

    private void AddCall(Statements s, JournalFrame.Rows row)
    {
        var r = new ChainReader(row.Payload);
        r.Number();
        var insert = s.Call.Number(r.Number()).Number(JournalStore.Lane).Number(row.Position);
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
        var user = Text(insert, ref r);
        Text(insert, ref r);
        Text(insert, ref r);
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
        if (insert.Blob(row.Link).Run() == 0) LogTaken(row.Position);
        if (refused != 0 || credential.IsEmpty) return;
        _rollups.Add(new Guid(credential, bigEndian: true), (int)version, at, Source(tool, agent, workflow, user, key), new Counts { Calls = 1, LastTicks = at });
    }

    private void AddCompletion(Statements s, JournalFrame.Rows row)
    {
        var r = new ChainReader(row.Payload);
        r.Number();
        var insert = s.Completion.Number(r.Number()).Number(JournalStore.Lane).Number(row.Position).Number(r.Number());
        int? status = null;
        if (r.TryNumber(out var given)) insert.Number((status = (int)given).Value);
        else insert.Null();
        var duration = r.Number();
        var outcome = (CallOutcome)r.Number();
        insert.Number(duration).Number((long)outcome);
        var reason = Text(insert, ref r);
        if (insert.Blob(row.Link).Run() == 0) LogTaken(row.Position);
        if (row.Extra.IsEmpty) return;
        var counts = Counts.Of(outcome, status, reason.IsEmpty ? null : Encoding.UTF8.GetString(reason), duration);
        _rollups.Add(new Guid(row.Extra[..16], bigEndian: true), BinaryPrimitives.ReadInt32LittleEndian(row.Extra[16..]), BinaryPrimitives.ReadInt64LittleEndian(row.Extra[20..]), Name(row.Extra[28..]), counts);
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

    private string Source(ReadOnlySpan<byte> tool, ReadOnlySpan<byte> agent, ReadOnlySpan<byte> workflow, ReadOnlySpan<byte> user, ReadOnlySpan<byte> key)
    {
        var length = tool.Length + agent.Length + workflow.Length + user.Length + key.Length + 4;
        var whole = length <= 1024 ? stackalloc byte[length] : new byte[length];
        var at = 0;
        Put(tool, whole, ref at);
        Put(agent, whole, ref at);
        Put(workflow, whole, ref at);
        Put(user, whole, ref at);
        key.CopyTo(whole[at..]);
        return Name(whole);
    }

    private static void Put(ReadOnlySpan<byte> part, Span<byte> whole, ref int at)
    {
        part.CopyTo(whole[at..]);
        at += part.Length;
        whole[at++] = 0x1f;
    }

    // The same few sources come again and again: one string each.
    private string Name(ReadOnlySpan<byte> utf8)
    {
        var chars = utf8.Length <= 1024 ? stackalloc char[utf8.Length] : new char[utf8.Length];
        chars = chars[..Encoding.UTF8.GetChars(utf8, chars)];
        var known = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (known.TryGetValue(chars, out var name)) return name;
        name = chars.ToString();
        _names[name] = name;
        return name;
    }

    private void WriteSums(Statements s)
    {
        Span<byte> id = stackalloc byte[16];
        foreach (var (k, n) in _rollups.Hours)
        {
            k.Credential.TryWriteBytes(id, true, out _);
            s.Hour.Blob(id).Number(k.Hour).Number(k.Version).Number(n.Calls).Number(n.Errors).Number(n.KeyErrors).Number(n.DurationUs).Run();
        }
        foreach (var (k, n) in _rollups.Sources)
        {
            k.Credential.TryWriteBytes(id, true, out _);
            s.Source.Blob(id).Number(k.Day).Text(k.Source).Number(n.Calls).Number(n.Errors).Number(n.LastTicks).Run();
        }
        foreach (var (k, n) in _rollups.Uses)
        {
            k.TryWriteBytes(id, true, out _);
            s.Use.Blob(id).Number(n.LastTicks).Number(n.Calls).Run();
        }
    }

    private void Close()
    {
        _statements?.Dispose();
        _statements = null;
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

        public SqliteStatement Call { get; } = new(connection, "INSERT OR IGNORE INTO call_record (seq, lane, position, id, at, workspace_id, tool_id, tool, agent_id, agent, workflow_id, workflow, run_id, user_id, user_name, user_email, "
            + "api_key_id, api_key, ip, credential_id, credential, version, method, host, path, refused, rule, request_id, link) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

        public SqliteStatement Completion { get; } = new(connection, "INSERT OR IGNORE INTO call_completion (call_seq, lane, position, at, status, duration_us, outcome, reason, link) VALUES (?,?,?,?,?,?,?,?,?)");

        public SqliteStatement Head { get; } = new(connection, "INSERT INTO chain_head (lane, seq, link, mac) VALUES (?,?,?,?) ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, link = excluded.link, mac = excluded.mac");

        public SqliteStatement Hour { get; } = new(connection, "INSERT INTO usage_hour (credential_id, hour, version, calls, errors, key_errors, duration_us) VALUES (?,?,?,?,?,?,?) ON CONFLICT (credential_id, hour, version) "
            + "DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, key_errors = key_errors + excluded.key_errors, duration_us = duration_us + excluded.duration_us");

        public SqliteStatement Source { get; } = new(connection, "INSERT INTO usage_source (credential_id, day, source, calls, errors, last_at) VALUES (?,?,?,?,?,?) ON CONFLICT (credential_id, day, source) "
            + "DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, last_at = max(last_at, excluded.last_at)");

        public SqliteStatement Use { get; } = new(connection, "INSERT INTO credential_use (credential_id, last_used_at, calls) VALUES (?,?,?) ON CONFLICT (credential_id) "
            + "DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at), calls = calls + excluded.calls");

        public void TryRollBack()
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

        public void Dispose()
        {
            foreach (var statement in new[] { Begin, Commit, Call, Completion, Head, Hour, Source, Use }) statement.Dispose();
            connection.Dispose();
        }
    }
}
