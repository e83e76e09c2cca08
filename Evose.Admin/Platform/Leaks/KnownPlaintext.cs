using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Leaks;

/// <summary>Refuses a text that holds a value of ours, whatever the value looks like, and opens a report: whoever typed it had it in plain text. To be asked before the caller's own transaction.</summary>
public sealed class KnownPlaintext(IDbContextFactory<AdminDb> dbs, SecretVault vault, LeakMatcher matcher, LeakDesk desk)
{
    /// <param name="what">What is being saved, such as <c>tool gpt-call</c>.</param>
    /// <param name="texts">Each text with its place in the form.</param>
    public async Task<Problem?> RefuseAsync(Actor actor, Workspace workspace, string what, IEnumerable<(string Place, string? Text)> texts, CancellationToken ct)
    {
        if (vault.IsSealed) return null;
        var fingerprints = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (place, text) in texts)
            foreach (var fingerprint in FingerprintsOf(text)) fingerprints.TryAdd(fingerprint, place);
        if (fingerprints.Count == 0) return null;

        await using var db = await dbs.CreateDbContextAsync(ct);
        var places = fingerprints.Values.Distinct(StringComparer.Ordinal).ToList();
        var matches = await LeakMatcher.FindAsync(db, fingerprints.ToDictionary(f => f.Key, f => places.IndexOf(f.Value), StringComparer.Ordinal), ct);
        if (matches.Count == 0) return null;
        await using (var write = await db.BeginWriteAsync(ct))
        {
            foreach (var match in matches)
                await desk.OpenAsync(db, actor, match.CredentialId, match.Version, new Sighting(LeakSource.Config, $"{what}, {places[match.At]}"), ct);
            await write.CommitAsync(ct);
        }
        var first = matches[0];
        // Its name is told where it exists.
        var known = await db.CredentialsFor(workspace.Id).Where(c => matches.Select(m => m.CredentialId).Contains(c.Id)).Select(c => c.Name).FirstOrDefaultAsync(ct);
        var suggestion = known is null ? PlaintextDetector.SuggestPlaceholder(null) : Placeholder.Write(known);
        var at = places[first.At];
        return Problem.Invalid(at, known is null
            ? $"{at}: This holds the value of a credential. Take it out. It was reported as a leak, because it stood here in plain text."
            : $"{at}: This holds the value of the credential '{known}'. Write {suggestion} instead. It was reported as a leak, because it stood here in plain text.") with
        {
            Details = new Dictionary<string, object?> { ["field"] = at, ["place"] = at, ["suggestion"] = suggestion, ["rule"] = "known_value" },
        };
    }

    private IEnumerable<string> FingerprintsOf(string? text)
    {
        if (text is null || text.Length < LeakMatcher.GuessProof) return [];
        var bytes = Encoding.UTF8.GetBytes(text);
        try
        {
            return matcher.FingerprintsOf(bytes)!.Keys;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }
}
