using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Outbound;

namespace Evose.Admin.Features.Broker;

/// <summary>What a call wants.</summary>
/// <param name="Path">Encoded, with a leading slash and without dot segments; empty for the tool's base.</param>
/// <param name="Method">Empty: the tool's own, or POST with a body and GET without.</param>
public readonly record struct CallRequest(string Workspace, string Tool, string Method, string Path, CallContext Context, string? Ip, string RequestId, bool HasBody = false);

/// <summary>A decided call: what to record, and, when allowed, what to open and where to send it.</summary>
/// <param name="Refusal">Null when allowed.</param>
public sealed record DecidedCall(CallEntry Entry, Problem? Refusal, CatalogWorkspace? Workspace, ToolRequest? Request, IReadOnlyList<ChosenVersion> Versions, Uri? Target);

/// <summary>Steps 2 to 5 of a call, against one snapshot of the catalogue: find, authorize, refuse or resolve. Decides, does nothing.</summary>
public sealed class DecideCall(EgressGuard egress, TimeProvider clock)
{
    public DecidedCall Decide(CatalogSnapshot catalog, ApiKey key, in CallRequest r)
    {
        var now = clock.GetUtcNow();
        // A workspace that the key does not reach is answered as one that does not exist.
        var workspace = catalog.Workspaces.GetValueOrDefault(r.Workspace);
        var tool = workspace is null ? null : catalog.Find(workspace.Id, ConsumerKind.Tool, r.Tool);
        if (workspace is null || !key.Reaches(workspace.Id)) return Refused(catalog, now, key, r, null, null, Problem.NotFound("workspace"), Denial.KeyWorkspace.Rule());

        if (r.Context.Refuse() is { } bad) return Refused(catalog, now, key, r, workspace, tool, bad, "context_malformed");
        if (tool is { Tampered: true }) return Refused(catalog, now, key, r, workspace, tool, Denial.PolicyTampered.ToProblem(), Denial.PolicyTampered.Rule());

        var request = tool?.Request;
        var target = request is null ? null : RenderedRequest.TargetOf(request, r.Path);
        var names = request?.Credentials ?? [];
        var facts = new CredentialFacts[names.Count];
        var found = new CatalogCredential?[names.Count];
        for (var i = 0; i < facts.Length; i++)
        {
            var c = found[i] = catalog.Find(workspace.Id, names[i]);
            facts[i] = new CredentialFacts(names[i], c?.IsFor(workspace.Id) == false ? c.WorkspaceId : workspace.Id, c is not null, c is { Tampered: false }, c?.Active is not null, c?.Scope ?? Scope.Of([]),
                c?.Destinations.Allows(target!) == true, c?.MayStandIn(request!) == true);
        }
        var agent = Find(catalog, workspace, ConsumerKind.Agent, r.Context.Agent);
        var workflow = Find(catalog, workspace, ConsumerKind.Workflow, r.Context.Workflow);
        var question = new AccessQuestion
        {
            Key = key,
            WorkspaceId = workspace.Id,
            Tool = tool?.Facts,
            Agent = agent,
            Workflow = workflow,
            KeyAgent = key.AgentId is { } bound ? catalog.ConsumersById.GetValueOrDefault(bound)?.Facts : null,
            Credentials = facts,
        };
        var decision = AccessPolicy.Decide(question, now);
        var agentRow = decision.AgentId is { } a ? catalog.ConsumersById.GetValueOrDefault(a) : null;
        var workflowRow = decision.WorkflowId is { } w ? catalog.ConsumersById.GetValueOrDefault(w) : null;
        if (agentRow is { Tampered: true } || workflowRow is { Tampered: true })
            return Refused(catalog, now, key, r, workspace, tool, Denial.PolicyTampered.ToProblem(), Denial.PolicyTampered.Rule(), agentRow, workflowRow);
        if (!decision.IsAllowed)
        {
            var denial = decision.Denial!.Value;
            // A token that nobody has signed in for yet is no value to enter.
            if (denial == Denial.CredentialUnavailable && decision.Credential is { } name && catalog.Find(workspace.Id, name)?.Type == CredentialType.OAuthToken) denial = Denial.ConsentNeeded;
            return Refused(catalog, now, key, r, workspace, tool, denial.ToProblem(), denial.Rule(), agentRow, workflowRow, target, decision.Credential);
        }
        if (Array.Find(found, c => c is { Frozen: true }) is { } frozen)
            return Refused(catalog, now, key, r, workspace, tool, Denial.CredentialFrozen.ToProblem(), Denial.CredentialFrozen.Rule(), agentRow, workflowRow, target, frozen.Name);
        if (Array.Find(found, c => c is { NeedsSignIn: true, Session.Refuse: true }) is { } signedOut)
            return Refused(catalog, now, key, r, workspace, tool, Denial.SignInNeeded.ToProblem(), Denial.SignInNeeded.Rule(), agentRow, workflowRow, target, signedOut.Name);
        if (Array.Find(found, c => catalog.IsBlocked(c!, now)) is { } late)
            return Refused(catalog, now, key, r, workspace, tool, Denial.UpdateForced.ToProblem(), Denial.UpdateForced.Rule(), agentRow, workflowRow, target, late.Name);
        if (egress.CheckTarget(target!, request!.Base.Port) is { } guarded)
            return Refused(catalog, now, key, r, workspace, tool, guarded, EgressGuard.Rule, agentRow, workflowRow, target);

        // The choice is pinned here: whatever happens later, this call ends on the versions it began with.
        var versions = new ChosenVersion[names.Count];
        var uses = new VersionUse[names.Count];
        for (var i = 0; i < versions.Length; i++)
        {
            var c = found[i]!;
            versions[i] = new ChosenVersion(c.WorkspaceId, c.Id, c.Name, c.Active!.Number, c.Active.Value, c);
            uses[i] = new VersionUse(c.Id, c.Name, c.Active.Number);
        }
        return new DecidedCall(Entry(catalog, now, key, r, workspace, tool, decision.Rule, false, agentRow, workflowRow, target, uses), null, workspace, request, versions, target);
    }

    /// <summary>A call that was allowed and cannot begin all the same, because of one of its credentials.</summary>
    public DecidedCall Refuse(CatalogSnapshot catalog, ApiKey key, in CallRequest r, DecidedCall allowed, Denial denial, string credential) => Refused(
        catalog, clock.GetUtcNow(), key, r, allowed.Workspace, Row(catalog, allowed.Entry.ToolId), denial.ToProblem(), denial.Rule(), Row(catalog, allowed.Entry.AgentId), Row(catalog, allowed.Entry.WorkflowId), allowed.Target, credential);

    private static CatalogConsumer? Row(CatalogSnapshot catalog, Guid? id) => id is { } known ? catalog.ConsumersById.GetValueOrDefault(known) : null;

    /// <summary>The record of a call whose key is not known: belongs to no workspace, because nothing it says is believed.</summary>
    public CallEntry Unknown(CatalogSnapshot catalog, in CallRequest r) => Entry(catalog, clock.GetUtcNow(), null, r, null, null, Denial.KeyUnknown.Rule(), true, null, null, null, []);

    private static Named Find(CatalogSnapshot catalog, CatalogWorkspace workspace, ConsumerKind kind, string? name) =>
        name is null ? Named.Nobody : catalog.Find(workspace.Id, kind, name) is { } found ? Named.As(found.Facts) : Named.Unknown;

    private static DecidedCall Refused(CatalogSnapshot catalog, DateTimeOffset now, ApiKey key, in CallRequest r, CatalogWorkspace? workspace, CatalogConsumer? tool, Problem problem, string rule,
        CatalogConsumer? agent = null, CatalogConsumer? workflow = null, Uri? target = null, string? credential = null)
    {
        var about = credential is null || workspace is null ? null : catalog.Find(workspace.Id, credential);
        VersionUse[] uses = about is null ? [] : [new VersionUse(about.Id, about.Name, 0)];
        return new DecidedCall(Entry(catalog, now, key, r, workspace, tool, rule, true, agent, workflow, target, uses), problem, workspace, null, [], null);
    }

    private static CallEntry Entry(CatalogSnapshot catalog, DateTimeOffset now, ApiKey? key, in CallRequest r, CatalogWorkspace? workspace, CatalogConsumer? tool, string rule, bool refused,
        CatalogConsumer? agent, CatalogConsumer? workflow, Uri? target, VersionUse[] uses) => new()
    {
        Id = CallId.Next(now),
        At = now,
        Stamp = catalog.Stamp,
        WorkspaceId = workspace?.Id,
        ToolId = tool?.Id,
        Tool = tool?.Name ?? Kept(r.Tool),
        AgentId = agent?.Id,
        Agent = agent?.Name ?? Kept(r.Context.Agent),
        WorkflowId = workflow?.Id,
        Workflow = workflow?.Name ?? Kept(r.Context.Workflow),
        RunId = Kept(r.Context.RunId),
        UserId = Kept(r.Context.UserId),
        UserName = Kept(r.Context.UserName),
        UserEmail = Kept(r.Context.UserEmail),
        ApiKeyId = key?.Id,
        ApiKey = key?.Name,
        Ip = r.Ip,
        Method = r.Method.Length > 0 ? r.Method : tool?.Request?.Method ?? (r.HasBody || tool?.Request?.Body is not null ? "POST" : "GET"),
        Host = target?.IdnHost,
        // The template, never a value: what is decided on holds none.
        Path = target is null ? null : Kept(tool?.Request is { } written ? written.Written(target) : target.AbsolutePath, 512),
        Refused = refused,
        Rule = rule,
        RequestId = r.RequestId,
        Uses = uses,
    };

    // What a caller says is kept without control characters and not longer than a line, also when it was refused for that.
    private static string? Kept(string? text, int max = CallContext.MaxLength)
    {
        if (text is null) return null;
        if (text.Length > max) text = text[..max];
        return text.AsSpan().IndexOfAnyInRange('\0', '\u001f') < 0 && !text.Contains('\u007f', StringComparison.Ordinal) ? text : new string([.. text.Select(c => char.IsControl(c) ? ' ' : c)]);
    }
}
