using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Rows of frames in the binary format of PostgreSQL's COPY. Texts and ids stand in a row's canonical bytes as they do there, length before bytes and -1 for null, so most of a row is copied as it is.
/// Source of the format: PostgreSQL's documentation of COPY, "Binary Format".
/// </summary>
internal sealed class CallCopy
{
    public const string Calls = "COPY call_record (seq, lane, position, link, id, at, refused, version, workspace_id, tool_id, tool, agent_id, agent, workflow_id, workflow, run_id, user_id, user_name, user_email, "
        + "api_key_id, api_key, ip, credential_id, credential, method, host, path, rule, request_id) FROM STDIN (FORMAT binary)";

    public const string Completions = "COPY call_completion (call_seq, lane, position, link, at, status, duration_us, outcome, reason) FROM STDIN (FORMAT binary)";

    private const short CallColumns = 29, CompletionColumns = 9;
    private const int MostKept = 8 << 20;

    // Before the first ids and texts of a call: kind, number, id, time. Each id has its length before it.
    private const int ToIds = 8 + 8 + 4 + 16 + 8;

    private ArrayBufferWriter<byte> _rows = new(1 << 16);
    private readonly List<(int At, long Position)> _starts = [];

    /// <summary>What comes before the rows.</summary>
    public static readonly ReadOnlyMemory<byte> Head = (byte[])[.. "PGCOPY\n"u8, 0xff, .. "\r\n"u8, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>What comes behind them.</summary>
    public static readonly ReadOnlyMemory<byte> Tail = (byte[])[0xff, 0xff];

    public int Count => _starts.Count;

    public ReadOnlyMemory<byte> Rows => _rows.WrittenMemory;

    /// <summary>One row by itself, and its place in the chain.</summary>
    public (ReadOnlyMemory<byte> Row, long Position) this[int i] =>
        (_rows.WrittenMemory[_starts[i].At..(i + 1 < _starts.Count ? _starts[i + 1].At : _rows.WrittenCount)], _starts[i].Position);

    public void Clear()
    {
        if (_rows.Capacity > MostKept) _rows = new(1 << 16);
        else _rows.ResetWrittenCount();
        _starts.Clear();
    }

    /// <summary>Adds a call, and to the sums what it counts for.</summary>
    public void Call(int lane, JournalFrame.Rows row, FrameSums sums)
    {
        var payload = row.Payload;
        var r = new ChainReader(payload[8..]);
        var seq = r.Number();
        r.TryBytes(out var id);
        var at = r.Number();
        r.TryBytes(out _);
        r.TryBytes(out _);
        r.TryBytes(out var tool);
        r.TryBytes(out _);
        r.TryBytes(out var agent);
        r.TryBytes(out _);
        r.TryBytes(out var workflow);
        r.TryBytes(out _);
        r.TryBytes(out var userId);
        r.TryBytes(out var userName);
        r.TryBytes(out var userEmail);
        r.TryBytes(out _);
        r.TryBytes(out var key);
        r.TryBytes(out _);
        r.TryBytes(out var credential);
        r.TryBytes(out _);
        var ids = payload[ToIds..^r.Left];
        var hasVersion = r.TryNumber(out var version);
        var where = r.Left;
        for (var i = 0; i < 3; i++) r.TryBytes(out _);
        var target = payload[^where..^r.Left];
        var refused = r.Number();
        var rule = payload[^r.Left..];

        Start(row, CallColumns);
        Number(seq);
        Number(lane);
        Number(row.Position);
        Bytes(row.Link);
        Bytes(id);
        Number(at);
        Length(1);
        _rows.Write([(byte)(refused != 0 ? 1 : 0)]);
        if (hasVersion) Number((int)version);
        else Length(-1);
        _rows.Write(ids);
        _rows.Write(target);
        _rows.Write(rule);

        sums.Named(userId, userName, userEmail, key);
        if (refused == 0 && !credential.IsEmpty) sums.Call(credential, (int)version, at, tool, agent, workflow, userId, key);
    }

    /// <summary>Adds a completion, and to the sums what it counts for.</summary>
    public void Completion(int lane, JournalFrame.Rows row, FrameSums sums)
    {
        var r = new ChainReader(row.Payload[8..]);
        Start(row, CompletionColumns);
        Number(r.Number());
        Number(lane);
        Number(row.Position);
        Bytes(row.Link);
        Number(r.Number());
        int? status = null;
        if (r.TryNumber(out var given)) Number((status = (int)given).Value);
        else Length(-1);
        var duration = r.Number();
        Number(duration);
        var outcome = (CallOutcome)r.Number();
        Number((int)outcome);
        var hasReason = r.TryBytes(out var reason);
        if (hasReason) Bytes(reason);
        else Length(-1);
        sums.Completion(row.Extra, Counts.Of(outcome, status, hasReason ? Encoding.UTF8.GetString(reason) : null, duration));
    }

    private void Start(JournalFrame.Rows row, short columns)
    {
        _starts.Add((_rows.WrittenCount, row.Position));
        BinaryPrimitives.WriteInt16BigEndian(_rows.GetSpan(2), columns);
        _rows.Advance(2);
    }

    private void Number(long number)
    {
        Length(8);
        BinaryPrimitives.WriteInt64BigEndian(_rows.GetSpan(8), number);
        _rows.Advance(8);
    }

    private void Number(int number)
    {
        Length(4);
        Length(number);
    }

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        Length(bytes.Length);
        _rows.Write(bytes);
    }

    private void Length(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(_rows.GetSpan(4), length);
        _rows.Advance(4);
    }
}
