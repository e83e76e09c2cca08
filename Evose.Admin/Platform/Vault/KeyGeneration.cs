namespace Evose.Admin.Platform.Vault;

/// <summary>One master key as it is stored: only ever wrapped, never in the clear.</summary>
public sealed class KeyGeneration
{
    /// <summary>1, 2, 3 …; new values are sealed under the highest.</summary>
    public int Generation { get; set; }

    public Guid InstallationId { get; set; }

    /// <summary>Which root wrapped it, for the message when another root is configured; trusted for nothing else.</summary>
    public string RootId { get; set; } = "";

    public byte[] WrappedByRoot { get; set; } = [];

    /// <summary>The second wrapping; null until a recovery key was issued.</summary>
    public byte[]? WrappedByRecovery { get; set; }

    /// <summary>Eight bytes that tell whether an unwrapped master key is the right one.</summary>
    public byte[] CheckValue { get; set; } = [];

    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>An administrator said that the recovery key is kept in a safe place.</summary>
    public bool RecoveryConfirmed { get; set; }
}
