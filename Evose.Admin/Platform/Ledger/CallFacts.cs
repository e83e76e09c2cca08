using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Platform.Ledger;

/// <summary>What the chain covers of one call row, whether it is about to be stored or was read back: both have the same canonical bytes. Lives on the stack.</summary>
public readonly ref struct CallFacts
{
    private readonly CallEntry? _entry;
    private readonly CallRecord? _record;
    private readonly VersionUse? _use;
    private readonly long _seq;

    public CallFacts(CallEntry entry, long seq, VersionUse? use) => (_entry, _seq, _use) = (entry, seq, use);

    public CallFacts(CallRecord record) => (_record, _seq) = (record, record.Seq);

    public Guid? CredentialId => _record is { } r ? r.CredentialId : _use?.CredentialId;

    public string? Credential => _record is { } r ? r.Credential : _use?.Name;

    /// <summary>Null when no version was chosen, such as for a refused call.</summary>
    public int? Version => _record is { } r ? r.Version : _use is { Version: > 0 } use ? use.Version : null;

    /// <summary>The canonical bytes. The order is stored history: never change it.</summary>
    public ReadOnlySpan<byte> Write(ChainPayload p)
    {
        p.Number(1L);
        p.Number(_seq);
        if (_record is { } r)
        {
            Write(p, r.Id, r.At, r.WorkspaceId, r.ToolId, r.Tool, r.AgentId, r.Agent, r.WorkflowId, r.Workflow, r.RunId, r.UserId, r.UserName, r.UserEmail, r.ApiKeyId, r.ApiKey, r.Ip,
                r.Method, r.Host, r.Path, r.Refused, r.Rule, r.RequestId);
        }
        else
        {
            var e = _entry!;
            Write(p, e.Id, e.At, e.WorkspaceId, e.ToolId, e.Tool, e.AgentId, e.Agent, e.WorkflowId, e.Workflow, e.RunId, e.UserId, e.UserName, e.UserEmail, e.ApiKeyId, e.ApiKey, e.Ip,
                e.Method, e.Host, e.Path, e.Refused, e.Rule, e.RequestId);
        }
        return p.Written;
    }

    private void Write(ChainPayload p, Guid id, DateTimeOffset at, Guid? workspaceId, Guid? toolId, string? tool, Guid? agentId, string? agent, Guid? workflowId, string? workflow, string? runId,
        string? userId, string? userName, string? userEmail, Guid? apiKeyId, string? apiKey, string? ip, string method, string? host, string? path, bool refused, string rule, string requestId)
    {
        p.Id(id);
        p.Number(at.UtcTicks);
        p.Id(workspaceId);
        p.Id(toolId);
        p.Text(tool);
        p.Id(agentId);
        p.Text(agent);
        p.Id(workflowId);
        p.Text(workflow);
        p.Text(runId);
        p.Text(userId);
        p.Text(userName);
        p.Text(userEmail);
        p.Id(apiKeyId);
        p.Text(apiKey);
        p.Text(ip);
        p.Id(CredentialId);
        p.Text(Credential);
        p.Number((long?)Version);
        p.Text(method);
        p.Text(host);
        p.Text(path);
        p.Number(refused ? 1L : 0L);
        p.Text(rule);
        p.Text(requestId);
    }
}
