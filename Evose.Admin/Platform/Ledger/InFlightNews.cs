using System.Data.Common;
using System.Security.Cryptography;
using Evose.Admin.Platform.Data;
using Npgsql;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Tells the other nodes each second how many calls are under way here, and listens to them: by NOTIFY, so nothing is stored and a node that is gone is forgotten.</summary>
internal sealed partial class InFlightNews(Postgres postgres, InFlightCalls inFlight, ILogger<InFlightNews> log) : BackgroundService
{
    private const string Channel = "evose_in_flight";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string _node = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
    private long _round;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await TalkAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is DbException or TimeoutException or IOException or OperationCanceledException or InvalidOperationException)
            {
                LogLost(e.GetType().Name);
                await Task.Delay(Interval, CancellationToken.None);
            }
        }
    }

    private async Task TalkAsync(CancellationToken ct)
    {
        using var opening = CancellationTokenSource.CreateLinkedTokenSource(ct);
        opening.CancelAfter(TimeSpan.FromSeconds(5));
        await using var connection = await postgres.OpenOwnAsync(opening.Token);
        connection.Notification += (_, e) => inFlight.Hear(_node, e.Payload);
        await using (var listen = new NpgsqlCommand("LISTEN " + Channel, connection) { CommandTimeout = 5 }) await listen.ExecuteNonQueryAsync(ct);
        await using var tell = new NpgsqlCommand("SELECT pg_notify($1, $2)", connection) { CommandTimeout = 5, Parameters = { new NpgsqlParameter<string> { TypedValue = Channel }, new NpgsqlParameter<string>() } };
        var quiet = false;
        while (true)
        {
            var news = inFlight.Tell(_node, ++_round);
            // That nothing is under way is told once.
            var none = news.Count == 1 && news[0].Count(' ') == 1;
            if (!none || !quiet)
            {
                foreach (var text in news)
                {
                    ((NpgsqlParameter<string>)tell.Parameters[1]).TypedValue = text;
                    await tell.ExecuteNonQueryAsync(ct);
                }
            }
            quiet = none;
            var since = TimeProvider.System.GetTimestamp();
            // Danger: less than a millisecond is 0 to the provider, and 0 waits forever.
            while (TimeProvider.System.GetElapsedTime(since) is var passed && passed < Interval) await connection.WaitAsync(Interval - passed + TimeSpan.FromMilliseconds(1), ct);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The other nodes cannot be told of calls under way ({Error}); the next second tries again")]
    private partial void LogLost(string error);
}
