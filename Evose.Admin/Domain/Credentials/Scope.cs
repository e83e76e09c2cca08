using Evose.Admin.Domain.Consumers;

namespace Evose.Admin.Domain.Credentials;

/// <summary>One consumer that a credential's scope names.</summary>
public sealed class ScopeMember
{
    public Guid CredentialId { get; init; }

    public Guid ConsumerId { get; init; }

    public ConsumerKind Kind { get; init; }
}

/// <summary>Who may use a credential: the tools, agents and workflows it names. Empty means nobody.</summary>
public sealed record Scope(IReadOnlySet<Guid> Tools, IReadOnlySet<Guid> Agents, IReadOnlySet<Guid> Workflows)
{
    public static Scope Of(IReadOnlyCollection<ScopeMember> members) => new(
        members.Where(m => m.Kind == ConsumerKind.Tool).Select(m => m.ConsumerId).ToHashSet(),
        members.Where(m => m.Kind == ConsumerKind.Agent).Select(m => m.ConsumerId).ToHashSet(),
        members.Where(m => m.Kind == ConsumerKind.Workflow).Select(m => m.ConsumerId).ToHashSet());

    public bool IsEmpty => Tools.Count == 0 && Agents.Count == 0 && Workflows.Count == 0;
}
