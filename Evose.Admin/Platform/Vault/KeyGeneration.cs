namespace Evose.Admin.Platform.Vault;

/// <summary>One master key as it is stored: only ever wrapped, never in the clear.</summary>
public sealed class KeyGeneration
{
    /// <summary>How long a new generation only opens: every node looks for new ones each second, so all of them know it long before the first of them seals with it.</summary>
    public static readonly TimeSpan Lead = TimeSpan.FromSeconds(10);

    /// <summary>1, 2, 3 …; new values are sealed under the highest that is past its lead.</summary>
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

    /// <summary>The generation that seals at this moment: the newest that is past its lead, else the oldest.</summary>
    public static int SealingAt(IReadOnlyList<KeyGeneration> generations, DateTimeOffset now) =>
        generations.Where(g => g.CreatedAt + Lead <= now).Select(g => g.Generation).DefaultIfEmpty(generations.Min(g => g.Generation)).Max();
}
