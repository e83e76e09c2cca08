using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Audit;

/// <summary>
/// Drops calls whose time is over, as <see cref="RetentionOptions"/> say: whole segments on SQLite, whole months on PostgreSQL, oldest first, and only when everything in them is over.
/// A signed note of where the chain goes on and an audit event are committed with it, so that verification proves the rest and says what is gone. The sums stay.
/// </summary>
public sealed partial class RetireCallsJob(IDbContextFactory<AdminDb> dbs, SecretVault vault, IOptions<RetentionOptions> options, TimeProvider clock, ILogger<RetireCallsJob> log, CallSegments? segments = null) : IJob
{
    /// <summary>Whatever the setting says, PostgreSQL's function drops nothing that is younger.</summary>
    public static readonly TimeSpan AtLeast = TimeSpan.FromDays(28);

    public static string Name => "retire-calls";

    public async Task<int> RunAsync(CancellationToken ct)
    {
        if (options.Value.Period is not { } period || vault.IsSealed) return 0;
        var before = clock.GetUtcNow() - period;
        return segments is null ? await DropMonthsAsync(before, ct) : await DropSegmentsAsync(segments, before, ct);
    }

    private async Task<int> DropSegmentsAsync(CallSegments all, DateTimeOffset before, CancellationToken ct)
    {
        all.Forget();
        var over = all.All.Reverse().TakeWhile(s => s.LastPosition is not null && CallNumber.At(s.LastSeq) < before).ToList();
        if (over.Count > 0)
        {
            var last = over[^1];
            // The chain's own MAC of that moment: a note about a place that somebody else has written down must not become genuine.
            if (last.Link.Length != Chain.LinkLength || !HeadSeal.IsGenuine(vault, Chain.HeadBytes(Chain.CallLane, last.LastPosition!.Value, last.Link), last.Mac))
            {
                LogNotOurs(last.LastPosition ?? 0);
                throw new InvalidOperationException("the end of a segment is not as the app wrote it");
            }
            await using var db = await dbs.CreateDbContextAsync(ct);
            // What is dropped from the database holds no value, and overwriting it would take as long as writing it did.
            await db.Database.OpenConnectionAsync(ct);
            await db.Database.ExecuteSqlRawAsync("PRAGMA secure_delete=OFF", ct);
            await using (var write = await db.BeginWriteAsync(ct))
            {
                await NoteAsync(db, Chain.CallLane, last.LastPosition!.Value, last.Link, CallNumber.At(last.LastSeq), ct);
                var numbers = over.ConvertAll(s => s.Number);
                await db.CallSegments.Where(s => numbers.Contains(s.Number)).ExecuteDeleteAsync(ct);
                if (over[0].Number == 0) await db.Database.ExecuteSqlRawAsync("DELETE FROM call_record; DELETE FROM call_completion", ct);
                await write.CommitAsync(ct);
            }
            await db.Database.ExecuteSqlRawAsync("PRAGMA secure_delete=ON", ct);
            all.Forget();
        }
        // Files go after the commit; what a crash left goes the next time.
        all.DeleteRetired();
        return over.Count;
    }

    private async Task<int> DropMonthsAsync(DateTimeOffset before, CancellationToken ct)
    {
        var limit = clock.GetUtcNow() - AtLeast;
        if (before > limit) before = limit;
        var dropped = 0;
        foreach (var (month, end) in await MonthsAsync(ct))
        {
            if (end > before) break;
            await using var db = await dbs.CreateDbContextAsync(ct);
            await using var write = await db.BeginWriteAsync(ct);
            foreach (var cut in await Partitions.DropAsync(db, month, CallNumber.First(end), ct)) await NoteAsync(db, cut.Chain, cut.Position, cut.Link, end, ct);
            await write.CommitAsync(ct);
            dropped++;
        }
        return dropped;
    }

    private async Task<List<(string Month, DateTimeOffset End)>> MonthsAsync(CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        return [.. (await Partitions.ListAsync(db, ct)).Select(m => (m, new DateTimeOffset(DateTime.ParseExact(m, "yyyyMM", CultureInfo.InvariantCulture), TimeSpan.Zero).AddMonths(1)))];
    }

    private async Task NoteAsync(AdminDb db, string lane, long position, byte[] link, DateTimeOffset before, CancellationToken ct)
    {
        var first = 1 + (await db.RetiredCalls.Where(r => r.Lane == lane).MaxAsync(r => (long?)r.Position, ct) ?? 0);
        if (position < first) return;
        var note = new RetiredCalls { Lane = lane, FirstPosition = first, Position = position, Link = link, At = clock.GetUtcNow(), Before = before };
        note.Mac = vault.AuditMac(note.Covered());
        db.RetiredCalls.Add(note);
        AuditTrail.Append(db, note.At, Actor.Job(Name), AuditAction.CallsRetired, new AuditSubject(null, lane),
            string.Create(CultureInfo.InvariantCulture, $"rows {first} to {position} of the chain, up to {before.UtcDateTime:yyyy-MM-dd HH:mm}Z; kept are {options.Value.Calls} days"));
    }

    [LoggerMessage(LogLevel.Critical, "The end of the segment at row {Position} of the chain is not as the app wrote it; nothing was dropped. Run: audit verify")]
    private partial void LogNotOurs(long position);
}
