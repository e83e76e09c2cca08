using Evose.Admin.Domain.Calls;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Ledger;

/// <summary>Spans that are put together from days and hours say what the hours alone say.</summary>
public sealed class UsageSumsTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private const int Day = 20_000;

    private readonly AdminApp _app = shared.App;

    [Fact]
    public async Task Bars_and_spans_are_those_of_the_hours_at_every_hour_of_the_day()
    {
        var id = await HoursAsync(seed: 1);
        await using var db = await _app.DbAsync();
        var written = await db.UsageHours.Where(u => u.CredentialId == id).ToListAsync();
        foreach (var hour in Enumerable.Range(0, 24))
        {
            var now = (Day * 24) + hour;
            var all = written.Where(u => u.Hour <= now && u.Hour > now - 720).Select(u => new UsageQuery.Hour(u.Hour, u.Version, u.Calls, u.Errors)).ToList();
            foreach (var range in Enum.GetValues<UsageRange>())
            {
                var rows = await UsageQuery.OwnAsync(db, id, now, range, default);
                Assert.Equal(Bars(all, now, range), Bars(rows, now, range));
                foreach (var span in new[] { 1, 7, 30 }) Assert.Equal(Sum(all, now - (span * 24)), Sum(rows, now - (span * 24)));
            }
        }

        static (long, long) Sum(IEnumerable<UsageQuery.Hour> rows, int after) => (rows.Where(r => r.At > after).Sum(r => r.Calls), rows.Where(r => r.At > after).Sum(r => r.Errors));

        static IEnumerable<string> Bars(IReadOnlyList<UsageQuery.Hour> rows, int now, UsageRange range) =>
            UsageQuery.Series(rows, now, range).Select(b => $"{b.At:O} {b.Calls} {b.Errors} " + string.Join(' ', b.Versions));
    }

    [Fact]
    public void A_month_looks_at_no_more_than_half_of_its_hours()
    {
        var cuts = Enumerable.Range(0, 31).ToArray();
        foreach (var hour in Enumerable.Range(0, 24)) Assert.InRange(UsageSums.HoursToRead((Day * 24) + hour, 0, cuts).Length, 0, 31 * 12);
    }

    [Fact]
    public async Task Sources_are_the_sums_of_their_rows_and_follow_every_change_of_a_day_that_is_over()
    {
        var id = Guid.CreateVersion7();
        var random = new Random(2);
        await using var db = await _app.DbAsync();
        for (var day = Day - 35; day <= Day; day++)
        {
            db.UsageDays.Add(new UsageDay { CredentialId = id, Day = day, Version = 1, Calls = 1000, Errors = 10 });
            // Names of several bytes a letter, long ones, the same name as two kinds, and another credential beside it.
            foreach (var name in new[] { "crm", "", "文件-工具", new string('ü', 300) }.Concat(Enumerable.Range(0, random.Next(20)).Select(n => $"u-{n}")))
                foreach (var kind in Enum.GetValues<SourceKind>())
                    foreach (var of in new[] { id, Guid.CreateVersion7() })
                        if (random.Next(3) > 0) db.UsageSources.Add(new UsageSource { Day = day, CredentialId = of, Kind = kind, Name = name, Calls = random.Next(1, 50), Errors = random.Next(3), LastAt = At(day, random.Next(86_400)) });
        }
        await db.SaveChangesAsync();
        var sums = new SourceSums();
        await SameAsync();
        await SameAsync();

        // As an import changes a day that is over: a completion that came late, and a call that was copied late.
        foreach (var (calls, errors) in new[] { (0, 1), (3, 0) })
        {
            await using (var write = await db.BeginWriteAsync(default))
            {
                Assert.Equal(1, await db.UsageDays.Where(u => u.CredentialId == id && u.Day == Day - 3).ExecuteUpdateAsync(u => u.SetProperty(x => x.Calls, x => x.Calls + calls).SetProperty(x => x.Errors, x => x.Errors + errors)));
                Assert.NotEqual(0, await db.UsageSources.Where(u => u.CredentialId == id && u.Day == Day - 3).ExecuteUpdateAsync(u => u.SetProperty(x => x.Calls, x => x.Calls + calls).SetProperty(x => x.Errors, x => x.Errors + errors)));
                await write.CommitAsync(default);
            }
            await SameAsync();
        }
        // Today counts as it is.
        await db.UsageSources.Where(u => u.CredentialId == id && u.Day == Day).ExecuteUpdateAsync(u => u.SetProperty(x => x.Calls, x => x.Calls + 5));
        await SameAsync();
        await SameAsync(Day + 1);

        async Task SameAsync(int to = Day)
        {
            var rows = await db.UsageSources.AsNoTracking().Where(u => u.CredentialId == id && u.Day > to - 30 && u.Day <= to).ToListAsync();
            Assert.NotEmpty(rows);
            Assert.Equal(rows.GroupBy(r => (r.Kind, r.Name)).Select(g => new SourceSums.Sum(g.Key.Kind, g.Key.Name, g.Sum(r => r.Calls), g.Sum(r => r.Errors), g.Max(r => r.LastAt))).OrderBy(s => s.Kind).ThenBy(s => s.Name, StringComparer.Ordinal),
                (await sums.OfAsync(db, id, to - 29, to, default)).OrderBy(s => s.Kind).ThenBy(s => s.Name, StringComparer.Ordinal));
        }
    }

    // The window slides by the hour; whole days and the hours before them must give the same as every hour by itself.
    [Fact]
    public async Task Sums_since_any_hour_are_those_of_the_hours_behind_it()
    {
        var (mine, other) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await using var db = await _app.DbAsync();
        var hours = Enumerable.Range(Day * 24, 60).Select(h => new UsageHour { CredentialId = mine, Hour = h, Version = (h % 2) + 1, Calls = 1 + (h % 7), Errors = h % 3 }).ToList();
        db.AddRange(hours);
        db.AddRange(hours.GroupBy(h => (Day: h.Hour / 24, h.Version)).Select(g => new UsageDay { CredentialId = mine, Day = g.Key.Day, Version = g.Key.Version, Calls = g.Sum(h => h.Calls), Errors = g.Sum(h => h.Errors) }));
        await db.SaveChangesAsync();
        var now = hours[^1].Hour;
        for (var since = (Day * 24) - 1; since < now; since++)
        {
            var sums = await UsageSums.SinceAsync(db, [mine, other], since, now, default);
            Assert.Equal((hours.Where(h => h.Hour > since).Sum(h => h.Calls), hours.Where(h => h.Hour > since).Sum(h => h.Errors)), sums[mine]);
            Assert.False(sums.ContainsKey(other));
            Assert.Equal(sums[mine].Calls, await UsageSums.Hours(db, mine, since + 1, now).SumAsync(h => h.Calls));
        }
    }

    // Three versions, hours without calls, and days that come after now.
    private async Task<Guid> HoursAsync(int seed)
    {
        var id = Guid.CreateVersion7();
        var random = new Random(seed);
        await using var db = await _app.DbAsync();
        var hours = new List<UsageHour>();
        for (var hour = (Day - 33) * 24; hour < (Day + 2) * 24; hour++)
            foreach (var version in new[] { 1, 2, 3 })
                if (random.Next(3) > 0) hours.Add(new UsageHour { CredentialId = id, Hour = hour, Version = version, Calls = random.Next(1, 100), Errors = random.Next(5) });
        db.UsageHours.AddRange(hours);
        db.UsageDays.AddRange(hours.GroupBy(h => (h.Hour / 24, h.Version)).Select(g => new UsageDay { CredentialId = id, Day = g.Key.Item1, Version = g.Key.Version, Calls = g.Sum(h => h.Calls), Errors = g.Sum(h => h.Errors) }));
        // Another one's calls.
        db.UsageHours.Add(new UsageHour { CredentialId = Guid.CreateVersion7(), Hour = Day * 24, Version = 1, Calls = 7 });
        await db.SaveChangesAsync();
        return id;
    }

    private static DateTimeOffset At(int day, int second) => DateTimeOffset.FromUnixTimeSeconds((day * 86_400L) + second);
}
