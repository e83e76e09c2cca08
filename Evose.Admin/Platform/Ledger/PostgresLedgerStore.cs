using System.Buffers;
using System.Globalization;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Npgsql;
using NpgsqlTypes;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Writes groups of ledger entries into PostgreSQL: one transaction for rows, chain, head and rollups, in one round trip as long as stamp and head are what the last group left, else in two.
/// Each node writes a lane of its own, which it holds by a lock of its session: whoever loses the connection loses the lane, so no lane ever has two writers.
/// It blocks the writer's thread: a continuation would stand in the pool behind the very calls that wait for it.
/// </summary>
public sealed class PostgresLedgerStore(Postgres postgres, SecretVault vault, CatalogStamp stamp, TimeProvider clock) : ILedgerStore
{
    private readonly ArrayBufferWriter<byte> _payload = new(1024);
    private readonly Rollups _rollups = new();
    private readonly byte[] _link = new byte[Chain.LinkLength];

    // Completions of a group whose commit was not answered: they may be there already.
    private readonly HashSet<long> _doubtful = [];
    private Session? _session;
    private long _position;
    private byte[]? _forged;

    // What the last group left in the database; null when that is not known for sure.
    private (long Stamp, ChainHead Head)? _left;

    public async ValueTask WriteAsync(IReadOnlyList<LedgerItem> group)
    {
        var committed = false;
        try
        {
            var session = _session ??= await Session.OpenAsync(postgres);
            var now = clock.GetUtcNow();
            if (!TryWriteAtOnce(session, group, now)) WriteAfterLook(session, group, now);
            committed = true;
            _doubtful.ExceptWith(Completions(group));
        }
        catch
        {
            _left = null;
            _doubtful.UnionWith(Completions(group));
            throw;
        }
        finally
        {
            _rollups.Clear(committed);
            _session?.Clear();
        }
    }

    public ValueTask OpenAsync(CancellationToken ct) => ValueTask.CompletedTask;

    // A group is in the tables when it is durable.
    public ValueTask CaughtUpAsync(CancellationToken ct) => ValueTask.CompletedTask;

    public ValueTask FlushAsync() => ValueTask.CompletedTask;

    public void Reset()
    {
        _session?.Dispose();
        (_session, _left) = (null, null);
    }

    public void Dispose() => Reset();

    // Sends the whole group in the belief that nothing has changed since the last one; the statement that moves the head fails when that is wrong, and then nothing is written.
    private bool TryWriteAtOnce(Session session, IReadOnlyList<LedgerItem> group, DateTimeOffset now)
    {
        if (_left is not { } left || _doubtful.Count > 0) return false;
        _left = null;
        // A call that was decided by a newer stamp shows that there is one. Whatever is older than what is believed here is stale in any case.
        var latest = left.Stamp;
        foreach (var item in group)
            if (item.Completion is null && !item.Entry!.Refused) latest = Math.Max(latest, item.Entry.Stamp);
        (_position, _forged) = (left.Head.Seq, null);
        left.Head.Link.CopyTo(_link, 0);
        foreach (var item in group) Add(session, item, latest, now, []);
        if (_position == left.Head.Seq) return false;
        var head = Head(session);
        try
        {
            session.WriteAtOnce(_rollups, head, latest, left.Head);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DivisionByZero)
        {
            session.RollBack();
            session.Clear();
            _rollups.Clear(written: false);
            return false;
        }
        stamp.Advance(latest);
        _left = (latest, head);
        return true;
    }

    private void WriteAfterLook(Session session, IReadOnlyList<LedgerItem> group, DateTimeOffset now)
    {
        var latest = Begin(session);
        // The caller decides again: it must not do so by the same old catalogue.
        stamp.Advance(latest);
        var written = Written(session, group);
        var before = _position;
        foreach (var item in group) Add(session, item, latest, now, written);
        var head = _position > before ? Head(session) : null;
        session.Commit(_rollups, head);
        _left = head is null || _forged is not null ? null : (latest, head);
    }

    // The shared lock first and in a statement of its own: what is read after it is from before every later change of the stamp, and no change commits until this group has.
    private long Begin(Session session)
    {
        using var reader = session.Begin.ExecuteReader();
        while (reader.FieldCount != 4)
            if (!reader.NextResult()) throw new InvalidOperationException("the database did not answer what was asked");
        if (!reader.Read()) throw new InvalidOperationException("the installation row is missing");
        var latest = reader.GetInt64(0);
        if (reader.IsDBNull(1))
        {
            _position = 0;
            _forged = null;
            Chain.Origin.CopyTo(_link, 0);
        }
        else
        {
            _position = reader.GetInt64(1);
            reader.GetBytes(2, 0, _link, 0, _link.Length);
            var mac = reader.GetFieldValue<byte[]>(3);
            _forged = HeadSeal.IsGenuine(vault, Chain.HeadBytes(session.Chain, _position, _link), mac) ? null : mac;
        }
        return latest;
    }

    private HashSet<long> Written(Session session, IReadOnlyList<LedgerItem> group)
    {
        var asked = Completions(group).Where(_doubtful.Contains).ToArray();
        return asked.Length == 0 ? [] : session.Completed(asked);
    }

    private static IEnumerable<long> Completions(IReadOnlyList<LedgerItem> group) => group.Where(i => i.Completion is not null).Select(i => i.FirstSeq);

    // A head that was not ours stays unsigned: the next row must not make a forged chain look genuine.
    private ChainHead Head(Session session) =>
        new() { Lane = session.Chain, Seq = _position, Link = [.. _link], Mac = _forged ?? vault.AuditMac(Chain.HeadBytes(session.Chain, _position, _link)) };

    private void Add(Session session, LedgerItem item, long latest, DateTimeOffset now, HashSet<long> written)
    {
        var entry = item.Entry!;
        if (item.Completion is { } completion)
        {
            if (written.Contains(item.FirstSeq)) return;
            for (var i = 0; i < entry.Rows; i++) AddCompletion(session, entry, item.FirstSeq + i, i, completion);
            return;
        }
        // A refusal changes nothing, so it need not be decided again.
        item.Stale = entry.Stamp != latest && !entry.Refused;
        if (item.Stale) return;
        item.FirstSeq = session.Numbers.Next(now, entry.Rows);
        for (var i = 0; i < entry.Rows; i++) AddCall(session, entry, item.FirstSeq + i, i);
    }

    private void AddCall(Session session, CallEntry e, long seq, int i)
    {
        VersionUse? use = i < e.Uses.Count ? e.Uses[i] : null;
        var facts = new CallFacts(e, seq, use);
        var version = facts.Version;
        var position = ++_position;
        _payload.Clear();
        Chain.Link(_link, session.Chain, position, facts.Write(new ChainPayload(_payload)), _link);
        session.Calls.Add(seq, session.Lane, position, Key(e.Id), e.At.UtcTicks, Key(e.WorkspaceId), Key(e.ToolId), e.Tool, Key(e.AgentId), e.Agent, Key(e.WorkflowId), e.Workflow, e.RunId, e.UserId,
            e.UserName, e.UserEmail, Key(e.ApiKeyId), e.ApiKey, e.Ip, Key(use?.CredentialId), use?.Name, version, e.Method, e.Host, e.Path, e.Refused, e.Rule, e.RequestId, _link.ToArray());
        _rollups.Call(e, use);
    }

    private void AddCompletion(Session session, CallEntry e, long callSeq, int i, Completion c)
    {
        var position = ++_position;
        _payload.Clear();
        Chain.Link(_link, session.Chain, position, LedgerRows.CompletionPayload(new ChainPayload(_payload), callSeq, c.At, c.Status, c.DurationUs, c.Outcome, c.Reason), _link);
        session.CompletionRows.Add(callSeq, session.Lane, position, c.At.UtcTicks, c.Status, c.DurationUs, (int)c.Outcome, c.Reason, _link.ToArray());
        _rollups.Completion(e, i, c);
    }

    private static byte[]? Key(Guid? id) => id?.ToByteArray(true);

    // One connection with its lane and its statements.
    private sealed class Session : IDisposable
    {
        private readonly NpgsqlConnection _connection;
        private readonly NpgsqlBatch _end;
        private static readonly string Lock = string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock_shared({(long)AdvisoryLock.Stamp})");

        private readonly NpgsqlBatchCommand _begin = new("BEGIN"), _lock = new(Lock), _commit = new("COMMIT");
        private readonly NpgsqlBatchCommand _head, _headAfter;
        private readonly Columns _hours, _days, _sources, _uses, _names;

        private Session(NpgsqlConnection connection, int lane, long last)
        {
            (_connection, Lane, Chain, Numbers) = (connection, lane, CallNumber.ChainOf(lane), new CallNumbers(lane, last));
            Begin = new NpgsqlBatch(connection) { Timeout = Seconds };
            Begin.BatchCommands.Add(new NpgsqlBatchCommand("BEGIN"));
            Begin.BatchCommands.Add(new NpgsqlBatchCommand(Lock));
            Begin.BatchCommands.Add(new NpgsqlBatchCommand("SELECT i.stamp, h.seq, h.link, h.mac FROM installation i LEFT JOIN chain_head h ON h.lane = $1") { Parameters = { new NpgsqlParameter<string> { TypedValue = Chain } } });
            _end = new NpgsqlBatch(connection) { Timeout = Seconds };
            Calls = new Columns("call_record", "seq:n lane:i position:n id:b at:n workspace_id:b tool_id:b tool:t agent_id:b agent:t workflow_id:b workflow:t run_id:t user_id:t user_name:t user_email:t "
                + "api_key_id:b api_key:t ip:t credential_id:b credential:t version:i method:t host:t path:t refused:o rule:t request_id:t link:b");
            CompletionRows = new Columns("call_completion", "call_seq:n lane:i position:n at:n status:i duration_us:n outcome:i reason:t link:b");
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
            const string Insert = "INSERT INTO chain_head (lane, seq, link, mac) VALUES ", Or = " ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, link = excluded.link, mac = excluded.mac";
            _head = new NpgsqlBatchCommand(Insert + "($1, $2, $3, $4)" + Or);
            // Divides by one, or by zero when stamp or head are others than was believed.
            _headAfter = new NpgsqlBatchCommand(Insert + "($1, $2 / (SELECT count(*) FROM installation i, chain_head h WHERE i.stamp = $5 AND h.lane = $1 AND h.seq = $6 AND h.link = $7 AND h.mac = $8), $3, $4)" + Or);
            NpgsqlDbType[] ofHead = [NpgsqlDbType.Text, NpgsqlDbType.Bigint, NpgsqlDbType.Bytea, NpgsqlDbType.Bytea];
            foreach (var type in ofHead) _head.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
            foreach (var type in (NpgsqlDbType[])[.. ofHead, NpgsqlDbType.Bigint, .. ofHead[1..]]) _headAfter.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
        }

        public int Lane { get; }

        public string Chain { get; }

        public CallNumbers Numbers { get; }

        public NpgsqlBatch Begin { get; }

        public Columns Calls { get; }

        public Columns CompletionRows { get; }

        private static int Seconds => (int)UsageLedger.Patience.TotalSeconds;

        public static async Task<Session> OpenAsync(Postgres postgres)
        {
            using var patience = new CancellationTokenSource(UsageLedger.Patience);
            NpgsqlConnection? connection = null;
            try
            {
                connection = await postgres.OpenOwnAsync(patience.Token);
                var lane = await ClaimAsync(connection, patience.Token);
                await using var last = new NpgsqlCommand("SELECT seq FROM call_record WHERE lane = $1 ORDER BY position DESC LIMIT 1", connection) { Parameters = { new NpgsqlParameter<int> { TypedValue = lane } } };
                var session = new Session(connection, lane, await last.ExecuteScalarAsync(patience.Token) as long? ?? 0);
                // By hand: prepared by the driver in the middle of a batch, the second answer has been seen with the third one's columns.
                await session.Begin.PrepareAsync(patience.Token);
                return session;
            }
            catch (Exception e)
            {
                if (connection is not null) await connection.DisposeAsync();
                if (e is OperationCanceledException) throw new TimeoutException("the database does not answer", e);
                throw;
            }
        }

        // The first free one. Lane 0 is SQLite's.
        private static async Task<int> ClaimAsync(NpgsqlConnection connection, CancellationToken ct)
        {
            await using var claim = new NpgsqlCommand("SELECT pg_try_advisory_lock($1, $2)", connection) { Parameters = { new NpgsqlParameter<int> { TypedValue = (int)AdvisoryLock.Lane }, new NpgsqlParameter<int>() } };
            for (var lane = 1; lane <= CallNumber.MaxLane; lane++)
            {
                ((NpgsqlParameter<int>)claim.Parameters[1]).TypedValue = lane;
                if (await claim.ExecuteScalarAsync(ct) is true) return lane;
            }
            throw new InvalidOperationException($"all {CallNumber.MaxLane} lanes of the ledger are taken by other nodes");
        }

        public HashSet<long> Completed(long[] seqs)
        {
            var found = new HashSet<long>();
            using var command = new NpgsqlCommand("SELECT call_seq FROM call_completion WHERE call_seq = ANY($1)", _connection) { CommandTimeout = Seconds, Parameters = { new NpgsqlParameter<long[]> { TypedValue = seqs } } };
            using var reader = command.ExecuteReader();
            while (reader.Read()) found.Add(reader.GetInt64(0));
            return found;
        }

        /// <summary>What <see cref="Begin"/> has begun.</summary>
        public void Commit(Rollups rollups, ChainHead? head)
        {
            if (head is not null)
            {
                (_head.Parameters[0].Value, _head.Parameters[1].Value, _head.Parameters[2].Value, _head.Parameters[3].Value) = (head.Lane, head.Seq, head.Link, head.Mac);
                _end.BatchCommands.Add(_head);
            }
            Execute(rollups);
        }

        /// <summary>All of it, when stamp and head are still these; else a division by zero, and the transaction is to be rolled back.</summary>
        public void WriteAtOnce(Rollups rollups, ChainHead head, long stamp, ChainHead before)
        {
            _end.BatchCommands.Add(_begin);
            _end.BatchCommands.Add(_lock);
            object[] values = [head.Lane, head.Seq, head.Link, head.Mac, stamp, before.Seq, before.Link, before.Mac];
            for (var i = 0; i < values.Length; i++) _headAfter.Parameters[i].Value = values[i];
            _end.BatchCommands.Add(_headAfter);
            Execute(rollups);
        }

        public void RollBack()
        {
            using var rollback = new NpgsqlCommand("ROLLBACK", _connection) { CommandTimeout = Seconds };
            rollback.ExecuteNonQuery();
        }

        private void Execute(Rollups rollups)
        {
            foreach (var (k, n) in rollups.Hours) _hours.Add(k.Hour, Key(k.Credential), k.Version, n.Calls, n.Errors, n.KeyErrors, n.DurationUs);
            foreach (var (k, n) in rollups.Days) _days.Add(k.Day, Key(k.Credential), k.Version, n.Calls, n.Errors, n.KeyErrors, n.DurationUs);
            foreach (var (k, n) in rollups.Sources) _sources.Add(k.Day, Key(k.Credential), (int)k.Kind, k.Name, n.Calls, n.Errors, n.LastTicks);
            foreach (var n in rollups.FreshNames) _names.Add((int)n.Kind, n.Id, n.Name, n.Email);
            foreach (var (k, n) in rollups.Uses) _uses.Add(Key(k), n.LastTicks, n.Calls);
            foreach (var columns in new[] { Calls, CompletionRows, _hours, _days, _sources, _uses, _names })
                if (columns.Any) _end.BatchCommands.Add(columns.Command);
            _end.BatchCommands.Add(_commit);
            _end.ExecuteNonQuery();
        }

        public void Clear()
        {
            _end.BatchCommands.Clear();
            foreach (var columns in new[] { Calls, CompletionRows, _hours, _days, _sources, _uses, _names }) columns.Clear();
        }

        public void Dispose()
        {
            Begin.Dispose();
            _end.Dispose();
            try
            {
                // Not pooled, so the session ends, and with it an open transaction and the lane.
                _connection.Dispose();
            }
            catch (NpgsqlException)
            {
                // It has ended already, from the other side.
            }
        }
    }

    // Rows of one table, kept by column: many rows are one statement with one array per column.
    private sealed class Columns
    {
        private readonly System.Collections.IList[] _columns;

        /// <param name="columns">Names with the type: n bigint, i integer, b bytea, t text, o boolean.</param>
        public Columns(string table, string columns, string tail = "")
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
            "i" => new List<int?>(),
            "b" => new List<byte[]?>(),
            "o" => new List<bool>(),
            _ => new List<string?>(),
        };

        private static NpgsqlDbType Type(string type) => type switch
        {
            "n" => NpgsqlDbType.Bigint,
            "i" => NpgsqlDbType.Integer,
            "b" => NpgsqlDbType.Bytea,
            "o" => NpgsqlDbType.Boolean,
            _ => NpgsqlDbType.Text,
        };
    }
}
