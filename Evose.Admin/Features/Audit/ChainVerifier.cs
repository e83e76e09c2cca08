using System.Buffers;
using System.Globalization;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>Where a chain stops being what the app wrote.</summary>
/// <param name="Lane"><c>audit</c>, <c>calls</c> or <c>calls/N</c>, or <c>anchor</c> for the anchor file, where the sequence is the line.</param>
public sealed record ChainBreak(string Lane, long Seq, string Reason);

/// <summary>What a verification found.</summary>
/// <param name="Events">Rows that were checked and are as the app wrote them.</param>
/// <param name="AuditSeq">The administrative chain is proven up to here.</param>
/// <param name="CallSeq">So many rows of the chains of calls are proven.</param>
public sealed record ChainReport(long Events, long AuditSeq, long CallSeq, ChainBreak? FirstBreak)
{
    public bool Verified => FirstBreak is null;
}

/// <summary>
/// Recomputes all chains from their first rows, in one snapshot of the database: every row's link, no gap, the keyed head, and the anchor file. Finds a row that was
/// edited, deleted, added or moved, a tail that was cut off, and a database that was put back. What is younger than the newest anchor can be cut off together with an
/// older genuine head without being found: at most <see cref="AuditAnchor.Interval"/>.
/// </summary>
public sealed class ChainVerifier(IDbContextFactory<AdminDb> dbs, SecretVault vault, AuditAnchor anchor)
{
    public async Task<ChainReport> VerifyAsync(CancellationToken ct)
    {
        // Before the snapshot: what was anchored then must be in it.
        var atLeast = anchor.Lines;
        var anchors = Anchors.Read(await anchor.ReadLinesAsync(ct), atLeast, vault, anchor.MayStartLate);

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

        var proven = 0L;
        foreach (var lane in await LanesAsync(db, ct))
        {
            var calls = new LaneWalk(CallNumber.ChainOf(lane), anchors.Of(CallNumber.ChainOf(lane)));
            found ??= await WalkAsync(calls, () => WalkCallsAsync(db, lane, calls, buffer, ct)) ?? End(calls, heads);
            proven += calls.Seq;
        }
        found ??= anchors.LanesWithout(heads.Keys.Append(Chain.AuditLane).Append(Chain.CallLane)) ?? anchors.Check(audit.Seq + proven > 0);
        return new ChainReport(audit.Seq + proven, audit.Seq, proven, found);
    }

    // Calls and completions share one sequence and lie in two tables: merged by it.
    private static async Task<ChainBreak?> WalkCallsAsync(AdminDb db, int lane, LaneWalk walk, ArrayBufferWriter<byte> buffer, CancellationToken ct)
    {
        var calls = new Pages<CallRecord>(c => (c.Position, c.Seq), (p, s, n) => db.Calls.AsNoTracking()
            .Where(c => c.Lane == lane && c.Position >= p && (c.Position > p || c.Seq > s)).OrderBy(c => c.Position).ThenBy(c => c.Seq).Take(n).ToListAsync(ct));
        var completions = new Pages<CallCompletion>(c => (c.Position, c.CallSeq), (p, s, n) => db.CallCompletions.AsNoTracking()
            .Where(c => c.Lane == lane && c.Position >= p && (c.Position > p || c.CallSeq > s)).OrderBy(c => c.Position).ThenBy(c => c.CallSeq).Take(n).ToListAsync(ct));
        var call = await calls.NextAsync();
        var completion = await completions.NextAsync();
        while (call is not null || completion is not null)
        {
            buffer.Clear();
            ChainBreak? broken;
            if (completion is null || call?.Position <= completion.Position)
            {
                broken = walk.Step(call!.Position, new CallFacts(call).Write(new ChainPayload(buffer)), call.Link);
                call = await calls.NextAsync();
            }
            else
            {
                broken = walk.Step(completion.Position, Payload(completion, buffer), completion.Link);
                completion = await completions.NextAsync();
            }
            if (broken is not null) return broken;
        }
        return null;
    }

    // In pages, because a connection reads one thing at a time; by position and number, so that a position that is there twice is seen twice.
    private sealed class Pages<T>(Func<T, (long Position, long Number)> place, Func<long, long, int, Task<List<T>>> read)
        where T : class
    {
        private const int Size = 2000;

        private List<T> _rows = [];
        private int _next;
        private int _size = Size;
        private (long Position, long Number) _last = (long.MinValue, long.MinValue);

        public async Task<T?> NextAsync()
        {
            if (_next == _rows.Count)
            {
                try
                {
                    _rows = await read(_last.Position, _last.Number, _size);
                }
                catch (Exception e) when (_size > 1 && (e is InvalidOperationException or InvalidCastException or FormatException or ArgumentException or OverflowException))
                {
                    // One row cannot be read: one at a time, to say which.
                    _size = 1;
                    _rows = await read(_last.Position, _last.Number, _size);
                }
                _next = 0;
                if (_rows.Count == 0) return null;
                _last = place(_rows[^1]);
            }
            return _rows[_next++];
        }
    }

    // Lanes that have rows or a head; lane 0 always, so that an emptied one is missed.
    private static async Task<IReadOnlyList<int>> LanesAsync(AdminDb db, CancellationToken ct)
    {
        var lanes = new SortedSet<int> { 0 };
        lanes.UnionWith((await db.ChainHeads.Select(h => h.Lane).ToListAsync(ct)).Where(l => l.StartsWith(Chain.CallLane + "/", StringComparison.Ordinal)).Select(l => int.Parse(l.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture)));
        lanes.UnionWith(await AfterAsync(db.Calls.Select(c => c.Lane), ct));
        lanes.UnionWith(await AfterAsync(db.CallCompletions.Select(c => c.Lane), ct));
        return [.. lanes];
    }

    // One look into the index per lane, not one per row.
    private static async Task<List<int>> AfterAsync(IQueryable<int> lanes, CancellationToken ct)
    {
        var found = new List<int>();
        for (int? last = -1; (last = await lanes.Where(l => l > last).MinAsync(l => (int?)l, ct)) is { } next;) found.Add(next);
        return found;
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
