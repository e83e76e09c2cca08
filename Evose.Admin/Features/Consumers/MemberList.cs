using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;

namespace Evose.Admin.Features.Consumers;

/// <summary>The names of what an agent or a workflow uses, as given.</summary>
internal static class MemberList
{
    public const int Max = 200;

    /// <summary>The names in the order given, or what is wrong with them. What is no valid name is not quoted.</summary>
    public static Outcome<IReadOnlyList<string>> Parse(ConsumerKind kind, IReadOnlyList<string?>? given)
    {
        var names = new List<string>();
        foreach (var name in given ?? [])
        {
            if (names.Count == Max) return Problem.Invalid(kind.Plural(), $"There are too many {kind.Plural()}: at most {Max}.");
            if (!Slug.IsValid(name)) return Problem.Invalid(kind.Plural(), $"Entry {names.Count + 1} of {kind.Plural()} is no name of a {kind.Word()}. {Slug.Rule}");
            if (names.Contains(name!)) return Problem.Invalid(kind.Plural(), $"'{name}' stands in {kind.Plural()} twice. Keep one of them.");
            names.Add(name!);
        }
        return Outcome<IReadOnlyList<string>>.Of(names);
    }

    /// <summary>The audit trail's line about a save.</summary>
    public static string Describe(Consumer consumer, bool created, string oldName, params ReadOnlySpan<(string What, IReadOnlyList<string> Names)> members)
    {
        var said = $"{consumer.Kind.Word()} {(created ? "created" : "changed")}";
        if (consumer.Name != oldName) said += $"; renamed from {oldName}";
        foreach (var (what, names) in members) said += names.Count == 0 ? $"; no {what}" : $"; {what} {string.Join(", ", names)}";
        return said;
    }
}
