using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Data;
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

    internal static async Task<RecentCalls> CountAsync(AdminDb db, Guid workspaceId, ConsumerKind kind, DateTimeOffset now, CancellationToken ct)
    {
        var since = now - TimeSpan.FromHours(24);
        var newest = db.Calls.AsNoTracking().Where(c => c.WorkspaceId == workspaceId).OrderByDescending(c => c.Seq).Take(Window).Where(c => c.At >= since);
        // A call that uses two credentials is two records of one request.
        var rows = kind switch
        {
            ConsumerKind.Tool => newest.Select(c => new { Id = c.ToolId, c.RequestId }),
            ConsumerKind.Agent => newest.Select(c => new { Id = c.AgentId, c.RequestId }),
            ConsumerKind.Workflow => newest.Select(c => new { Id = c.WorkflowId, c.RequestId }),
        };
        var counts = await rows.GroupBy(r => r.Id).Select(g => new { g.Key, Records = g.Count(), Calls = g.Select(r => r.RequestId).Distinct().Count() }).ToListAsync(ct);
        return new RecentCalls(counts.Where(c => c.Key is not null).ToDictionary(c => c.Key!.Value, c => c.Calls), counts.Sum(c => c.Records) < Window);
    }
}
