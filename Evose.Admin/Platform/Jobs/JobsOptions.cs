using System.ComponentModel.DataAnnotations;

namespace Evose.Admin.Platform.Jobs;

/// <summary>Where Hangfire keeps its queue. Deadlines are in our own tables in any case.</summary>
public sealed class JobsOptions
{
    public const string Section = "Jobs";

    /// <summary><c>InMemory</c> or <c>Postgres</c>; null follows the database.</summary>
    [AllowedValues(null, "InMemory", "Postgres", ErrorMessage = "Jobs:Storage must be InMemory or Postgres.")]
    public string? Storage { get; set; }
}
