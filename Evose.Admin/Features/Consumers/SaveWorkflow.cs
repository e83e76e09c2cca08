using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>Creates, replaces or renames a workflow: the tools and agents that it acts through.</summary>
public sealed class SaveWorkflow(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, KnownPlaintext known, TimeProvider clock)
{
    /// <param name="Tools">Names; with no tools and no agents it declares nothing and limits nothing.</param>
    /// <param name="Agents">Names.</param>
    public sealed record Input(ConsumerTarget Target, IReadOnlyList<string?>? Tools, IReadOnlyList<string?>? Agents);

    public async Task<Outcome<SavedConsumer>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageConsumers, ct)).Failed(out var refused, out var workspace)) return refused;
        if (await known.RefuseAsync(actor, workspace, "workflow", [("description", input.Target.Description)], ct) is { } ours) return ours;
        if (ConsumerSave.Refuse(input.Target) is { } wrong) return wrong;
        if (MemberList.Parse(ConsumerKind.Tool, input.Tools).Failed(out var wrongList, out var tools)) return wrongList;
        if (MemberList.Parse(ConsumerKind.Agent, input.Agents).Failed(out wrongList, out var agents)) return wrongList;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await ConsumerSave.MembersAsync(db, workspace.Id, ConsumerKind.Tool, tools, ct)).Failed(out var unknown, out var toolIds)) return unknown;
        if ((await ConsumerSave.MembersAsync(db, workspace.Id, ConsumerKind.Agent, agents, ct)).Failed(out unknown, out var agentIds)) return unknown;
        var now = clock.GetUtcNow();
        if ((await ConsumerSave.FindAsync(db, workspace.Id, ConsumerKind.Workflow, input.Target, now, ct)).Failed(out var missing, out var workflow)) return missing;

        var created = db.Entry(workflow).State == EntityState.Added;
        List<Guid> links = [.. toolIds, .. agentIds];
        await ConsumerSave.RelinkAsync(db, workflow, links, ct);
        ConsumerSave.SealAndAudit(db, vault, actor, now, workflow, links, MemberList.Describe(workflow, created, input.Target.Name, ("tools", tools), ("agents", agents)));
        await write.CommitAsync(ct);
        return new SavedConsumer(workflow.Id, workflow.Name, workflow.Revision, created);
    }
}
