using System.Runtime.InteropServices;
using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Platform.Ledger;

/// <summary>What a group adds to the counts, summed up so that each counted row is written once per group, in the order of its key.</summary>
internal sealed class Rollups
{
    private const int MaxKnown = 100_000;

    private static readonly Comparer<(Guid Credential, int At, int Version)> ByTime = Comparer<(Guid Credential, int At, int Version)>.Create((a, b) =>
        a.At != b.At ? a.At.CompareTo(b.At) : a.Credential != b.Credential ? a.Credential.CompareTo(b.Credential) : a.Version.CompareTo(b.Version));
    private static readonly Comparer<(int Day, Guid Credential, SourceKind Kind, string Name)> ByDay = Comparer<(int Day, Guid Credential, SourceKind Kind, string Name)>.Create((a, b) =>
        a.Day != b.Day ? a.Day.CompareTo(b.Day) : a.Credential != b.Credential ? a.Credential.CompareTo(b.Credential) : a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind) : string.CompareOrdinal(a.Name, b.Name));

    private readonly Dictionary<(Guid Credential, int Hour, int Version), Counts> _hours = [];
    private readonly Dictionary<(Guid Credential, int Day, string Source), Counts> _sources = [];
    private readonly Dictionary<Guid, Counts> _uses = [];
    private readonly Dictionary<string, string[]> _parts = new(StringComparer.Ordinal);

    // Names that are in the database, and those of this group that may not be.
    private readonly HashSet<(SourceKind Kind, string Id, string Name, string Email)> _known = [];
    private readonly List<(SourceKind Kind, string Id, string Name, string Email)> _fresh = [];

    public IEnumerable<KeyValuePair<(Guid Credential, int Hour, int Version), Counts>> Hours => _hours.OrderBy(h => h.Key, ByTime);

    public IEnumerable<KeyValuePair<(Guid Credential, int Day, int Version), Counts>> Days
    {
        get
        {
            var days = new Dictionary<(Guid Credential, int Day, int Version), Counts>();
            foreach (var (k, n) in _hours) CollectionsMarshal.GetValueRefOrAddDefault(days, (k.Credential, k.Hour / 24, k.Version), out _).Add(n);
            return days.OrderBy(d => d.Key, ByTime);
        }
    }

    public IEnumerable<KeyValuePair<(int Day, Guid Credential, SourceKind Kind, string Name), Counts>> Sources
    {
        get
        {
            var sources = new Dictionary<(int Day, Guid Credential, SourceKind Kind, string Name), Counts>();
            foreach (var (k, n) in _sources)
            {
                var parts = Parts(k.Source);
                for (var kind = SourceKind.Tool; kind <= SourceKind.ApiKey; kind++)
                    if ((int)kind < parts.Length && parts[(int)kind].Length > 0) CollectionsMarshal.GetValueRefOrAddDefault(sources, (k.Day, k.Credential, kind, parts[(int)kind]), out _).Add(n);
            }
            return sources.OrderBy(s => s.Key, ByDay);
        }
    }

    public IEnumerable<KeyValuePair<Guid, Counts>> Uses => _uses.OrderBy(u => u.Key);

    public IReadOnlyList<(SourceKind Kind, string Id, string Name, string Email)> FreshNames => _fresh;

    /// <param name="atTicks">When the call was; its completion counts to the same hour.</param>
    public void Add(Guid credential, int version, long atTicks, string source, in Counts counts)
    {
        var hour = LedgerRows.HourOf(atTicks);
        CollectionsMarshal.GetValueRefOrAddDefault(_hours, (credential, hour, version), out _).Add(counts);
        CollectionsMarshal.GetValueRefOrAddDefault(_sources, (credential, hour / 24, source), out _).Add(counts);
        if (counts.Calls > 0) CollectionsMarshal.GetValueRefOrAddDefault(_uses, credential, out _).Add(counts);
    }

    /// <summary>Under which names a call appears.</summary>
    public void Named(string? userId, string? userName, string? userEmail, string? apiKey)
    {
        if (userId is not null || userName is not null || userEmail is not null) Named((SourceKind.User, userId ?? "", userName ?? "", userEmail ?? ""));
        if (apiKey is not null) Named((SourceKind.ApiKey, apiKey, "", ""));
    }

    /// <param name="written">False: the group did not become durable, so its names may not be in the database.</param>
    public void Clear(bool written)
    {
        _hours.Clear();
        _sources.Clear();
        _uses.Clear();
        if (!written) _known.ExceptWith(_fresh);
        _fresh.Clear();
        if (_known.Count > MaxKnown) _known.Clear();
        if (_parts.Count > MaxKnown) _parts.Clear();
    }

    private void Named((SourceKind, string, string, string) name)
    {
        if (_known.Add(name)) _fresh.Add(name);
    }

    private string[] Parts(string source)
    {
        if (_parts.TryGetValue(source, out var parts)) return parts;
        return _parts[source] = source.Split('\u001f');
    }
}
