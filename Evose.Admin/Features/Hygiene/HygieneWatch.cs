using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Looks at what was changed a few seconds ago. Reads one number while nothing was.</summary>
internal sealed partial class HygieneWatch(EvaluateHygiene evaluate, IOptions<HygieneOptions> options, TimeProvider clock, ILogger<HygieneWatch> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.WatchInterval <= TimeSpan.Zero) return;
        using var timer = new PeriodicTimer(options.Value.WatchInterval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await LookAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // The app ends.
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        try
        {
            await evaluate.ChangedAsync(ct);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The database is away or busy, or a row is not as the app wrote it: the mark stands where it was, so the next tick does it. Whatever it is, calls go on.
            LogPutOff(e.GetType().Name);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Hygiene was not looked at ({Error}); it will be at the next tick")]
    private partial void LogPutOff(string error);
}
