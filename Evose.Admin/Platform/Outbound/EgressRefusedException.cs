using Evose.Admin.Domain;

namespace Evose.Admin.Platform.Outbound;

/// <summary>Thrown before a byte leaves the app when the target may not be reached; its text names the rule, never a URL or a value.</summary>
public sealed class EgressRefusedException(Problem problem) : HttpRequestException(HttpRequestError.ConnectionError, problem.Message)
{
    public Problem Problem { get; } = problem;
}
