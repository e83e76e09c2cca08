using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>What one lane has committed to <c>call_frame</c> and nobody has copied yet. On SQLite there is none: its journal lies in files.</summary>
/// <param name="head">The copy stands here by a head of ours, else 0; what lies at or before it is never copied.</param>
internal sealed class WaitingFrames(AdminDb db, int lane, long head, SecretVault vault)
{
    public static IQueryable<CallFrame>? Of(AdminDb db) => db.Model.FindEntityType(typeof(CallFrame)) is null ? null : db.Set<CallFrame>().AsNoTracking();

    /// <summary>Each frame by itself: the app wrote it, and to this place. Asked before the rows are, because rows that are missing lie in a frame that was left aside.</summary>
    public async Task<ChainBreak?> CheckAsync(LaneWalk walk, CancellationToken ct)
    {
        await foreach (var frame in InOrder().WithCancellation(ct))
        {
            if (!LaneHead.IsOurs(frame.Frame, lane, frame.Position, vault)) return walk.Break(frame.Position, "ends a frame in call_frame that is not as the app wrote it: it is left there");
            if (frame.Position <= head) return walk.Break(frame.Position, $"ends a frame in call_frame that lies behind the copy, which stands at {head}: it could not be read, or was put there later");
        }
        return null;
    }

    /// <summary>The chain goes on in them, behind the last row that was copied.</summary>
    public async Task<ChainBreak?> WalkAsync(LaneWalk walk, CancellationToken ct)
    {
        await foreach (var frame in InOrder().WithCancellation(ct))
            for (var row = JournalFrame.RowsOf(frame.Frame); row.Next();)
                if (walk.Step(row.Position, row.Payload, row.Link) is { } broken) return broken;
        return null;
    }

    private IAsyncEnumerable<CallFrame> InOrder() =>
        Of(db)?.Where(f => f.Lane == lane).OrderBy(f => f.Position).AsAsyncEnumerable() ?? AsyncEnumerable.Empty<CallFrame>();
}
