namespace Evose.Admin.Platform.Vault;

/// <summary>Which root wraps the master key: SECRET_KEY, else the key file, else a ring in the data directory.</summary>
public sealed class VaultOptions
{
    public const string Section = "Root";

    /// <summary>A setting of its own and not a member here: options are bound, dumped and logged.</summary>
    public const string SecretKeySetting = "SECRET_KEY";

    /// <summary>A file with the current root key in its first line and previous ones below, 64 hexadecimal digits each.</summary>
    public string? KeyFile { get; set; }

    /// <summary>True when keys/root in the data directory is the same directory for every node; only asked with PostgreSQL and without SECRET_KEY and key file.</summary>
    public bool IsShared { get; set; }
}
