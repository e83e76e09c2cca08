using Evose.Admin.Domain.Consumers;

namespace Evose.Admin.Domain.Credentials;

/// <summary>Pure: changes of a scope that a person did not spell out must never let anybody in who was out before.</summary>
public static class ScopePolicy
{
    /// <summary>
    /// The scope once a consumer is no more. When the last tool, or the last of those who act, goes from a scope that names both, nobody is left who meets it;
    /// dropping just that row would open it to every tool, or to everybody. Such a scope becomes empty.
    /// </summary>
    public static IReadOnlyList<ScopeMember> Without(IReadOnlyCollection<ScopeMember> members, Guid consumerId)
    {
        List<ScopeMember> left = [.. members.Where(m => m.ConsumerId != consumerId)];
        return Loses(IsTool) || Loses(m => !IsTool(m)) ? [] : left;

        bool Loses(Func<ScopeMember, bool> side) => members.Any(side) && !left.Exists(m => side(m));
    }

    /// <summary>Whether the scope is about the tool at all: it names it, or it names no tool and leaves the choice to those who act.</summary>
    public static bool Covers(Scope scope, Guid toolId) => !scope.IsEmpty && (scope.Tools.Count == 0 || scope.Tools.Contains(toolId));

    private static bool IsTool(ScopeMember member) => member.Kind == ConsumerKind.Tool;
}
