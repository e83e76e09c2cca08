using System.ComponentModel.DataAnnotations;

namespace Evose.Admin.Platform.Jobs;

/// <summary>Where Hangfire keeps its queue. Deadlines are in our own tables in any case.</summary>
public sealed class JobsOptions
{
    public const string Section = "Jobs";

    [AllowedValues("InMemory", ErrorMessage = "Jobs:Storage must be InMemory.")]
    public string Storage { get; set; } = "InMemory";
}
