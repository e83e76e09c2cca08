using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Vault;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Probing;

/// <summary>One request with a value, under the rules of every call: policy and destination first, recorded before the value leaves, completed whatever happens.</summary>
public sealed class Prober(CredentialCatalog catalog, UsageLedger ledger, SecretVault vault, OutboundClient outbound, IntegrityAlarm alarm, IEnumerable<IAnswerWatcher> watchers, IOptions<ProvidersOptions> options, TimeProvider clock)
{
    /// <summary>The rule under which a check stands in the ledger.</summary>
    public const string Rule = "probe";

    private const int MaxDecisions = 8;
    private const int MaxAnswer = 64 * 1024;

    /// <param name="make">Plans the check on what holds now; asked again when that has changed meanwhile.</param>
    /// <param name="given">Values that are in no version yet; null when the plan's versions hold them. They stay the caller's.</param>
    public async Task<Outcome<ProbeAnswer>> AskAsync(Actor actor, Func<CatalogSnapshot, CancellationToken, Task<Outcome<ProbePlan>>> make, IReadOnlyDictionary<string, Plaintext>? given, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var snapshot = attempt == 1 ? await catalog.CurrentAsync(ct) : await catalog.RefreshAsync(ct);
            if ((await make(snapshot, ct)).Failed(out var problem, out var plan)) return problem;

            var entry = Entry(actor, snapshot, plan);
            if (plan.Refusal is { } refusal)
            {
                if (plan.Target is not null) await ledger.AuthorizeAsync(entry);
                return new ProbeAnswer(VerifyResult.Unclear, refusal);
            }
            var recorded = await ledger.AuthorizeAsync(entry);
            if (recorded.Verdict == LedgerVerdict.Stale && attempt < MaxDecisions) continue;
            if (recorded.Verdict != LedgerVerdict.Recorded) return Problem.AuditUnavailable;
            return await SendAsync(plan, given, new Use(entry, recorded.FirstSeq, ledger, clock), ct);
        }
    }

    private async Task<Outcome<ProbeAnswer>> SendAsync(ProbePlan plan, IReadOnlyDictionary<string, Plaintext>? given, Use use, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.Value.ProbeTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        try
        {
            using var values = given is null ? OpenedValues.Open(vault, plan.Request!, plan.Versions, plan.Target!, clock.GetUtcNow()) : OpenedValues.Of(plan.Request!, given);
            if (RenderedRequest.Render(plan.Request!, values, plan.Path.Path, plan.Path.Query).Failed(out var unsafeValue, out var ready))
            {
                use.Complete(null, CallOutcome.Failed, Denial.ValueUnsafe.Rule());
                return new ProbeAnswer(VerifyResult.Unclear, unsafeValue.Message);
            }
            using var request = Request(plan, ready, values);
            if (!ready.Sign(request, [], clock.GetUtcNow())) throw new FormatException("a field cannot be used for the signature");
            using var answer = await outbound.For(plan.WorkspaceId).SendAsync(request, either.Token);
            // A site may give a new session with this answer, too; without it the value that was checked would be over.
            foreach (var watcher in watchers) await watcher.AnsweredAsync(plan.Versions, ready.Target, answer, either.Token);
            var status = (int)answer.StatusCode;
            if (plan.Provider is not { } provider)
            {
                use.Complete(status, status < 400 ? CallOutcome.Succeeded : CallOutcome.UpstreamError, null);
                return ProbeWords.Of(status, plan.Tool!.Name);
            }
            using var body = provider.Probe!.Answer is null ? null : await JsonAsync(answer.Content, either.Token);
            use.Complete(status, status < 400 ? CallOutcome.Succeeded : CallOutcome.UpstreamError, null);
            var (result, note) = provider.Probe.Read(status, body?.RootElement, provider.Name.En);
            return new ProbeAnswer(result, note);
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
            return new ProbeAnswer(VerifyResult.Unclear, plan.Tool is { } tool
                ? $"The tool '{tool.Name}' names a field that the new version does not have."
                : $"{plan.Provider!.Name.En} needs the fields {string.Join(", ", plan.Provider.Inputs.Select(i => i.Name))}, and one of them was not given.");
        }
        catch (FormatException)
        {
            use.Complete(null, CallOutcome.Failed, Denial.ValueUnsafe.Rule());
            return new ProbeAnswer(VerifyResult.Unclear, Denial.ValueUnsafe.ToProblem().Message);
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
                : OutboundFailures.Describe(e).Message + " Nothing is known about the value.");
        }
        finally
        {
            // Whatever happened, the use has an end. A second completion does nothing.
            use.Complete(null, CallOutcome.Failed, "internal");
        }
    }

    private static HttpRequestMessage Request(ProbePlan plan, RenderedRequest ready, OpenedValues values)
    {
        var request = new HttpRequestMessage(plan.Provider is null ? HttpMethod.Get : new HttpMethod(plan.Provider.Probe!.Method), ready.Target)
        {
            Version = ready.Target.Scheme == Uri.UriSchemeHttp ? HttpVersion.Version11 : HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        // Some providers refuse whoever does not say who asks; the tool's own word for it wins.
        request.Headers.TryAddWithoutValidation("User-Agent", "evose-admin");
        if (plan.Provider is not null && plan.Request!.Body is { } body)
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(values.Render(body, TemplateSlot.JsonBody))) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" } } };
        foreach (var (name, rendered) in ready.Headers)
        {
            var value = plan.Provider is { IsBasic: true } && string.Equals(name, "Authorization", StringComparison.OrdinalIgnoreCase) ? Basic(rendered) : rendered;
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return request;
    }

    // The record writes user and password in clear; on the wire they are base 64.
    private static string Basic(string rendered) => ProviderRecord.BasicStart + Convert.ToBase64String(Encoding.UTF8.GetBytes(rendered[ProviderRecord.BasicStart.Length..]));

    // Nothing of it is kept: it may hold a token, or echo the value.
    private static async Task<JsonDocument?> JsonAsync(HttpContent content, CancellationToken ct)
    {
        var room = new byte[MaxAnswer + 1];
        await using var stream = await content.ReadAsStreamAsync(ct);
        try
        {
            var length = await stream.ReadAtLeastAsync(room, room.Length, throwOnEndOfStream: false, ct);
            return length > MaxAnswer ? null : JsonDocument.Parse(Encoding.UTF8.GetString(room, 0, length));
        }
        catch (JsonException)
        {
            return null;
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(room);
        }
    }

    private CallEntry Entry(Actor actor, CatalogSnapshot snapshot, ProbePlan plan)
    {
        var now = clock.GetUtcNow();
        var target = plan.Target;
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
            Method = plan.Provider?.Probe?.Method ?? HttpMethod.Get.Method,
            Host = target?.IdnHost,
            Path = target is { AbsolutePath: { } full } ? full[..Math.Min(full.Length, 512)] : null,
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

/// <summary>What an upstream's status says about the value that was sent through a tool.</summary>
internal static class ProbeWords
{
    public static ProbeAnswer Of(int status, string tool) => status switch
    {
        >= 200 and < 300 => new(VerifyResult.Alive, $"The upstream accepted the new value: it answered {status} through the tool '{tool}'."),
        401 => new(VerifyResult.Dead, $"The upstream does not accept the new value: it answered 401 through the tool '{tool}'."),
        403 => new(VerifyResult.LacksPermission, $"The upstream answered 403 through the tool '{tool}': it does not allow the new value to do this. Compare its permissions with the old one's."),
        >= 300 and < 400 or 404 or 405 => new(VerifyResult.Unclear, ProviderProbe.StatusNote(status, "The upstream") + " Choose a path that exists, answers itself and needs the key."),
        _ => new(VerifyResult.Unclear, ProviderProbe.StatusNote(status, "The upstream")),
    };
}
