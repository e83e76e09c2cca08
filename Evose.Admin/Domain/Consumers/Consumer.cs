namespace Evose.Admin.Domain.Consumers;

/// <summary>What kind of consumer.</summary>
public enum ConsumerKind
{
    /// <summary>Reaches an upstream; carries the placeholders.</summary>
    Tool,

    /// <summary>Acts through tools.</summary>
    Agent,

    /// <summary>Acts through tools and agents.</summary>
    Workflow,
}

/// <summary>A tool, agent or workflow that may use credentials. Deleting keeps the row, so that old calls keep their names.</summary>
public sealed class Consumer : ICataloged
{
    private Consumer() { }

    public Consumer(Guid id, Guid workspaceId, ConsumerKind kind, string name, DateTimeOffset now)
    {
        (Id, WorkspaceId, Kind, Name, CreatedAt, UpdatedAt) = (id, workspaceId, kind, name, now, now);
    }

    public Guid Id { get; private set; }

    public Guid WorkspaceId { get; private set; }

    public ConsumerKind Kind { get; private set; }

    /// <summary>A slug, unique per kind among the living of the workspace.</summary>
    public string Name { get; set; } = "";

    public string? Description { get; set; }

    /// <summary>A tool's request template; null for agents and workflows.</summary>
    public ToolConfig? Config { get; set; }

    public DateTimeOffset CreatedAt { get; private set; }

    public DateTimeOffset UpdatedAt { get; set; }

    public DateTimeOffset? DeletedAt { get; set; }

    /// <summary>Grows by one with every change; a page that shows an older one is stale.</summary>
    public int Revision { get; set; } = 1;

    /// <summary>Keyed MAC over configuration, links and revision: a row changed behind the app's back is refused.</summary>
    public byte[] PolicyMac { get; set; } = [];

    public long Stamp { get; set; }
}

/// <summary>An agent uses a tool; a workflow uses a tool or an agent.</summary>
public sealed class ConsumerLink
{
    public Guid FromId { get; init; }

    public Guid ToId { get; init; }
}
