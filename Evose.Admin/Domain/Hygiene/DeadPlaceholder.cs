namespace Evose.Admin.Domain.Hygiene;

/// <summary>A placeholder that names no living credential of the workspace, or a field that it does not have: every call of the tool is refused.</summary>
internal static class DeadPlaceholder
{
    public static readonly HygieneRule Rule = new("dead-placeholder", HygieneSeverity.Medium, "A placeholder that points nowhere",
        "Every call of the tool is refused until the name means something again. Name the credential that took its place, or delete the tool.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        var known = s.Credentials.ToDictionary(c => c.Name, c => c.Fields, StringComparer.Ordinal);
        foreach (var (name, fields) in s.Granted) known.TryAdd(name, fields);
        foreach (var t in s.Tools)
        {
            var dead = t.Names.Where(n => !known.TryGetValue(n.Credential, out var fields) || (n.Field is not null && fields is not null && !fields.Contains(n.Field)))
                .Select(n => (Name: known.ContainsKey(n.Credential) ? $"{n.Credential}.{n.Field}" : n.Credential, n.Place)).Distinct().OrderBy(n => n.Name, StringComparer.Ordinal).ThenBy(n => n.Place, StringComparer.Ordinal).ToList();
            if (dead.Count > 0)
                yield return new(Rule, HygieneSubject.Of(t), Rule.Severity, $"It names {string.Join("; ", dead.Select(d => $"{d.Name} in {d.Place}"))}, and there is no such {(dead.TrueForAll(d => d.Name.Contains('.', StringComparison.Ordinal)) ? "field" : "credential")}.",
                    [.. dead.Select(d => $"{d.Name}@{d.Place}")], HygieneFixPlace.Tool);
        }
    }
}
