using System.Runtime.CompilerServices;
using System.Threading.RateLimiting;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Broker;

/// <summary>Steps 1 to 6 of a call: authenticate, find, authorize, refuse, resolve, record and then open. What comes out may be sent and must be completed.</summary>
public sealed class CallGate(CredentialCatalog catalog, ApiKeyAuthenticator keys, DecideCall decide, UsageLedger ledger, SecretVault vault, IntegrityAlarm alarm, LiveTokens tokens, IDbContextFactory<AdminDb> dbs, TimeProvider clock) : IDisposable
{
    // Anybody can send calls with made-up keys: they are recorded, but not at a rate that would fill the ledger.
    private readonly TokenBucketRateLimiter _unknownKeys = new(new() { TokenLimit = 100, TokensPerPeriod = 10, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0 });

    /// <summary>A call is decided again when something it rests on changed while it was on its way; more often than this only under a storm of changes.</summary>
    private const int MaxDecisions = 8;

    /// <summary>After so many decisions that were overtaken, changes wait until one is recorded: a site that rolls its session with every answer is such a storm.</summary>
    private const int MaxOvertaken = 3;

    // The state of the wait for the record is large and short-lived: it is used again.
    /// <param name="header">The header that carries the API key.</param>
    /// <param name="fresh">Something this call rests on has just changed, perhaps on another node.</param>
    /// <param name="caller">What the connection said before.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Outcome<OpenedCall>> EnterAsync(string? header, CallRequest request, QueryString query, CancellationToken ct, bool fresh = false, KnownCaller? caller = null)
    {
        if (vault.IsSealed) return Problem.Sealed;
        var renewed = false;
        for (var attempt = 1; ; attempt++)
        {
            DecidedCall call;
            CatalogSnapshot snapshot;
            ApiKey? key;
            LedgerAnswer answer = default;
            bool due;
            await using (attempt > MaxOvertaken ? await Calm.BeginAsync(dbs, ct) : null)
            {
                // 1 Authenticate: checksum, catalogue, constant-time hash. A key that is not live is told apart from an unknown one only to its holder.
                snapshot = attempt == 1 && !fresh ? await catalog.CurrentAsync(ct) : await catalog.RefreshAsync(ct);
                key = keys.Find(snapshot, header, caller);
                if (key is null)
                {
                    if (_unknownKeys.AttemptAcquire().IsAcquired) await ledger.AuthorizeAsync(decide.Unknown(snapshot, request));
                    return Denial.KeyUnknown.ToProblem();
                }

                // 2 Find, 3 Authorize, 4 Refuse, 5 Resolve, 6 Record, then open: nothing is opened before the use is durable. A refusal is recorded like a use.
                call = decide.Decide(snapshot, key, request);
                due = call.Refusal is null && !renewed && tokens.AreDue(call.Versions);
                if (!due) answer = await ledger.AuthorizeAsync(call.Entry);
            }
            if (due)
            {
                // Once: a provider whose tokens hardly live must not keep a call here for ever. Outside of what holds changes off, because it asks the provider.
                renewed = true;
                var ready = await tokens.ReadyAsync(call.Versions, ct);
                if (ready is { Denial: null, Renewed: true }) continue;
                if (ready.Denial is { } denial) call = decide.Refuse(snapshot, key, request, call, denial, ready.Credential!);
                answer = await ledger.AuthorizeAsync(call.Entry);
            }
            if (call.Refusal is { } refusal)
            {
                // When it cannot be recorded, it is a refusal all the same.
                if (call.Entry.Rule == Denial.PolicyTampered.Rule() && call.Workspace is { } where)
                    await alarm.RaiseAsync(where.Id, call.Entry.Uses.Count > 0 ? call.Entry.Uses[0].CredentialId : null, call.Entry.Uses.Count > 0 ? call.Entry.Uses[0].Name : request.Tool,
                        "What decides where its value may travel was changed outside the app.", CancellationToken.None);
                return answer.Verdict == LedgerVerdict.Unavailable ? Problem.AuditUnavailable : refusal;
            }

            if (answer.Verdict == LedgerVerdict.Stale && attempt < MaxDecisions) continue;
            if (answer.Verdict != LedgerVerdict.Recorded) return Problem.AuditUnavailable;
            var recorded = new RecordedCall(call, answer.FirstSeq, ledger, clock);
            return await OpenAsync(recorded, request, query, ct);
        }
    }

    public void Dispose() => _unknownKeys.Dispose();

    /// <summary>While it is held nobody changes anything, on no node: a write transaction that writes nothing.</summary>
    private sealed class Calm(AdminDb db, AdminDb.WriteTransaction held) : IAsyncDisposable
    {
        public static async Task<Calm> BeginAsync(IDbContextFactory<AdminDb> dbs, CancellationToken ct)
        {
            var db = await dbs.CreateDbContextAsync(ct);
            try
            {
                return new Calm(db, await db.BeginWriteAsync(ct));
            }
            catch
            {
                await db.DisposeAsync();
                throw;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await held.DisposeAsync();
            await db.DisposeAsync();
        }
    }

    private async ValueTask<Outcome<OpenedCall>> OpenAsync(RecordedCall recorded, CallRequest request, QueryString query, CancellationToken ct)
    {
        var call = recorded.Call;
        OpenedValues? values = null;
        try
        {
            values = OpenedValues.Open(vault, call.Request!, call.Versions, call.Target!, call.Entry.At);
            var rendered = RenderedRequest.Render(call.Request!, values, request.Path, query);
            if (!rendered.Failed(out var problem, out var ready)) return new OpenedCall(recorded, values, ready);
            recorded.Complete(null, CallOutcome.Failed, (values.NoCookieFits ? Denial.CookieNone : Denial.ValueUnsafe).Rule());
            values.Dispose();
            return problem;
        }
        catch (IntegrityException)
        {
            recorded.Complete(null, CallOutcome.Failed, "integrity_violation");
            foreach (var v in call.Versions)
                await alarm.RaiseAsync(v.WorkspaceId, v.CredentialId, v.Name, $"The stored bytes of version {v.Version} failed their integrity check.", CancellationToken.None);
            return Problem.CredentialUnavailable("The credential's stored value failed its integrity check, so it is not used. Register it anew.");
        }
        catch (KeyNotFoundException)
        {
            recorded.Complete(null, CallOutcome.Failed, Denial.FieldUnknown.Rule());
            values?.Dispose();
            return Denial.FieldUnknown.ToProblem();
        }
        catch
        {
            // Whatever else goes wrong here, the record is completed.
            recorded.Complete(null, CallOutcome.Failed, "internal");
            values?.Dispose();
            throw;
        }
    }
}

/// <summary>A call whose use is durable. Completed exactly once.</summary>
public sealed class RecordedCall(DecidedCall call, long firstSeq, UsageLedger ledger, TimeProvider clock)
{
    private readonly long _began = clock.GetTimestamp();
    private int _completed;

    public DecidedCall Call { get; } = call;

    public void Complete(int? status, CallOutcome outcome, string? reason)
    {
        if (Interlocked.Exchange(ref _completed, 1) != 0) return;
        ledger.Complete(Call.Entry, firstSeq, status, (long)clock.GetElapsedTime(_began).TotalMicroseconds, outcome, reason);
    }

    public TimeSpan Elapsed => clock.GetElapsedTime(_began);
}

/// <summary>A recorded call with its values open. Disposing zeroes them.</summary>
public sealed record OpenedCall(RecordedCall Recorded, OpenedValues Values, RenderedRequest Request) : IDisposable
{
    public void Dispose() => Values.Dispose();
}
