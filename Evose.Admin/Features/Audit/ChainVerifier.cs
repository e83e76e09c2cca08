using System.Buffers;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>Where a chain stops being what the app wrote.</summary>
/// <param name="Lane"><c>audit</c>, <c>calls</c>, or <c>anchor</c> for the anchor file, where the sequence is the line.</param>
public sealed record ChainBreak(string Lane, long Seq, string Reason);

/// <summary>What a verification found.</summary>
/// <param name="Events">Rows that were checked and are as the app wrote them.</param>
/// <param name="AuditSeq">The administrative chain is proven up to here.</param>
/// <param name="CallSeq">The chain of calls is proven up to here.</param>
public sealed record ChainReport(long Events, long AuditSeq, long CallSeq, ChainBreak? FirstBreak)
{
    public bool Verified => FirstBreak is null;
}

/// <summary>
/// Recomputes both chains from their first rows, in one snapshot of the database: every row's link, no gap, the keyed head, and the anchor file. Finds a row that was
/// edited, deleted, added or moved, a tail that was cut off, and a database that was put back. What is younger than the newest anchor can be cut off together with an
/// older genuine head without being found: at most <see cref="AuditAnchor.Interval"/>.
/// </summary>
public sealed class ChainVerifier(IDbContextFactory<AdminDb> dbs, SecretVault vault, AuditAnchor anchor)
{
    public async Task<ChainReport> VerifyAsync(CancellationToken ct)
    {
        // Before the snapshot: what was anchored then must be in it.
        var atLeast = anchor.Lines;
        var anchors = Anchors.Read(await anchor.ReadLinesAsync(ct), atLeast, vault);

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var snapshot = await db.BeginReadAsync(ct);
        var heads = await db.ChainHeads.AsNoTracking().ToDictionaryAsync(h => h.Lane, ct);

        var buffer = new ArrayBufferWriter<byte>(1024);
        var audit = new LaneWalk(Chain.AuditLane, anchors.Of(Chain.AuditLane));
        var found = await WalkAsync(audit, async () =>
        {
            await foreach (var e in db.AuditEvents.AsNoTracking().OrderBy(e => e.Seq).AsAsyncEnumerable().WithCancellation(ct))
            {
                buffer.Clear();
                if (audit.Step(e.Seq, AuditChain.Payload(e, buffer), e.Link) is { } broken) return broken;
            }
            return null;
        }) ?? End(audit, heads);

        var calls = new LaneWalk(Chain.CallLane, anchors.Of(Chain.CallLane));
        found ??= await WalkAsync(calls, () => WalkCallsAsync(db, calls, buffer, ct)) ?? End(calls, heads);
        found ??= anchors.Check(audit.Seq + calls.Seq > 0);
        return new ChainReport(audit.Seq + calls.Seq, audit.Seq, calls.Seq, found);
    }

    // Calls and completions share one sequence and lie in two tables: merged by it.
    private static async Task<ChainBreak?> WalkCallsAsync(AdminDb db, LaneWalk walk, ArrayBufferWriter<byte> buffer, CancellationToken ct)
    {
        await using var calls = db.Calls.AsNoTracking().OrderBy(c => c.Seq).AsAsyncEnumerable().GetAsyncEnumerator(ct);
        await using var completions = db.CallCompletions.AsNoTracking().OrderBy(c => c.Seq).AsAsyncEnumerable().GetAsyncEnumerator(ct);
        var call = await calls.MoveNextAsync() ? calls.Current : null;
        var completion = await completions.MoveNextAsync() ? completions.Current : null;
        while (call is not null || completion is not null)
        {
            buffer.Clear();
            ChainBreak? broken;
            if (completion is null || call?.Seq <= completion.Seq)
            {
                broken = walk.Step(call!.Seq, new CallFacts(call).Write(new ChainPayload(buffer)), call.Link);
                call = await calls.MoveNextAsync() ? calls.Current : null;
            }
            else
            {
                broken = walk.Step(completion.Seq, Payload(completion, buffer), completion.Link);
                completion = await completions.MoveNextAsync() ? completions.Current : null;
            }
            if (broken is not null) return broken;
        }
        return null;
    }

    private static ReadOnlySpan<byte> Payload(CallCompletion c, ArrayBufferWriter<byte> buffer) =>
        LedgerStore.CompletionPayload(new ChainPayload(buffer), c.CallSeq, c.At, c.Status, c.DurationUs, c.Outcome, c.Reason);

    // A value that no longer fits its column's type is an edit like any other.
    private static async Task<ChainBreak?> WalkAsync(LaneWalk walk, Func<Task<ChainBreak?>> rows)
    {
        try
        {
            return await rows();
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidCastException or FormatException or ArgumentException or OverflowException)
        {
            return walk.Break(walk.Seq + 1, "cannot be read: a value in it was changed to something else");
        }
    }

    private ChainBreak? End(LaneWalk walk, Dictionary<string, ChainHead> heads)
    {
        var head = heads.GetValueOrDefault(walk.Lane);
        if (head is null) return walk.Seq == 0 ? walk.EndOfAnchors() : new ChainBreak(walk.Lane, walk.Seq, "The head of the chain was removed.");
        if (!HeadSeal.IsGenuine(vault, Chain.HeadBytes(head.Lane, head.Seq, head.Link), head.Mac))
        {
            return head.Seq > walk.Seq
                ? walk.Break(walk.Seq + 1, $"is missing: the tail was cut off, and the head at {head.Seq} does not have our MAC")
                : walk.EndOfAnchors() ?? new ChainBreak(walk.Lane, head.Seq, "The head of the chain does not have our MAC: it was rewritten without the key.");
        }
        if (head.Seq > walk.Seq) return walk.Break(walk.Seq + 1, $"is missing: the tail was cut off (the head stands at {head.Seq})");
        if (walk.EndOfAnchors() is { } cut) return cut;
        if (head.Seq < walk.Seq) return walk.Break(head.Seq + 1, "was added behind the head of the chain");
        return head.Link.AsSpan().SequenceEqual(walk.Link) ? null : new ChainBreak(walk.Lane, head.Seq, "The head of the chain does not have the last row's link.");
    }
}
