using System.Data.Common;
using System.Globalization;
using Evose.Admin.Domain.Calls;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Evose.Admin.Platform.Data;

/// <summary>
/// The rows of one lane in one part of the record, in the order of the chain, stretch by stretch, as they are stored. Past the entity framework, which takes three times as long for
/// as many rows; a value that does not fit its column throws as there.
/// </summary>
/// <param name="db">Inside the snapshot's transaction. Its connection is used by one call at a time.</param>
/// <param name="last">The part's last position.</param>
internal sealed class StoredCalls(AdminDb db, int lane, long last)
{
    private const int Length = 8192;

    private const string CallColumns = "seq, position, id, at, workspace_id, tool_id, tool, agent_id, agent, workflow_id, workflow, run_id, user_id, user_name, user_email, api_key_id, api_key, ip, "
        + "credential_id, credential, version, method, host, path, refused, rule, request_id, link";

    private const string CompletionColumns = "call_seq, position, at, status, duration_us, outcome, reason, link";

    private long _after;

    /// <summary>Both lists ascending by position.</summary>
    public sealed record Stretch(List<CallRecord> Calls, List<CallCompletion> Completions);

    /// <summary>The next rows; null when there are no more.</summary>
    public async Task<Stretch?> NextAsync(CancellationToken ct)
    {
        while (_after < last)
        {
            var until = Math.Min(last, _after + Length);
            var stretch = new Stretch(await ReadAsync("call_record", CallColumns, until, Call, ct), await ReadAsync("call_completion", CompletionColumns, until, Completion, ct));
            if (stretch.Calls.Count + stretch.Completions.Count > 0)
            {
                _after = until;
                return stretch;
            }
            // Nothing where something should be: what comes next, if anything, lies behind a gap.
            if (await FirstAsync(ct) is not { } next) break;
            _after = next - 1;
        }
        return null;
    }

    private async Task<long?> FirstAsync(CancellationToken ct)
    {
        var call = await db.Calls.Where(c => c.Lane == lane && c.Position > _after && c.Position <= last).MinAsync(c => (long?)c.Position, ct);
        var completion = await db.CallCompletions.Where(c => c.Lane == lane && c.Position > _after && c.Position <= last).MinAsync(c => (long?)c.Position, ct);
        return call is null || completion < call ? completion : call;
    }

    private async Task<List<T>> ReadAsync<T>(string table, string columns, long until, Func<DbDataReader, T> row, CancellationToken ct)
    {
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.Transaction = db.Database.CurrentTransaction!.GetDbTransaction();
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"SELECT {columns} FROM {table} WHERE lane = {lane} AND position > {_after} AND position <= {until} ORDER BY position");
        var rows = new List<T>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) rows.Add(row(reader));
        return rows;
    }

    private CallRecord Call(DbDataReader r) => new()
    {
        Lane = lane,
        Seq = r.GetInt64(0),
        Position = r.GetInt64(1),
        Id = Id(r, 2) ?? throw new FormatException("a call has no id"),
        At = At(r, 3),
        WorkspaceId = Id(r, 4),
        ToolId = Id(r, 5),
        Tool = Text(r, 6),
        AgentId = Id(r, 7),
        Agent = Text(r, 8),
        WorkflowId = Id(r, 9),
        Workflow = Text(r, 10),
        RunId = Text(r, 11),
        UserId = Text(r, 12),
        UserName = Text(r, 13),
        UserEmail = Text(r, 14),
        ApiKeyId = Id(r, 15),
        ApiKey = Text(r, 16),
        Ip = Text(r, 17),
        CredentialId = Id(r, 18),
        Credential = Text(r, 19),
        Version = r.IsDBNull(20) ? null : r.GetInt32(20),
        Method = r.GetString(21),
        Host = Text(r, 22),
        Path = Text(r, 23),
        Refused = r.GetBoolean(24),
        Rule = r.GetString(25),
        RequestId = r.GetString(26),
        Link = r.GetFieldValue<byte[]>(27),
    };

    private CallCompletion Completion(DbDataReader r) => new()
    {
        Lane = lane,
        CallSeq = r.GetInt64(0),
        Position = r.GetInt64(1),
        At = At(r, 2),
        Status = r.IsDBNull(3) ? null : r.GetInt32(3),
        DurationUs = r.GetInt64(4),
        Outcome = (CallOutcome)r.GetInt32(5),
        Reason = Text(r, 6),
        Link = r.GetFieldValue<byte[]>(7),
    };

    private static DateTimeOffset At(DbDataReader r, int i) => new(r.GetInt64(i), TimeSpan.Zero);

    private static string? Text(DbDataReader r, int i) => r.IsDBNull(i) ? null : r.GetString(i);

    private static Guid? Id(DbDataReader r, int i) => r.IsDBNull(i) ? null : new Guid(r.GetFieldValue<byte[]>(i), bigEndian: true);
}
