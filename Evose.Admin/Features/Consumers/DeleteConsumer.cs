using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>
/// Takes a tool, agent or workflow out of use, with its references, links and scope rows. The row stays, so that old calls keep their names.
/// Deleting never lets anybody do more than before.
/// </summary>
public sealed class DeleteConsumer(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, TimeProvider clock)
{
    /// <param name="Revision">The revision the person saw; null takes any.</param>
    public sealed record Input(ConsumerKind Kind, string Name, int? Revision = null);

    /// <summary>What else changed: names of the agents and workflows that used it, and of the credentials whose scope named it.</summary>
    public sealed record Deleted(string Name, DateTimeOffset At, IReadOnlyList<string> Agents, IReadOnlyList<string> Workflows, IReadOnlyList<string> Credentials);

    public async Task<Outcome<Deleted>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageConsumers, ct)).Failed(out var refused, out var workspace)) return refused;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var consumer = await db.Consumers.SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Kind == input.Kind && c.Name == input.Name && c.DeletedAt == null, ct);
        if (consumer is null) return Problem.NotFound(input.Kind.Word());
        if (input.Revision is { } seen && seen != consumer.Revision)
            return Problem.Conflict($"Somebody else changed this {input.Kind.Word()} since you opened it. Reload to see their change, then decide again.", $"revision {consumer.Revision}");

        var now = clock.GetUtcNow();
        db.References.RemoveRange(await db.References.Where(r => r.ToolId == consumer.Id).ToListAsync(ct));
        db.ConsumerLinks.RemoveRange(await db.ConsumerLinks.Where(l => l.FromId == consumer.Id).ToListAsync(ct));
        var users = await UnlinkAsync(db, actor, consumer, now, ct);
        var credentials = await UnscopeAsync(db, actor, consumer, now, ct);

        (consumer.DeletedAt, consumer.UpdatedAt) = (now, now);
        consumer.Revision = await PolicyCheck.NextRevisionAsync(db, consumer, ct);
        // No seal fits any more: a row that somebody revives behind the app's back is refused.
        consumer.PolicyMac = [];
        AuditTrail.Append(db, now, actor, AuditAction.ConsumerDeleted, AuditSubject.Consumer(consumer, policy: true), $"{input.Kind.Word()} deleted");
        await write.CommitAsync(ct);
        return new Deleted(consumer.Name, now, NamesOf(users, ConsumerKind.Agent), NamesOf(users, ConsumerKind.Workflow), credentials);
    }

    private async Task<List<Consumer>> UnlinkAsync(AdminDb db, Actor actor, Consumer consumer, DateTimeOffset now, CancellationToken ct)
    {
        var users = await db.Consumers.Where(c => c.DeletedAt == null && db.ConsumerLinks.Any(l => l.FromId == c.Id && l.ToId == consumer.Id)).OrderBy(c => c.Name).ToListAsync(ct);
        foreach (var user in users)
        {
            var links = await db.ConsumerLinks.Where(l => l.FromId == user.Id).ToListAsync(ct);
            // Without any link the user would declare nothing, which limits nothing: the last link stays and lets nothing through.
            var isLast = links.Count == 1;
            var intact = await PolicyCheck.IsIntactAsync(db, vault, user, links.Select(l => l.ToId), ct);
            if (!isLast) db.ConsumerLinks.Remove(links.Single(l => l.ToId == consumer.Id));
            user.Revision = await PolicyCheck.NextRevisionAsync(db, user, ct);
            user.UpdatedAt = now;
            var detail = $"{consumer.Kind.Word()} {consumer.Name} was deleted" + (isLast ? "; nothing else is declared, so every call is refused until something is" : "");
            if (intact) ConsumerSave.SealAndAudit(db, vault, actor, now, user, links.Where(l => isLast || l.ToId != consumer.Id).Select(l => l.ToId), detail);
            else ConsumerSave.RefuseAndAudit(db, actor, now, user, detail);
        }
        return users;
    }

    private async Task<IReadOnlyList<string>> UnscopeAsync(AdminDb db, Actor actor, Consumer consumer, DateTimeOffset now, CancellationToken ct)
    {
        var credentials = await db.Credentials.Include(c => c.ScopeMembers).Where(c => c.ScopeMembers.Any(m => m.ConsumerId == consumer.Id)).OrderBy(c => c.Name).ToListAsync(ct);
        foreach (var credential in credentials)
        {
            var left = ScopePolicy.Without(credential.ScopeMembers, consumer.Id);
            var intact = await PolicyCheck.IsIntactAsync(db, vault, credential, ct);
            // What somebody changed outside the app stays refused: no seal fits.
            credential.ChangePolicy(left, credential.AllowedHosts, c => intact ? PolicySeal.Of(vault, c) : [], await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
            AuditTrail.Append(db, now, actor, AuditAction.CredentialPolicyChanged, AuditSubject.Credential(credential, policy: true),
                $"{consumer.Kind.Word()} {consumer.Name} was deleted and left the scope" + (left.Count == 0 ? "; nobody may use the credential until the scope names somebody" : "") + (intact ? "" : ConsumerSave.NotIntact));
        }
        return [.. credentials.Where(c => c.ArchivedAt is null).Select(c => c.Name)];
    }

    private static IReadOnlyList<string> NamesOf(List<Consumer> users, ConsumerKind kind) => [.. users.Where(u => u.Kind == kind).Select(u => u.Name)];
}
