namespace Evose.Admin.Domain.Credentials;

/// <summary>The life of a version: Pending → Active → Retiring → Retired, or Pending → Discarded.</summary>
public enum VersionState
{
    /// <summary>Entered, not used yet.</summary>
    Pending,

    /// <summary>New calls use it.</summary>
    Active,

    /// <summary>Calls that began on it may end on it; it can become active again.</summary>
    Retiring,

    /// <summary>Over: its data key and ciphertext are destroyed.</summary>
    Retired,

    /// <summary>Never went live: destroyed.</summary>
    Discarded,
}

/// <summary>What a probe with a version's value showed.</summary>
public enum VerifyResult
{
    /// <summary>The upstream accepted it.</summary>
    Alive,

    /// <summary>The upstream refused it.</summary>
    Dead,

    /// <summary>The upstream knows it but does not allow this.</summary>
    LacksPermission,

    /// <summary>No answer that says anything.</summary>
    Unclear,
}

/// <summary>One secret value in time. Once in use, the sealed bytes never change; destroying them is the end of the version.</summary>
public sealed class CredentialVersion
{
    private CredentialVersion() { }

    internal CredentialVersion(Guid id, Guid credentialId, int number, SealedValue value, string fingerprint, string createdBy, DateTimeOffset now)
    {
        (Id, CredentialId, Number, Fingerprint, CreatedBy, CreatedAt) = (id, credentialId, number, fingerprint, createdBy, now);
        WrappedKey = value.WrappedKey;
        foreach (var (name, bytes) in value.Fields) Fields.Add(new SealedField(id, name, bytes));
        Remember(value, now);
    }

    // What a leaked text is compared with; kept when the value itself is destroyed.
    private void Remember(SealedValue value, DateTimeOffset now)
    {
        foreach (var (field, fingerprint) in value.Fingerprints) ValueFingerprints.Add(new ValueFingerprint(Guid.CreateVersion7(now), Id, field, fingerprint));
    }

    public Guid Id { get; private set; }

    public Guid CredentialId { get; private set; }

    /// <summary>1, 2, 3 … within the credential.</summary>
    public int Number { get; private set; }

    public VersionState State { get; internal set; } = VersionState.Pending;

    /// <summary>The version's data key under the workspace's wrap key; null once destroyed.</summary>
    public byte[]? WrappedKey { get; private set; }

    /// <summary>Keyed fingerprint of the main field, hex; says only whether two values are equal.</summary>
    public string Fingerprint { get; private set; } = "";

    public DateTimeOffset CreatedAt { get; private set; }

    public string CreatedBy { get; private set; } = "";

    public DateTimeOffset? ActivatedAt { get; internal set; }

    public DateTimeOffset? RetiringAt { get; internal set; }

    /// <summary>Retired or discarded at.</summary>
    public DateTimeOffset? RetiredAt { get; internal set; }

    /// <summary>When the value itself ends, as its issuer says: a token's or a session's life.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>True when the upstream gave this value in the course of use, not a person.</summary>
    public bool IsRolled { get; internal set; }

    /// <summary>The version that a person entered and that this one was rolled from; 0 for one that a person entered.</summary>
    public int RolledFrom { get; internal init; }

    /// <summary>The version that a person entered: the same for everything that was rolled from it.</summary>
    public int Origin => RolledFrom == 0 ? Number : RolledFrom;

    /// <summary>The fields that are not secret, readable; the sealed ones are what travels.</summary>
    public IReadOnlyDictionary<string, string> PlainFields { get; set; } = new Dictionary<string, string>();

    public VerifyResult? Verified { get; private set; }

    public DateTimeOffset? VerifiedAt { get; private set; }

    /// <summary>What the probe saw, for a person; never a part of the value.</summary>
    public string? VerifyNote { get; private set; }

    public List<SealedField> Fields { get; } = [];

    /// <summary>Keyed fingerprints of every field, and of every cookie of a session.</summary>
    public List<ValueFingerprint> ValueFingerprints { get; } = [];

    /// <summary>The sealed bytes, or null once destroyed.</summary>
    public SealedValue? Value => WrappedKey is null ? null : new(WrappedKey, Fields.ToDictionary(f => f.Name, f => f.Bytes));

    /// <summary>The site gave new cookies to a version that is not in use yet, when it was checked; sealed for the same place.</summary>
    public void Reseal(SealedValue value, string fingerprint, DateTimeOffset? expiresAt)
    {
        if (State != VersionState.Pending) throw new InvalidOperationException("only a pending version is sealed anew");
        (WrappedKey, Fingerprint, ExpiresAt) = (value.WrappedKey, fingerprint, expiresAt);
        foreach (var field in Fields) field.Replace(value.Fields[field.Name]);
        Remember(value, CreatedAt);
    }

    public void RecordProbe(VerifyResult result, string note, DateTimeOffset now) => (Verified, VerifyNote, VerifiedAt) = (result, note, now);

    internal void Destroy(VersionState state, DateTimeOffset now)
    {
        (State, RetiredAt, WrappedKey) = (state, now, null);
        Fields.Clear();
    }
}

/// <summary>One named field of a version, sealed.</summary>
public sealed class SealedField
{
    private SealedField() { }

    public SealedField(Guid versionId, string name, byte[] bytes) => (VersionId, Name, Bytes) = (versionId, name, bytes);

    public Guid VersionId { get; private set; }

    public string Name { get; private set; } = "";

    public byte[] Bytes { get; private set; } = [];

    internal void Replace(byte[] bytes) => Bytes = bytes;
}

/// <summary>Ciphertext of a version: the wrapped data key and each field under it. Bytes, never text.</summary>
public sealed record SealedValue(byte[] WrappedKey, IReadOnlyDictionary<string, byte[]> Fields)
{
    /// <summary>Keyed fingerprints by field, when it was sealed just now.</summary>
    public IReadOnlyList<(string Field, string Fingerprint)> Fingerprints { get; init; } = [];

    /// <summary>The vault's note that the commitment of these very bytes was checked; null before.</summary>
    internal object? Proof { get; set; }
}

/// <summary>The keyed fingerprint of one field of a version, or of one cookie in it: by it a leaked text is known, and nothing else.</summary>
public sealed class ValueFingerprint
{
    private ValueFingerprint() { }

    public ValueFingerprint(Guid id, Guid versionId, string field, string fingerprint) => (Id, VersionId, Field, Fingerprint) = (id, versionId, field, fingerprint);

    public Guid Id { get; private set; }

    public Guid VersionId { get; private set; }

    public string Field { get; private set; } = "";

    /// <summary>Hex.</summary>
    public string Fingerprint { get; private set; } = "";
}
