using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class UsageSumsTests : IDisposable
{
    private const int Day = 20_833;

    private readonly string _file = Path.GetTempFileName();

    // The window slides by the hour; whole days and the hours before them must give the same as every hour by itself.
    [Fact]
    public async Task Sums_since_any_hour_are_those_of_the_hours_behind_it()
    {
        var (mine, other) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        using var gate = new WriteGate();
        await using var db = new AdminDb(new DbContextOptionsBuilder<AdminDb>().UseSqlite($"Data Source={_file};Pooling=False").Options, gate, new CatalogStamp());
        await db.Database.MigrateAsync();
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

    public void Dispose() => File.Delete(_file);
}
