using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>What a save answers.</summary>
/// <param name="Name">The name it has now.</param>
/// <param name="Created">True when it was not there before.</param>
public sealed record SavedConsumer(Guid Id, string Name, int Revision, bool Created);

/// <summary>Which consumer a save is about.</summary>
/// <param name="Name">Its present name.</param>
/// <param name="Rename">The name it shall have; null keeps it.</param>
/// <param name="Revision">The revision the person saw; 0 demands that there is none yet; null takes any.</param>
public sealed record ConsumerTarget(string Name, string? Rename = null, int? Revision = null, string? Description = null);

/// <summary>The part that all three saves share, inside the caller's write transaction: find or create, rename, link, seal, audit.</summary>
internal static class ConsumerSave
{
    public const int MaxDescriptionLength = 2000;

    /// <summary>Ends the detail of an event about something that was found changed.</summary>
    public const string NotIntact = "; it was changed outside the app and stays refused until it is saved anew";

    /// <summary>What can be said about the target without the database.</summary>
    public static Problem? Refuse(ConsumerTarget target)
    {
        foreach (var name in new[] { target.Name, target.Rename ?? target.Name })
        {
            if (!Slug.IsValid(name)) return Problem.Invalid("name", Slug.Rule);
            if (name == "new") return Problem.Invalid("name", "'new' is the address of the form. Choose another name.");
        }
        if (FreeText.Refuse(target.Description, MaxDescriptionLength, multiline: true) is { } why) return Problem.Invalid("description", why);
        return target.Description is null ? null : ToolDraft.RefuseSecret("description", target.Description);
    }

    /// <summary>The row to change: the living one of that name, or a new one already added.</summary>
    public static async Task<Outcome<Consumer>> FindAsync(AdminDb db, Guid workspaceId, ConsumerKind kind, ConsumerTarget target, DateTimeOffset now, CancellationToken ct)
    {
        var wanted = target.Rename ?? target.Name;
        var living = db.Consumers.Where(c => c.WorkspaceId == workspaceId && c.Kind == kind && c.DeletedAt == null);
        var consumer = await living.SingleOrDefaultAsync(c => c.Name == target.Name, ct);

        if (consumer is null)
        {
            // A rename that is repeated must not make a second one.
            if (wanted != target.Name) return Problem.NotFound(kind.Word());
            if (target.Revision is > 0) return Problem.Conflict($"Somebody deleted this {kind.Word()} since you opened it.", "deleted");
            consumer = new Consumer(Guid.CreateVersion7(now), workspaceId, kind, wanted, now);
            db.Consumers.Add(consumer);
        }
        else
        {
            if (target.Revision == 0) return Problem.Conflict($"There is already a {kind.Word()} '{wanted}'. Choose another name.", "exists");
            if (target.Revision is { } seen && seen != consumer.Revision)
                return Problem.Conflict($"Somebody else changed this {kind.Word()} since you opened it. Reload to see their change, then make yours.", $"revision {consumer.Revision}");
            if (wanted != consumer.Name && await living.AnyAsync(c => c.Name == wanted, ct))
                return Problem.Conflict($"There is already a {kind.Word()} '{wanted}'. Choose another name.", "exists");
            consumer.Revision = await PolicyCheck.NextRevisionAsync(db, consumer, ct);
            consumer.UpdatedAt = now;
            consumer.Name = wanted;
        }
        consumer.Description = string.IsNullOrWhiteSpace(target.Description) ? null : target.Description.Trim();
        return consumer;
    }

    /// <summary>Ids of the members named, or which of them are not living members of the workspace.</summary>
    public static async Task<Outcome<IReadOnlyList<Guid>>> MembersAsync(AdminDb db, Guid workspaceId, ConsumerKind kind, IReadOnlyList<string> names, CancellationToken ct)
    {
        var ids = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspaceId && c.Kind == kind && c.DeletedAt == null && names.Contains(c.Name))
            .ToDictionaryAsync(c => c.Name, c => c.Id, ct);
        var unknown = names.Where(n => !ids.ContainsKey(n)).ToList();
        if (unknown.Count == 0) return Outcome<IReadOnlyList<Guid>>.Of([.. names.Select(n => ids[n])]);
        var shown = string.Join(", ", unknown.Select(n => $"'{n}'"));
        return ToolDraft.Detailed(kind.Plural(), $"There is no {kind.Word()} {shown} in this workspace. Create it first, or leave it out.", ("unknown", unknown));
    }

    /// <summary>Replaces what the consumer declares to use.</summary>
    public static async Task RelinkAsync(AdminDb db, Consumer consumer, IReadOnlyCollection<Guid> wanted, CancellationToken ct)
    {
        var old = await db.ConsumerLinks.Where(l => l.FromId == consumer.Id).ToListAsync(ct);
        db.ConsumerLinks.RemoveRange(old.Where(l => !wanted.Contains(l.ToId)));
        db.ConsumerLinks.AddRange(wanted.Where(id => !old.Exists(l => l.ToId == id)).Select(id => new ConsumerLink { FromId = consumer.Id, ToId = id }));
    }

    /// <summary>Seals the consumer as it now is and audits it; without both the data plane refuses it.</summary>
    public static void SealAndAudit(AdminDb db, SecretVault vault, Actor actor, DateTimeOffset now, Consumer consumer, IEnumerable<Guid> links, string detail)
    {
        consumer.PolicyMac = PolicySeal.Of(vault, consumer, links);
        AuditTrail.Append(db, now, actor, AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true), detail);
    }

    /// <summary>The same for one that is not as the app wrote it: what it keeps must not be sealed as ours, so no seal fits.</summary>
    public static void RefuseAndAudit(AdminDb db, Actor actor, DateTimeOffset now, Consumer consumer, string detail)
    {
        consumer.PolicyMac = [];
        AuditTrail.Append(db, now, actor, AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true), detail + NotIntact);
    }
}
