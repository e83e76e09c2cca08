namespace Evose.Admin.Domain.Credentials;

/// <summary>What the legality of a rotation's moves depends on.</summary>
/// <param name="Verified">What the newest check of the pending version showed; null when none was made.</param>
/// <param name="SkipVerify">True when a person decided to go live without a successful check.</param>
public readonly record struct RotationFacts(bool IsArchived, bool HasPending, bool HasActive, bool HasRetiring, VerifyResult? Verified, bool SkipVerify)
{
    public static RotationFacts Of(Credential credential, bool skipVerify = false) => new(
        credential.ArchivedAt is not null, credential.Pending is not null, credential.Active is not null, credential.Retiring is not null,
        credential.Pending?.Verified, skipVerify);
}

/// <summary>Whether a move of a rotation is legal, and if not, why.</summary>
public enum RotationAnswer
{
    /// <summary>Go ahead.</summary>
    Allowed,

    /// <summary>The credential is archived.</summary>
    Archived,

    /// <summary>A new value waits already.</summary>
    PendingExists,

    /// <summary>The last rotation is still in its grace period.</summary>
    GraceRunning,

    /// <summary>No new value was entered.</summary>
    NoPending,

    /// <summary>The new value was not checked, or the check said nothing sure.</summary>
    NotVerified,

    /// <summary>The upstream refused the new value.</summary>
    VerifiedDead,

    /// <summary>The upstream knows the new value and allows it too little.</summary>
    VerifiedWithLessPermission,

    /// <summary>No old version is left.</summary>
    NoRetiring,
}

/// <summary>What can hold a retirement.</summary>
public enum RetireHold
{
    /// <summary>The grace period is not over.</summary>
    GraceRunning,

    /// <summary>Calls on the new version failed lately.</summary>
    NewVersionFailing,

    /// <summary>Calls used the old version lately.</summary>
    OldVersionUsed,

    /// <summary>Calls on the old version have not ended.</summary>
    OldVersionInFlight,
}

/// <summary>What the ledger shows about the two versions.</summary>
/// <param name="RetireAt">Earliest moment of retirement, fixed at the swap.</param>
/// <param name="LastFailureOnNew">Start of the newest call on the new version that <see cref="RotationPolicy.CountsAsFailure"/>; null when none.</param>
/// <param name="LastUseOfOld">Start of the newest call on the old version that began after the swap; null when none.</param>
/// <param name="InFlightOnOld">Calls on the old version without an end.</param>
/// <param name="QuietWindow">How long both must have been quiet.</param>
public readonly record struct RetireEvidence(DateTimeOffset RetireAt, DateTimeOffset? LastFailureOnNew, DateTimeOffset? LastUseOfOld, int InFlightOnOld, TimeSpan QuietWindow);

/// <summary>Whether to retire now, and what stands (or, when forced, stood) against it.</summary>
/// <param name="IsDue">True when the grace period is over: from then on a hold is worth telling people.</param>
public sealed record RetireDecision(bool MayRetire, bool IsDue, IReadOnlyList<RetireHold> Holds)
{
    /// <summary>Wire names of the holds, comma-separated; null when there is none.</summary>
    public string? Names => Holds.Count == 0 ? null : string.Join(',', Holds.Select(h => h.Name()));

    public string Sentence => Holds.Count == 0 ? "Nothing stands against retiring the old version." : string.Join(' ', Holds.Select(h => h.Sentence()));
}

/// <summary>Pure: which move of a rotation is legal, and whether the old version may be retired.</summary>
public static class RotationPolicy
{
    public static readonly TimeSpan DefaultGrace = TimeSpan.FromHours(24);
    public static readonly TimeSpan DefaultQuietWindow = TimeSpan.FromHours(1);

    public static RotationAnswer CanStart(in RotationFacts f) =>
        f.IsArchived ? RotationAnswer.Archived
        : f.HasPending ? RotationAnswer.PendingExists
        : f.HasRetiring ? RotationAnswer.GraceRunning
        : RotationAnswer.Allowed;

    public static RotationAnswer CanVerify(in RotationFacts f) => NeedsPending(f);

    /// <summary>A person may skip a check that is missing or unsure, never one that the upstream answered with a refusal.</summary>
    public static RotationAnswer CanPromote(in RotationFacts f)
    {
        if (NeedsPending(f) is not RotationAnswer.Allowed and var answer) return answer;
        if (f.HasRetiring) return RotationAnswer.GraceRunning; // a third living version would have no way back
        return MayGoLive(f.Verified, f.SkipVerify);
    }

    internal static RotationAnswer MayGoLive(VerifyResult? verified, bool skipVerify) => verified switch
    {
        VerifyResult.Alive => RotationAnswer.Allowed,
        VerifyResult.Dead => RotationAnswer.VerifiedDead,
        VerifyResult.LacksPermission => skipVerify ? RotationAnswer.Allowed : RotationAnswer.VerifiedWithLessPermission,
        VerifyResult.Unclear or null => skipVerify ? RotationAnswer.Allowed : RotationAnswer.NotVerified,
    };

    /// <summary>Legal as long as the old version exists, however late.</summary>
    public static RotationAnswer CanRollBack(in RotationFacts f) => NeedsRetiring(f);

    /// <summary>Whether there is anything to retire; whether it is time is the other question.</summary>
    public static RotationAnswer CanRetire(in RotationFacts f) => NeedsRetiring(f);

    public static RotationAnswer CanDiscard(in RotationFacts f) => NeedsPending(f);

    /// <summary>Time alone retires nothing: the old version must be quiet and the new one sound. <paramref name="force"/> retires at once and keeps what stood against it.</summary>
    public static RetireDecision CanRetire(RetireEvidence e, DateTimeOffset now, bool force = false)
    {
        var due = now >= e.RetireAt;
        var holds = new List<RetireHold>();
        if (!due) holds.Add(RetireHold.GraceRunning);
        if (IsRecent(e.LastFailureOnNew, e.QuietWindow, now)) holds.Add(RetireHold.NewVersionFailing);
        if (IsRecent(e.LastUseOfOld, e.QuietWindow, now)) holds.Add(RetireHold.OldVersionUsed);
        if (e.InFlightOnOld > 0) holds.Add(RetireHold.OldVersionInFlight);
        return new RetireDecision(force || holds.Count == 0, due, holds);
    }

    /// <summary>True for an answer that speaks against the new version: refused (401, 403), broken (5xx), or none at all.</summary>
    public static bool CountsAsFailure(int? status) => status is null or 401 or 403 or >= 500;

    /// <summary>The step of the wizard that the database implies: 1 prepare, 2 enter and verify, 3 swap, 4 watch and retire.</summary>
    public static int Step(in RotationFacts f) =>
        f.HasRetiring ? 4
        : !f.HasPending ? 1
        : MayGoLive(f.Verified, f.SkipVerify) == RotationAnswer.Allowed ? 3 : 2;

    private static RotationAnswer NeedsPending(in RotationFacts f) =>
        f.IsArchived ? RotationAnswer.Archived : f.HasPending ? RotationAnswer.Allowed : RotationAnswer.NoPending;

    private static RotationAnswer NeedsRetiring(in RotationFacts f) =>
        f.IsArchived ? RotationAnswer.Archived : f.HasRetiring ? RotationAnswer.Allowed : RotationAnswer.NoRetiring;

    /// <summary>An instant ahead of <paramref name="now"/> is another node's clock, and as recent as can be.</summary>
    private static bool IsRecent(DateTimeOffset? at, TimeSpan window, DateTimeOffset now) => at is { } instant && now - instant < window;
}

/// <summary>The words for answers and holds.</summary>
public static class RotationWords
{
    public static string Sentence(this RotationAnswer answer) => answer switch
    {
        RotationAnswer.Allowed => "This can be done now.",
        RotationAnswer.Archived => "The credential is archived. Register a new one.",
        RotationAnswer.PendingExists => "A new value waits already. Put it into use or discard it first.",
        RotationAnswer.GraceRunning => "The last rotation is still in its grace period. Retire the old version or roll back first.",
        RotationAnswer.NoPending => "No new value was entered. Enter one first.",
        RotationAnswer.NotVerified => "The new value was not checked. Check it, or go on without a check and say why.",
        RotationAnswer.VerifiedDead => "The upstream refused the new value. Discard it and enter the right one, or check again.",
        RotationAnswer.VerifiedWithLessPermission => "The upstream knows the new value but allows it less. Widen it at the provider, or go on without a check and say why.",
        RotationAnswer.NoRetiring => "No old version is left: it was retired, or nothing was swapped yet.",
    };

    /// <summary>The name on the wire and in the row.</summary>
    public static string Name(this RetireHold hold) => hold switch
    {
        RetireHold.GraceRunning => "grace_running",
        RetireHold.NewVersionFailing => "new_version_failing",
        RetireHold.OldVersionUsed => "old_version_used",
        RetireHold.OldVersionInFlight => "old_version_in_flight",
    };

    public static string Sentence(this RetireHold hold) => hold switch
    {
        RetireHold.GraceRunning => "The grace period is not over.",
        RetireHold.NewVersionFailing => "Calls with the new version failed lately. Look at them, and roll back if the value is wrong.",
        RetireHold.OldVersionUsed => "Calls used the old version lately. Find out who still does.",
        RetireHold.OldVersionInFlight => "Calls on the old version have not ended.",
    };
}
