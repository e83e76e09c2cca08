using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Features.Audit;

/// <summary>One administrative act or one use, as readers see it.</summary>
/// <param name="Source">The chain it stands in: <c>audit</c>, <c>calls</c> or <c>calls/N</c>.</param>
/// <param name="Seq">Its place there.</param>
/// <param name="Link">The chain's link at this row, hex: whoever keeps it can prove the row later.</param>
public sealed record AuditRow(string Id, DateTimeOffset CreatedAt, string Source, string? Workspace, AuditRow.Who Actor, string Action, string Outcome, string? Subject, string? Credential, int? Version,
    string? Tool, string? Agent, string? Workflow, string? RunId, string? UserId, string? UserName, string? UserEmail, string? ApiKey, string? Method, string? Host, string? Path, int? Status,
    double? DurationMs, string? Rule, string? RequestId, string? Detail, long Seq, string Link)
{
    public sealed record Who(string Kind, Guid? Id, string Name, string? Ip);

    internal static AuditRow Of(AuditEvent e, Dictionary<Guid, string> slugs) => new($"{Chain.AuditLane}-{e.Seq}", e.At, Chain.AuditLane, Slug(e.WorkspaceId, slugs),
        new Who(Kind(e.ActorKind), e.ActorId == Guid.Empty ? null : e.ActorId, e.ActorName, e.Ip), e.Action.Wire(), Wire(e.Outcome), e.Subject, e.CredentialId is null ? null : e.Subject,
        null, null, null, null, null, null, null, null, e.ActorKind == ActorKind.ApiKey ? e.ActorName : null, null, null, null, null, null, null, e.RequestId, e.Detail, e.Seq,
        Convert.ToHexStringLower(e.Link));

    internal static AuditRow Of(CallRecord c, CallCompletion? end, Dictionary<Guid, string> slugs) => new($"{Chain.CallLane}-{c.Seq}", c.At, CallNumber.ChainOf(c.Lane), Slug(c.WorkspaceId, slugs),
        new Who(Kind(c.ApiKeyId is not null ? ActorKind.ApiKey : c.ApiKey is not null ? ActorKind.User : ActorKind.Anonymous), c.ApiKeyId, c.ApiKey ?? Domain.Actor.Nobody.Name, c.Ip),
        c.Refused ? AuditFilter.RefusalAction : AuditFilter.UseAction, (c.Refused ? CallOutcome.Refused : end?.Outcome ?? CallOutcome.Unknown).Wire(), c.Credential ?? c.Tool, c.Credential, c.Version,
        c.Tool, c.Agent, c.Workflow, c.RunId, c.UserId, c.UserName, c.UserEmail, c.ApiKey, c.Method, c.Host, c.Path, end?.Status, end is null ? null : end.DurationUs / 1000.0, c.Rule, c.RequestId,
        end?.Reason, c.Position, Convert.ToHexStringLower(c.Link));

    private static string? Slug(Guid? id, Dictionary<Guid, string> slugs) => id is { } known ? slugs.GetValueOrDefault(known, known.ToString()) : null;

    private static string Kind(ActorKind kind) => kind switch
    {
        ActorKind.User => "user",
        ActorKind.ApiKey => "api_key",
        ActorKind.Job => "job",
        ActorKind.Anonymous => "anonymous",
    };

    private static string Wire(AuditOutcome outcome) => outcome switch
    {
        AuditOutcome.Succeeded => "succeeded",
        AuditOutcome.Refused => "refused",
        AuditOutcome.Failed => "failed",
    };
}
