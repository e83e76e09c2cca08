using System.Runtime.InteropServices;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Platform.Ledger;

/// <summary>What a group adds to the counts, summed up so that each counted row is written once per group.</summary>
internal sealed class Rollups
{
    private const long UnixHours = 621355968000000000L / TimeSpan.TicksPerHour;

    public Dictionary<(Guid Credential, int Hour, int Version), Counts> Hours { get; } = [];

    public Dictionary<(Guid Credential, int Day, string Source), Counts> Sources { get; } = [];

    public Dictionary<Guid, Counts> Uses { get; } = [];

    public void Call(CallEntry e, VersionUse? use)
    {
        if (use is not { } used || e.Refused) return;
        Count(e, used, new Counts { Calls = 1, LastTicks = e.At.UtcTicks });
    }

    /// <param name="i">Which of the call's uses.</param>
    public void Completion(CallEntry e, int i, Completion c)
    {
        if (i >= e.Uses.Count) return;
        Count(e, e.Uses[i], new Counts
        {
            Errors = c.Outcome == CallOutcome.Succeeded ? 0 : 1,
            KeyErrors = LedgerStore.SpeaksAgainstKey(c.Outcome, c.Status, c.Reason) ? 1 : 0,
            DurationUs = c.DurationUs,
        });
    }

    public void Clear()
    {
        Hours.Clear();
        Sources.Clear();
        Uses.Clear();
    }

    private void Count(CallEntry e, VersionUse use, Counts add)
    {
        var hours = (int)(e.At.UtcTicks / TimeSpan.TicksPerHour - UnixHours);
        Add(Hours, (use.CredentialId, hours, use.Version), add);
        Add(Sources, (use.CredentialId, hours / 24, e.Source), add);
        if (add.Calls > 0) Add(Uses, use.CredentialId, add);
    }

    private static void Add<TKey>(Dictionary<TKey, Counts> counts, TKey key, Counts add)
        where TKey : notnull
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _);
        sum.Calls += add.Calls;
        sum.Errors += add.Errors;
        sum.KeyErrors += add.KeyErrors;
        sum.DurationUs += add.DurationUs;
        sum.LastTicks = Math.Max(sum.LastTicks, add.LastTicks);
    }

    internal struct Counts
    {
        public long Calls, Errors, KeyErrors, DurationUs, LastTicks;
    }
}
