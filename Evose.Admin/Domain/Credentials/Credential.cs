using Evose.Admin.Domain.Consumers;

namespace Evose.Admin.Domain.Credentials;

/// <summary>A named secret of layer 3 with its versions. All changes of state are methods here; legality is decided in <see cref="RotationPolicy"/>.</summary>
public sealed class Credential : ICataloged
{
    /// <summary>The field that <c>{{credential:name}}</c> without a field means.</summary>
    public const string MainField = "value";

    private Credential() { }

    private Credential(Guid id, Guid workspaceId, string name, CredentialType type, DateTimeOffset now)
        => (Id, WorkspaceId, Name, Type, CreatedAt) = (id, workspaceId, name, type, now);

    public Guid Id { get; private set; }

    public Guid WorkspaceId { get; private set; }

    public string Name { get; private set; } = "";

    public CredentialType Type { get; private set; }

    public string? Description { get; set; }

    public string? Provider { get; set; }

    /// <summary>The person who answers for it.</summary>
    public Guid? OwnerId { get; set; }

    public DateTimeOffset? ExpiresAt { get; private set; }

    /// <summary>Days before expiry at which people are told; null: as the workspace has it.</summary>
    public IReadOnlyList<int>? Ladder { get; set; }

    public DateTimeOffset CreatedAt { get; private set; }

    public DateTimeOffset? ArchivedAt { get; private set; }

    /// <summary>Host patterns the value may travel to; sealed with the scope by <see cref="PolicyMac"/>.</summary>
    public IReadOnlyList<string> AllowedHosts { get; private set; } = [];

    public List<ScopeMember> ScopeMembers { get; } = [];

    /// <summary>Named fields and how they travel by themselves; sealed with the policy, so set it before <see cref="ChangePolicy"/>.</summary>
    public Injection Injection { get; set; } = Injection.None;

    /// <summary>True when somebody accepted that the value may stand in an address, which ends up in logs; sealed with the policy.</summary>
    public bool AllowInUrl { get; set; }

    /// <summary>How an answer shows that the session is over; null where the usual rules hold. It decides nothing about where a value goes, so it is not sealed.</summary>
    public SessionRules? Session { get; set; }

    /// <summary>Since when no call may use it, because somebody stopped it; null while it may. Sealed with the policy, so that nobody thaws it in the database.</summary>
    public DateTimeOffset? FrozenAt { get; private set; }

    public string? FrozenBy { get; private set; }

    /// <summary>Since when the site says that nobody is signed in; null while all is well.</summary>
    public DateTimeOffset? NeedsSignInAt { get; private set; }

    /// <summary>By what that was seen, for a person.</summary>
    public string? NeedsSignInWhy { get; private set; }

    /// <summary>The workspaces that may use a credential of the organization; sealed with the policy, so set it before <see cref="ChangePolicy"/>. Empty for a workspace's own.</summary>
    public List<CredentialGrant> Grants { get; } = [];

    /// <summary>Grows with every change of scope or hosts; the newest must also stand in the audit trail.</summary>
    public int PolicyVersion { get; private set; }

    /// <summary>Keyed MAC over scope and hosts: a row changed behind the app's back is refused.</summary>
    public byte[] PolicyMac { get; private set; } = [];

    /// <summary>The version new calls use; null when none does.</summary>
    public int? ActiveVersion { get; private set; }

    /// <summary>Grows by one with every change; a page that shows an older one is stale.</summary>
    public int Revision { get; private set; }

    public List<CredentialVersion> Versions { get; } = [];

    public long Stamp { get; set; }

    public static Credential Register(Guid id, Guid workspaceId, string name, CredentialType type, DateTimeOffset now) => new(id, workspaceId, name, type, now);

    public Scope Scope => Scope.Of(ScopeMembers);

    /// <summary>Adds a pending version; the caller seals the value for exactly this id and number.</summary>
    public CredentialVersion AddVersion(Guid versionId, SealedValue value, string fingerprint, string createdBy, DateTimeOffset now)
    {
        var version = new CredentialVersion(versionId, Id, NextVersionNumber, value, fingerprint, createdBy, now);
        Versions.Add(version);
        Touch();
        return version;
    }

    public int NextVersionNumber => Versions.Count == 0 ? 1 : Versions.Max(v => v.Number) + 1;

    public CredentialVersion? Pending => Versions.Find(v => v.State == VersionState.Pending);

    public CredentialVersion? Active => Versions.Find(v => v.State == VersionState.Active);

    public CredentialVersion? Retiring => Versions.Find(v => v.State == VersionState.Retiring);

    /// <summary>Replaces the workspaces that may use it.</summary>
    public void GrantTo(IReadOnlyCollection<Guid> workspaces)
    {
        Grants.RemoveAll(g => !workspaces.Contains(g.WorkspaceId));
        Grants.AddRange(workspaces.Where(w => !Grants.Exists(g => g.WorkspaceId == w)).Select(w => new CredentialGrant { CredentialId = Id, WorkspaceId = w }));
    }

    /// <summary>Replaces scope and hosts. The caller computes the MAC for the next policy version and audits that number in the same transaction.</summary>
    /// <param name="above">The newest number that was audited; the next one is above it whatever the row says.</param>
    public void ChangePolicy(IEnumerable<ScopeMember> members, IReadOnlyList<string> hosts, Func<Credential, byte[]> mac, int above = 0)
    {
        var wanted = members.ToList();
        ScopeMembers.RemoveAll(m => !wanted.Exists(w => w.ConsumerId == m.ConsumerId));
        ScopeMembers.AddRange(wanted.Where(w => !ScopeMembers.Exists(m => m.ConsumerId == w.ConsumerId)));
        AllowedHosts = hosts;
        PolicyVersion = Math.Max(PolicyVersion, above) + 1;
        PolicyMac = mac(this);
        Touch();
    }

    public void Rename(string name)
    {
        Name = name;
        Touch();
    }

    public void Expire(DateTimeOffset? at)
    {
        ExpiresAt = at;
        Touch();
    }

    /// <summary>No call uses it until it is thawed. The policy is sealed anew with it.</summary>
    public void Freeze(string by, DateTimeOffset now, Func<Credential, byte[]> mac, int above) => Seal(now, by, mac, above);

    /// <summary>Calls may use it again.</summary>
    public void Thaw(Func<Credential, byte[]> mac, int above) => Seal(null, null, mac, above);

    private void Seal(DateTimeOffset? frozenAt, string? by, Func<Credential, byte[]> mac, int above)
    {
        (FrozenAt, FrozenBy) = (frozenAt, by);
        ChangePolicy([.. ScopeMembers], AllowedHosts, mac, above);
    }

    public void Touch() => Revision++;

    /// <summary>New calls use the pending version; the active one is retiring.</summary>
    public void Promote(DateTimeOffset now)
    {
        var pending = Pending ?? throw new InvalidOperationException("no pending version");
        FollowExpiry(Active, pending);
        if (Active is { } old) (old.State, old.RetiringAt) = (VersionState.Retiring, now);
        (pending.State, pending.ActivatedAt, ActiveVersion) = (VersionState.Active, now, pending.Number);
        SignedIn();
        Touch();
    }

    /// <summary>The retiring version is active again; the one that replaced it is discarded.</summary>
    public void RollBack(DateTimeOffset now)
    {
        var old = Retiring ?? throw new InvalidOperationException("no retiring version");
        FollowExpiry(Active, old);
        SignedIn();
        Active?.Destroy(VersionState.Discarded, now);
        (old.State, old.RetiringAt, ActiveVersion) = (VersionState.Active, null, old.Number);
        Touch();
    }

    /// <summary>The retiring version is over: its key and ciphertext are destroyed.</summary>
    public void Retire(DateTimeOffset now)
    {
        (Retiring ?? throw new InvalidOperationException("no retiring version")).Destroy(VersionState.Retired, now);
        Touch();
    }

    /// <summary>
    /// Replaces the active version by one that the upstream itself gave (a refreshed token, a rolled session): no ceremony and no grace, because the old value is over for the upstream too.
    /// A pending or retiring version stays as it is. The caller seals the value for <see cref="NextVersionNumber"/>.
    /// </summary>
    public CredentialVersion Roll(Guid versionId, SealedValue value, string fingerprint, string createdBy, DateTimeOffset? expiresAt, DateTimeOffset now)
    {
        // Not a change that a person's open page must know of: a site that rolls with every answer would make every page stale.
        var version = new CredentialVersion(versionId, Id, NextVersionNumber, value, fingerprint, createdBy, now) { RolledFrom = Active?.Origin ?? 0 };
        Versions.Add(version);
        if (Type == CredentialType.Cookie) FollowExpiry(Active, expiresAt);
        Active?.Destroy(VersionState.Retired, now);
        (version.State, version.ActivatedAt, version.ExpiresAt, version.IsRolled, ActiveVersion) = (VersionState.Active, now, expiresAt, true, version.Number);
        return version;
    }

    /// <summary>Takes the oldest of the rolled versions that are over out of the history, all but the newest <paramref name="keep"/>; they are the caller's to delete.</summary>
    public IReadOnlyList<CredentialVersion> ForgetRolled(int keep)
    {
        List<CredentialVersion> old = [.. Versions.Where(v => v is { IsRolled: true, State: VersionState.Retired }).OrderByDescending(v => v.Number).Skip(keep)];
        foreach (var v in old) Versions.Remove(v);
        return old;
    }

    /// <summary>The site says that nobody is signed in with the value in use.</summary>
    public void NeedSignIn(string why, DateTimeOffset now) => (NeedsSignInAt, NeedsSignInWhy) = (now, why);

    /// <summary>A new value is in use, or somebody looked into it.</summary>
    public void SignedIn() => (NeedsSignInAt, NeedsSignInWhy) = (null, null);

    // A session's own end is the credential's, unless a person gave another date. A key's date is the value's: with another value it is another date, or none is known yet.
    private void FollowExpiry(CredentialVersion? old, CredentialVersion current)
    {
        if (Type == CredentialType.Cookie) FollowExpiry(old, current.ExpiresAt);
        if (Type is not (CredentialType.ApiKey or CredentialType.Custom) || old is null) return;
        old.ExpiresAt = ExpiresAt;
        ExpiresAt = current.ExpiresAt;
    }

    private void FollowExpiry(CredentialVersion? old, DateTimeOffset? expiresAt)
    {
        if (old is null ? ExpiresAt is null : ExpiresAt == old.ExpiresAt) ExpiresAt = expiresAt;
    }
    /// <summary>Of an OAuth token only the access token ever stands in a request: what renews it goes to the provider's token endpoint alone.</summary>
    public static bool Travels(CredentialType type, string field) => type != CredentialType.OAuthToken || field == MainField;

    /// <summary>The pending version never goes live.</summary>
    public void Discard(DateTimeOffset now)
    {
        (Pending ?? throw new InvalidOperationException("no pending version")).Destroy(VersionState.Discarded, now);
        Touch();
    }

    /// <summary>No more use, ever; every value is destroyed, the history stays.</summary>
    public void Archive(DateTimeOffset now)
    {
        ArchivedAt = now;
        ActiveVersion = null;
        foreach (var v in Versions.Where(v => v.WrappedKey is not null)) v.Destroy(v.State == VersionState.Pending ? VersionState.Discarded : VersionState.Retired, now);
        Touch();
    }
}
