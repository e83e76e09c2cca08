using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// The sums of usage by hour and by day. They lie in the order of time, as they are written, so that what is counted now changes few pages, however much was counted before;
/// a span of one credential is one look into the index per hour or day.
/// </summary>
internal static class UsageSums
{
    /// <summary>Hours since 1970.</summary>
    public static int HourOf(DateTimeOffset at) => LedgerRows.HourOf(at.UtcTicks);

    /// <summary>A credential's hours, both ends included.</summary>
    public static IQueryable<UsageHour> Hours(AdminDb db, Guid credential, int from, int to)
    {
        var hours = Span(from, to);
        return db.UsageHours.AsNoTracking().Where(u => EF.Parameter(hours).Contains(u.Hour) && u.CredentialId == credential);
    }

    /// <summary>A credential's days, both ends included.</summary>
    public static IQueryable<UsageDay> Days(AdminDb db, Guid credential, int from, int to)
    {
        var days = Span(from, to);
        return db.UsageDays.AsNoTracking().Where(u => EF.Parameter(days).Contains(u.Day) && u.CredentialId == credential);
    }

    /// <summary>Calls and errors of each credential in the hours behind <paramref name="since"/>: the rest of its day by hours, then whole days.</summary>
    public static async Task<Dictionary<Guid, (long Calls, long Errors)>> SinceAsync(AdminDb db, IReadOnlyList<Guid> credentials, int since, int now, CancellationToken ct)
    {
        var day = (since / 24) + 1;
        var (hours, days) = (Span(since + 1, (day * 24) - 1), Span(day, now / 24));
        var sums = await db.UsageDays.AsNoTracking().Where(u => EF.Parameter(days).Contains(u.Day) && EF.Parameter(credentials).Contains(u.CredentialId)).Select(u => new { u.CredentialId, u.Calls, u.Errors })
            .Concat(db.UsageHours.AsNoTracking().Where(u => EF.Parameter(hours).Contains(u.Hour) && EF.Parameter(credentials).Contains(u.CredentialId)).Select(u => new { u.CredentialId, u.Calls, u.Errors }))
            .GroupBy(u => u.CredentialId).Select(g => new { g.Key, Calls = g.Sum(u => u.Calls), Errors = g.Sum(u => u.Errors) }).ToListAsync(ct);
        return sums.ToDictionary(s => s.Key, s => (s.Calls, s.Errors));
    }

    private static int[] Span(int from, int to) => [.. Enumerable.Range(from, Math.Max(0, to - from + 1))];
}
