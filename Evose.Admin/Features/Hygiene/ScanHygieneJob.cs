using Evose.Admin.Platform.Jobs;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Looks at everything once a night: what only time or use changed shows then.</summary>
public sealed class ScanHygieneJob(EvaluateHygiene evaluate) : IJob
{
    public static string Name => "scan-hygiene";

    public Task<int> RunAsync(CancellationToken ct) => evaluate.AllAsync(ct);
}
