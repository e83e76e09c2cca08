using System.Net;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Rotation;

/// <summary>One GET with a pending value, under the rules of every call: policy and destination first, recorded before the value leaves, completed whatever happens.</summary>
public sealed class PendingProbe(
    CredentialCatalog catalog, IDbContextFactory<AdminDb> dbs, UsageLedger ledger, SecretVault vault, OutboundClient outbound, EgressGuard egress, IntegrityAlarm alarm, IEnumerable<IAnswerWatcher> watchers,
    IOptions<RotationOptions> options, TimeProvider clock)
{
    /// <summary>The rule under which a check stands in the ledger.</summary>
    public const string Rule = "probe";

    private const int MaxDecisions = 8;

    public async Task<Outcome<ProbeAnswer>> AskAsync(Actor actor, Guid credentialId, Guid versionId, string? toolName, ProbePath path, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var snapshot = attempt == 1 ? await catalog.CurrentAsync(ct) : await catalog.RefreshAsync(ct);
            // Read after the snapshot: what changes later makes the stamp stale, and the record is refused.
            if (await PendingAsync(versionId, ct) is not { } pending) return Problem.Conflict("The rotation moved on while the value was checked.");
            if (ProbePlan.Make(snapshot, egress, credentialId, pending, toolName, path).Failed(out var problem, out var plan)) return problem;

            var entry = Entry(actor, snapshot, plan);
            if (plan.Refusal is { } refusal)
            {
                if (plan.Target is not null) await ledger.AuthorizeAsync(entry);
                return new ProbeAnswer(VerifyResult.Unclear, refusal);
            }
            var recorded = await ledger.AuthorizeAsync(entry);
            if (recorded.Verdict == LedgerVerdict.Stale && attempt < MaxDecisions) continue;
            if (recorded.Verdict != LedgerVerdict.Recorded) return Problem.AuditUnavailable;
            return await SendAsync(plan, path, new Use(entry, recorded.FirstSeq, ledger, clock), ct);
        }
    }

    private async Task<Outcome<ProbeAnswer>> SendAsync(ProbePlan plan, ProbePath path, Use use, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.Value.ProbeTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        try
        {
            using var values = OpenedValues.Open(vault, plan.Tool!.Request!, plan.Versions, plan.Target!, clock.GetUtcNow());
            if (RenderedRequest.Render(plan.Tool.Request!, values, path.Path, path.Query).Failed(out var unsafeValue, out var ready))
            {
                use.Complete(null, CallOutcome.Failed, Denial.ValueUnsafe.Rule());
                return new ProbeAnswer(VerifyResult.Unclear, unsafeValue.Message);
            }
            using var request = Request(ready);
            using var answer = await outbound.For(plan.Tool.WorkspaceId).SendAsync(request, either.Token);
            // A site may give a new session with this answer, too; without it the value that was checked would be over.
            foreach (var watcher in watchers) await watcher.AnsweredAsync(plan.Versions, ready.Target, answer, either.Token);
            var status = (int)answer.StatusCode;
            use.Complete(status, status < 400 ? CallOutcome.Succeeded : CallOutcome.UpstreamError, null);
            return ProbeWords.Of(status, plan.Tool.Name);
        }
        catch (IntegrityException)
        {
            use.Complete(null, CallOutcome.Failed, "integrity_violation");
            foreach (var v in plan.Versions) await alarm.RaiseAsync(v.WorkspaceId, v.CredentialId, v.Name, $"The stored bytes of version {v.Version} failed their integrity check.", CancellationToken.None);
            return Problem.CredentialUnavailable("A stored value failed its integrity check, so it is not used. Discard the new value and enter it again.");
        }
        catch (KeyNotFoundException)
        {
            use.Complete(null, CallOutcome.Failed, Denial.FieldUnknown.Rule());
            return new ProbeAnswer(VerifyResult.Unclear, $"The tool '{plan.Tool!.Name}' names a field that the new version does not have.");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            if (ct.IsCancellationRequested)
            {
                use.Complete(null, CallOutcome.Failed, "caller_left");
                ct.ThrowIfCancellationRequested();
            }
            var late = timeout.IsCancellationRequested;
            use.Complete(null, CallOutcome.Failed, late ? "timeout" : OutboundFailures.Reason(e));
            return new ProbeAnswer(VerifyResult.Unclear, late
                ? $"The upstream did not answer within {options.Value.ProbeTimeout.TotalSeconds:0.#} seconds. Try again, or go on without a check and say why."
                : OutboundFailures.Describe(e).Message + " Nothing is known about the new value.");
        }
        finally
        {
            // Whatever happened, the use has an end. A second completion does nothing.
            use.Complete(null, CallOutcome.Failed, "internal");
        }
    }

    private static HttpRequestMessage Request(RenderedRequest ready)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, ready.Target)
        {
            Version = ready.Target.Scheme == Uri.UriSchemeHttp ? HttpVersion.Version11 : HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        // Some providers refuse whoever does not say who asks; the tool's own word for it wins.
        request.Headers.TryAddWithoutValidation("User-Agent", "evose-admin");
        foreach (var (name, value) in ready.Headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }

    private async Task<CredentialVersion?> PendingAsync(Guid versionId, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await db.CredentialVersions.AsNoTracking().Include(v => v.Fields).SingleOrDefaultAsync(v => v.Id == versionId && v.State == VersionState.Pending, ct);
    }

    private CallEntry Entry(Actor actor, CatalogSnapshot snapshot, ProbePlan plan)
    {
        var now = clock.GetUtcNow();
        return new CallEntry
        {
            Id = Guid.CreateVersion7(now),
            At = now,
            Stamp = snapshot.Stamp,
            WorkspaceId = plan.WorkspaceId,
            ToolId = plan.Tool?.Id,
            Tool = plan.Tool?.Name,
            ApiKeyId = actor.Kind == ActorKind.ApiKey ? actor.Id : null,
            ApiKey = actor.Name,
            Ip = actor.Ip,
            Method = HttpMethod.Get.Method,
            Host = plan.Target?.IdnHost,
            Path = plan.Target is { AbsolutePath: { } full } ? full[..Math.Min(full.Length, 512)] : null,
            Refused = plan.Refusal is not null,
            Rule = plan.RefusedBy ?? Rule,
            RequestId = actor.RequestId ?? Guid.CreateVersion7(now).ToString("N"),
            Uses = [.. plan.Versions.Select(v => new VersionUse(v.CredentialId, v.Name, v.Version))],
        };
    }

    /// <summary>A use that is recorded. Completed exactly once.</summary>
    private sealed class Use(CallEntry entry, long firstSeq, UsageLedger ledger, TimeProvider clock)
    {
        private readonly long _began = clock.GetTimestamp();
        private bool _completed;

        public void Complete(int? status, CallOutcome outcome, string? reason)
        {
            if (_completed) return;
            _completed = true;
            ledger.Complete(entry, firstSeq, status, (long)clock.GetElapsedTime(_began).TotalMicroseconds, outcome, reason);
        }
    }
}

/// <summary>What an upstream's status says about the value that was sent.</summary>
internal static class ProbeWords
{
    public static ProbeAnswer Of(int status, string tool) => status switch
    {
        >= 200 and < 300 => new(VerifyResult.Alive, $"The upstream accepted the new value: it answered {status} through the tool '{tool}'."),
        401 => new(VerifyResult.Dead, $"The upstream does not accept the new value: it answered 401 through the tool '{tool}'."),
        403 => new(VerifyResult.LacksPermission, $"The upstream answered 403 through the tool '{tool}': it does not allow the new value to do this. Compare its permissions with the old one's."),
        >= 300 and < 400 => new(VerifyResult.Unclear, $"The upstream answered {status}, a redirect, which is not followed. Choose a path that answers itself."),
        404 or 405 => new(VerifyResult.Unclear, $"The upstream answered {status}: this path cannot be asked. Choose one that exists and needs the key."),
        429 => new(VerifyResult.Unclear, "The upstream answered 429: too many requests. Try again in a while."),
        >= 500 => new(VerifyResult.Unclear, $"The upstream answered {status}: it has trouble of its own. Try again in a while."),
        _ => new(VerifyResult.Unclear, $"The upstream answered {status}, which says nothing about the new value. Choose another path."),
    };
}
