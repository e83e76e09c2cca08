using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;

namespace Evose.Admin.Platform.Vault;

/// <summary>The only door to secret values: seals and opens them, and does nothing at all while it is sealed.</summary>
public sealed class SecretVault
{
    private const string NotUnlocked = "It has not been unlocked since the start.";
    private const int MaxFields = 64;

    /// <summary>Bytes of every MAC made here.</summary>
    public const int MacSize = HMACSHA256.HashSizeInBytes;

    private readonly IRootKey _root;
    private readonly Lock _gate = new();
    private volatile State _state;
    private Func<IReadOnlyList<KeyGeneration>>? _stored;
    private readonly Lock _learning = new();
    private long _learnedAt;

    public SecretVault(IRootKey root) => (_root, _state) = (root, new State(null, root.Fault ?? NotUnlocked));

    internal SecretVault(IRootKey root, MasterKeyRing ring) => (_root, _state) = (root, new State(ring, null));

    public bool IsSealed => _state.Ring is null;

    /// <summary>What an administrator has to put right; null while open.</summary>
    public string? SealedReason => _state.Reason;

    /// <summary>False when the root is not usable as configured, so that the first start must wait for the administrator.</summary>
    public bool CanInitialize => _root.Fault is null;

    /// <summary>The generation that seals now.</summary>
    public int CurrentGeneration => Ring.CurrentGeneration;

    /// <summary>The newest generation known. A MAC or hash may be of any from 1 to this one.</summary>
    public int NewestGeneration => Ring.NewestGeneration;

    /// <summary>Makes the first master key. Only for an installation that has no generation stored.</summary>
    public KeyGeneration Initialize(Guid installationId, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (!IsSealed) throw new InvalidOperationException("The vault already has a master key.");
            if (_root.Fault is not null) throw new VaultSealedException(_root.Fault);
            var masterKey = MasterKeyRing.Pinned();
            try
            {
                RandomNumberGenerator.Fill(masterKey);
                var generation = new KeyGeneration
                {
                    Generation = 1,
                    InstallationId = installationId,
                    RootId = _root.Id,
                    WrappedByRoot = WrapByRoot(masterKey, EnvelopeCipher.MasterContext(installationId, 1)),
                    CheckValue = MasterKeyRing.CheckValue(masterKey),
                    CreatedAt = now,
                };
                _state = new State(new MasterKeyRing(installationId, new Dictionary<int, byte[]> { [1] = masterKey }), null);
                return generation;
            }
            catch (VaultSealedException e)
            {
                _state = new State(null, e.Reason);
                throw;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(masterKey);
            }
        }
    }

    /// <summary>Opens the vault with the root, or leaves it sealed and says why. Never makes a key.</summary>
    /// <param name="current">The generation that seals; 0 is the newest.</param>
    public void Unlock(IReadOnlyList<KeyGeneration> generations, int current = 0)
    {
        lock (_gate) _state = Load(generations, UnwrapByRoot, current);
    }

    /// <summary>Takes up newer generations and which of them seals; true when that changed anything. An open vault stays open, whatever is wrong with the rows.</summary>
    public bool Renew(IReadOnlyList<KeyGeneration> generations, int current)
    {
        lock (_gate)
        {
            if (_state.Ring is not { } ring || generations.Count == 0 || (generations.All(g => ring.Knows(g.Generation)) && ring.CurrentGeneration >= current)) return false;
            // A clock that was put back must not make an older generation seal again.
            var next = Load(generations, UnwrapByRoot, Math.Max(ring.CurrentGeneration, current));
            if (next.Ring is null || next.Ring.Installation != ring.Installation || next.Ring.NewestGeneration < ring.NewestGeneration) return false;
            _state = next;
            return true;
        }
    }

    /// <summary>Where to look when something names, or was made with, a generation that is not known here.</summary>
    public void LearnFrom(Func<IReadOnlyList<KeyGeneration>> stored) => _stored = stored;

    /// <summary>
    /// Looks for generations that another node or a command has made; true when there are newer ones than the caller has tried. At most once a second, because damaged rows ask for it too; whoever comes
    /// while one looks has the answer of that look.
    /// </summary>
    internal bool Learn(int tried)
    {
        if (_stored is not { } stored || IsSealed) return false;
        // A lock of its own: those who know the generation they need do not wait for the database.
        lock (_learning)
        {
            if (_state.Ring is { } ring && ring.NewestGeneration > tried) return true;
            if (_learnedAt != 0 && TimeProvider.System.GetElapsedTime(_learnedAt) < TimeSpan.FromSeconds(1)) return false;
            _learnedAt = TimeProvider.System.GetTimestamp();
            return Renew(stored(), 0);
        }
    }

    /// <summary>Makes the next master key, wrapped by the root and, when there is a recovery key, for it. To be stored; it is used once it was taken up from there.</summary>
    public KeyGeneration NextGeneration(IReadOnlyList<KeyGeneration> generations, DateTimeOffset now)
    {
        var ring = Ring;
        var newest = generations.MaxBy(g => g.Generation)!;
        byte[]? recovery = null;
        if (newest.WrappedByRecovery is { } kept)
            recovery = RecoverySeal.GenuinePublic(kept, ContextOf(newest), ring.MasterKey(newest.Generation)) ?? throw new IntegrityException();
        var masterKey = MasterKeyRing.Pinned();
        try
        {
            RandomNumberGenerator.Fill(masterKey);
            var next = new KeyGeneration
            {
                Generation = newest.Generation + 1,
                InstallationId = newest.InstallationId,
                RootId = _root.Id,
                CheckValue = MasterKeyRing.CheckValue(masterKey),
                CreatedAt = now,
                RecoveryConfirmed = newest.RecoveryConfirmed,
            };
            next.WrappedByRoot = WrapByRoot(masterKey, ContextOf(next));
            next.WrappedByRecovery = recovery is null ? null : RecoverySeal.Wrap(recovery, ContextOf(next), masterKey);
            return next;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(masterKey);
        }
    }

    /// <summary>The data key of a version under the generation that seals now; null when it is already. The value itself is not touched.</summary>
    public byte[]? RewrapKey(in SecretAddress address, ReadOnlySpan<byte> wrappedKey)
    {
        var ring = RingFor(wrappedKey, out var generation);
        if (generation >= ring.CurrentGeneration) return null;
        Span<byte> dataKey = stackalloc byte[EnvelopeCipher.KeySize];
        Span<byte> nonce = stackalloc byte[EnvelopeCipher.NonceSize];
        try
        {
            EnvelopeCipher.UnwrapKey(ring.WrapKey(generation, address.Workspace), ring.Installation, address, wrappedKey, dataKey);
            RandomNumberGenerator.Fill(nonce);
            return EnvelopeCipher.WrapKey(ring.WrapKey(ring.CurrentGeneration, address.Workspace), nonce, ring.Installation, address, ring.CurrentGeneration, dataKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    /// <summary>The generation a wrapped data key names; not authenticated, good for counting only.</summary>
    public static int GenerationOf(ReadOnlySpan<byte> wrappedKey) => EnvelopeCipher.GenerationOf(wrappedKey);

    /// <summary>True when the MAC of a policy was made by this installation, under any of its master keys.</summary>
    public bool IsPolicyGenuine(ReadOnlySpan<byte> canonical, ReadOnlySpan<byte> mac)
    {
        int newest;
        do
        {
            newest = NewestGeneration;
            for (var generation = newest; generation >= 1; generation--)
                if (CryptographicOperations.FixedTimeEquals(PolicyMac(canonical, generation), mac)) return true;
        }
        while (Learn(newest));
        return false;
    }

    /// <summary>Opens the vault with the recovery key and wraps every generation again under the present root; the newest one is answered, all changed ones are to be stored. Null when the key does not fit or the root cannot wrap; the reason then says which.</summary>
    public KeyGeneration? TryUnseal(string recoveryText, IReadOnlyList<KeyGeneration> generations)
    {
        if (_root.Fault is not null || !RecoveryKey.TryParse(recoveryText, out var key)) return null;
        using (key)
        {
            lock (_gate)
            {
                var state = Load(generations, (KeyGeneration g, Span<byte> masterKey, out string? reason) =>
                {
                    reason = "The recovery key does not open the stored master key.";
                    return g.WrappedByRecovery is { } wrapped && key.TryUnwrap(wrapped, ContextOf(g), masterKey);
                });
                if (state.Ring is not { } ring) return null;

                // Wrapped for all before the first is changed: a root that fails leaves the rows as they were.
                List<byte[]> rewrapped;
                try
                {
                    rewrapped = [.. generations.Select(g => WrapByRoot(ring.MasterKey(g.Generation), ContextOf(g)))];
                }
                catch (VaultSealedException e)
                {
                    _state = new State(null, e.Reason);
                    return null;
                }

                for (var i = 0; i < rewrapped.Count; i++) (generations[i].WrappedByRoot, generations[i].RootId) = (rewrapped[i], _root.Id);
                _state = state;
                return generations.MaxBy(g => g.Generation);
            }
        }
    }

    /// <summary>Closes the vault again, when what opened it could not be stored.</summary>
    internal void Reseal(string? reason)
    {
        lock (_gate) _state = new State(null, reason ?? NotUnlocked);
    }

    /// <summary>Makes a new recovery key for the generation; an earlier one no longer opens it.</summary>
    public (KeyGeneration Updated, RecoveryKey Key) IssueRecoveryKey(KeyGeneration generation) => (generation, IssueRecoveryKey([generation]));

    /// <summary>One recovery key for all generations: it must open every one of them to unseal.</summary>
    public RecoveryKey IssueRecoveryKey(IReadOnlyList<KeyGeneration> generations)
    {
        var ring = RingFor(generations.Max(g => g.Generation));
        var key = RecoveryKey.Generate();
        var wrapped = generations.Select(g => key.Wrap(ring.MasterKey(g.Generation), ContextOf(g))).ToList();
        for (var i = 0; i < wrapped.Count; i++) (generations[i].WrappedByRecovery, generations[i].RecoveryConfirmed) = (wrapped[i], false);
        return key;
    }

    /// <summary>After a change of root key: wraps the generation under the current one. False when it already is.</summary>
    public bool Rewrap(KeyGeneration generation)
    {
        if (!_root.IsStale(generation.WrappedByRoot)) return false;
        generation.WrappedByRoot = WrapByRoot(Ring.MasterKey(generation.Generation), ContextOf(generation));
        generation.RootId = _root.Id;
        return true;
    }

    /// <summary>Seals all fields of one version under a fresh data key.</summary>
    public SealedValue Seal(in SecretAddress address, IReadOnlyDictionary<string, Plaintext> fields)
    {
        if (fields.Count is 0 or > MaxFields) throw new ArgumentException($"A version has 1 to {MaxFields} fields.", nameof(fields));
        var ring = Ring;
        var generation = ring.CurrentGeneration;

        // One draw for the data key and all nonces: a call of the generator costs as much as an encryption.
        Span<byte> random = stackalloc byte[EnvelopeCipher.KeySize + EnvelopeCipher.NonceSize * (fields.Count + 1)];
        try
        {
            RandomNumberGenerator.Fill(random);
            var dataKey = random[..EnvelopeCipher.KeySize];
            var nonces = random[EnvelopeCipher.KeySize..];
            var @sealed = new Dictionary<string, byte[]>(fields.Count, StringComparer.Ordinal);
            foreach (var (name, value) in fields)
            {
                @sealed.Add(name, EnvelopeCipher.SealField(dataKey, nonces[..EnvelopeCipher.NonceSize], ring.Installation, address, name, value.Bytes));
                nonces = nonces[EnvelopeCipher.NonceSize..];
            }

            return new SealedValue(EnvelopeCipher.WrapKey(ring.WrapKey(generation, address.Workspace), nonces, ring.Installation, address, generation, dataKey), @sealed) { Fingerprints = FingerprintsOf(fields) };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(random);
        }
    }

    // A session's cookies leak one by one, so each has its own. What is short enough to be guessed has none.
    private List<(string Field, string Fingerprint)> FingerprintsOf(IReadOnlyDictionary<string, Plaintext> fields)
    {
        var found = new List<(string, string)>(fields.Count);
        foreach (var (name, value) in fields)
        {
            if (CookieJar.IsJar(value.Bytes))
            {
                foreach (var cookie in new CookieReader(value.Bytes))
                    if (cookie.Value.Length >= ShortestFingerprintedCookie) found.Add((name, Fingerprint(cookie.Value)));
            }
            else if (value.Length >= ShortestFingerprinted) found.Add((name, Fingerprint(value.Bytes)));
        }
        return found;
    }

    /// <summary>Shorter values have no fingerprint of their own.</summary>
    public const int ShortestFingerprinted = 8;

    /// <summary>Most short cookies are settings.</summary>
    private const int ShortestFingerprintedCookie = 16;

    /// <summary>Opens one field at exactly the address it was sealed for; the caller disposes it.</summary>
    public Plaintext Open(in SecretAddress address, SealedValue value, string field) => Open(address, value, field, together: false);

    /// <summary>
    /// The same for a call: while another call holds the very same value open, that one serves both. It is zeroed with the last, so it is never open longer than one of them is under way.
    /// Not to be written to.
    /// </summary>
    public Plaintext OpenTogether(in SecretAddress address, SealedValue value, string field) => Open(address, value, field, together: true);

    /// <summary>The same of a part of a field, such as the cookies that belong to one address. The whole is open only while the part is copied out of it.</summary>
    /// <param name="part">Names the part: who gives the same name gets the same.</param>
    /// <param name="take">Copies the part out of the whole; null when there is none, which is not shared.</param>
    public Plaintext? OpenTogether(in SecretAddress address, SealedValue value, string field, string part, DateTimeOffset now, TakePart take)
    {
        if (!value.Fields.TryGetValue(field, out var blob)) throw new IntegrityException();
        var ring = RingFor(value.WrappedKey, out var generation);
        if (ProofOf(value, ring.WrapKey(generation, address.Workspace), address)?.TryHold(field, part, blob, now.UtcTicks) is { } held) return held;
        using var whole = Open(address, value, field, together: false);
        if (take(whole, out var until) is not { } taken) return null;
        (value.Proof as CommitmentProof)?.Share(field, part, blob, until.UtcTicks, taken);
        return taken;
    }

    /// <summary>Copies a part out of an opened value.</summary>
    /// <param name="until">When another part takes its place.</param>
    public delegate Plaintext? TakePart(Plaintext whole, out DateTimeOffset until);

    private Plaintext Open(in SecretAddress address, SealedValue value, string field, bool together)
    {
        // A row that is gone is damage like any other; the name of the field is not proof that there was one.
        if (!value.Fields.TryGetValue(field, out var blob)) throw new IntegrityException();
        var ring = RingFor(value.WrappedKey, out var generation);
        var wrapKey = ring.WrapKey(generation, address.Workspace);
        var proof = ProofOf(value, wrapKey, address);
        if (together && proof?.TryHold(field, null, blob, 0) is { } held) return held;
        var opened = Open(ring, wrapKey, address, value.WrappedKey, blob, field, isCommitted: proof is not null);
        if (proof is null) value.Proof = proof = new CommitmentProof(value.WrappedKey, wrapKey, address);
        if (together) proof.Share(field, null, blob, long.MaxValue, opened);
        return opened;
    }

    private static CommitmentProof? ProofOf(SealedValue value, CipherPool wrapKey, in SecretAddress address) =>
        value.Proof is CommitmentProof proof && proof.Of(value.WrappedKey, wrapKey, address) ? proof : null;

    // The commitment says that no other key opens the wrapped one too. That follows from the bytes, the key and the address alone, so for the same three it is checked once.
    private sealed class CommitmentProof(byte[] wrappedKey, CipherPool wrapKey, SecretAddress address)
    {
        // Of so many parts at once the others are opened for each call: who looks for one looks at all.
        private const int Most = 32;

        // What calls under way hold open. Replaced as a whole; of two that open at once one is found by those who follow.
        private volatile Held[] _open = [];

        private readonly record struct Held(string Field, string? Part, byte[] Blob, long Until, SharedPlaintext Value)
        {
            public bool Is(string field, string? part) => Field == field && Part == part;
        }

        public bool Of(byte[] key, CipherPool by, in SecretAddress at) => ReferenceEquals(key, wrappedKey) && ReferenceEquals(by, wrapKey) && at == address;

        /// <summary>The value that another call holds open; null when there is none.</summary>
        public Plaintext? TryHold(string field, string? part, byte[] blob, long now)
        {
            foreach (var one in _open)
                if (ReferenceEquals(one.Blob, blob) && one.Is(field, part)) return now < one.Until ? one.Value.TryHold() : null;
            return null;
        }

        public void Share(string field, string? part, byte[] blob, long until, Plaintext opened)
        {
            Held[] others = [.. _open.Where(o => o.Value.IsHeld && !o.Is(field, part))];
            if (others.Length < Most) _open = [.. others, new Held(field, part, blob, until, opened.Share())];
        }
    }

    /// <summary>The same, for callers that have the two blobs at hand.</summary>
    public Plaintext Open(in SecretAddress address, ReadOnlySpan<byte> wrappedKey, ReadOnlySpan<byte> field, string fieldName)
    {
        var ring = RingFor(wrappedKey, out var generation);
        return Open(ring, ring.WrapKey(generation, address.Workspace), address, wrappedKey, field, fieldName, isCommitted: false);
    }

    private static Plaintext Open(MasterKeyRing ring, CipherPool wrapKey, in SecretAddress address, ReadOnlySpan<byte> wrappedKey, ReadOnlySpan<byte> field, string fieldName, bool isCommitted)
    {
        Span<byte> dataKey = stackalloc byte[EnvelopeCipher.KeySize];
        Plaintext? opened = null;
        try
        {
            EnvelopeCipher.UnwrapKey(wrapKey, ring.Installation, address, wrappedKey, dataKey, isCommitted);
            opened = Plaintext.Allocate(EnvelopeCipher.FieldCapacity(field));
            opened.Truncate(EnvelopeCipher.OpenField(dataKey, ring.Installation, address, fieldName, field, opened.Writable));
            return opened;
        }
        catch
        {
            opened?.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(dataKey);
        }
    }

    /// <summary>Seals a small thing that is no credential, bound to what it is for and whose it is.</summary>
    public byte[] SealBlob(string purpose, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data)
    {
        var ring = Ring;
        return EnvelopeCipher.SealBlob(ring.Key(KeyUse.AtRest, ring.CurrentGeneration), ring.CurrentGeneration, ring.Installation, purpose, id, data);
    }

    public Plaintext OpenBlob(string purpose, ReadOnlySpan<byte> id, ReadOnlySpan<byte> blob)
    {
        var ring = RingFor(blob, out var generation);
        var opened = Plaintext.Allocate(EnvelopeCipher.BlobCapacity(blob));
        try
        {
            var key = ring.Key(KeyUse.AtRest, generation);
            opened.Truncate(EnvelopeCipher.OpenBlob(key, ring.Installation, purpose, id, blob, opened.Writable));
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>MAC over the canonical bytes of a policy; 0 means the generation that seals now.</summary>
    public byte[] PolicyMac(ReadOnlySpan<byte> canonical, int generation = 0) => Mac(KeyUse.PolicyMac, canonical, generation);

    /// <summary>MAC over the canonical bytes of an audit head; 0 means the current generation.</summary>
    public byte[] AuditMac(ReadOnlySpan<byte> canonical, int generation = 0) => Mac(KeyUse.AuditMac, canonical, generation);

    /// <summary>What is stored of an inbound API key. Keys are random, so a fast keyed hash is right and a slow one is waste.</summary>
    public byte[] ApiKeyHash(ReadOnlySpan<char> key, int generation = 0)
    {
        var hash = new byte[MacSize];
        ApiKeyHash(key, hash, generation);
        return hash;
    }

    /// <summary>The same into the caller's memory, for every call's check.</summary>
    public void ApiKeyHash(ReadOnlySpan<char> key, Span<byte> destination, int generation = 0)
    {
        var size = Encoding.UTF8.GetMaxByteCount(key.Length);
        var bytes = size <= 1024 ? stackalloc byte[size] : GC.AllocateArray<byte>(size, pinned: true);
        try
        {
            Mac(KeyUse.ApiKey, bytes[..Encoding.UTF8.GetBytes(key, bytes)], destination, generation);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>Tells whether two values are equal and, without the key, nothing else.</summary>
    public string Fingerprint(Plaintext value, int generation = 0) => Fingerprint(value.Bytes, generation);

    /// <summary>The same of bytes that somebody else answers for, such as a piece of a text.</summary>
    public string Fingerprint(ReadOnlySpan<byte> value, int generation = 0)
    {
        Span<byte> mac = stackalloc byte[MacSize];
        Mac(KeyUse.Fingerprint, value, mac, generation);
        return Convert.ToHexStringLower(mac[..16]);
    }

    private MasterKeyRing Ring
    {
        get
        {
            var state = _state;
            return state.Ring ?? throw new VaultSealedException(state.Reason ?? NotUnlocked);
        }
    }

    private MasterKeyRing RingFor(ReadOnlySpan<byte> blob, out int generation)
    {
        // Sealed comes first, whatever the bytes are.
        var ring = Ring;
        generation = EnvelopeCipher.GenerationOf(blob);
        return ring.Knows(generation) ? ring : RingFor(generation);
    }

    // The number comes from stored bytes: one that is not known may be newer than what this process has seen.
    private MasterKeyRing RingFor(int generation)
    {
        var ring = Ring;
        return ring.Knows(generation) || generation < 1 || !Learn(ring.NewestGeneration) ? ring : Ring;
    }

    private byte[] Mac(KeyUse use, ReadOnlySpan<byte> data, int generation)
    {
        var mac = new byte[MacSize];
        Mac(use, data, mac, generation);
        return mac;
    }

    private void Mac(KeyUse use, ReadOnlySpan<byte> data, Span<byte> destination, int generation)
    {
        var ring = Ring;
        Hmac.Compute(ring.Key(use, generation == 0 ? ring.CurrentGeneration : generation), data, destination);
    }

    private static byte[] ContextOf(KeyGeneration generation) => EnvelopeCipher.MasterContext(generation.InstallationId, generation.Generation);

    private bool UnwrapByRoot(KeyGeneration generation, Span<byte> masterKey, out string? reason)
    {
        if (_root.TryUnwrap(generation.WrappedByRoot, ContextOf(generation), masterKey, out reason)) return true;
        if (_root.Fault is null && !string.Equals(generation.RootId, _root.Id, StringComparison.Ordinal))
            reason = $"The master key is wrapped by the root '{Shown(generation.RootId)}', but '{_root.Id}' is configured.";
        return false;
    }

    // Opened again before anyone stores it: a wrapping that does not open would be found out at the next start, when it is too late.
    private byte[] WrapByRoot(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> context)
    {
        var wrapped = _root.Wrap(masterKey, context);
        Span<byte> again = stackalloc byte[EnvelopeCipher.KeySize];
        var opens = _root.TryUnwrap(wrapped, context, again, out _) && CryptographicOperations.FixedTimeEquals(again, masterKey);
        CryptographicOperations.ZeroMemory(again);
        return opens ? wrapped : throw new VaultSealedException("The root key does not open what it has just wrapped.");
    }

    // All generations or none: with one missing, some values would open and others not, and nobody would know why.
    private static State Load(IReadOnlyList<KeyGeneration> generations, Unwrap unwrap, int current = 0)
    {
        if (generations.Count == 0) return new State(null, "There is no master key yet.");
        if (generations.Any(g => g.InstallationId != generations[0].InstallationId) || generations.DistinctBy(g => g.Generation).Count() != generations.Count || generations.Any(g => g.Generation < 1))
            return new State(null, "The stored master keys do not belong together.");

        var masterKeys = new Dictionary<int, byte[]>();
        try
        {
            foreach (var g in generations)
            {
                var masterKey = MasterKeyRing.Pinned();
                masterKeys.Add(g.Generation, masterKey);
                if (!unwrap(g, masterKey, out var reason)) return new State(null, reason);
                if (!CryptographicOperations.FixedTimeEquals(MasterKeyRing.CheckValue(masterKey), g.CheckValue))
                    return new State(null, $"Master key {g.Generation} does not have its check value.");
            }

            return new State(new MasterKeyRing(generations[0].InstallationId, masterKeys, masterKeys.ContainsKey(current) ? current : 0), null);
        }
        finally
        {
            foreach (var key in masterKeys.Values) CryptographicOperations.ZeroMemory(key);
        }
    }

    // From a stored row into a message: short and plain, whatever somebody wrote there.
    private static string Shown(string text) => new([.. text.Take(32).Where(c => char.IsAsciiLetterOrDigit(c) || c == '-')]);

    private delegate bool Unwrap(KeyGeneration generation, Span<byte> masterKey, out string? reason);

    private sealed record State(MasterKeyRing? Ring, string? Reason);
}
