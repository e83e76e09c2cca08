using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Web;

/// <summary>How a node leaves.</summary>
public sealed class ShutdownOptions
{
    public const string Section = "Shutdown";

    /// <summary>How long <c>/health/ready</c> says 503 while calls are still taken, so that a load balancer that asks for it sends no more.</summary>
    public TimeSpan Notice { get; set; } = TimeSpan.Zero;

    /// <summary>How long calls under way, streams too, may take to end after that; then they are cut off.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>The first to hear of the end: says so to who asks for readiness, and holds everything else back for the notice.</summary>
public sealed class ShutdownNotice(IHostApplicationLifetime lifetime, IOptions<ShutdownOptions> options) : IHostedLifecycleService
{
    private volatile bool _given;

    public bool IsGiven => _given || lifetime.ApplicationStopping.IsCancellationRequested;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _given = true;
        if (options.Value.Notice == TimeSpan.Zero) return;
        try
        {
            // Real time: the load balancer has no other.
            await Task.Delay(options.Value.Notice, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // No time left: go on.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
