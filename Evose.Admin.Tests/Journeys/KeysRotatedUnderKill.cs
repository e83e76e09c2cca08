using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Features.Audit;
using Evose.Admin.Tests.Features.Keys;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Tests.Journeys;

/// <summary>K-09 with kill -9: <c>keys rotate</c> beside a running app is killed again and again; calls and changes never fail, the last run finishes it, and every value opens.</summary>
[Trait("Soak", "yes")]
public sealed class KeysRotatedUnderKill
{
    [Fact]
    public async Task A_rotation_killed_at_random_points_is_finished_and_nothing_failed_meanwhile()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        await using var upstream = await Upstream.StartAsync();
        var versions = Soak.Of(3_000, 100_000);
        await using (var app = new AdminApp(dataDirectory: directory, postgres: null))
        {
            using var api = app.Api();
            await GivenRemote.CredentialInUseAsync(api, upstream);
            await RotateMasterKeyTests.AddVersionsAsync(app, versions);
        }

        var kills = Soak.Of(3, 50);
        await using (var running = await AppProcess.StartAsync(directory))
        {
            using var stop = new CancellationTokenSource();
            var calls = 0;
            var load = Task.Run(async () =>
            {
                using var caller = running.Api();
                caller.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
                for (var i = 0; !stop.IsCancellationRequested; i++)
                {
                    using var answer = await caller.GetAsync("/broker/cs/gpt-call/models", CancellationToken.None);
                    Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                    calls++;
                    if (i % 5 == 0) await GivenRemote.OkAsync(caller.PostAsJsonAsync("/api/v1/workspaces/cs/credentials", new { name = $"c{i}", type = "api_key", fields = new { value = $"sk-{i}-0123456789abcdef" } }, CancellationToken.None));
                }
            });
            for (var kill = 0; kill < kills; kill++)
            {
                await using var verb = await AppProcess.StartAsync(directory, waitReady: false, verb: "keys rotate");
                // The first waits for the key's lead, so it is killed in the midst of the work only when it lives long enough.
                var most = kill == 0 ? 16_000 : 6_000;
                var ended = verb.ExitAsync();
                await Task.WhenAny(ended, Task.Delay(Random.Shared.Next(500, most)));
                await verb.KillAsync();
            }
            await using (var last = await AppProcess.StartAsync(directory, waitReady: false, verb: "keys rotate")) Assert.True(await last.ExitAsync() == 0, last.Output);
            await stop.CancelAsync();
            await load;
            Assert.True(calls > 20, $"{calls} calls");
            Assert.DoesNotContain("could not be copied", running.Output, StringComparison.Ordinal);
            Soak.Say($"K-09 kill -9: {kills} kills, {versions} versions, {calls} calls meanwhile, none failed");
        }

        var generation = (int)await ScalarAsync(directory, "SELECT max(generation) FROM key_generation");
        Assert.True(generation >= 2);
        await using (var app = new AdminApp(dataDirectory: directory, postgres: null))
        {
            await RotateMasterKeyTests.AssertAllOpenAsync(app, generation, versions);
            var chain = await app.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);
            Assert.True(chain.Verified, chain.FirstBreak?.ToString());
        }
        SqliteConnection.ClearAllPools();
    }

    private static async Task<long> ScalarAsync(string directory, string sql)
    {
        await using var db = new SqliteConnection($"Data Source={directory}/evose.db;Mode=ReadOnly;Pooling=False");
        await db.OpenAsync();
        await using var command = db.CreateCommand();
        command.CommandText = sql;
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
