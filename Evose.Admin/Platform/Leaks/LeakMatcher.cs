using System.IO.Hashing;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Leaks;

/// <summary>A value of ours that stands in a text.</summary>
/// <param name="At">Where in the text; the first place.</param>
public sealed record LeakMatch(Guid CredentialId, Guid WorkspaceId, string Name, int Version, VersionState State, bool IsArchived, int At);

/// <summary>
/// Finds our values in a text by keyed fingerprints of its pieces: no value is opened for it, and nothing of the text is kept. Whoever has the database alone cannot do the same.
/// </summary>
public sealed class LeakMatcher(SecretVault vault)
{
    /// <summary>What can be asked about by whoever may ask. Shorter values could be found by trying; only the operator's own scan looks for them.</summary>
    public const int GuessProof = 12;

    private const int LookUp = 500;

    /// <summary>The fingerprints of all candidates under every master key, each with the first place of its candidate. Null when there are more candidates than allowed.</summary>
    public Dictionary<string, int>? FingerprintsOf(ReadOnlySpan<byte> text, int shortest = GuessProof, int most = int.MaxValue)
    {
        // Of what was looked at already only a hash stays, and that for the time of the search.
        var looked = new HashSet<ulong>();
        var found = new Dictionary<string, int>(StringComparer.Ordinal);
        var generations = vault.NewestGeneration;
        Candidates.In(text, (candidate, at) =>
        {
            if (candidate.Length < shortest || looked.Count > most || !looked.Add(XxHash3.HashToUInt64(candidate))) return;
            for (var g = 1; g <= generations; g++) found.TryAdd(vault.Fingerprint(candidate, g), at);
        });
        return looked.Count > most ? null : found;
    }

    /// <summary>Our values among the fingerprints. As many questions to the database whether there are any or none.</summary>
    public static async Task<IReadOnlyList<LeakMatch>> FindAsync(AdminDb db, IReadOnlyDictionary<string, int> fingerprints, CancellationToken ct)
    {
        var found = new Dictionary<(Guid, int), LeakMatch>();
        foreach (var chunk in fingerprints.Keys.Chunk(LookUp))
        {
            var byField = await db.ValueFingerprints.AsNoTracking().Where(f => EF.Parameter(chunk).Contains(f.Fingerprint))
                .Join(db.CredentialVersions, f => f.VersionId, v => v.Id, (f, v) => new { f.Field, f.Fingerprint, v.Number, v.State, v.CredentialId })
                .Join(db.Credentials.IgnoreAutoIncludes(), x => x.CredentialId, c => c.Id, (x, c) => new { x.Field, x.Fingerprint, x.Number, x.State, c.Id, c.WorkspaceId, c.Name, c.Injection, Archived = c.ArchivedAt != null }).ToListAsync(ct);
            // What was registered before fields had fingerprints of their own.
            var whole = await db.CredentialVersions.AsNoTracking().Where(v => EF.Parameter(chunk).Contains(v.Fingerprint))
                .Join(db.Credentials.IgnoreAutoIncludes(), v => v.CredentialId, c => c.Id, (v, c) => new { v.Fingerprint, v.Number, v.State, c.Id, c.WorkspaceId, c.Name, Archived = c.ArchivedAt != null }).ToListAsync(ct);
            // A field that people may see is no secret, wherever it stands.
            foreach (var f in byField.Where(f => f.Injection.Fields.FirstOrDefault(r => r.Name == f.Field)?.IsSecret != false))
                Keep(new LeakMatch(f.Id, f.WorkspaceId, f.Name, f.Number, f.State, f.Archived, fingerprints[f.Fingerprint]));
            foreach (var v in whole) Keep(new LeakMatch(v.Id, v.WorkspaceId, v.Name, v.Number, v.State, v.Archived, fingerprints[v.Fingerprint]));
        }
        return [.. found.Values.OrderBy(m => m.At).ThenBy(m => m.Name, StringComparer.Ordinal)];

        void Keep(LeakMatch match)
        {
            if (!found.TryGetValue((match.CredentialId, match.Version), out var known) || match.At < known.At) found[(match.CredentialId, match.Version)] = match;
        }
    }

    /// <summary>Every fingerprint that there is, for a search that asks often: of the operator's own scan.</summary>
    public static async Task<HashSet<string>> AllAsync(AdminDb db, CancellationToken ct)
    {
        var all = await db.ValueFingerprints.AsNoTracking().Select(f => f.Fingerprint).ToHashSetAsync(ct);
        all.UnionWith(await db.CredentialVersions.AsNoTracking().Select(v => v.Fingerprint).ToListAsync(ct));
        return all;
    }
}
