using System.Data.Common;
using Microsoft.EntityFrameworkCore;
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
        catch (Exception e) when (e is DbException or DbUpdateException or TimeoutException or InvalidOperationException or IOException)
        {
            // The database is away or busy: the mark stands where it was, so the next tick does it.
            LogPutOff(e.GetType().Name);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Hygiene was not looked at ({Error}); it will be at the next tick")]
    private partial void LogPutOff(string error);
}
