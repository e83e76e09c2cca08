using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Notifications;

/// <summary>The notifications of the workspaces whose calls the reader may see, newest first; those of the organization for its admins and reviewers.</summary>
public sealed class InboxQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Kind">Wire name, such as <c>expiry_soon</c>.</param>
    /// <param name="CanAcknowledge">Whether this reader may mark it as dealt with.</param>
    /// <param name="SnoozedUntil">Null when it is not put aside, or not any more.</param>
    public sealed record Row(Guid Id, string? Workspace, string Kind, string Severity, string Title, string Body, string? Url, DateTimeOffset CreatedAt, DateTimeOffset? AcknowledgedAt, string? AcknowledgedBy,
        DateTimeOffset? SnoozedUntil, bool CanAcknowledge);

    /// <summary>The states a reader can ask for.</summary>
    public static readonly IReadOnlyList<string> States = ["open", "snoozed", "acknowledged", "all"];

    /// <summary>The least severities a reader can ask for.</summary>
    public static readonly IReadOnlyList<string> Severities = ["info", "warning", "critical"];

    /// <param name="state">One of <see cref="States"/>; open when not given.</param>
    /// <param name="severity">One of <see cref="Severities"/>: only what matters as much, or more.</param>
    public async Task<Outcome<Page<Row>>> RunAsync(Actor actor, string? state, string? workspace, int? limit, string? cursor, CancellationToken ct, string? severity = null)
    {
        state ??= "open";
        if (!string.IsNullOrEmpty(severity) && !Severities.Contains(severity)) return Problem.Malformed($"severity must be one of: {string.Join(", ", Severities)}.");
        if (!States.Contains(state)) return Problem.Malformed($"state must be one of: {string.Join(", ", States)}.");
        if (Cursors.Limit(limit).Failed(out var problem, out var take)) return problem;
        if (After(cursor).Failed(out problem, out var after)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var rows = await VisibleAsync(db, actor, ct);
        if (workspace is { Length: > 0 })
        {
            if ((await authorizer.AuthorizeAsync(actor, workspace, Permission.ViewCalls, ct)).Failed(out problem, out var place)) return problem;
            rows = rows.Where(n => n.WorkspaceId == place.Id);
        }
        var now = clock.GetUtcNow();
        if (state == "open") rows = rows.Where(n => n.AcknowledgedAt == null && (n.SnoozedUntil == null || n.SnoozedUntil <= now));
        if (state == "snoozed") rows = rows.Where(n => n.AcknowledgedAt == null && n.SnoozedUntil > now);
        if (!string.IsNullOrEmpty(severity) && severity != Severities[0])
        {
            var kinds = Enum.GetValues<NotificationKind>().Where(k => k.Severity() >= Least(severity)).ToList();
            rows = rows.Where(n => kinds.Contains(n.Kind));
        }
        if (state == "acknowledged") rows = rows.Where(n => n.AcknowledgedAt != null);
#pragma warning disable CA1309 // Becomes SQL, which compares ordinally.
        if (after is { } last) rows = rows.Where(n => n.CreatedAt < last.At || (n.CreatedAt == last.At && string.Compare(n.Key, last.Key) > 0));
#pragma warning restore CA1309
        var found = await rows.OrderByDescending(n => n.CreatedAt).ThenBy(n => n.Key).Take(take + 1).ToListAsync(ct);

        var slugs = await db.Workspaces.AsNoTracking().ToDictionaryAsync(w => w.Id, w => w.Slug, ct);
        var handled = await authorizer.WorkspacesAsync(actor, Permission.HandleNotifications, ct);
        return Page<Notification>.Of(found, take, n => string.Create(CultureInfo.InvariantCulture, $"{n.CreatedAt.UtcTicks}|{n.Key}")).Select(n => new Row(
            n.Id, n.WorkspaceId is { } id ? slugs.GetValueOrDefault(id) : null, n.Kind.Wire(), n.Kind.Severity().ToString().ToLowerInvariant(), n.Title, n.Body, n.Url, n.CreatedAt, n.AcknowledgedAt, n.AcknowledgedBy,
            n.AcknowledgedAt is null && n.SnoozedUntil > now ? n.SnoozedUntil : null,
            n.AcknowledgedAt is null && (handled is null || (n.WorkspaceId is { } at && handled.Contains(at)))));
    }

    /// <summary>How many wait for somebody, as far as the reader may see them.</summary>
    public async Task<int> CountOpenAsync(Actor actor, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await (await VisibleAsync(db, actor, ct)).CountAsync(n => n.AcknowledgedAt == null && (n.SnoozedUntil == null || n.SnoozedUntil <= now), ct);
    }

    private async Task<IQueryable<Notification>> VisibleAsync(AdminDb db, Actor actor, CancellationToken ct)
    {
        var rows = db.Notifications.AsNoTracking();
        return await authorizer.WorkspacesAsync(actor, Permission.ViewCalls, ct) is { } visible ? rows.Where(n => n.WorkspaceId != null && visible.Contains(n.WorkspaceId.Value)) : rows;
    }

    private static NotificationSeverity Least(string word) => word switch { "critical" => NotificationSeverity.Critical, "warning" => NotificationSeverity.Warning, _ => NotificationSeverity.Info };

    private sealed record Last(DateTimeOffset At, string Key);

    private static Outcome<Last?> After(string? cursor)
    {
        if (Cursors.Decode(cursor).Failed(out var problem, out var text)) return problem;
        if (text is null) return (Last?)null;
        var cut = text.IndexOf('|', StringComparison.Ordinal);
        return cut > 0 && long.TryParse(text.AsSpan(0, cut), NumberStyles.None, CultureInfo.InvariantCulture, out var ticks) && ticks <= DateTimeOffset.MaxValue.Ticks
            ? new Last(new DateTimeOffset(ticks, TimeSpan.Zero), text[(cut + 1)..])
            : Problem.Malformed("The cursor is not one of ours. Start again without it.");
    }
}

internal static class NotificationKinds
{
    public static string Wire(this NotificationKind kind) => kind switch
    {
        NotificationKind.ExpirySoon => "expiry_soon",
        NotificationKind.Expired => "expired",
        NotificationKind.RetirementHeld => "retirement_held",
        NotificationKind.VersionRetired => "version_retired",
        NotificationKind.JobFailed => "job_failed",
        NotificationKind.IntegrityViolation => "integrity_violation",
        NotificationKind.SignInNeeded => "sign_in_needed",
        NotificationKind.AuthorizerGone => "authorizer_gone",
        NotificationKind.ChannelDisabled => "channel_disabled",
        NotificationKind.Escalated => "escalated",
        NotificationKind.UpdateForced => "update_forced",
        NotificationKind.HygieneFinding => "hygiene_finding",
        NotificationKind.LeakReported => "leak_reported",
    };
}
