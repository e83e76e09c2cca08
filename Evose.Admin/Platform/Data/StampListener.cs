using System.Data.Common;
using System.Globalization;
using Npgsql;

namespace Evose.Admin.Platform.Data;

/// <summary>
/// Keeps this node's <see cref="CatalogStamp"/> abreast of what other nodes commit: told by NOTIFY at their commit, and read every 500 ms in case it was not.
/// While neither works the stamp is not current, and after <see cref="CatalogStamp.Patience"/> the data plane refuses.
/// </summary>
internal sealed partial class StampListener(Postgres postgres, CatalogStamp stamp, ILogger<StampListener> log) : BackgroundService
{
    public const string Channel = "evose_stamp";

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is DbException or TimeoutException or IOException or OperationCanceledException or InvalidOperationException)
            {
                LogLost(e.GetType().Name);
                await Task.Delay(TimeSpan.FromMilliseconds(200), CancellationToken.None);
            }
        }
    }

    private async Task ListenAsync(CancellationToken ct)
    {
        // A server that went silent must be found out within the patience, not when TCP gives up.
        using var opening = CancellationTokenSource.CreateLinkedTokenSource(ct);
        opening.CancelAfter(TimeSpan.FromSeconds(2));
        await using var connection = await postgres.OpenOwnAsync(opening.Token);
        connection.Notification += (_, e) =>
        {
            if (long.TryParse(e.Payload, NumberStyles.None, CultureInfo.InvariantCulture, out var told)) stamp.Advance(told);
        };
        await using (var listen = new NpgsqlCommand("LISTEN " + Channel, connection) { CommandTimeout = 1 }) await listen.ExecuteNonQueryAsync(ct);
        await using var read = new NpgsqlCommand("SELECT stamp FROM installation", connection) { CommandTimeout = 1 };
        while (true)
        {
            // What is read is as new as the moment of asking.
            var asked = CatalogStamp.Now;
            if (await read.ExecuteScalarAsync(ct) is long latest)
            {
                stamp.Advance(latest);
                stamp.Confirm(asked);
            }
            var until = asked;
            // Danger: less than a millisecond is 0 to the provider, and 0 waits forever.
            while (CatalogStamp.Since(until) is var passed && passed < Poll) await connection.WaitAsync(Poll - passed + TimeSpan.FromMilliseconds(1), ct);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The database does not tell of changes ({Error}); calls are refused until it does")]
    private partial void LogLost(string error);
}
