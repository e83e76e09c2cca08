namespace Evose.Admin.Domain.Access;

/// <summary>Why a call was refused: the closed list.</summary>
public enum Denial
{
    /// <summary>The presented key is none of ours.</summary>
    KeyUnknown = 1,

    /// <summary>The key was revoked.</summary>
    KeyRevoked,

    /// <summary>The key is past its date.</summary>
    KeyExpired,

    /// <summary>The key's scopes do not hold tool calls.</summary>
    KeyScope,

    /// <summary>The key does not reach the workspace.</summary>
    KeyWorkspace,

    /// <summary>The key is one agent, and another was named.</summary>
    KeyAgentMismatch,

    /// <summary>No such tool in the workspace.</summary>
    ToolUnknown,

    /// <summary>No such agent in the workspace.</summary>
    AgentUnknown,

    /// <summary>No such workflow in the workspace.</summary>
    WorkflowUnknown,

    /// <summary>The agent declares its tools, and this is none of them.</summary>
    AgentWithoutTool,

    /// <summary>The workflow declares what it uses, and reaches neither the tool nor the acting agent.</summary>
    WorkflowWithoutTool,

    /// <summary>A placeholder names no credential of the workspace.</summary>
    CredentialUnknown,

    /// <summary>Scope or destinations were changed behind the app's back.</summary>
    PolicyTampered,

    /// <summary>No version of the credential is in use.</summary>
    CredentialUnavailable,

    /// <summary>The credential's scope names nobody.</summary>
    ScopeEmpty,

    /// <summary>The credential's scope names other tools.</summary>
    ScopeTool,

    /// <summary>The scope names agents or workflows, and the call named none.</summary>
    ScopeNobodyActs,

    /// <summary>The credential's scope names other agents.</summary>
    ScopeAgent,

    /// <summary>The credential's scope names other workflows.</summary>
    ScopeWorkflow,

    /// <summary>The credential may not travel to this address.</summary>
    Destination,

    /// <summary>The value would stand in the address, and nobody accepted that for this credential.</summary>
    PlaceNotAllowed,

    /// <summary>The credential has no such field.</summary>
    FieldUnknown,

    /// <summary>The value cannot stand where the template puts it.</summary>
    ValueUnsafe,

    /// <summary>The outbound guard refused the address.</summary>
    Egress,

    /// <summary>The session is over, and its rules say that calls wait for a new one.</summary>
    SignInNeeded,

    /// <summary>None of the session's cookies belongs to the address.</summary>
    CookieNone,

    /// <summary>The provider gives no token before somebody has signed in.</summary>
    ConsentNeeded,

    /// <summary>The token has ended and the provider gives no new one at the moment.</summary>
    TokenStale,

    /// <summary>The credential is past the date from which its workspace refuses calls.</summary>
    UpdateForced,

    /// <summary>Somebody stopped every use of the credential.</summary>
    CredentialFrozen,
}

/// <summary>The words for each denial.</summary>
public static class DenialWords
{
    /// <summary>The name on the wire, in the ledger and in the trail.</summary>
    public static string Rule(this Denial denial) => denial switch
    {
        Denial.KeyUnknown => "key_unknown",
        Denial.KeyRevoked => "key_revoked",
        Denial.KeyExpired => "key_expired",
        Denial.KeyScope => "key_scope",
        Denial.KeyWorkspace => "key_workspace",
        Denial.KeyAgentMismatch => "key_agent_mismatch",
        Denial.ToolUnknown => "tool_unknown",
        Denial.AgentUnknown => "agent_unknown",
        Denial.WorkflowUnknown => "workflow_unknown",
        Denial.AgentWithoutTool => "agent_without_tool",
        Denial.WorkflowWithoutTool => "workflow_without_tool",
        Denial.CredentialUnknown => "credential_unknown",
        Denial.PolicyTampered => "policy_tampered",
        Denial.CredentialUnavailable => "credential_unavailable",
        Denial.ScopeEmpty => "scope_empty",
        Denial.ScopeTool => "scope_tool",
        Denial.ScopeNobodyActs => "scope_nobody_acts",
        Denial.ScopeAgent => "scope_agent",
        Denial.ScopeWorkflow => "scope_workflow",
        Denial.Destination => "destination",
        Denial.PlaceNotAllowed => "place_not_allowed",
        Denial.FieldUnknown => "field_unknown",
        Denial.ValueUnsafe => "value_unsafe",
        Denial.Egress => "egress",
        Denial.SignInNeeded => "sign_in_needed",
        Denial.CookieNone => "cookie_none",
        Denial.ConsentNeeded => "consent_needed",
        Denial.TokenStale => "token_stale",
        Denial.UpdateForced => "update_forced",
        Denial.CredentialFrozen => "credential_frozen",
    };

    /// <summary>What is wrong and what to do, for a person.</summary>
    public static string Sentence(this Denial denial) => denial switch
    {
        Denial.KeyUnknown => "This API key is not known. Check that it was copied whole.",
        Denial.KeyRevoked => "This API key was revoked. Issue a new one.",
        Denial.KeyExpired => "This API key is past its expiry date. Issue a new one.",
        Denial.KeyScope => "This API key may not call tools. Use one with the scope tool:invoke.",
        Denial.KeyWorkspace => "This API key does not reach the workspace.",
        Denial.KeyAgentMismatch => "This API key belongs to one agent, and the call names another. Name that agent, or none.",
        Denial.ToolUnknown => "There is no such tool in this workspace.",
        Denial.AgentUnknown => "There is no such agent in this workspace.",
        Denial.WorkflowUnknown => "There is no such workflow in this workspace.",
        Denial.AgentWithoutTool => "The agent declares its tools, and this is none of them. Add the tool to the agent.",
        Denial.WorkflowWithoutTool => "The workflow declares what it uses, and neither this tool nor the acting agent is among it. Add one of them to the workflow.",
        Denial.CredentialUnknown => "The tool names a credential that this workspace does not have. Register it, or correct the tool.",
        Denial.PolicyTampered => "The credential's scope or destinations were changed outside the app, so it is not used. Save its scope again after looking into it.",
        Denial.CredentialUnavailable => "The credential has no active version. Enter a value and put it into use.",
        Denial.ScopeEmpty => "The credential's scope names nobody, so nobody may use it. Name the tools, agents or workflows that may.",
        Denial.ScopeTool => "The credential's scope does not name this tool.",
        Denial.ScopeNobodyActs => "The credential's scope names agents or workflows, and the call says neither. Say which agent or workflow acts.",
        Denial.ScopeAgent => "The credential's scope does not name the acting agent.",
        Denial.ScopeWorkflow => "The credential's scope does not name the acting workflow.",
        Denial.Destination => "The credential may not travel to this address. Add the host to its destinations if it should.",
        Denial.PlaceNotAllowed => "The tool puts the credential into the address, and addresses end up in logs. Put it into a header or the body, or allow it on the credential.",
        Denial.FieldUnknown => "The tool names a field that the credential does not have.",
        Denial.ValueUnsafe => "The credential's value cannot stand where the tool puts it: it holds characters that would break the request.",
        Denial.SignInNeeded => "The session of this credential is over: the site says that nobody is signed in. Sign in there again and enter the new cookies.",
        Denial.CookieNone => "None of the session's cookies belongs to this address: they are for other hosts or paths, or have expired.",
        Denial.Egress => "The outbound guard refused this address: it is not public, and no operator allowed it by name.",
        Denial.ConsentNeeded => "The credential needs somebody to sign in at its provider: open its page and choose Connect.",
        Denial.TokenStale => "The credential's token has ended, and its provider gives no new one at the moment. It is tried again by itself; try the call again shortly.",
        Denial.UpdateForced => "The credential was not updated in time, and its workspace refuses calls from then on. Its owner or a workspace admin can fix this: rotate it, or correct its expiry date if the provider extended it.",
        Denial.CredentialFrozen => "The credential is frozen, because its value may have leaked. A workspace admin replaces the value and puts it back into use.",
    };

    /// <summary>The answer to the caller. What belongs to another workspace answers as if it did not exist.</summary>
    public static Problem ToProblem(this Denial denial) => denial switch
    {
        Denial.KeyUnknown or Denial.KeyRevoked or Denial.KeyExpired => Problem.Unauthorized(denial.Sentence()),
        Denial.KeyWorkspace => Problem.NotFound("workspace"),
        Denial.ToolUnknown => Problem.NotFound("tool"),
        Denial.CredentialUnavailable or Denial.SignInNeeded or Denial.CookieNone or Denial.ConsentNeeded or Denial.TokenStale or Denial.UpdateForced or Denial.CredentialFrozen => Problem.CredentialUnavailable(denial.Sentence()),
        _ => Problem.Forbidden(denial.Rule(), denial.Sentence()),
    };
}
