using System.Buffers;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Evose.Admin.Platform.Audit;

/// <summary>Gives new audit events their place in the chain, inside the transaction that saves them. A sealed vault has no key for the head, so nothing is saved.</summary>
public sealed class AuditChain(SecretVault vault) : SaveChangesInterceptor
{
    public override async ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is not AdminDb db) return result;
        var fresh = db.ChangeTracker.Entries<AuditEvent>().Where(e => e.State == EntityState.Added).OrderByDescending(e => e.Entity.Seq).Select(e => e.Entity).ToList();
        if (fresh.Count == 0) return result;

        var head = await db.ChainHeads.FirstOrDefaultAsync(h => h.Lane == Chain.AuditLane, cancellationToken);
        // A head that was not ours stays unsigned: the next row must not make a forged chain look genuine.
        var sign = head is null || HeadSeal.IsGenuine(vault, Chain.HeadBytes(head.Lane, head.Seq, head.Link), head.Mac);
        if (head is null) db.ChainHeads.Add(head = new ChainHead { Lane = Chain.AuditLane, Link = Chain.Origin });
        var buffer = new ArrayBufferWriter<byte>(512);
        var link = head.Link.ToArray();
        var seq = head.Seq;
        foreach (var e in fresh)
        {
            // The key is part of the identity of a tracked row: track it anew under its real number.
            db.Entry(e).State = EntityState.Detached;
            e.Seq = ++seq;
            buffer.Clear();
            Chain.Link(link, Chain.AuditLane, e.Seq, Payload(e, buffer), link);
            e.Link = link.ToArray();
            db.AuditEvents.Add(e);
        }
        (head.Seq, head.Link) = (seq, link);
        if (sign) head.Mac = vault.AuditMac(Chain.HeadBytes(head.Lane, head.Seq, head.Link));
        return result;
    }

    /// <summary>The canonical bytes of an event.</summary>
    public static ReadOnlySpan<byte> Payload(AuditEvent e, ArrayBufferWriter<byte> buffer)
    {
        var p = new ChainPayload(buffer);
        p.Number(e.At.UtcTicks);
        p.Id(e.WorkspaceId);
        p.Number((long)e.ActorKind);
        p.Id(e.ActorId);
        p.Text(e.ActorName);
        p.Text(e.Ip);
        p.Text(e.RequestId);
        p.Number((long)e.Action);
        p.Number((long)e.Outcome);
        p.Text(e.Subject);
        p.Id(e.SubjectId);
        p.Id(e.CredentialId);
        p.Number((long?)e.PolicyVersion);
        p.Text(e.Detail);
        return p.Written;
    }
}
