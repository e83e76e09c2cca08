using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Platform.Ledger;

/// <summary>What every store of the ledger agrees on: a completion's canonical bytes, and what counts against a key.</summary>
public static class LedgerRows
{
    /// <summary>The caller's body broke off or was too large.</summary>
    public const string CallerBody = "caller_body";

    /// <summary>The upstream refused a token that was then renewed; the same call went out once more and has a record of its own.</summary>
    public const string TokenRefused = "token_refused";

    /// <summary>Reasons of failed calls that say nothing about the key: the caller's doing, ours, or never sent.</summary>
    public static readonly IReadOnlyList<string> NotTheKey = ["caller_left", CallerBody, "not_sent", "answer_too_large", "value_unsafe", "field_unknown", "egress", "internal"];

    /// <summary>True for what could be the key's fault: 401, 403, the upstream's own failure, or no answer. A caller's bad request is not.</summary>
    public static bool SpeaksAgainstKey(CallOutcome outcome, int? status, string? reason) =>
        outcome == CallOutcome.Failed ? reason is null || !NotTheKey.Contains(reason) : status is 401 or 403 or >= 500;

    /// <summary>The hour of the usage sums: hours since 1970-01-01T00:00Z.</summary>
    public static int HourOf(long utcTicks) => (int)(utcTicks / TimeSpan.TicksPerHour - UnixHours);

    private const long UnixHours = 621355968000000000L / TimeSpan.TicksPerHour;

    /// <summary>Canonical bytes of a completion row. The order is stored history: never change it.</summary>
    public static ReadOnlySpan<byte> CompletionPayload(ChainPayload p, long callSeq, DateTimeOffset at, int? status, long durationUs, CallOutcome outcome, string? reason)
    {
        p.Number(2L);
        p.Number(callSeq);
        p.Number(at.UtcTicks);
        p.Number((long?)status);
        p.Number(durationUs);
        p.Number((long)outcome);
        p.Text(reason);
        return p.Written;
    }
}

/// <summary>Sums that one group adds to a credential's hour, source or total.</summary>
internal struct Counts
{
    public long Calls, Errors, KeyErrors, DurationUs, LastTicks;

    public void Add(in Counts other)
    {
        Calls += other.Calls;
        Errors += other.Errors;
        KeyErrors += other.KeyErrors;
        DurationUs += other.DurationUs;
        LastTicks = Math.Max(LastTicks, other.LastTicks);
    }

    /// <summary>What a completion adds.</summary>
    public static Counts Of(CallOutcome outcome, int? status, string? reason, long durationUs) => new()
    {
        Errors = outcome == CallOutcome.Succeeded ? 0 : 1,
        KeyErrors = LedgerRows.SpeaksAgainstKey(outcome, status, reason) ? 1 : 0,
        DurationUs = durationUs,
    };
}
