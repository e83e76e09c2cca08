using System.ComponentModel.DataAnnotations;

namespace Evose.Admin.Platform.Data;

/// <summary>Where the rows are kept.</summary>
public sealed class DataOptions
{
    public const string Section = "Database";

    /// <summary>The value that chooses PostgreSQL.</summary>
    public const string PostgresProvider = "Postgres";

    /// <summary><c>Sqlite</c> or <c>Postgres</c>.</summary>
    [AllowedValues("Sqlite", PostgresProvider, ErrorMessage = "Database:Provider must be Sqlite or Postgres.")]
    public string Provider { get; set; } = "Sqlite";

    /// <summary>Empty: <c>evose.db</c> in the data directory. PostgreSQL needs one.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>True when the configuration chooses PostgreSQL, for what must know before the container is built.</summary>
    public static bool IsPostgres(IConfiguration configuration) => configuration[$"{Section}:{nameof(Provider)}"] == PostgresProvider;
}

/// <summary>The directory that holds the database, the key rings and the audit anchor.</summary>
public sealed record DataDirectory(string Path)
{
    public string Database => System.IO.Path.Combine(Path, "evose.db");

    public string Keys => System.IO.Path.Combine(Path, "keys");

    /// <summary>The journal of uses.</summary>
    public string Ledger => System.IO.Path.Combine(Path, "ledger");

    /// <summary>The segments of the record of calls, after the first.</summary>
    public string Calls => System.IO.Path.Combine(Path, "calls");

    public string AuditAnchor => System.IO.Path.Combine(Path, "audit-anchor.jsonl");

    /// <summary>Makes the directory, readable by its owner only.</summary>
    public static DataDirectory Prepare(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        Directory.CreateDirectory(full);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(full, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new DataDirectory(full);
    }
}
