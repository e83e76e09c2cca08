namespace Evose.Admin.Platform.Ledger;

/// <summary>One call on its way into the ledger: who, through what, where to, and the credential versions it wants to use.</summary>
public sealed class CallEntry
{
    public required Guid Id { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>The catalogue's stamp at which the call was decided; a newer one in the database means: decide again.</summary>
    public required long Stamp { get; init; }
    public Guid? WorkspaceId { get; init; }
    public Guid? ToolId { get; init; }
    public string? Tool { get; init; }
    public Guid? AgentId { get; init; }
    public string? Agent { get; init; }
    public Guid? WorkflowId { get; init; }
    public string? Workflow { get; init; }
    public string? RunId { get; init; }
    public string? UserId { get; init; }
    public string? UserName { get; init; }
    public string? UserEmail { get; init; }
    public Guid? ApiKeyId { get; init; }
    public string? ApiKey { get; init; }
    public string? Ip { get; init; }
    public required string Method { get; init; }
    public string? Host { get; init; }
    public string? Path { get; init; }
    public bool Refused { get; init; }
    public required string Rule { get; init; }
    public required string RequestId { get; init; }

    /// <summary>Empty for a call that uses no credential.</summary>
    public required IReadOnlyList<VersionUse> Uses { get; init; }

    /// <summary>Tool, agent, workflow, user and API key joined by U+001F.</summary>
    public string Source => _source ??= string.Join('\u001f', Tool, Agent, Workflow, UserId, ApiKey);

    private string? _source;

    /// <summary>One row per use, at least one.</summary>
    public int Rows => Math.Max(1, Uses.Count);
}

/// <summary>The version of a credential that a call uses.</summary>
public readonly record struct VersionUse(Guid CredentialId, string Name, int Version);

/// <summary>What the ledger says of a call that asked to be recorded.</summary>
public enum LedgerVerdict
{
    /// <summary>Durable: the value may leave.</summary>
    Recorded,

    /// <summary>What the decision rested on has changed since: decide again.</summary>
    Stale,

    /// <summary>It could not be recorded, so it must not happen.</summary>
    Unavailable,
}

/// <param name="FirstSeq">The first of the call's rows, when recorded.</param>
public readonly record struct LedgerAnswer(LedgerVerdict Verdict, long FirstSeq);
