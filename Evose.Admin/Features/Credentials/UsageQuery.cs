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

/// <summary>Calls and errors of a credential over 24 hours, 7 and 30 days, from the hourly rollups alone; the current hour counts as one of them.</summary>
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
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ViewCalls, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (await CredentialRows.IdAsync(db, workspace!.Id, name, ct) is not { } id) return Problem.NotFound("credential");
        var hour = UsageSums.HourOf(clock.GetUtcNow());
        var own = await db.Credentials.AnyAsync(c => c.Id == id && c.WorkspaceId == workspace.Id, ct);
        // The sums are the whole organization's; a workspace that has it from there sees its own calls.
        var rows = !own ? Hours(await NewestUse.OfAsync(callLog, id, workspace.Id, clock.GetUtcNow().AddDays(-30), ct)) : await UsageSums.Hours(db, id, hour - (30 * 24) + 1, hour)
            .Select(u => new Hour(u.Hour, u.Version, u.Calls, u.Errors)).ToListAsync(ct);
        return new View(Sum(rows, hour - 24), Sum(rows, hour - (7 * 24)), Sum(rows, hour - (30 * 24)), Series(rows, hour, range));
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
