using System.ComponentModel.DataAnnotations;

namespace Evose.Admin.Platform.Api;

/// <summary>How much of the REST surface one key may use. Calls through tools are not counted: they are the work, and have no limit here.</summary>
public sealed class ApiOptions
{
    public const string Section = "Api";

    /// <summary>Requests a second that one key may send for long.</summary>
    [Range(1, 1_000_000, ErrorMessage = "Api:RequestsPerSecond must be 1 to 1000000.")]
    public int RequestsPerSecond { get; set; } = 200;

    /// <summary>How many it may send at once after a rest.</summary>
    [Range(1, 1_000_000, ErrorMessage = "Api:Burst must be 1 to 1000000.")]
    public int Burst { get; set; } = 2000;
}
