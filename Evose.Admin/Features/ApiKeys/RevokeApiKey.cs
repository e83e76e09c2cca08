using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Ends a key for good. The very next call with it is refused; ending it again changes nothing.</summary>
public sealed class RevokeApiKey(IDbContextFactory<AdminDb> dbs, ApiKeyGate gate, TimeProvider clock)
{
    public async Task<Outcome<ApiKey>> ExecuteAsync(Actor actor, string? id, CancellationToken ct)
    {
        if ((await gate.FindAsync(actor, id, ct)).Failed(out var problem, out var found)) return problem;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var key = await db.ApiKeys.SingleAsync(k => k.Id == found.Id, ct);
        if (key.RevokedAt is not null) return key;
        var now = clock.GetUtcNow();
        key.RevokedAt = now;
        IssuedKey.Tell(db, now, actor, AuditAction.ApiKeyRevoked, key, $"evk_{key.PublicId}");
        await write.CommitAsync(ct);
        return key;
    }
}
