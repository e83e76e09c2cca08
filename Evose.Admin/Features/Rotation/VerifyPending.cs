using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Probing;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>Asks the upstream, with one request, whether it accepts the pending value, and keeps what that showed. Nothing of the answer's body is kept.</summary>
public sealed class VerifyPending(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, PendingProbe probe, TimeProvider clock)
{
    /// <param name="Tool">Name of the tool to ask through; null is the provider's own check when it has one, else the first tool in scope that references the credential.</param>
    /// <param name="Path">Below the tool's base URL; empty is the base URL itself. A path asks through a tool.</param>
    /// <param name="ThroughTool">Ask through a tool, whatever is known of the provider.</param>
    public sealed record Input(string? Tool = null, string? Path = null, RotationSeen? Seen = null, bool ThroughTool = false);

    public async Task<Outcome<ProbeAnswer>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (ProbePath.Read(input.Path).Failed(out var bad, out var path)) return bad;

        // What may take ten seconds happens outside the write transaction; whether it still matters is decided inside.
        if ((await CaseAsync(workspace.Id, name, input.Seen, ct)).Failed(out var problem, out var before)) return problem;
        if (before.Refuse(RotationPolicy.CanVerify(before.Facts), RotationAnswer.NoPending) is { } illegal) return illegal;
        var pending = before.Credential.Pending!;
        var tool = string.IsNullOrWhiteSpace(input.Tool) ? null : input.Tool.Trim();
        var throughTool = input.ThroughTool || tool is not null || !string.IsNullOrWhiteSpace(input.Path);
        if ((await probe.AskAsync(actor, before.Credential, pending.Id, throughTool, tool, path, ct)).Failed(out var failed, out var answer)) return failed;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await RotationCase.LoadAsync(db, workspace.Id, name, null, ct)).Failed(out problem, out var found)) return problem;
        if (found.Credential.Pending?.Id != pending.Id) return Problem.Conflict("The rotation moved on while the value was checked.", found.State);
        var now = clock.GetUtcNow();
        found.Credential.Pending.RecordProbe(answer.Result, answer.Note, now);
        AuditTrail.Append(db, now, actor, AuditAction.RotationVerified, AuditSubject.Credential(found.Credential),
            $"Version {pending.Number}: {answer.Result.Word()}. {answer.Note}", answer.Result == VerifyResult.Alive ? AuditOutcome.Succeeded : AuditOutcome.Failed);
        await write.CommitAsync(ct);
        return answer;
    }

    private async Task<Outcome<RotationCase>> CaseAsync(Guid workspaceId, string name, RotationSeen? seen, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await RotationCase.LoadAsync(db, workspaceId, name, seen, ct);
    }
}
