using System.Collections.Frozen;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Assembly = System.Reflection.Assembly;
using Type = System.Type;

namespace Evose.Admin.Tests.Rules;

/// <summary>One type uses another, as compiled code shows it; what the compiler generated counts as the type it was generated for.</summary>
public sealed record Use(string From, string To)
{
    public override string ToString() => $"{From} uses {To}";
}

/// <summary>Which folder may use which. A line may only name lines above it, so that no circle can be written down.</summary>
/// <param name="Root">Namespace that the folders are relative to.</param>
/// <param name="Lines">A folder and what it may use; <c>X*</c> is X and all below it. A line <c>Features.*</c> stands for each folder of that kind, none of which may use another.</param>
public sealed record DependencyMap(string Root, (string Folder, string[] MayUse)[] Lines)
{
    /// <summary>The folder of a type: the longest line that holds it; for <c>X.*</c> the name one below X. Null outside the root, "" at the root itself.</summary>
    public string? Folder(string type)
    {
        if (!type.StartsWith(Root + ".", StringComparison.Ordinal)) return null;
        var nested = type.IndexOfAny(['+', '/']);
        var outer = nested < 0 ? type : type[..nested];
        var end = outer.LastIndexOf('.');
        if (end <= Root.Length) return "";
        var path = outer[(Root.Length + 1)..end];
        return Lines.Select(line => Match(line.Folder, path)).Where(m => m is not null).MaxBy(m => m!.Length) ?? path;
    }

    /// <summary>Every use that no line allows, and every folder that has no line.</summary>
    public IReadOnlyList<string> Violations(IEnumerable<Use> uses) =>
    [
        .. from use in uses
           let user = Folder(use.From)
           let used = Folder(use.To)
           where user is { Length: > 0 } && used is not null && user != used
           where !MayUse(user, used)
           select LineOf(user) is null ? $"{use}, and the map has no folder {user}" : use.ToString(),
    ];

    /// <summary>Lines that name something that does not stand above them.</summary>
    public IReadOnlyList<string> Upward() =>
    [
        .. from i in Enumerable.Range(0, Lines.Length)
           from name in Lines[i].MayUse
           let below = Enumerable.Range(i, Lines.Length - i).Where(n => Names(name, Lines[n].Folder)).Select(n => Lines[n].Folder).ToList()
           let known = Lines.Any(line => Names(name, line.Folder))
           where below.Count > 0 || !known
           select known ? $"{Lines[i].Folder} names {name}, and {string.Join(", ", below)} is not above it" : $"{Lines[i].Folder} names {name}, which is no line",
    ];

    private bool MayUse(string user, string used) => used.Length > 0 && LineOf(user) is { } line && line.MayUse.Any(name => Names(name, used));

    private (string Folder, string[] MayUse)? LineOf(string folder) => Lines.Where(l => Match(l.Folder, folder) == folder).Cast<(string, string[])?>().FirstOrDefault();

    private static string? Match(string line, string path)
    {
        if (!line.EndsWith(".*", StringComparison.Ordinal)) return path == line || path.StartsWith(line + ".", StringComparison.Ordinal) ? line : null;
        var parent = line[..^1];
        return path.StartsWith(parent, StringComparison.Ordinal) ? parent + path[parent.Length..].Split('.')[0] : null;
    }

    private static bool Names(string name, string folder) =>
        name.EndsWith('*') ? folder == name[..^1] || folder.StartsWith(name[..^1] + ".", StringComparison.Ordinal) : folder == name;
}

/// <summary>The uses that an assembly's compiled code holds, read once.</summary>
public static class CompiledUses
{
    public static IReadOnlyList<Use> Of(Assembly assembly, string root) =>
    [
        .. new ArchLoader().LoadAssembly(assembly).Build().Types
            .Where(type => type.FullName.StartsWith(root + ".", StringComparison.Ordinal))
            .SelectMany(type => type.Dependencies.Select(d => new Use(Written(type.FullName), Written(d.Target.FullName))))
            .Where(use => use.From != use.To)
            .Distinct(),
    ];

    /// <summary>The type as it stands in the source: without what the compiler nests into it, without the arity of generics.</summary>
    private static string Written(string name)
    {
        var generated = name.IndexOfAny(['<', '`']);
        return (generated < 0 ? name : name[..generated]).TrimEnd('+', '/', '.');
    }

    /// <summary>Written names of all types that derive from a type with this full name.</summary>
    public static FrozenSet<string> Deriving(Assembly assembly, string baseType) =>
        assembly.GetTypes().Where(t => Bases(t).Any(b => b.FullName == baseType)).Select(t => Written(t.FullName!)).ToFrozenSet();

    private static IEnumerable<Type> Bases(Type type)
    {
        for (var b = type.BaseType; b is not null; b = b.BaseType) yield return b;
    }
}
