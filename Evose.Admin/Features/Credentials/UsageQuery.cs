using System.Text.Json.Serialization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>The span that a usage chart covers.</summary>
public enum UsageRange
{
    /// <summary>24 bars of an hour.</summary>
    Day,

    /// <summary>28 bars of six hours.</summary>
    Week,

    /// <summary>30 bars of a day.</summary>
    Month,
}

/// <summary>Calls and errors of a credential over 24 hours, 7 and 30 days, from the rollups alone; the current hour counts as one of them.</summary>
public sealed class UsageQuery(IDbContextFactory<AdminDb> dbs, CallLog callLog, Authorizer authorizer, UsageLedger usageLedger, TimeProvider clock)
{
    public sealed record Counts(long Calls, long Errors);

    /// <summary>One version's part of a bar.</summary>
    public sealed record Part(int Version, long Calls, long Errors);

    /// <summary>One bar, beginning at <paramref name="At"/>; a bar without calls is there too.</summary>
    public sealed record Bar(DateTimeOffset At, long Calls, long Errors, IReadOnlyList<Part> Versions);

    public sealed record View(
        [property: JsonPropertyName("last_24h")] Counts Last24h, [property: JsonPropertyName("last_7d")] Counts Last7d, [property: JsonPropertyName("last_30d")] Counts Last30d, IReadOnlyList<Bar> Series);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, string name, UsageRange range, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        await using var db = await dbs.OpenAsync(ct);
        if ((await authorizer.AuthorizeAsync(db, actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await CredentialRows.FindAsync(db, workspace.Id, name, ct) is not { } meant) return Problem.NotFound("credential");
        var hour = UsageSums.HourOf(clock.GetUtcNow());
        // The sums are the whole organization's; a workspace that has it from there sees its own calls.
        var rows = meant.Own ? await OwnAsync(db, meant.Id, hour, range, ct) : Hours(await NewestUse.OfAsync(callLog, meant.Id, workspace.Id, clock.GetUtcNow().AddDays(-30), ct));
        return new View(Sum(rows, hour - 24), Sum(rows, hour - (7 * 24)), Sum(rows, hour - (30 * 24)), Series(rows, hour, range));
    }

    // Cut where a span or a bar of a day ends; bars that are narrower are of hours.
    internal static async Task<List<Hour>> OwnAsync(AdminDb db, Guid id, int hour, UsageRange range, CancellationToken ct)
    {
        var (single, cuts) = range switch { UsageRange.Day => (1, [1, 7, 30]), UsageRange.Week => (7, [7, 30]), UsageRange.Month => (0, Enumerable.Range(0, 31).ToArray()) };
        return (await UsageSums.UpToAsync(db, id, hour, single, cuts, ct)).ConvertAll(s => new Hour(s.Hour, s.Version, s.Calls, s.Errors));
    }

    private static List<Hour> Hours(NewestUse use) =>
        [.. use.Rows.GroupBy(r => (UsageSums.HourOf(r.At), r.Version ?? 0)).Select(g => new Hour(g.Key.Item1, g.Key.Item2, g.Count(), g.Count(r => r.IsError)))];

    internal sealed record Hour(int At, int Version, long Calls, long Errors);

    internal static IReadOnlyList<Bar> Series(IReadOnlyList<Hour> rows, int hour, UsageRange range)
    {
        var (bars, width) = range switch { UsageRange.Day => (24, 1), UsageRange.Week => (28, 6), UsageRange.Month => (30, 24) };
        // Bars end with the current hour, so the last one is as wide as the others.
        var first = hour - (bars * width) + 1;
        var byBar = rows.Where(r => r.At >= first).ToLookup(r => (r.At - first) / width);
        return
        [
            .. Enumerable.Range(0, bars).Select(i => new Bar(DateTimeOffset.FromUnixTimeSeconds((first + ((long)i * width)) * 3600), byBar[i].Sum(r => r.Calls), byBar[i].Sum(r => r.Errors),
                [.. byBar[i].GroupBy(r => r.Version).OrderBy(g => g.Key).Select(g => new Part(g.Key, g.Sum(r => r.Calls), g.Sum(r => r.Errors)))])),
        ];
    }

    private static Counts Sum(List<Hour> rows, int after)
    {
        long calls = 0, errors = 0;
        foreach (var r in rows)
        {
            if (r.At <= after) continue;
            calls += r.Calls;
            errors += r.Errors;
        }
        return new Counts(calls, errors);
    }
}
