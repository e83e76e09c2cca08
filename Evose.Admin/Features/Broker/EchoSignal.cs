using System.Collections.Concurrent;
using System.Data.Common;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Leaks;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Broker;

/// <summary>
/// Tells that an upstream gave a value back: the caller did not get it, but whoever can read the upstream's answers elsewhere may. Once per credential, tool and day, as a report of a leak.
/// </summary>
public sealed partial class EchoSignal(IDbContextFactory<AdminDb> dbs, LeakDesk desk, TimeProvider clock, ILogger<EchoSignal> log)
{
    // More pairs than this in a day are told of again: the reports themselves tell that they are the same.
    private const int MaxTold = 10_000;

    private static readonly Actor Broker = Actor.Job("broker");

    private readonly ConcurrentDictionary<(Guid Credential, Guid? Tool, int Day), bool> _told = new();

    /// <summary>Never throws for what the database does: the answer is the caller's all the same, and the next echo tells again.</summary>
    public async Task TellAsync(DecidedCall call, IReadOnlyList<Guid> credentials)
    {
        var day = (int)(clock.GetUtcNow().UtcTicks / TimeSpan.TicksPerDay);
        foreach (var v in call.Versions)
        {
            if (!credentials.Contains(v.CredentialId)) continue;
            var key = (v.CredentialId, call.Entry.ToolId, day);
            if (_told.Count >= MaxTold) _told.Clear();
            if (!_told.TryAdd(key, true)) continue;
            try
            {
                await using var db = await dbs.CreateDbContextAsync();
                await using var write = await db.BeginWriteAsync(CancellationToken.None);
                var place = $"tool {call.Entry.Tool}, {call.Entry.Host}";
                if (await desk.OpenAsync(db, Broker, v.CredentialId, v.Version, new Sighting(LeakSource.Echo, place) { OncePerDay = true }, CancellationToken.None) is not null) await write.CommitAsync(CancellationToken.None);
            }
            catch (Exception e) when (e is DbException or DbUpdateException or TimeoutException)
            {
                _told.TryRemove(key, out _);
                LogLost(v.Name, v.Version, call.Entry.Tool ?? "", e.GetType().Name);
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "An upstream gave version {Version} of {Credential} back through the tool {Tool}, and that could not be recorded: {Error}")]
    private partial void LogLost(string credential, int version, string tool, string error);
}
