using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Probing;

namespace Evose.Admin.Features.Rotation;

/// <summary>Through which tool, where to, and with which versions a check would go; decided on one snapshot, does nothing.</summary>
public static class ToolCheck
{
    public const string NobodyAsks =
        "No tool in the credential's scope references it, so there is nobody to ask through. Reference it in a tool and name the tool in its scope, or go on without a check and say why.";

    public static Outcome<ProbePlan> Plan(CatalogSnapshot catalog, EgressGuard egress, Guid credentialId, CredentialVersion pending, string? toolName, ProbePath path)
    {
        if (catalog.CredentialsById.GetValueOrDefault(credentialId) is not { } credential) return Problem.NotFound("credential");
        if (credential.Tampered) return Denial.PolicyTampered.ToProblem();

        var candidates = catalog.ConsumersById.Values.Where(c => credential.IsFor(c.WorkspaceId) && c.Kind == ConsumerKind.Tool && c.Request?.Credentials.Contains(credential.Name) == true)
            .OrderBy(c => c.Name, StringComparer.Ordinal).ToList();
        var tool = toolName is null ? candidates.Find(c => !c.Tampered && IsInScope(credential.Scope, c.Id)) : candidates.Find(c => c.Name == toolName || toolName == $"{SlugOf(catalog, c.WorkspaceId)}/{c.Name}");
        if (tool is null)
        {
            return toolName is null
                ? new ProbePlan(credential.WorkspaceId, null, path, [], NobodyAsks)
                : Problem.Invalid("tool", "No tool of this name references the credential. Choose one that does.");
        }
        if (tool.Tampered) return Denial.PolicyTampered.ToProblem();

        var target = RenderedRequest.TargetOf(tool.Request!, path.Path);
        var versions = new List<ChosenVersion>();
        foreach (var name in tool.Request!.Credentials)
        {
            var named = catalog.Find(tool.WorkspaceId, name);
            var mine = named?.Id == credentialId;
            // The tool's other credentials go along as they do with every call, so the same rules hold for them.
            if (named is not { Tampered: false } || (!mine && named.Active is null)) return Refused($"The tool '{tool.Name}' also needs the credential '{name}', which cannot be used now.", Denial.CredentialUnavailable.Rule());
            if (!IsInScope(named.Scope, tool.Id)) return Refused($"The scope of the credential '{name}' does not name the tool '{tool.Name}'.", Denial.ScopeTool.Rule());
            if (!named.Destinations.Allows(target)) return Refused($"The credential '{name}' may not travel to {target.IdnHost}. Add the host to its destinations if it should.", Denial.Destination.Rule());
            if (!named.MayStandIn(tool.Request)) return Refused($"The tool '{tool.Name}' puts the credential '{name}' into the address. Allow that on the credential, or put it into a header.", Denial.PlaceNotAllowed.Rule());
            versions.Add(mine
                ? new ChosenVersion(named.WorkspaceId, named.Id, name, pending.Number, pending.Value!, named)
                : new ChosenVersion(named.WorkspaceId, named.Id, name, named.Active!.Number, named.Active.Value, named));
        }
        return egress.CheckTarget(target, tool.Request.Base.Port) is { } guarded
            ? Refused(guarded.Message, EgressGuard.Rule)
            : new ProbePlan(tool.WorkspaceId, tool.Request, path, versions) { Tool = tool };

        ProbePlan Refused(string why, string rule) =>
            new(tool.WorkspaceId, tool.Request, path, [new ChosenVersion(credential.WorkspaceId, credentialId, credential.Name, pending.Number, pending.Value!, credential)], why, rule) { Tool = tool };
    }

    private static string? SlugOf(CatalogSnapshot catalog, Guid workspaceId) => catalog.Workspaces.Values.FirstOrDefault(w => w.Id == workspaceId)?.Slug;

    // A person asks, not an agent: of a scope's lists only the tools' counts. An empty scope is nobody's.
    private static bool IsInScope(Scope scope, Guid toolId) => !scope.IsEmpty && (scope.Tools.Count == 0 || scope.Tools.Contains(toolId));
}
