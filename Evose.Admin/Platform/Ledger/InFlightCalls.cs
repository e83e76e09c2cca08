using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Evose.Admin.Platform.Ledger;

/// <summary>How many calls are under way on each version of each credential: exactly on this node, and as the other nodes told last (<see cref="InFlightNews"/>).</summary>
public sealed class InFlightCalls
{
    /// <summary>What a node told counts this long; one that was killed or cut off is forgotten then.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(30);

    // A notification takes 8000 bytes.
    private const int MaxNews = 7800;

    private readonly ConcurrentDictionary<(Guid Credential, int Version), StrongBox<int>> _counts = new();
    private readonly ConcurrentDictionary<string, Told> _others = new(StringComparer.Ordinal);

    public int Count(Guid credentialId, int version)
    {
        var sum = _counts.TryGetValue((credentialId, version), out var n) ? Volatile.Read(ref n.Value) : 0;
        foreach (var told in _others.Values)
            if (TimeProvider.System.GetElapsedTime(told.At) < Memory) sum += told.Counts.GetValueOrDefault((credentialId, version));
        return sum;
    }

    internal void Begin(IReadOnlyList<VersionUse> uses)
    {
        foreach (var use in uses) Interlocked.Increment(ref _counts.GetOrAdd((use.CredentialId, use.Version), static _ => new StrongBox<int>()).Value);
    }

    internal void End(IReadOnlyList<VersionUse> uses)
    {
        foreach (var use in uses) Interlocked.Decrement(ref _counts.GetOrAdd((use.CredentialId, use.Version), static _ => new StrongBox<int>()).Value);
    }

    /// <summary>This node's counts as texts for the other nodes: name, round, then credential, version and count of each. Several when they are many; one without counts when there are none.</summary>
    internal IReadOnlyList<string> Tell(string node, long round)
    {
        var news = new List<string>();
        var head = string.Create(CultureInfo.InvariantCulture, $"{node} {round}");
        var text = new StringBuilder(head);
        foreach (var ((credential, version), box) in _counts)
        {
            if (Volatile.Read(ref box.Value) is not (> 0 and var count)) continue;
            if (text.Length > MaxNews - 64)
            {
                news.Add(text.ToString());
                text.Clear().Append(head);
            }
            text.Append(CultureInfo.InvariantCulture, $" {credential:N}:{version}:{count}");
        }
        news.Add(text.ToString());
        return news;
    }

    /// <summary>Takes in what another node told. Texts of one round belong together, a later round replaces them.</summary>
    internal void Hear(string own, string news)
    {
        var words = news.Split(' ');
        if (words.Length < 2 || words[0] == own || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var round)) return;
        var counts = new Dictionary<(Guid, int), int>();
        foreach (var word in words.AsSpan(2))
        {
            var parts = word.Split(':');
            if (parts.Length == 3 && Guid.TryParseExact(parts[0], "N", out var credential) && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var version)
                && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var count)) counts[(credential, version)] = count;
        }
        if (_others.TryGetValue(words[0], out var before) && before.Round == round)
            foreach (var (key, count) in before.Counts) counts.TryAdd(key, count);
        _others[words[0]] = new Told(round, TimeProvider.System.GetTimestamp(), counts);
        foreach (var (node, told) in _others)
            if (TimeProvider.System.GetElapsedTime(told.At) > 2 * Memory) _others.TryRemove(node, out _);
    }

    private sealed record Told(long Round, long At, Dictionary<(Guid, int), int> Counts);
}
