using System.Globalization;
using System.Runtime.InteropServices;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

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

    /// <summary>Calls of one version in an hour, or in a stretch of hours that <see cref="Hour"/> is one of.</summary>
    public sealed record Stretch(int Hour, int Version, long Calls, long Errors);

    /// <summary>
    /// A credential's calls up to now: hour by hour for the newest days, and before them in stretches that nowhere reach over a cut, which is where so many days ago it was as late as now.
    /// A day that is cut is read by its own sum and by the hours on the shorter side of the cut, at most twelve; the other side is the rest of it. A day that is not cut is its sum alone.
    /// </summary>
    /// <param name="single">How many of the newest days come hour by hour; one of the cuts, or 0.</param>
    /// <param name="cuts">Days ago. Nothing before the largest is read.</param>
    public static async Task<List<Stretch>> UpToAsync(AdminDb db, Guid credential, int now, int single, IReadOnlyCollection<int> cuts, CancellationToken ct)
    {
        var (today, hour) = (now / 24, now % 24);
        var (first, last) = (today - cuts.Max(), today - single);
        var until = now - (single * 24);
        var early = hour < 12;
        var cut = cuts.Select(c => today - c).Append(last).ToHashSet();
        var hours = HoursToRead(now, single, cuts);

        var stretches = new List<Stretch>();
        var days = new Dictionary<(int Day, int Version), (long Calls, long Errors)>();
        var sides = new Dictionary<(int Day, int Version), (long Calls, long Errors)>();
        foreach (var (isDay, at, version, calls, errors) in await StoredAsync(db, credential, Span(first, last), hours, ct))
        {
            if (isDay)
            {
                days[(at, version)] = (calls, errors);
                continue;
            }
            if (at > until && at <= now) stretches.Add(new Stretch(at, version, calls, errors));
            if (!cut.Contains(at / 24) || at % 24 <= hour != early) continue;
            ref var side = ref CollectionsMarshal.GetValueRefOrAddDefault(sides, (at / 24, version), out _);
            side = (side.Calls + calls, side.Errors + errors);
        }
        foreach (var ((day, version), all) in days)
        {
            var read = sides.GetValueOrDefault((day, version));
            var rest = (all.Calls - read.Calls, all.Errors - read.Errors);
            var (before, behind) = !cut.Contains(day) ? (all, (0, 0)) : early ? (read, rest) : (rest, read);
            if (day > first) Add((day * 24) + hour, version, before);
            // What is behind the last cut stands above hour by hour, or is yet to come.
            if (day < last) Add((day * 24) + hour + 1, version, behind);
        }
        return stretches;

        void Add(int at, int version, (long Calls, long Errors) sum)
        {
            if (sum != (0, 0)) stretches.Add(new Stretch(at, version, sum.Calls, sum.Errors));
        }
    }

    internal static int[] HoursToRead(int now, int single, IReadOnlyCollection<int> cuts)
    {
        var (today, hour) = (now / 24, now % 24);
        return [.. cuts.Append(single).Distinct().Select(c => (today - c) * 24).SelectMany(d => hour < 12 ? Span(d, d + hour) : Span(d + hour + 1, d + 23)).Union(Span(now - (single * 24) + 1, now))];
    }

    /// <summary>A credential's days as they are stored, both ends included.</summary>
    public static async Task<List<(int Day, int Version, long Calls, long Errors)>> StoredDaysAsync(AdminDb db, Guid credential, int from, int to, CancellationToken ct) =>
        (await StoredAsync(db, credential, Span(from, to), [], ct)).ConvertAll(r => (r.At, r.Version, r.Calls, r.Errors));

    private static async Task<List<(bool IsDay, int At, int Version, long Calls, long Errors)>> StoredAsync(AdminDb db, Guid credential, int[] days, int[] hours, CancellationToken ct)
    {
        var rows = new List<(bool, int, int, long, long)>(days.Length + hours.Length);
        await db.Database.OpenConnectionAsync(ct);
        try
        {
            await using var command = db.Database.GetDbConnection().CreateCommand();
            command.Transaction = db.Database.CurrentTransaction?.GetDbTransaction();
            command.CommandText = DaysAndHours(days, hours);
            var id = command.CreateParameter();
            (id.ParameterName, id.Value) = ("credential", credential.ToByteArray(bigEndian: true));
            command.Parameters.Add(id);
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct)) rows.Add((reader.GetInt32(0) == 1, reader.GetInt32(1), reader.GetInt32(2), reader.GetInt64(3), reader.GetInt64(4)));
            return rows;
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    /// <summary>
    /// One statement, so that days and hours are of one moment. The same on both databases, and past the entity framework, for which hundreds of hours are as many parameters.
    /// </summary>
    internal static string DaysAndHours(IReadOnlyCollection<int> days, IReadOnlyCollection<int> hours)
    {
        var sql = $"SELECT 1, day, version, calls, errors FROM usage_day WHERE day IN ({Listed(days)}) AND credential_id = @credential";
        return hours.Count == 0 ? sql : $"{sql} UNION ALL SELECT 0, hour, version, calls, errors FROM usage_hour WHERE hour IN ({Listed(hours)}) AND credential_id = @credential";
    }

    private static string Listed(IReadOnlyCollection<int> numbers) => string.Join(',', numbers.Select(n => n.ToString(CultureInfo.InvariantCulture)));

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
