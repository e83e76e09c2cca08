using System.Collections.Concurrent;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Audit;

/// <summary>Audits that somebody reads the audit: every export and verification, and looking at it once in five minutes per reader, so that paging does not drown the rest.</summary>
public sealed class AuditReading(IDbContextFactory<AdminDb> dbs, TimeProvider clock)
{
    public static readonly TimeSpan Once = TimeSpan.FromMinutes(5);

    private const int MostReaders = 10_000;

    private readonly ConcurrentDictionary<(ActorKind Kind, Guid Id), DateTimeOffset> _last = new();

    public async Task NoteAsync(Actor actor, Guid? workspaceId, string detail, bool always, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (!always && _last.TryGetValue((actor.Kind, actor.Id), out var last) && now - last < Once && now >= last) return;
        await using var db = await dbs.CreateDbContextAsync(ct);
        AuditTrail.Append(db, now, actor, AuditAction.AuditRead, new AuditSubject(workspaceId, "audit"), detail);
        await db.SaveChangesAsync(ct);
        if (always) return;
        if (_last.Count >= MostReaders) _last.Clear();
        _last[(actor.Kind, actor.Id)] = now;
    }
}
