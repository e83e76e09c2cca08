using System.Buffers;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Writes groups of ledger entries into SQLite with prepared statements on one connection: rows, chain, head and rollups in one IMMEDIATE transaction.
/// Used by the one writer only; takes the write gate.
/// </summary>
public sealed class LedgerStore(Sqlite sqlite, WriteGate gate, SecretVault vault, TimeProvider clock) : ILedgerStore
{
    private readonly ArrayBufferWriter<byte> _payload = new(1024);
    private readonly Rollups _rollups = new();
    private readonly byte[] _link = new byte[Chain.LinkLength];
    private readonly Lock _one = new();
    private SqliteConnection? _connection;
    private Statement _call = null!, _completion = null!, _head = null!, _hour = null!, _source = null!, _use = null!;
    private SqliteCommand _begin = null!, _commit = null!, _rollback = null!, _read = null!;
    // SQLite has one writer, so one lane.
    private const int Lane = 0;
    private CallNumbers _numbers = null!;
    private DateTimeOffset _now;
    private long _position;
    private byte[]? _forged;

    public async ValueTask WriteAsync(IReadOnlyList<LedgerItem> batch)
    {
        if (!await gate.TryEnterAsync(UsageLedger.Patience, CancellationToken.None)) throw new TimeoutException("the database's writer is busy");
        try
        {
            // Held by the one writer; only the end of the app, which closes the connection, ever waits for it.
            lock (_one) WriteGroup(batch);
        }
        finally
        {
            gate.Leave();
        }
    }

    private void WriteGroup(IReadOnlyList<LedgerItem> batch)
    {
        Open();
        _begin.ExecuteNonQuery();
        try
        {
            var stamp = ReadStampAndHead();
            var before = _position;
            _now = clock.GetUtcNow();
            foreach (var item in batch) Add(item, stamp);
            if (_position > before)
            {
                WriteRollups();
                // A head that was not ours stays unsigned: the next row must not make a forged chain look genuine.
                _head.Run(_position, _link, _forged ?? vault.AuditMac(Chain.HeadBytes(Chain.CallLane, _position, _link)));
            }
            _commit.ExecuteNonQuery();
        }
        catch
        {
            try
            {
                _rollback.ExecuteNonQuery();
            }
            catch (SqliteException)
            {
                // The engine has already rolled back; the first failure is the one to tell.
            }
            throw;
        }
        finally
        {
            _rollups.Clear();
        }
    }

    /// <summary>Forgets the connection after a failure; the next group opens a new one.</summary>
    public void Reset()
    {
        lock (_one)
        {
            _connection?.Dispose();
            _connection = null;
        }
    }

    public void Dispose() => Reset();

    private long ReadStampAndHead()
    {
        using var reader = _read.ExecuteReader();
        if (!reader.Read()) throw new InvalidOperationException("the installation row is missing");
        var stamp = reader.GetInt64(0);
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
            _forged = HeadSeal.IsGenuine(vault, Chain.HeadBytes(Chain.CallLane, _position, _link), mac) ? null : mac;
        }
        return stamp;
    }

    private void Add(LedgerItem item, long stamp)
    {
        var entry = item.Entry!;
        if (item.Completion is { } completion)
        {
            for (var i = 0; i < entry.Rows; i++) AddCompletion(entry, item.FirstSeq + i, i, completion);
            return;
        }
        // A refusal changes nothing, so it need not be decided again.
        item.Stale = entry.Stamp != stamp && !entry.Refused;
        if (item.Stale) return;
        item.FirstSeq = _numbers.Next(_now, entry.Rows);
        for (var i = 0; i < entry.Rows; i++) AddCall(entry, item.FirstSeq + i, i);
    }

    private void AddCall(CallEntry e, long seq, int i)
    {
        VersionUse? use = i < e.Uses.Count ? e.Uses[i] : null;
        var facts = new CallFacts(e, seq, use);
        var version = facts.Version;
        var position = ++_position;
        _payload.Clear();
        Chain.Link(_link, Chain.CallLane, position, facts.Write(new ChainPayload(_payload)), _link);
        _call.Run(seq, Lane, position, Key(e.Id), e.At.UtcTicks, Key(e.WorkspaceId), Key(e.ToolId), e.Tool, Key(e.AgentId), e.Agent, Key(e.WorkflowId), e.Workflow, e.RunId, e.UserId, e.UserName, e.UserEmail,
            Key(e.ApiKeyId), e.ApiKey, e.Ip, Key(use?.CredentialId), use?.Name, version, e.Method, e.Host, e.Path, e.Refused ? 1 : 0, e.Rule, e.RequestId, _link);
        _rollups.Call(e, use);
    }

    private void AddCompletion(CallEntry e, long callSeq, int i, Completion c)
    {
        var position = ++_position;
        _payload.Clear();
        Chain.Link(_link, Chain.CallLane, position, CompletionPayload(new ChainPayload(_payload), callSeq, c.At, c.Status, c.DurationUs, c.Outcome, c.Reason), _link);
        _completion.Run(callSeq, Lane, position, c.At.UtcTicks, c.Status, c.DurationUs, (int)c.Outcome, c.Reason, _link);
        _rollups.Completion(e, i, c);
    }

    /// <summary>True for what could be the key's fault: 401, 403, the upstream's own failure, or no answer. A caller's bad request is not.</summary>
    public static bool SpeaksAgainstKey(CallOutcome outcome, int? status, string? reason) =>
        outcome == CallOutcome.Failed ? reason is null || !NotTheKey.Contains(reason) : status is 401 or 403 or >= 500;

    /// <summary>The caller's body broke off or was too large.</summary>
    public const string CallerBody = "caller_body";

    /// <summary>Reasons of failed calls that say nothing about the key: the caller's doing, ours, or never sent.</summary>
    public static readonly IReadOnlyList<string> NotTheKey = ["caller_left", CallerBody, "not_sent", "answer_too_large", "value_unsafe", "field_unknown", "egress", "internal"];

    private void WriteRollups()
    {
        foreach (var (k, n) in _rollups.Hours) _hour.Run(Key(k.Credential), k.Hour, k.Version, n.Calls, n.Errors, n.KeyErrors, n.DurationUs);
        foreach (var (k, n) in _rollups.Sources) _source.Run(Key(k.Credential), k.Day, k.Source, n.Calls, n.Errors, n.LastTicks);
        foreach (var (k, n) in _rollups.Uses) _use.Run(Key(k), n.LastTicks, n.Calls);
    }

    private static byte[]? Key(Guid? id) => id?.ToByteArray(true);

    /// <summary>Canonical bytes of a completion row.</summary>
    public static ReadOnlySpan<byte> CompletionPayload(ChainPayload p, long callSeq, DateTimeOffset at, int? status, long durationUs, CallOutcome outcome, string? reason)
    {
        p.Number(2L);
        p.Number(callSeq);
        p.Number(at.UtcTicks);
        p.Number((long?)status);
        p.Number(durationUs);
        p.Number((long)outcome);
        p.Text(reason);
        return p.Written;
    }

    private void Open()
    {
        if (_connection is not null) return;
        var c = sqlite.Open();
        try
        {
            _begin = Command(c, "BEGIN IMMEDIATE");
            _commit = Command(c, "COMMIT");
            _rollback = Command(c, "ROLLBACK");
            _read = Command(c, "SELECT i.stamp, h.seq, h.link, h.mac FROM installation i LEFT JOIN chain_head h ON h.lane = 'calls'");
            _call = new Statement(c, "INSERT INTO call_record (seq, lane, position, id, at, workspace_id, tool_id, tool, agent_id, agent, workflow_id, workflow, run_id, user_id, user_name, user_email, "
                + "api_key_id, api_key, ip, credential_id, credential, version, method, host, path, refused, rule, request_id, link)", 29);
            _completion = new Statement(c, "INSERT INTO call_completion (call_seq, lane, position, at, status, duration_us, outcome, reason, link)", 9);
            _head = new Statement(c, "INSERT INTO chain_head (lane, seq, link, mac)", 3, "'calls', ", " ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, link = excluded.link, mac = excluded.mac");
            _hour = new Statement(c, "INSERT INTO usage_hour (credential_id, hour, version, calls, errors, key_errors, duration_us)", 7, tail:
                " ON CONFLICT (credential_id, hour, version) DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, key_errors = key_errors + excluded.key_errors, duration_us = duration_us + excluded.duration_us");
            _source = new Statement(c, "INSERT INTO usage_source (credential_id, day, source, calls, errors, last_at)", 6, tail:
                " ON CONFLICT (credential_id, day, source) DO UPDATE SET calls = calls + excluded.calls, errors = errors + excluded.errors, last_at = max(last_at, excluded.last_at)");
            _use = new Statement(c, "INSERT INTO credential_use (credential_id, last_used_at, calls)", 3, tail:
                " ON CONFLICT (credential_id) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at), calls = calls + excluded.calls");
            _numbers = new CallNumbers(Lane, Scalar(c, "SELECT max(seq) FROM call_record"));
            _connection = c;
        }
        catch
        {
            c.Dispose();
            throw;
        }
    }

    private static long Scalar(SqliteConnection connection, string sql)
    {
        using var command = Command(connection, sql);
        return command.ExecuteScalar() as long? ?? 0;
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Prepare();
        return command;
    }

    // A prepared INSERT with positional values.
    private sealed class Statement
    {
        private readonly SqliteCommand _command;

        public Statement(SqliteConnection connection, string insert, int values, string first = "", string tail = "")
        {
            _command = connection.CreateCommand();
            for (var i = 0; i < values; i++) _command.Parameters.Add(new SqliteParameter("$" + i, DBNull.Value));
            _command.CommandText = $"{insert} VALUES ({first}{string.Join(", ", Enumerable.Range(0, values).Select(i => "$" + i))}){tail}";
            _command.Prepare();
        }

        public void Run(params ReadOnlySpan<object?> values)
        {
            for (var i = 0; i < values.Length; i++) _command.Parameters[i].Value = values[i] ?? DBNull.Value;
            _command.ExecuteNonQuery();
        }
    }
}
