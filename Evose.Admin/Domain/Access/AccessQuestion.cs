using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Access;

/// <summary>A tool, agent or workflow as the policy sees it.</summary>
/// <param name="Uses">Ids of what it declares to use: tools of an agent, tools and agents of a workflow. Empty declares nothing and limits nothing.</param>
/// <param name="ThroughAgents">For a workflow: the tools that its living agents declare.</param>
public sealed record ConsumerFacts(Guid Id, Guid WorkspaceId, ConsumerKind Kind, bool Deleted, IReadOnlySet<Guid> Uses, IReadOnlySet<Guid> ThroughAgents);

/// <summary>Whom a call names as acting: nobody, somebody that was found, or somebody that was not.</summary>
public readonly record struct Named
{
    private Named(bool said, ConsumerFacts? facts) => (IsSaid, Facts) = (said, facts);

    public static readonly Named Nobody;

    public static readonly Named Unknown = new(true, null);

    public static Named As(ConsumerFacts? facts) => new(true, facts);

    public bool IsSaid { get; }

    /// <summary>What was found under the name, if anything.</summary>
    public ConsumerFacts? Facts { get; }
}

/// <summary>One credential of the tool's templates as the policy sees it.</summary>
/// <param name="WorkspaceId">Whose it is; of an organization's credential, the workspace that asks when it is granted there.</param>
/// <param name="Exists">False when no living credential of the workspace has the name.</param>
/// <param name="PolicyIntact">True when scope and destinations still match their seal.</param>
/// <param name="HasActiveVersion">True when a version is in use.</param>
/// <param name="DestinationAllowed">True when the credential may travel to the address of this very call.</param>
/// <param name="PlaceAllowed">False when the tool puts the value into the address and the credential does not allow that.</param>
public readonly record struct CredentialFacts(string Name, Guid WorkspaceId, bool Exists, bool PolicyIntact, bool HasActiveVersion, Scope Scope, bool DestinationAllowed, bool PlaceAllowed);

/// <summary>May this key, in this workspace, use this tool as this agent or workflow, with these credentials?</summary>
public readonly ref struct AccessQuestion
{
    public required ApiKey Key { get; init; }

    public required Guid WorkspaceId { get; init; }

    /// <summary>The tool that was asked for; null when the name is not known.</summary>
    public required ConsumerFacts? Tool { get; init; }

    /// <summary>The agent the caller names.</summary>
    public Named Agent { get; init; }

    /// <summary>The workflow the caller names.</summary>
    public Named Workflow { get; init; }

    /// <summary>The agent that the key is bound to, looked up by <see cref="ApiKey.AgentId"/>.</summary>
    public ConsumerFacts? KeyAgent { get; init; }

    /// <summary>The credentials that the tool's templates name.</summary>
    public ReadOnlySpan<CredentialFacts> Credentials { get; init; }
}

/// <summary>Which rule allowed a call.</summary>
public enum Grant
{
    /// <summary>The tool uses no credential.</summary>
    NoCredential = 1,

    /// <summary>The scope names the tool, and no agents or workflows.</summary>
    Tool,

    /// <summary>The scope names the agent, and no tools.</summary>
    Agent,

    /// <summary>The scope names the workflow, and no tools.</summary>
    Workflow,

    /// <summary>The scope names the tool and the agent.</summary>
    ToolAndAgent,

    /// <summary>The scope names the tool and the workflow.</summary>
    ToolAndWorkflow,
}

/// <summary>The words for each grant.</summary>
public static class GrantWords
{
    /// <summary>The name on the wire, in the ledger and in the trail.</summary>
    public static string Rule(this Grant grant) => grant switch
    {
        Grant.NoCredential => "no_credential",
        Grant.Tool => "granted_tool",
        Grant.Agent => "granted_agent",
        Grant.Workflow => "granted_workflow",
        Grant.ToolAndAgent => "granted_tool_and_agent",
        Grant.ToolAndWorkflow => "granted_tool_and_workflow",
    };

    /// <summary>Why it was allowed, for a person.</summary>
    public static string Sentence(this Grant grant) => grant switch
    {
        Grant.NoCredential => "The tool uses no credential.",
        Grant.Tool => "The credential's scope names this tool.",
        Grant.Agent => "The credential's scope names the acting agent.",
        Grant.Workflow => "The credential's scope names the acting workflow.",
        Grant.ToolAndAgent => "The credential's scope names this tool and the acting agent.",
        Grant.ToolAndWorkflow => "The credential's scope names this tool and the acting workflow.",
    };
}

/// <summary>The answer: allowed by a rule, or denied by one.</summary>
/// <param name="Grant">The rule that allowed the first credential; null when denied.</param>
/// <param name="Denial">The first rule that denied; null when allowed.</param>
/// <param name="AgentId">The agent that acts, a bound key's own included.</param>
/// <param name="WorkflowId">The workflow that acts.</param>
/// <param name="Credential">Name of the credential that was denied, when it was about one.</param>
public readonly record struct AccessDecision(Grant? Grant, Denial? Denial, Guid? AgentId, Guid? WorkflowId, string? Credential)
{
    /// <summary>A decision nobody made denies.</summary>
    public bool IsAllowed => Grant is not null && Denial is null;

    public string Rule => Denial?.Rule() ?? Grant?.Rule() ?? "undecided";

    public string Sentence => Denial?.Sentence() ?? Grant?.Sentence() ?? "Nothing was decided.";
}
