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
/// <param name="Retired">So many rows of the chains of calls were dropped by policy; what followed them is proven.</param>
public sealed record ChainReport(long Events, long AuditSeq, long CallSeq, ChainBreak? FirstBreak, long Retired = 0)
{
    public bool Verified => FirstBreak is null;
}

/// <summary>
/// Recomputes all chains from their first rows, in one snapshot of the database: every row's link, no gap, the keyed head, and the anchor file. Finds a row that was
/// edited, deleted, added or moved, a tail that was cut off, and a database that was put back. On PostgreSQL the chain goes on in the frames that wait to be copied (<see cref="WaitingFrames"/>). Where rows were dropped by policy a signed note says so, and the chain goes on from it. What is younger than the newest anchor can be cut off together with an
/// older genuine head without being found: at most <see cref="AuditAnchor.Interval"/>.
/// </summary>
public sealed class ChainVerifier(CallLog callLog, SecretVault vault, AuditAnchor anchor)
{
    public async Task<ChainReport> VerifyAsync(CancellationToken ct)
    {
        // Before the snapshot: what was anchored then must be in it.
        var atLeast = anchor.Lines;
        var anchors = Anchors.Read(await anchor.ReadLinesAsync(ct), atLeast, vault, anchor.MayStartLate);

        await using var snapshot = await callLog.SnapshotAsync(ct);
        var db = snapshot.Db;
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

        var (proven, gone) = (0L, 0L);
        foreach (var lane in await LanesAsync(snapshot, ct))
        {
            if (lane is < 0 or > CallNumber.MaxLane)
            {
                found ??= new ChainBreak(Chain.CallLane + "/" + lane.ToString(CultureInfo.InvariantCulture), 1, $"There is no lane {lane}: what stands in it was added.");
                continue;
            }
            var calls = new LaneWalk(CallNumber.ChainOf(lane), anchors.Of(CallNumber.ChainOf(lane)));
            var retired = await RetiredAsync(db, calls, ct);
            var waiting = new WaitingFrames(db, lane, heads.GetValueOrDefault(calls.Lane) is { } head && IsGenuine(head) ? head.Seq : 0, vault);
            found ??= retired.Break ?? await waiting.CheckAsync(calls, ct) ?? await WalkAsync(calls, () => WalkCallsAsync(snapshot, lane, calls, buffer, ct)) ?? End(calls, heads) ?? await waiting.WalkAsync(calls, ct);
            proven += calls.Seq - retired.Position;
            gone += retired.Position;
        }
        found ??= anchors.LanesWithout(heads.Keys.Append(Chain.AuditLane).Append(Chain.CallLane)) ?? anchors.Check(audit.Seq + proven > 0);
        return new ChainReport(audit.Seq + proven, audit.Seq, proven, found, gone);
    }

    // The chain begins behind the newest note of what was dropped. Older notes only tell the story; each must be ours.
    private async Task<(long Position, ChainBreak? Break)> RetiredAsync(AdminDb db, LaneWalk walk, CancellationToken ct)
    {
        var next = 1L;
        foreach (var note in await db.RetiredCalls.AsNoTracking().Where(r => r.Lane == walk.Lane).OrderBy(r => r.Position).ToListAsync(ct))
        {
            if (note.FirstPosition != next || note.Link.Length != Chain.LinkLength || !HeadSeal.IsGenuine(vault, note.Covered(), note.Mac))
                return (walk.Seq, new ChainBreak(walk.Lane, note.Position, $"Rows up to {note.Position} are said to have been dropped by policy, and the app did not say it."));
            if (walk.Begin(note.Position, note.Link) is { } broken) return (walk.Seq, broken);
            next = note.Position + 1;
        }
        return (walk.Seq, null);
    }

    // The lane's rows, part after part. What a part holds beyond its own stretch of the chain are copies of later completions of its calls; each must have its row further on.
    private static async Task<ChainBreak?> WalkCallsAsync(CallSnapshot snapshot, int lane, LaneWalk walk, ArrayBufferWriter<byte> buffer, CancellationToken ct)
    {
        var copies = new Dictionary<long, CallCompletion>();
        foreach (var (part, db) in snapshot.Parts)
        {
            if (await WalkPartAsync(db, part, lane, walk, copies, buffer, ct) is { } broken) return broken;
            if (part.LastPosition is not { } last) continue;
            if (await db.Calls.AnyAsync(c => c.Lane == lane && c.Position > last, ct)) return walk.Break(last + 1, "stands in two files of the record");
            foreach (var copy in await db.CallCompletions.AsNoTracking().Where(c => c.Lane == lane && c.Position > last).ToListAsync(ct)) copies[copy.Position] = copy;
        }
        return copies.Count == 0 ? null : walk.Break(copies.Keys.Min(), "was added: it is a copy of a completion that the chain does not have");
    }

    // Calls and completions share one sequence and lie in two tables: merged by it. While one stretch is proven the next is read.
    private static async Task<ChainBreak?> WalkPartAsync(AdminDb db, CallSegment part, int lane, LaneWalk walk, Dictionary<long, CallCompletion> copies, ArrayBufferWriter<byte> buffer, CancellationToken ct)
    {
        var rows = new StoredCalls(db, lane, part.LastPosition ?? long.MaxValue);
        var next = Task.Run(() => rows.NextAsync(ct), ct);
        while (await next is { } stretch)
        {
            next = Task.Run(() => rows.NextAsync(ct), ct);
            if (WalkStretch(stretch, part, walk, copies, buffer) is not { } broken) continue;
            // The connection must be free, whatever the next rows are like.
            await next.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return broken;
        }
        return null;
    }

    private static ChainBreak? WalkStretch(StoredCalls.Stretch stretch, CallSegment part, LaneWalk walk, Dictionary<long, CallCompletion> copies, ArrayBufferWriter<byte> buffer)
    {
        var (calls, completions) = (stretch.Calls, stretch.Completions);
        for (int i = 0, k = 0; i < calls.Count || k < completions.Count;)
        {
            buffer.Clear();
            ChainBreak? broken;
            if (k == completions.Count || (i < calls.Count && calls[i].Position <= completions[k].Position))
            {
                var call = calls[i++];
                broken = walk.Step(call.Position, new CallFacts(call).Write(new ChainPayload(buffer)), call.Link);
                // Pages look for a call where its number says.
                if (broken is null && (call.Seq < part.FirstSeq || call.Seq > part.LastSeq)) broken = walk.Break(call.Position, "is not where its number would be looked for: the list of segments was changed");
            }
            else
            {
                var completion = completions[k++];
                broken = walk.Step(completion.Position, Payload(completion, buffer), completion.Link);
                if (broken is null && copies.Remove(completion.Position, out var copy) && !Same(copy, completion)) broken = walk.Break(completion.Position, "has a copy beside its call that is not the same");
            }
            if (broken is not null) return broken;
        }
        return null;
    }

    private static bool Same(CallCompletion a, CallCompletion b) => a.CallSeq == b.CallSeq && a.At == b.At && a.Status == b.Status && a.DurationUs == b.DurationUs && a.Outcome == b.Outcome && a.Reason == b.Reason;

    // Lanes that have rows, a head, or frames that wait to be copied; lane 0 always, so that an emptied one is missed.
    private static async Task<IReadOnlyList<int>> LanesAsync(CallSnapshot snapshot, CancellationToken ct)
    {
        var lanes = new SortedSet<int> { 0 };
        lanes.UnionWith((await snapshot.Db.ChainHeads.Select(h => h.Lane).ToListAsync(ct)).Where(l => l.StartsWith(Chain.CallLane + "/", StringComparison.Ordinal))
            .Select(l => int.TryParse(l.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var lane) ? lane : int.MaxValue));
        foreach (var (_, db) in snapshot.Parts)
        {
            lanes.UnionWith(await AfterAsync(db.Calls.Select(c => c.Lane), ct));
            lanes.UnionWith(await AfterAsync(db.CallCompletions.Select(c => c.Lane), ct));
        }
        if (WaitingFrames.Of(snapshot.Db) is { } frames) lanes.UnionWith(await AfterAsync(frames.Select(f => f.Lane), ct));
        return [.. lanes];
    }

    // One look into the index per lane, not one per row.
    private static async Task<List<int>> AfterAsync(IQueryable<int> lanes, CancellationToken ct)
    {
        var found = new List<int>();
        for (int? last = int.MinValue; (last = await lanes.Where(l => l > last).MinAsync(l => (int?)l, ct)) is { } next;) found.Add(next);
        return found;
    }

    private static ReadOnlySpan<byte> Payload(CallCompletion c, ArrayBufferWriter<byte> buffer) =>
        LedgerRows.CompletionPayload(new ChainPayload(buffer), c.CallSeq, c.At, c.Status, c.DurationUs, c.Outcome, c.Reason);

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

    private bool IsGenuine(ChainHead head) => head.Link.Length == Chain.LinkLength && HeadSeal.IsGenuine(vault, Chain.HeadBytes(head.Lane, head.Seq, head.Link), head.Mac);

    private ChainBreak? End(LaneWalk walk, Dictionary<string, ChainHead> heads)
    {
        var head = heads.GetValueOrDefault(walk.Lane);
        if (head is null) return walk.Seq == 0 ? walk.EndOfAnchors() : new ChainBreak(walk.Lane, walk.Seq, "The head of the chain was removed.");
        if (!IsGenuine(head))
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
