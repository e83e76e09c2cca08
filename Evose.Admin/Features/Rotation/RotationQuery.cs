using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Where a credential's rotation stands, read in one moment: step, versions, what stands against retiring, calls per version. Cheap enough to ask every two seconds.</summary>
public sealed class RotationQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, LedgerEvidence ledger, InFlightCalls inFlight, UsageLedger usageLedger, TimeProvider clock)
{
    private static readonly AuditAction[] Moves =
        [AuditAction.RotationStarted, AuditAction.RotationVerified, AuditAction.RotationPromoted, AuditAction.RotationRolledBack, AuditAction.RotationRetired, AuditAction.RotationDiscarded, AuditAction.RotationHeld];

    /// <param name="Rotation">The open rotation, else the newest; null when there never was one.</param>
    /// <param name="Step">The wizard's step that the rows imply.</param>
    /// <param name="Retirement">Whether the old version could be retired now, and what stands against it; null outside the grace period.</param>
    /// <param name="LastMove">The newest audited act on the rotation.</param>
    public sealed record View(Guid CredentialId, string Credential, CredentialType Type, string? Provider, RotationRow? Rotation, int Step, int NextVersion,
        IReadOnlyList<VersionRow> Versions, RetireDecision? Retirement, TimeSpan QuietWindow, MoveRow? LastMove, DateTimeOffset Now)
    {
        /// <summary>The report of a leak of the version that the swap replaces, or has replaced; null when there is none open.</summary>
        public Guid? Leak { get; init; }

        /// <summary>The fields that the credential names.</summary>
        public IReadOnlyList<FieldRule> Fields { get; init; } = [];

        /// <summary>The cookies of the pending version, without their values.</summary>
        public IReadOnlyList<CookieFacts> PendingCookies { get; init; } = [];

        public VersionRow? Pending => In(VersionState.Pending);

        public VersionRow? Active => In(VersionState.Active);

        public VersionRow? Retiring => In(VersionState.Retiring);

        private VersionRow? In(VersionState state) => Versions.FirstOrDefault(v => v.State == state);
    }

    public sealed record RotationRow(Guid Id, RotationState State, int Revision, int PendingVersion, int? OldVersion, string StartedBy, DateTimeOffset StartedAt, string? PromotedBy, DateTimeOffset? PromotedAt,
        DateTimeOffset? RetireAt, DateTimeOffset? EndedAt, bool SkipVerify, string? SkipVerifyReason, string? LastHolds)
    {
        public bool IsOpen => State is RotationState.Pending or RotationState.Grace;

        public RotationSeen Seen => new(Id, Revision);
    }

    /// <param name="Errors">Calls that ended with 400 or above, or without an answer.</param>
    /// <param name="KeyErrors">Those of them that speak against the value: 401, 403, 5xx, or no answer.</param>
    public sealed record VersionRow(int Number, VersionState State, DateTimeOffset CreatedAt, string CreatedBy, VerifyResult? Verified, DateTimeOffset? VerifiedAt, string? VerifyNote,
        long Calls, long Errors, long KeyErrors, int InFlight);

    public sealed record MoveRow(long Seq, AuditAction Action, string By, DateTimeOffset At);

    /// <param name="rotation">Which rotation; null is the open one, else the newest.</param>
    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, string name, Guid? rotation, CancellationToken ct)
    {
        await usageLedger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var read = await db.BeginReadAsync(ct);
        var credential = await db.Credentials.AsNoTracking().Include(c => c.Versions).SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null) return Problem.NotFound("credential");
        var row = await db.Rotations.AsNoTracking().Where(r => r.CredentialId == credential.Id && (rotation == null || r.Id == rotation))
            .OrderByDescending(r => r.StartedAt).ThenByDescending(r => r.PendingVersion).FirstOrDefaultAsync(ct);
        if (row is null && rotation is not null) return Problem.NotFound("rotation");

        var now = clock.GetUtcNow();
        RetireDecision? retirement = null;
        var quiet = TimeSpan.Zero;
        if (row is { State: RotationState.Grace } && credential.Retiring is not null)
        {
            var evidence = await ledger.ReadAsync(db, row, now, ct);
            (retirement, quiet) = (RotationPolicy.CanRetire(evidence, now), evidence.QuietWindow);
        }
        return new View(credential.Id, credential.Name, credential.Type, credential.Provider, row is null ? null : Shape(row), RotationPolicy.Step(RotationFacts.Of(credential, row is { IsOpen: true, SkipVerify: true })),
            credential.NextVersionNumber, await VersionsAsync(db, credential, ct), retirement, quiet, await LastMoveAsync(db, credential.Id, ct), now) 
        {
            Fields = credential.Injection.Fields,
            Leak = await LeakAsync(db, credential, ct),
            PendingCookies = credential is { Type: CredentialType.Cookie, Pending: { } pending } ? ValueShape.CookiesOf(pending.PlainFields) : [],
        };
    }

    private static RotationRow Shape(Domain.Credentials.Rotation r) => new(r.Id, r.State, r.Revision, r.PendingVersion, r.OldVersion, r.StartedBy, r.StartedAt, r.PromotedBy, r.PromotedAt,
        r.RetireAt, r.EndedAt, r.SkipVerify, r.SkipVerifyReason, r.LastHolds);

    private async Task<List<VersionRow>> VersionsAsync(AdminDb db, Credential credential, CancellationToken ct)
    {
        // Calls may be a little older than what they used, when the clock was set.
        var sums = await UsageSums.Days(db, credential.Id, (UsageSums.HourOf(credential.CreatedAt) / 24) - 1, (UsageSums.HourOf(clock.GetUtcNow()) / 24) + 1).GroupBy(u => u.Version)
            .Select(g => new { Version = g.Key, Calls = g.Sum(u => u.Calls), Errors = g.Sum(u => u.Errors), KeyErrors = g.Sum(u => u.KeyErrors) }).ToDictionaryAsync(g => g.Version, ct);
        return [.. credential.Versions.OrderByDescending(v => v.Number).Select(v =>
        {
            var sum = sums.GetValueOrDefault(v.Number);
            return new VersionRow(v.Number, v.State, v.CreatedAt, v.CreatedBy, v.Verified, v.VerifiedAt, v.VerifyNote, sum?.Calls ?? 0, sum?.Errors ?? 0, sum?.KeyErrors ?? 0, inFlight.Count(credential.Id, v.Number));
        })];
    }

    private static async Task<Guid?> LeakAsync(AdminDb db, Credential credential, CancellationToken ct)
    {
        var touched = (credential.Retiring ?? credential.Active)?.Number;
        return await db.LeakReports.AsNoTracking().Where(r => r.CredentialId == credential.Id && (r.Version == touched || r.State == LeakState.Contained) && r.State != LeakState.Closed)
            .OrderByDescending(r => r.ReportedAt).Select(r => (Guid?)r.Id).FirstOrDefaultAsync(ct);
    }

    private static Task<MoveRow?> LastMoveAsync(AdminDb db, Guid credentialId, CancellationToken ct) =>
        db.AuditEvents.AsNoTracking().Where(e => e.CredentialId == credentialId && Moves.Contains(e.Action)).OrderByDescending(e => e.Seq)
            .Select(e => new MoveRow(e.Seq, e.Action, e.ActorName, e.At)).FirstOrDefaultAsync(ct);
}
