using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Issues a successor with the same properties and lets the old key live a little longer, so that nobody is cut off. Asks for the same rights as issuing it.</summary>
public sealed class RotateApiKey(IDbContextFactory<AdminDb> dbs, ApiKeyGate gate, SecretVault vault, TimeProvider clock)
{
    public static readonly TimeSpan DefaultOverlap = TimeSpan.FromHours(24);
    public static readonly TimeSpan LongestOverlap = TimeSpan.FromDays(30);

    /// <param name="Overlap">How long the old key still works; null: 24 hours; zero: not at all.</param>
    public sealed record Input(string? Id, TimeSpan? Overlap = null);

    public async Task<Outcome<IssuedKey>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        var overlap = input.Overlap ?? DefaultOverlap;
        if (overlap < TimeSpan.Zero || overlap > LongestOverlap) return Problem.Invalid("old_expires_in", "Let the old key live for 0 seconds to 30 days (2592000 seconds).");
        if ((await gate.FindAsync(actor, input.Id, ct)).Failed(out var missing, out var found)) return missing;
        IReadOnlyList<string>? slugs = null;
        if (found.WorkspaceIds is { } ids)
        {
            await using var reading = await dbs.CreateDbContextAsync(ct);
            slugs = await ApiKeyGate.SlugsAsync(reading, ids, ct);
        }
        if ((await gate.AuthorizeIssueAsync(actor, found.Scopes, slugs, ct)).Failed(out var refused, out var grant)) return refused;
        if (grant.BoundAgent is { } bound && found.AgentId != bound) return Problem.Forbidden("scope", "The key you use is bound to an agent, so it rotates only keys of the same agent.");

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var old = await db.ApiKeys.SingleAsync(k => k.Id == found.Id, ct);
        if (!old.IsLive(now))
        {
            var state = old.StatusAt(now) == ApiKeyStatus.Revoked ? "revoked" : "expired";
            return Problem.Conflict($"This key is {state}, so there is nothing to hand over. Issue a new key instead.", state);
        }
        // The successor lives as long as the old one was to live, from now.
        var ends = old.ExpiresAt is { } end ? now + (end - old.CreatedAt) : (DateTimeOffset?)null;
        if (IssueApiKey.RefuseEnd(ends, grant.MayLastForever, now) is { } badEnd) return badEnd;
        (Guid Id, string Name)? agent = null;
        if (old.AgentId is { } agentId)
        {
            var name = await db.Consumers.Where(c => c.Id == agentId && c.DeletedAt == null).Select(c => c.Name).SingleOrDefaultAsync(ct);
            if (name is null) return Problem.Conflict("The agent that this key is bound to was deleted. Revoke the key.", "agent_deleted");
            agent = (agentId, name);
        }

        var issued = IssuedKey.Draw(db, vault, actor, now, old.Name, old.Scopes, grant.Workspaces, agent, ends, $"replaces evk_{old.PublicId}; ");
        old.EndBy(now + overlap);
        IssuedKey.Tell(db, now, actor, AuditAction.ApiKeyRotated, old, $"replaced by evk_{issued.Key.PublicId}; works until {old.ExpiresAt!.Value.UtcDateTime:yyyy-MM-dd HH:mm}");
        await write.CommitAsync(ct);
        return issued;
    }
}
