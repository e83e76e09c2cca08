using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>Calls of the last 24 hours by consumer, counted over the workspace's newest records only, so that the price does not grow with the ledger.</summary>
public sealed class RecentCalls
{
    /// <summary>How many of the newest records are looked at.</summary>
    public const int Window = 10_000;

    private readonly Dictionary<Guid, int> _counts;
    private readonly bool _complete;

    private RecentCalls(Dictionary<Guid, int> counts, bool complete) => (_counts, _complete) = (counts, complete);

    /// <param name="Complete">False: there may be more than were looked at.</param>
    public readonly record struct Count(int Calls, bool Complete)
    {
        public override string ToString() => Complete ? $"{Calls:N0}" : $"{Calls:N0}+";
    }

    public Count Of(Guid consumerId) => new(_counts.GetValueOrDefault(consumerId), _complete);

    internal static async Task<RecentCalls> CountAsync(CallLog calls, Guid workspaceId, ConsumerKind kind, DateTimeOffset now, CancellationToken ct)
    {
        var since = now - TimeSpan.FromHours(24);
        // A row is written up to the writer's patience after the call was, never before.
        var first = CallNumber.First(since - UsageLedger.Patience);
        // A call that uses two credentials is two records of one request.
        var rows = await calls.NewestAsync(first, long.MaxValue, Window, db =>
        {
            var newest = db.Calls.AsNoTracking().Where(c => c.WorkspaceId == workspaceId && c.Seq >= first).OrderByDescending(c => c.Seq);
            return kind switch
            {
                ConsumerKind.Tool => newest.Select(c => new Named(c.ToolId, c.RequestId, c.At)),
                ConsumerKind.Agent => newest.Select(c => new Named(c.AgentId, c.RequestId, c.At)),
                ConsumerKind.Workflow => newest.Select(c => new Named(c.WorkflowId, c.RequestId, c.At)),
            };
        }, ct);
        var counts = rows.Where(r => r.At >= since).GroupBy(r => r.Id).Select(g => new { g.Key, Calls = g.Select(r => r.RequestId).Distinct().Count() });
        return new RecentCalls(counts.Where(c => c.Key is not null).ToDictionary(c => c.Key!.Value, c => c.Calls), rows.Count < Window);
    }

    private sealed record Named(Guid? Id, string RequestId, DateTimeOffset At);
}
