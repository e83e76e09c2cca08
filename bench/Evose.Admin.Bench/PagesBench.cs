using System.Diagnostics;
using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Features.Audit;
using Evose.Admin.Features.Consumers;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Features.Home;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Bench;

/// <summary>The queries behind every page, asked as a reviewer, in installations that differ only in how many calls there were: what must not grow, and what the rest costs.</summary>
internal static class PagesBench
{
    private const int Times = 20;

    private static readonly string[] CredentialPage = ["credential, detail", "recent calls, hot credential", "usage, 30 days, hot credential", "sources, hot credential"];
    private static readonly string[] Searches = ["audit, by a ", "audit, by tool", "audit, one hour", "audit, errors"];

    private sealed record Question(string Name, Func<Task> Ask);

    /// <param name="Ms">Median time of each question.</param>
    /// <param name="Catalog">First load of what the data plane obeys, then after one change, in milliseconds; and its memory in MB.</param>
    private sealed record Size(int Calls, Dictionary<string, double> Ms, double Written, double Verified, double Bytes, (double Ms, int Calls) Retired, (double LoadMs, double ChangeMs, double Megabytes) Catalog);

    public static async Task<PartResult> RunAsync(Options options)
    {
        var folder = Directory.CreateTempSubdirectory("evose-bench-").FullName;
        try
        {
            var seed = Path.Combine(folder, "seed");
            await using (var host = new AppHost(seed))
            {
                Console.WriteLine($"making {options.Credentials} credentials");
                await new ScaleFixture(host).MakeCredentialsAsync(options.Credentials);
                await SettleAsync(host);
            }
            var sizes = new List<Size>();
            foreach (var calls in options.Calls)
            {
                var place = Path.Combine(folder, "size");
                Copy(seed, place);
                sizes.Add(await MeasureAsync(place, calls));
                Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
                Directory.Delete(place, true);
            }
            return Result(options, sizes);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, true);
        }
    }

    private static async Task<Size> MeasureAsync(string place, int calls)
    {
        double written;
        var before = BytesOf(place);
        await using (var host = new AppHost(place))
        {
            written = await new ScaleFixture(host).MakeCallsAsync(calls);
            await SettleAsync(host);
        }
        // A process of its own age: nothing is warm from the writing but the machine's file cache.
        await using var asked = new AppHost(place);
        var fixture = new ScaleFixture(asked);
        await fixture.FindPeopleAsync();
        var bytes = (BytesOf(place) - before) / (double)calls;
        var ms = new Dictionary<string, double>();
        foreach (var question in Questions(asked, fixture)) ms[question.Name] = await TimeAsync(question);
        var began = Stopwatch.GetTimestamp();
        var report = await asked.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);
        var verified = report.Events / Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (!report.Verified) throw new InvalidOperationException($"the fixture's chain does not verify: {report.FirstBreak}");
        var catalog = await CatalogAsync(asked);
        return new Size(calls, ms, written, verified, bytes, await RetireAsync(asked), catalog);
    }

    private static long BytesOf(string place) => Directory.GetFiles(place, "*.db", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    // The oldest month: what is left of the year is kept, less the days that a segment is wide.
    private static async Task<(double Ms, int Calls)> RetireAsync(AppHost host)
    {
        var segments = host.Get<CallSegments>();
        if (segments.All.Count < 3) return (0, 0);
        // The first stands in the database and is short; the one behind it is a file and a month.
        var oldest = segments.All[^2];
        var days = (int)(TimeProvider.System.GetUtcNow() - CallNumber.At(oldest.LastSeq)).TotalDays;
        var job = ActivatorUtilities.CreateInstance<RetireCallsJob>(host.Services, Microsoft.Extensions.Options.Options.Create(new RetentionOptions { Calls = days.ToString(CultureInfo.InvariantCulture) }));
        var began = Stopwatch.GetTimestamp();
        if (await job.RunAsync(CancellationToken.None) == 0) throw new InvalidOperationException("nothing was retired");
        var ms = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        var report = await host.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);
        if (!report.Verified || report.Retired == 0) throw new InvalidOperationException($"the chain does not verify after retention: {report.FirstBreak}");
        return (ms, (int)(report.Retired / 2));
    }

    private static async Task<(double, double, double)> CatalogAsync(AppHost host)
    {
        var catalog = host.Get<CredentialCatalog>();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var began = Stopwatch.GetTimestamp();
        await catalog.RefreshAsync(CancellationToken.None);
        var load = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        var megabytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1e6;
        var changes = new List<double>();
        for (var i = 0; i < Times; i++)
        {
            await using (var db = await host.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync())
            {
                (await db.Credentials.FirstAsync(c => c.Name == ScaleFixture.Hot)).Touch();
                await db.SaveChangesAsync();
            }
            began = Stopwatch.GetTimestamp();
            await catalog.RefreshAsync(CancellationToken.None);
            changes.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        return (load, Stats.Median(changes), megabytes);
    }

    private static IEnumerable<Question> Questions(AppHost host, ScaleFixture who)
    {
        var none = CancellationToken.None;
        const string Ws = ScaleFixture.Busy;
        Question List(string name, CredentialListQuery.Filter filter) => new(name, () => Rows(host.Get<CredentialListQuery>().RunAsync(who.Reviewer, Ws, filter with { Limit = 50 }, none), p => p.Data.Count));
        Question Calls(string name, string credential, string? outcome = null) => new(name, () => Rows(host.Get<RecentCallsQuery>().RunAsync(who.Reviewer, Ws, credential, new(outcome, 50), none), _ => 1));
        Question Audit(string name, AuditFilter filter, Actor? actor = null) => new(name, () => Rows(host.Get<AuditQuery>().RunAsync(actor ?? who.Reviewer, filter, 50, null, none), _ => 1));
        var half = TimeProvider.System.GetUtcNow().AddDays(-180);

        yield return List("credentials, by name", new());
        yield return List("credentials, last used first", new(Sort: "-last_used_at"));
        yield return List("credentials, search", new(Search: "svc0004"));
        yield return List("credentials, expiring", new(Status: "expiring"));
        yield return new("credential, detail", () => Rows(host.Get<CredentialDetailQuery>().RunAsync(who.Reviewer, Ws, ScaleFixture.Hot, none), _ => 1));
        yield return Calls("recent calls, hot credential", ScaleFixture.Hot);
        yield return Calls("recent calls, hot, errors only", ScaleFixture.Hot, "upstream_error");
        yield return Calls("recent calls, ordinary credential", ScaleFixture.Warm);
        yield return Calls("recent calls, cold credential", who.Cold);
        yield return new("usage, 30 days, hot credential", () => Rows(host.Get<UsageQuery>().RunAsync(who.Reviewer, Ws, ScaleFixture.Hot, UsageRange.Month, none), v => (int)v.Last30d.Calls));
        yield return new("sources, hot credential", () => Rows(host.Get<SourcesQuery>().RunAsync(who.Reviewer, Ws, ScaleFixture.Hot, none), v => v.Tools.Count));
        yield return Audit("audit, newest 50", new());
        yield return Audit("audit, newest 50 of a workspace", new(Workspace: Ws));
        yield return Audit("audit, newest 50, reviewer of three workspaces", new(), who.PartReviewer);
        yield return Audit("audit, by a frequent person", new(Actor: ScaleFixture.FrequentUser));
        yield return Audit("audit, by a rare person", new(Actor: ScaleFixture.RareUser));
        yield return Audit("audit, by tool", new(Tool: ScaleFixture.HotTool));
        yield return Audit("audit, by credential", new(Workspace: Ws, Credential: ScaleFixture.Hot));
        yield return Audit("audit, one hour half a year ago", new(CreatedAfter: half.ToString("O", CultureInfo.InvariantCulture), CreatedBefore: half.AddHours(1).ToString("O", CultureInfo.InvariantCulture)));
        yield return Audit("audit, errors", new(Outcome: "upstream_error"));
        yield return Audit("audit, errors of a workspace", new(Workspace: Ws, Outcome: "upstream_error"));
        yield return Audit("audit, by a frequent person in an hour half a year ago", new(Actor: ScaleFixture.FrequentUser, CreatedAfter: half.AddHours(-12).ToString("O", CultureInfo.InvariantCulture), CreatedBefore: half.AddHours(12).ToString("O", CultureInfo.InvariantCulture)));
        yield return Audit("audit, refusals", new(Action: AuditFilter.RefusalAction));
        yield return new("overview", () => Rows(host.Get<OverviewQuery>().RunAsync(who.Reviewer, Ws, none), v => v.Credentials));
        yield return new("tools", () => Rows(host.Get<ConsumerListQuery>().RunAsync(who.Reviewer, Ws, new(ConsumerKind.Tool, Limit: 50), none), p => p.Data.Count));
        yield return new("rotation, impact", () => Rows(host.Get<ImpactQuery>().RunAsync(who.Reviewer, Ws, ScaleFixture.Hot, none), v => v.Rows.Count));
        yield return new("rotation, step", () => Rows(host.Get<RotationQuery>().RunAsync(who.Reviewer, Ws, ScaleFixture.Hot, null, none), _ => 1));
        yield return new(Rollups, async () =>
        {
            await using var db = await host.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
            if (await UsageSums.Days(db, who.HotId, (LedgerHour(0) / 24) - 29, LedgerHour(0) / 24).SumAsync(u => u.Calls) == 0) throw new InvalidOperationException("there were no calls to count");
        });
        yield return new(Raw, async () =>
        {
            var first = CallNumber.First(TimeProvider.System.GetUtcNow().AddDays(-30));
            var counts = await host.Get<CallLog>().NewestAsync(first, long.MaxValue, int.MaxValue, db => db.Calls.Where(r => r.CredentialId == who.HotId && r.Seq >= first && !r.Refused).GroupBy(r => r.CredentialId).Select(g => g.Count()), none);
            if (counts.Sum() == 0) throw new InvalidOperationException("there were no calls to count");
        });
    }

    private const string Rollups = "30-day count from sums", Raw = "30-day count from rows (no page does this)";

    private static int LedgerHour(int days) => (int)(TimeProvider.System.GetUtcNow().AddDays(days).ToUnixTimeSeconds() / 3600);

    // An answer that is a refusal or empty would be fast for the wrong reason.
    private static async Task Rows<T>(Task<Outcome<T>> asked, Func<T, int> rows)
    {
        var answer = await asked;
        if (answer.Failed(out var problem, out var value)) throw new InvalidOperationException($"a page's query was refused: {problem}");
        if (rows(value) == 0) throw new InvalidOperationException($"a page's query found nothing: {typeof(T)}");
    }

    private static async Task<double> TimeAsync(Question question)
    {
        var times = new List<double>();
        for (var i = -3; i < Times; i++)
        {
            var began = Stopwatch.GetTimestamp();
            try
            {
                await question.Ask();
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidOperationException($"{question.Name}: {e.Message}", e);
            }
            if (i >= 0) times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            // A question that takes seconds is told as well by a few answers.
            if (times.Count >= 3 && times.Sum() > 20_000) break;
        }
        return Stats.Median(times);
    }

    private static PartResult Result(Options options, List<Size> sizes)
    {
        var (least, most) = (sizes[0], sizes[^1]);
        var head = sizes.Select(s => s.Calls.ToString("N0", CultureInfo.InvariantCulture) + " calls").ToList();
        var worst = least.Ms.Keys.Where(k => k != Raw).MaxBy(k => most.Ms[k] / least.Ms[k])!;
        // What the budgets compare: a tenth of the calls, where that was measured.
        var tenth = sizes.LastOrDefault(s => s.Calls * 10L <= most.Calls) ?? least;
        var search = least.Ms.Keys.Where(k => Searches.Any(s => k.StartsWith(s, StringComparison.Ordinal))).MaxBy(k => most.Ms[k])!;
        static double Page(Size size) => CredentialPage.Sum(k => size.Ms[k]);
        var slowest = least.Ms.Keys.Where(k => k != Raw).MaxBy(k => most.Ms[k])!;
        return options.Result("pages",
        [
            new Table($"The query behind a page, {options.Credentials:N0} credentials in 20 workspaces, a year of calls, SQLite; median of {Times} after warm-up, as a reviewer.",
                ["ms", .. head, "most of least"],
                [.. least.Ms.Keys.Select(k => (IReadOnlyList<string>)[k, .. sizes.Select(s => Results.Figure(s.Ms[k])), Results.Figure(most.Ms[k] / least.Ms[k]) + " ×"])]),
            new Table("The rest.", ["", .. head],
            [
                ["calls written per second when the others are there, in groups, with completion, indexes, chain and sums", .. sizes.Select(s => Results.Figure(s.Written))],
                ["the oldest month dropped, ms (calls)", .. sizes.Select(s => $"{Results.Figure(s.Retired.Ms)} ({s.Retired.Calls:N0})")],
                ["rows verified per second", .. sizes.Select(s => Results.Figure(s.Verified))],
                ["bytes of database per call, with completion, indexes and sums", .. sizes.Select(s => Results.Figure(s.Bytes))],
                [$"first load of the data plane's memory, {options.Credentials:N0} credentials, ms", .. sizes.Select(s => Results.Figure(s.Catalog.LoadMs))],
                ["the same after one change, ms", .. sizes.Select(s => Results.Figure(s.Catalog.ChangeMs))],
                ["its size, MB", .. sizes.Select(s => Results.Figure(s.Catalog.Megabytes))],
                ["30-day count: time from rows of time from sums", .. sizes.Select(s => Results.Figure(s.Ms[Raw] / s.Ms[Rollups]) + " ×")],
            ]),
        ],
        sizes.Count < 2 ? [] :
        [
            new($"growth of the page that grows most ({worst}) from {least.Calls:N0} to {most.Calls:N0} calls", false, 2, most.Ms[worst] / least.Ms[worst], " ×"),
            new($"the slowest page's query ({slowest}) at {most.Calls:N0} calls", false, 100, most.Ms[slowest], " ms"),
            new($"credential page, all queries, at {most.Calls:N0} calls", false, 5, Page(most), " ms"),
            new($"the same, of those at {tenth.Calls:N0} calls", false, 1.2, Page(most) / Page(tenth), " ×"),
            new($"30-day counts from sums instead of rows at {most.Calls:N0} calls", true, 100, most.Ms[Raw] / most.Ms[Rollups], " ×"),
            new($"the slowest audit search by person, tool, window or errors ({search}) at {most.Calls:N0} calls", false, 10, most.Ms[search], " ms"),
            new($"calls written per second at {most.Calls:N0} calls, of those at {tenth.Calls:N0}", true, 0.7, most.Written / tenth.Written, " ×"),
            new($"retention: a month of {most.Calls:N0} calls", false, 1000, most.Retired.Ms, " ms"),
            new($"rows verified per second at {most.Calls:N0} calls", true, 200_000, most.Verified, ""),
        ], values: new Dictionary<string, double> { ["bytes per call"] = most.Bytes, ["verified rows per s"] = most.Verified, ["written calls per s"] = most.Written });
    }

    // What is in the write-ahead log goes into the file.
    private static async Task SettleAsync(AppHost host)
    {
        await using var db = await host.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        await db.Database.ExecuteSqlRawAsync("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    private static void Copy(string from, string to)
    {
        foreach (var folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories).Prepend(from)) Directory.CreateDirectory(folder.Replace(from, to, StringComparison.Ordinal));
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories)) File.Copy(file, file.Replace(from, to, StringComparison.Ordinal), true);
    }
}
