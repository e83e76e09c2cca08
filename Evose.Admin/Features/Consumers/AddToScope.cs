using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>Lets a tool use a credential that its templates already name. Asks for the right over credentials: who builds tools does not hand out secrets.</summary>
public sealed class AddToScope(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, TimeProvider clock)
{
    public sealed record Input(string Tool, string Credential);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;

        // The organization's credentials are the organization's to hand out; asked before anything is written.
        var organization = await authorizer.RightsAsync(actor, Workspace.OrganizationSlug, ct);
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var tool = await db.Consumers.SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Kind == ConsumerKind.Tool && c.Name == input.Tool && c.DeletedAt == null, ct);
        if (tool is null) return Problem.NotFound("tool");
        var credential = await db.CredentialsFor(workspace.Id).Include(c => c.ScopeMembers).SingleOrDefaultAsync(c => c.Name == input.Credential, ct);
        if (credential is null) return Problem.NotFound("credential");
        if (credential.WorkspaceId != workspace.Id && !organization.Allows(Permission.ManageCredentials))
            return Problem.Forbidden("organization_credential", "This credential belongs to the organization. Ask an organization admin to add the tool to its scope.");
        if (!await db.References.AnyAsync(r => r.ToolId == tool.Id && r.CredentialName == credential.Name, ct))
            return Problem.Conflict($"The tool does not name this credential. Write {Placeholder.Write(credential.Name)} in one of its values first.", "not_referenced");
        // The scope that is there is kept, so it must be ours.
        if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct))
            return Problem.Conflict("Scope or hosts of this credential were changed outside the app. Look at them on the credential's page and save the scope anew there.", "tampered");
        if (credential.Scope.Tools.Contains(tool.Id)) return Done.It;
        if (ScopePolicy.Covers(credential.Scope, tool.Id))
            return Problem.Conflict("The scope of this credential names agents or workflows and no tool, so they may already use it through this tool. Naming one tool would shut out all others.", "covered");

        var now = clock.GetUtcNow();
        ScopeMember[] members = [.. credential.ScopeMembers, new ScopeMember { CredentialId = credential.Id, ConsumerId = tool.Id, Kind = ConsumerKind.Tool }];
        credential.ChangePolicy(members, credential.AllowedHosts, c => PolicySeal.Of(vault, c));
        AuditTrail.Append(db, now, actor, AuditAction.CredentialPolicyChanged, AuditSubject.Credential(credential, policy: true), $"tool {tool.Name} added to the scope");
        await write.CommitAsync(ct);
        return Done.It;
    }
}
