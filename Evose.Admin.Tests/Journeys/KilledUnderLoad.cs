using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Tests.Journeys;

/// <summary>kill -9 under load, again and again: what was answered is recorded, what reached the upstream was recorded before, the chain holds, and a rotation goes on.</summary>
[Trait("Soak", "yes")]
public sealed class KilledUnderLoad
{
    private static readonly int Kills = Soak.Of(10, 200);

    [Fact]
    public async Task Every_answered_call_is_in_the_ledger_the_chain_verifies_and_a_rotation_in_progress_goes_on()
    {
        using var folder = new DataFolder();
        var directory = folder.Path;
        var reached = new ConcurrentBag<string>();
        await using var upstream = await Upstream.StartAsync((context, seen) =>
        {
            reached.Add(seen.Path);
            return Task.CompletedTask;
        });
        var answered = new ConcurrentBag<string>();
        var number = 0;

        await using (var first = await AppProcess.StartAsync(directory))
        {
            using var api = first.Api();
            await GivenRemote.CredentialInUseAsync(api, upstream);
            await GivenRemote.OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod/rotation", new { fields = new { value = "sk-new-value-0123456789" }, skip_verify = true }));
        }

        for (var kill = 1; kill <= Kills; kill++)
        {
            // Small segments, so that kills fall into their beginnings too.
            await using var app = await AppProcess.StartAsync(directory, settings: new() { ["Retention:SegmentCalls"] = "100" });
            using var stop = new CancellationTokenSource();
            var load = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            {
                using var client = app.Api();
                client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
                while (!stop.IsCancellationRequested)
                {
                    var path = "/call/" + Interlocked.Increment(ref number);
                    try
                    {
                        using var answer = await client.GetAsync("/broker/cs/gpt-call" + path);
                        if (answer.StatusCode == HttpStatusCode.OK) answered.Add(path);
                    }
                    catch (Exception e) when (e is HttpRequestException or System.Net.Sockets.SocketException or IOException)
                    {
                        return;
                    }
                }
            })).ToArray();
            if (kill == Kills / 2)
            {
                using var api = app.Api();
                await GivenRemote.OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod/rotation/promote", new { }));
            }
            var before = answered.Count;
            var began = TimeProvider.System.GetTimestamp();
            while (answered.Count < before + 20 + kill && TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20)) await Task.Delay(5);
            await app.KillAsync();
            await stop.CancelAsync();
            await Task.WhenAll(load);
        }

        Assert.True(answered.Count > Kills * 10, $"only {answered.Count} calls were answered");
        await using (var last = await AppProcess.StartAsync(directory))
        {
            using var api = last.Api();
            var verified = JsonDocument.Parse(await api.GetStringAsync("/api/v1/audit/verify")).RootElement;
            Assert.True(verified.GetProperty("verified").GetBoolean(), verified.ToString());
            var rotation = JsonDocument.Parse(await api.GetStringAsync("/api/v1/workspaces/cs/credentials/openai_prod/rotation")).RootElement;
            Assert.Equal("grace", rotation.GetProperty("state").GetString());
            api.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/broker/cs/gpt-call/after")).StatusCode);
            await GivenRemote.OkAsync(api.PostAsync("/api/v1/workspaces/cs/credentials/openai_prod/rotation/rollback", null));
        }

        var files = Directory.GetFiles(Path.Combine(directory, "calls"), "*.db");
        Assert.NotEmpty(files);
        var recorded = new HashSet<string>(StringComparer.Ordinal);
        long rows = 0, counted = 0;
        foreach (var file in files.Prepend($"{directory}/evose.db"))
        {
            await using var db = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False");
            await db.OpenAsync();
            await using var command = db.CreateCommand();
            command.CommandText = "SELECT path FROM call_record";
            await using (var reader = await command.ExecuteReaderAsync())
            {
                while (await reader.ReadAsync()) recorded.Add(reader.GetString(0));
            }
            command.CommandText = "SELECT count(*) FROM call_record WHERE refused = 0 AND credential_id IS NOT NULL";
            rows += (long)(await command.ExecuteScalarAsync())!;
            if (!file.EndsWith("evose.db", StringComparison.Ordinal)) continue;
            command.CommandText = "SELECT sum(calls) FROM credential_use";
            counted = (long)(await command.ExecuteScalarAsync())!;
        }
        // No kill lost or doubled a row or a sum.
        Assert.Equal(rows, counted);
        Assert.DoesNotContain(answered, p => !recorded.Contains("/v1" + p));
        // nothing reached the upstream that was not recorded first.
        Assert.DoesNotContain(reached, p => !recorded.Contains(p));
    }
}
