using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Notifications;

/// <summary>Replaces a workspace's ladder, escalation and forced-update policy. The data plane obeys the new policy from the next call on.</summary>
public sealed class SaveNotificationSettings(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public const int MostEscalationDays = 90;

    /// <param name="Ladder">Null: the installation's.</param>
    /// <param name="EscalateAfterDays">0: never.</param>
    /// <param name="BannerFromDay">Null: no banner.</param>
    /// <param name="BlockFromDay">Null: calls are never refused. Negative: days after expiry.</param>
    /// <param name="Revision">The one that the form showed.</param>
    public sealed record Input(IReadOnlyList<int>? Ladder, int? EscalateAfterDays, int? BannerFromDay, int? BlockFromDay, int? Revision = null);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageNotifications, ct)).Failed(out var refused, out var workspace)) return refused;
        if (input.Ladder is { } ladder && !ExpiryPolicy.IsLadder(ladder)) return Problem.Invalid("ladder", ExpiryPolicy.LadderRule);
        if (input.EscalateAfterDays is < 0 or > MostEscalationDays) return Problem.Invalid("escalate_after_days", $"0 to {MostEscalationDays} days; 0 is never.");
        if (input.BannerFromDay is < 0 or > ForcedUpdate.MostDays) return Problem.Invalid("banner_from_day", $"0 to {ForcedUpdate.MostDays} days before expiry, or none.");
        if (input.BlockFromDay is < -ForcedUpdate.MostDays or > ForcedUpdate.MostDays) return Problem.Invalid("block_from_day", $"-{ForcedUpdate.MostDays} to {ForcedUpdate.MostDays} days before expiry (negative: after it), or none.");

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var settings = await db.NotificationSettings.SingleOrDefaultAsync(s => s.WorkspaceId == workspace.Id, ct);
        if (input.Revision is { } shown && shown != (settings?.Revision ?? 0)) return Problem.Conflict("Somebody else changed these settings meanwhile. Reload the page and try again.", "stale");
        if (settings is null) db.NotificationSettings.Add(settings = NotificationSettings.Usual(workspace.Id));
        var (before, now) = (Describe(settings), clock.GetUtcNow());
        (settings.Ladder, settings.EscalateAfterDays, settings.BannerFromDay, settings.BlockFromDay) = (input.Ladder, input.EscalateAfterDays ?? NotificationSettings.DefaultEscalateAfterDays, input.BannerFromDay, input.BlockFromDay);
        (settings.ChangedAt, settings.ChangedBy) = (now, actor.Name);
        settings.Revision++;
        AuditTrail.Append(db, now, actor, AuditAction.NotificationSettingsChanged, new AuditSubject(workspace.Id, workspace.Slug, workspace.Id), $"{Describe(settings)}. Before: {before}.");
        await write.CommitAsync(ct);
        return Done.It;
    }

    private static string Describe(NotificationSettings s) => string.Create(CultureInfo.InvariantCulture,
        $"ladder {(s.Ladder is null ? "as installed" : string.Join(", ", s.Ladder))}; escalation {(s.EscalateAfterDays == 0 ? "never" : $"after {s.EscalateAfterDays} days")}; banner {(s.BannerFromDay is null ? "never" : $"from day {s.BannerFromDay}")}; calls {(s.BlockFromDay is null ? "never refused" : $"refused from day {s.BlockFromDay}")}");
}
