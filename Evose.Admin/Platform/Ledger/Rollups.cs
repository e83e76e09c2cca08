using System.Runtime.InteropServices;

namespace Evose.Admin.Platform.Ledger;

/// <summary>What a group adds to the counts, summed up so that each counted row is written once per group.</summary>
internal sealed class Rollups
{
    public Dictionary<(Guid Credential, int Hour, int Version), Counts> Hours { get; } = [];

    public Dictionary<(Guid Credential, int Day, string Source), Counts> Sources { get; } = [];

    public Dictionary<Guid, Counts> Uses { get; } = [];

    public void Call(CallEntry e, VersionUse? use)
    {
        if (use is { } used && !e.Refused) Add(used.CredentialId, used.Version, e.At.UtcTicks, e.Source, new Counts { Calls = 1, LastTicks = e.At.UtcTicks });
    }

    /// <param name="i">Which of the call's uses.</param>
    public void Completion(CallEntry e, int i, Completion c)
    {
        if (i < e.Uses.Count) Add(e.Uses[i].CredentialId, e.Uses[i].Version, e.At.UtcTicks, e.Source, Counts.Of(c.Outcome, c.Status, c.Reason, c.DurationUs));
    }

    /// <param name="atTicks">When the call was; its completion counts to the same hour.</param>
    public void Add(Guid credential, int version, long atTicks, string source, in Counts counts)
    {
        var hour = LedgerRows.HourOf(atTicks);
        CollectionsMarshal.GetValueRefOrAddDefault(Hours, (credential, hour, version), out _).Add(counts);
        CollectionsMarshal.GetValueRefOrAddDefault(Sources, (credential, hour / 24, source), out _).Add(counts);
        if (counts.Calls > 0) CollectionsMarshal.GetValueRefOrAddDefault(Uses, credential, out _).Add(counts);
    }

    public void Clear()
    {
        Hours.Clear();
        Sources.Clear();
        Uses.Clear();
    }
}
