using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>What a key derived from the master key is for; each use has its own label, so no two share a key.</summary>
internal enum KeyUse
{
    /// <summary>Heads of the audit chain.</summary>
    AuditMac,

    /// <summary>Destinations and grants.</summary>
    PolicyMac,

    /// <summary>Equality of values.</summary>
    Fingerprint,

    /// <summary>Inbound API keys.</summary>
    ApiKey,

    /// <summary>Small blobs outside credentials.</summary>
    AtRest,
}

/// <summary>The unwrapped master keys of this process and everything derived from them, in memory that is never moved.</summary>
/// <remarks>
/// A ring is never zeroed while the process lives: a call in flight would go on to seal under a key of zeros.
/// Replacing the ring is an exchange of the reference.
/// </remarks>
public sealed class MasterKeyRing
{
    private readonly Dictionary<int, Derived> _generations = [];
    private readonly ConcurrentDictionary<(int Generation, Guid Workspace), CipherPool> _wrapKeys = new();

    /// <summary>Copies the master keys; zeroing the given ones stays with the caller.</summary>
    /// <param name="current">The generation that seals; 0 is the newest.</param>
    public MasterKeyRing(Guid installation, IReadOnlyDictionary<int, byte[]> masterKeys, int current = 0)
    {
        if (masterKeys.Count == 0) throw new ArgumentException("A ring holds at least one master key.", nameof(masterKeys));
        Installation = installation;
        NewestGeneration = masterKeys.Keys.Max();
        CurrentGeneration = current == 0 ? NewestGeneration : current;
        foreach (var (generation, key) in masterKeys) _generations.Add(generation, new Derived(key, installation));
    }

    public Guid Installation { get; }

    public int CurrentGeneration { get; }

    /// <summary>The newest one, which opens already and may not seal yet.</summary>
    public int NewestGeneration { get; }

    internal bool Knows(int generation) => _generations.ContainsKey(generation);

    /// <summary>Eight bytes that identify a master key and give nothing of it away.</summary>
    internal static byte[] CheckValue(ReadOnlySpan<byte> masterKey) => HMACSHA256.HashData(masterKey, "evose/kcv/1"u8)[..8];

    internal static byte[] Pinned() => GC.AllocateArray<byte>(EnvelopeCipher.KeySize, pinned: true);

    internal ReadOnlySpan<byte> MasterKey(int generation) => Of(generation).Master;

    internal ReadOnlySpan<byte> Key(KeyUse use, int generation) => Of(generation).ByUse[(int)use];

    /// <summary>The workspace's wrap key of that generation, derived once and kept.</summary>
    internal CipherPool WrapKey(int generation, Guid workspace) =>
        _wrapKeys.TryGetValue((generation, workspace), out var pool) ? pool : DeriveWrapKey(generation, workspace);

    private CipherPool DeriveWrapKey(int generation, Guid workspace) =>
        _wrapKeys.GetOrAdd((generation, workspace), new CipherPool(Derive(Of(generation).Master, "evose/wrap/1"u8, Installation, workspace)));

    // The number comes from stored bytes: one that does not exist is damage, not a bug.
    private Derived Of(int generation) => _generations.TryGetValue(generation, out var derived) ? derived : throw new IntegrityException();

    private static byte[] Derive(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> label, params ReadOnlySpan<Guid> ids)
    {
        Span<byte> info = stackalloc byte[label.Length + 16 * ids.Length];
        label.CopyTo(info);
        for (var i = 0; i < ids.Length; i++) ids[i].TryWriteBytes(info[(label.Length + 16 * i)..], bigEndian: true, out _);
        var key = Pinned();
        HKDF.DeriveKey(HashAlgorithmName.SHA256, masterKey, key, salt: default, info);
        return key;
    }

    private sealed class Derived
    {
        public Derived(byte[] master, Guid installation)
        {
            if (master.Length != EnvelopeCipher.KeySize) throw new ArgumentException("A master key has 32 bytes.", nameof(master));
            Master = Pinned();
            master.CopyTo(Master, 0);
            // Ordered as KeyUse.
            ByUse =
            [
                Derive(Master, "evose/audit-mac/1"u8, installation),
                Derive(Master, "evose/policy-mac/1"u8, installation),
                Derive(Master, "evose/fingerprint/1"u8, installation),
                Derive(Master, "evose/api-key/1"u8, installation),
                Derive(Master, "evose/at-rest/1"u8, installation),
            ];
        }

        public byte[] Master { get; }

        public byte[][] ByUse { get; }
    }
}
