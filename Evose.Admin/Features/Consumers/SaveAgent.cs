using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>Creates, replaces or renames an agent: the tools that it acts through.</summary>
public sealed class SaveAgent(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, KnownPlaintext known, TimeProvider clock)
{
    /// <param name="Tools">Names; empty declares nothing and limits nothing.</param>
    public sealed record Input(ConsumerTarget Target, IReadOnlyList<string?>? Tools);

    public async Task<Outcome<SavedConsumer>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageConsumers, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await known.RefuseAsync(actor, workspace, "agent", [("description", input.Target.Description)], ct) is { } ours) return ours;
        if (ConsumerSave.Refuse(input.Target) is { } wrong) return wrong;
        if (MemberList.Parse(ConsumerKind.Tool, input.Tools).Failed(out var wrongList, out var tools)) return wrongList;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await ConsumerSave.MembersAsync(db, workspace.Id, ConsumerKind.Tool, tools, ct)).Failed(out var unknown, out var links)) return unknown;
        var now = clock.GetUtcNow();
        if ((await ConsumerSave.FindAsync(db, workspace.Id, ConsumerKind.Agent, input.Target, now, ct)).Failed(out var missing, out var agent)) return missing;

        var created = db.Entry(agent).State == EntityState.Added;
        await ConsumerSave.RelinkAsync(db, agent, links, ct);
        ConsumerSave.SealAndAudit(db, vault, actor, now, agent, links, MemberList.Describe(agent, created, input.Target.Name, ("tools", tools)));
        await write.CommitAsync(ct);
        return new SavedConsumer(agent.Id, agent.Name, agent.Revision, created);
    }
}
