using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Evose.Admin.Platform.Ledger;

/// <summary>How many calls of this process are under way on each version of each credential.</summary>
public sealed class InFlightCalls
{
    private readonly ConcurrentDictionary<(Guid Credential, int Version), StrongBox<int>> _counts = new();

    public int Count(Guid credentialId, int version) => _counts.TryGetValue((credentialId, version), out var n) ? Volatile.Read(ref n.Value) : 0;

    internal void Begin(IReadOnlyList<VersionUse> uses)
    {
        foreach (var use in uses) Interlocked.Increment(ref _counts.GetOrAdd((use.CredentialId, use.Version), static _ => new StrongBox<int>()).Value);
    }

    internal void End(IReadOnlyList<VersionUse> uses)
    {
        foreach (var use in uses) Interlocked.Decrement(ref _counts.GetOrAdd((use.CredentialId, use.Version), static _ => new StrongBox<int>()).Value);
    }
}
