using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Somebody decides to live with a finding until a date, and says why. It is open again at that date, when its facts change, and when somebody says so.</summary>
public sealed class AcceptFinding(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Until">ISO 8601; a day alone means its end.</param>
    /// <param name="Revision">The revision that the person saw.</param>
    public sealed record Input(string? Reason, string? Until, int? Revision = null);

    public sealed record Accepted(Guid Id, string Rule, string Subject, string AcceptedBy, DateTimeOffset AcceptedAt, DateTimeOffset AcceptedUntil, int Revision);

    public async Task<Outcome<Accepted>> ExecuteAsync(Actor actor, string workspaceSlug, Guid id, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.HandleFindings, ct)).Failed(out var refused, out var workspace)) return refused;
        var now = clock.GetUtcNow();
        if (RefuseReason(input.Reason) is { } badReason) return badReason;
        if (ParseUntil(input.Until, now).Failed(out var badDate, out var until)) return badDate;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await FindAsync(db, workspace, id, ct) is not { } finding) return Problem.NotFound("finding");
        switch (finding.StateAt(now))
        {
            case HygieneState.Resolved:
                return Problem.Conflict("This was put right meanwhile; there is nothing to accept.", "resolved");
            case HygieneState.Accepted:
                return Problem.Conflict($"{finding.AcceptedBy} has accepted this until {LastDay(finding.AcceptedUntil)}. Open it again first to accept it with other words.", "accepted");
            case HygieneState.Open when input.Revision is { } seen && seen != finding.Revision:
                return Problem.Conflict("This finding has changed since you saw it. Look at it again, then decide.", "changed");
        }
        finding.Accept(actor.Name, input.Reason!.Trim(), until, now);
        AuditTrail.Append(db, now, actor, AuditAction.FindingAccepted, EvaluateHygiene.SubjectOf(finding), $"{finding.Rule} until {LastDay(until)}: {finding.AcceptReason}");
        await write.CommitAsync(ct);
        return new Accepted(finding.Id, finding.Rule, finding.Subject, actor.Name, now, until, finding.Revision);
    }

    /// <summary>The finding, when it is of this workspace; the organization finds all.</summary>
    internal static Task<HygieneFinding?> FindAsync(AdminDb db, Workspace workspace, Guid id, CancellationToken ct) =>
        db.HygieneFindings.SingleOrDefaultAsync(f => f.Id == id && (workspace.IsOrganization || f.WorkspaceId == workspace.Id), ct);

    // A day alone means its end, which is the next one's beginning.
    private static string LastDay(DateTimeOffset? until) => until?.UtcDateTime.AddTicks(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "";

    private static Problem? RefuseReason(string? reason)
    {
        if (FreeText.Refuse(reason, AcceptancePolicy.MaxReason, required: true) is { } why) return Problem.Invalid("reason", string.IsNullOrWhiteSpace(reason) ? "Say why this is acceptable; who looks next wants to know." : why);
        return PlaintextDetector.Find(reason!) is { } found ? Problem.Invalid("reason", $"At character {found.Position + 1} stands something that looks like {found.Called}. Leave it out.") : null;
    }

    private static Outcome<DateTimeOffset> ParseUntil(string? text, DateTimeOffset now)
    {
        const string Field = "until";
        if (string.IsNullOrWhiteSpace(text)) return Problem.Invalid(Field, "Give the date until which this is accepted, such as 2030-12-31.");
        if (!DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at)) return Problem.Invalid(Field, "Write the date in ISO 8601, such as 2030-12-31.");
        if (text.Length == 10 && at <= DateTimeOffset.MaxValue.AddDays(-2)) at = at.AddDays(1);
        return AcceptancePolicy.RefuseUntil(at, now) is { } why ? Problem.Invalid(Field, why) : at;
    }

    private static readonly string[] Formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];
}

/// <summary>Takes an acceptance back before its time.</summary>
public sealed class ReopenFinding(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string workspaceSlug, Guid id, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.HandleFindings, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await AcceptFinding.FindAsync(db, workspace, id, ct) is not { } finding) return Problem.NotFound("finding");
        var now = clock.GetUtcNow();
        if (finding.StateAt(now) != HygieneState.Accepted) return Problem.Conflict("Nobody has accepted this.", finding.StateAt(now).ToString().ToLowerInvariant());
        AuditTrail.Append(db, now, actor, AuditAction.FindingReopened, EvaluateHygiene.SubjectOf(finding), $"{finding.Rule}; was accepted by {finding.AcceptedBy}");
        finding.Reopen();
        await write.CommitAsync(ct);
        return Done.It;
    }
}
