using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// The newest calls of a credential that several workspaces share, from the rows themselves: the sums do not tell workspaces apart.
/// A bounded stretch, so that the price does not grow with the ledger.
/// </summary>
public sealed class NewestUse
{
    /// <summary>How many of the newest records are looked at.</summary>
    public const int Most = 20_000;

    private NewestUse(IReadOnlyList<Row> rows, bool isComplete) => (Rows, IsComplete) = (rows, isComplete);

    public IReadOnlyList<Row> Rows { get; }

    /// <summary>False: there may be more than were looked at.</summary>
    public bool IsComplete { get; }

    public sealed record Row(DateTimeOffset At, Guid? WorkspaceId, Guid? ToolId, Guid? AgentId, Guid? WorkflowId, string? Tool, string? Agent, string? Workflow, string? UserId, string? ApiKey, int? Version, CallOutcome? Outcome)
    {
        public bool IsError => Outcome is CallOutcome.UpstreamError or CallOutcome.Failed;
    }

    /// <param name="workspaceId">Only the calls of this one; null is all.</param>
    public static async Task<NewestUse> OfAsync(CallLog log, Guid credentialId, Guid? workspaceId, DateTimeOffset since, CancellationToken ct)
    {
        var first = CallNumber.First(since);
        var rows = await log.NewestAsync(first, long.MaxValue, Most, db =>
            from c in db.Calls.AsNoTracking()
            where c.CredentialId == credentialId && c.Seq >= first && !c.Refused
            join e in db.CallCompletions.AsNoTracking() on c.Seq equals e.CallSeq into ends
            from e in ends.DefaultIfEmpty()
            orderby c.Seq descending
            select new Row(c.At, c.WorkspaceId, c.ToolId, c.AgentId, c.WorkflowId, c.Tool, c.Agent, c.Workflow, c.UserId, c.ApiKey, c.Version, e == null ? null : (CallOutcome?)e.Outcome), ct);
        return new NewestUse(workspaceId is null ? rows : rows.FindAll(r => r.WorkspaceId == workspaceId), rows.Count < Most);
    }
}
