using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Rotation;

/// <summary>Reads from the ledger what stands for and against retiring an old version. Cheap when all is quiet: the hourly sums say so.</summary>
public sealed class LedgerEvidence(CallLog calls, InFlightCalls inFlight, IOptions<RotationOptions> options)
{
    private static readonly string[] NotTheKey = [.. LedgerRows.NotTheKey];

    /// <summary>The evidence about a rotation in its grace period, as of <paramref name="now"/>.</summary>
    public async Task<RetireEvidence> ReadAsync(AdminDb db, Domain.Credentials.Rotation rotation, DateTimeOffset now, CancellationToken ct)
    {
        var (id, old, fresh) = (rotation.CredentialId, rotation.OldVersion!.Value, rotation.PendingVersion);
        var (swap, retireAt) = (rotation.PromotedAt!.Value, rotation.RetireAt!.Value);
        // A grace shorter than the quiet period is somebody's decision that there is no time to wait for quiet.
        var window = retireAt - swap < options.Value.QuietPeriod ? retireAt - swap : options.Value.QuietPeriod;
        var since = now - window > swap ? now - window : swap;

        DateTimeOffset? lastFailure = null, lastUse = null;
        if (window > TimeSpan.Zero)
        {
            var sums = await UsageSums.Hours(db, id, UsageSums.HourOf(since), UsageSums.HourOf(now) + 1).Where(u => u.Version == old || u.Version == fresh)
                .GroupBy(u => u.Version).Select(g => new { Version = g.Key, Calls = g.Sum(u => u.Calls), KeyErrors = g.Sum(u => u.KeyErrors) }).ToListAsync(ct);
            if (sums.Exists(s => s.Version == fresh && s.KeyErrors > 0)) lastFailure = await LastFailureAsync(id, fresh, since, ct);
            if (sums.Exists(s => s.Version == old && s.Calls > 0)) lastUse = await LastUseAsync(id, old, since, ct);
        }
        return new RetireEvidence(retireAt, lastFailure, lastUse, inFlight.Count(id, old), window);
    }

    private async Task<DateTimeOffset?> LastUseAsync(Guid credentialId, int version, DateTimeOffset since, CancellationToken ct)
    {
        var first = FirstSeq(since);
        var last = await calls.NewestAsync(first, long.MaxValue, 1, db => db.Calls.AsNoTracking().Where(c => c.CredentialId == credentialId && c.Seq >= first && c.Version == version && !c.Refused && c.At > since)
            .OrderByDescending(c => c.Seq).Select(c => (DateTimeOffset?)c.At), ct);
        return last.FirstOrDefault();
    }

    // LedgerRows.SpeaksAgainstKey, as a query.
    private async Task<DateTimeOffset?> LastFailureAsync(Guid credentialId, int version, DateTimeOffset since, CancellationToken ct)
    {
        var first = FirstSeq(since);
        var last = await calls.NewestAsync(first, long.MaxValue, 1, db => from c in db.Calls.AsNoTracking()
                                                                          join end in db.CallCompletions on c.Seq equals end.CallSeq
                                                                          where c.CredentialId == credentialId && c.Seq >= first && c.Version == version && !c.Refused && c.At >= since
                                                                              && (end.Outcome == CallOutcome.Failed || end.Status == 401 || end.Status == 403 || end.Status >= 500)
                                                                              && (end.Reason == null || !NotTheKey.Contains(end.Reason))
                                                                          orderby c.Seq descending
                                                                          select (DateTimeOffset?)c.At, ct);
        return last.FirstOrDefault();
    }

    // Numbers follow time. A row is written up to the writer's patience after the call was decided, never before.
    private static long FirstSeq(DateTimeOffset since) => CallNumber.First(since - UsageLedger.Patience);
}
