namespace Evose.Admin.Domain.Credentials;

/// <summary>The life of a rotation: Pending → Grace → Retired, with the side exits Discarded and RolledBack.</summary>
public enum RotationState
{
    /// <summary>The new value is entered and not used yet.</summary>
    Pending,

    /// <summary>New calls use the new version; the old one can still come back.</summary>
    Grace,

    /// <summary>Done: the old version is destroyed.</summary>
    Retired,

    /// <summary>The old version is in force again; the new one is destroyed.</summary>
    RolledBack,

    /// <summary>Given up before the new version went live.</summary>
    Discarded,
}

/// <summary>One replacement of a credential's value, from the new value to the end of the old one. At most one per credential is open.</summary>
public sealed class Rotation
{
    private Rotation() { }

    private Rotation(Guid id, Guid credentialId, Guid workspaceId, int pendingVersion, string startedBy, DateTimeOffset now)
        => (Id, CredentialId, WorkspaceId, PendingVersion, StartedBy, StartedAt) = (id, credentialId, workspaceId, pendingVersion, startedBy, now);

    public Guid Id { get; private set; }

    public Guid CredentialId { get; private set; }

    public Guid WorkspaceId { get; private set; }

    /// <summary>Number of the version that comes in.</summary>
    public int PendingVersion { get; private set; }

    /// <summary>Number of the version that goes out; null before the swap, and when none was in use.</summary>
    public int? OldVersion { get; private set; }

    public RotationState State { get; private set; }

    /// <summary>True when a person decided to go live without a successful check.</summary>
    public bool SkipVerify { get; private set; }

    public string? SkipVerifyReason { get; private set; }

    public string StartedBy { get; private set; } = "";

    public DateTimeOffset StartedAt { get; private set; }

    public string? PromotedBy { get; private set; }

    public DateTimeOffset? PromotedAt { get; private set; }

    /// <summary>When the old version may be retired at the earliest; null before the swap.</summary>
    public DateTimeOffset? RetireAt { get; private set; }

    public DateTimeOffset? EndedAt { get; private set; }

    /// <summary>Wire names of what held the retirement when it was last tried, or was overridden when it was forced.</summary>
    public string? LastHolds { get; private set; }

    /// <summary>When people were told that the retirement is held.</summary>
    public DateTimeOffset? HeldNotifiedAt { get; private set; }

    /// <summary>Grows by one with every change; a page that shows an older one is stale.</summary>
    public int Revision { get; private set; }

    public bool IsOpen => State is RotationState.Pending or RotationState.Grace;

    public static Rotation Start(Guid id, Credential credential, int pendingVersion, string startedBy, DateTimeOffset now) =>
        new(id, credential.Id, credential.WorkspaceId, pendingVersion, startedBy, now);

    /// <summary>The step of the wizard that this state is: 1 prepare, 2 enter and verify, 3 swap, 4 watch and retire.</summary>
    /// <param name="verified">What the newest check of the pending version showed.</param>
    public int Step(VerifyResult? verified) => State switch
    {
        RotationState.Pending => RotationPolicy.MayGoLive(verified, SkipVerify) == RotationAnswer.Allowed ? 3 : 2,
        RotationState.Grace or RotationState.Retired => 4,
        RotationState.RolledBack or RotationState.Discarded => 1,
    };

    /// <summary>A person answers for going live unchecked; a check that then succeeds makes this moot, one that refuses outweighs it.</summary>
    public void SkipVerification(string reason)
    {
        Must(RotationState.Pending);
        (SkipVerify, SkipVerifyReason) = (true, reason);
        Revision++;
    }

    /// <summary>The swap happened. Without an old version there is nothing to watch, and the rotation is over.</summary>
    public void Promote(int? oldVersion, string promotedBy, DateTimeOffset now, DateTimeOffset retireAt)
    {
        Must(RotationState.Pending);
        (OldVersion, PromotedBy, PromotedAt) = (oldVersion, promotedBy, now);
        if (oldVersion is null) End(RotationState.Retired, now);
        else (State, RetireAt, Revision) = (RotationState.Grace, retireAt, Revision + 1);
    }

    /// <summary>Retirement was tried, and something stands against it. The same again is no change, so that a sweep makes no open page stale.</summary>
    public void Hold(RetireDecision decision)
    {
        Must(RotationState.Grace);
        if (LastHolds == decision.Names) return;
        LastHolds = decision.Names;
        Revision++;
    }

    public void HeldNotified(DateTimeOffset now)
    {
        Must(RotationState.Grace);
        HeldNotifiedAt = now;
        Revision++;
    }

    public void Retire(RetireDecision decision, DateTimeOffset now)
    {
        Must(RotationState.Grace);
        LastHolds = decision.Names;
        End(RotationState.Retired, now);
    }

    public void RollBack(DateTimeOffset now)
    {
        Must(RotationState.Grace);
        End(RotationState.RolledBack, now);
    }

    public void Discard(DateTimeOffset now)
    {
        Must(RotationState.Pending);
        End(RotationState.Discarded, now);
    }

    private void End(RotationState state, DateTimeOffset now)
    {
        (State, EndedAt) = (state, now);
        Revision++;
    }

    private void Must(RotationState state)
    {
        if (State != state) throw new InvalidOperationException($"the rotation is {State}, not {state}");
    }
}
