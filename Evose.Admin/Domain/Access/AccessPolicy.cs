using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Access;

/// <summary>Pure: may this call happen? Every rule can only deny; what passes all of them is allowed. Allocates nothing.</summary>
public static class AccessPolicy
{
    /// <summary>The order is the order of the denials a caller may learn: first about its own key, then about who acts, last about credentials.</summary>
    public static AccessDecision Decide(in AccessQuestion q, DateTimeOffset now)
    {
        if (DenyKey(q, now) is { } key) return Denied(key);
        if (q.Tool is null || !IsLiving(q.Tool, ConsumerKind.Tool, q.WorkspaceId)) return Denied(Denial.ToolUnknown);
        if (DenyActing(q, out var agent, out var workflow) is { } acting) return Denied(acting);
        if (agent is { Uses.Count: > 0 } && !agent.Uses.Contains(q.Tool.Id)) return Denied(Denial.AgentWithoutTool, agent, workflow);
        if (workflow is { Uses.Count: > 0 } && !Reaches(workflow, q.Tool, agent)) return Denied(Denial.WorkflowWithoutTool, agent, workflow);

        Grant? first = null;
        foreach (ref readonly var credential in q.Credentials)
        {
            if (DenyCredential(credential, q.WorkspaceId, q.Tool, agent, workflow, out var grant) is { } denial)
                return Denied(denial, agent, workflow, credential.Name);
            first ??= grant;
        }
        return new AccessDecision(first ?? Grant.NoCredential, null, agent?.Id, workflow?.Id, null);
    }

    private static Denial? DenyKey(in AccessQuestion q, DateTimeOffset now)
    {
        if (!q.Key.IsLive(now)) return q.Key.RevokedAt is not null ? Denial.KeyRevoked : Denial.KeyExpired;
        if (!q.Key.Has(ApiKeyScopes.ToolInvoke)) return Denial.KeyScope;
        return q.Key.Reaches(q.WorkspaceId) ? null : Denial.KeyWorkspace;
    }

    private static Denial? DenyActing(in AccessQuestion q, out ConsumerFacts? agent, out ConsumerFacts? workflow)
    {
        (agent, workflow) = (null, null);
        var named = q.Agent;
        if (q.Key.AgentId is { } bound)
        {
            // A bound key is its agent whatever the caller says: the name can only agree or be refused.
            if (named.IsSaid && named.Facts?.Id != bound) return Denial.KeyAgentMismatch;
            named = Named.As(q.KeyAgent?.Id == bound ? q.KeyAgent : null);
        }
        if (named.IsSaid && !IsLiving(named.Facts, ConsumerKind.Agent, q.WorkspaceId)) return Denial.AgentUnknown;
        if (q.Workflow.IsSaid && !IsLiving(q.Workflow.Facts, ConsumerKind.Workflow, q.WorkspaceId)) return Denial.WorkflowUnknown;
        (agent, workflow) = (named.Facts, q.Workflow.Facts);
        return null;
    }

    private static bool IsLiving(ConsumerFacts? facts, ConsumerKind kind, Guid workspaceId) =>
        facts is { Deleted: false } && facts.Kind == kind && facts.WorkspaceId == workspaceId;

    /// <summary>When an agent acts, its other agents do not count: the acting one must belong to the workflow, or the tool itself must.</summary>
    private static bool Reaches(ConsumerFacts workflow, ConsumerFacts tool, ConsumerFacts? agent) =>
        workflow.Uses.Contains(tool.Id) || (agent is null ? workflow.ThroughAgents.Contains(tool.Id) : workflow.Uses.Contains(agent.Id));

    private static Denial? DenyCredential(in CredentialFacts c, Guid workspaceId, ConsumerFacts tool, ConsumerFacts? agent, ConsumerFacts? workflow, out Grant grant)
    {
        grant = default;
        if (!c.Exists || c.WorkspaceId != workspaceId) return Denial.CredentialUnknown;
        if (!c.PolicyIntact) return Denial.PolicyTampered;
        if (!c.HasActiveVersion) return Denial.CredentialUnavailable;
        return DenyScope(c.Scope, tool, agent, workflow, out grant) ?? (!c.DestinationAllowed ? Denial.Destination : c.PlaceAllowed ? null : Denial.PlaceNotAllowed);
    }

    private static Denial? DenyScope(Scope scope, ConsumerFacts tool, ConsumerFacts? agent, ConsumerFacts? workflow, out Grant grant)
    {
        grant = Grant.Tool;
        if (scope.IsEmpty) return Denial.ScopeEmpty;
        var byTool = scope.Tools.Count > 0;
        if (byTool && !scope.Tools.Contains(tool.Id)) return Denial.ScopeTool;
        if (scope.Agents.Count == 0 && scope.Workflows.Count == 0) return null;

        if (agent is null && workflow is null) return Denial.ScopeNobodyActs;
        if (agent is not null && scope.Agents.Contains(agent.Id))
        {
            grant = byTool ? Grant.ToolAndAgent : Grant.Agent;
            return null;
        }
        if (workflow is not null && scope.Workflows.Contains(workflow.Id))
        {
            grant = byTool ? Grant.ToolAndWorkflow : Grant.Workflow;
            return null;
        }
        // With both lists the one that the caller could have met is named.
        return scope.Workflows.Count == 0 || (scope.Agents.Count > 0 && agent is not null) ? Denial.ScopeAgent : Denial.ScopeWorkflow;
    }

    private static AccessDecision Denied(Denial denial, ConsumerFacts? agent = null, ConsumerFacts? workflow = null, string? credential = null) =>
        new(null, denial, agent?.Id, workflow?.Id, credential);
}
