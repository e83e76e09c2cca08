using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Tests.Journeys;

/// <summary>R-13: a backup made under load, restored elsewhere, is whole; what was answered before it began is in it; and the newest anchor says that it is not the newest state.</summary>
public sealed class BackedUpUnderLoad
{
    [Fact]
    public async Task A_backup_under_load_restores_to_a_whole_chain_and_the_newest_anchor_tells_how_old_it_is()
    {
        var root = Directory.CreateTempSubdirectory("evose-test-").FullName;
        var (live, backup, restored, late) = (Path.Combine(root, "live"), Path.Combine(root, "backup"), Path.Combine(root, "restored"), Path.Combine(root, "late"));
        await using var upstream = await Upstream.StartAsync();
        var answered = new ConcurrentQueue<string>();
        HashSet<string> before;
        await using (var app = await AppProcess.StartAsync(live))
        {
            using (var api = app.Api()) await GivenRemote.CredentialInUseAsync(api, upstream);
            using var stop = new CancellationTokenSource();
            var number = 0;
            var load = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                using var caller = app.Api();
                caller.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
                while (!stop.IsCancellationRequested)
                {
                    var path = $"/call/{Interlocked.Increment(ref number)}";
                    using var answer = await caller.GetAsync("/broker/cs/gpt-call" + path, CancellationToken.None);
                    Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                    answered.Enqueue("/v1" + path);
                }
            })).ToList();
            await Given.UntilAsync(() => Task.FromResult(answered.Count > 50));
            before = [.. answered];
            await using (var verb = await AppProcess.StartAsync(live, waitReady: false, verb: "backup " + backup)) Assert.True(await verb.ExitAsync() == 0, verb.Output);
            await using (var again = await AppProcess.StartAsync(live, waitReady: false, verb: "backup " + backup)) Assert.Equal(1, await again.ExitAsync());
            var seen = answered.Count;
            await Given.UntilAsync(() => Task.FromResult(answered.Count > seen + 50));
            await stop.CancelAsync();
            await Task.WhenAll(load);
            // Its end writes the anchor's last lines.
            app.Stop();
            Assert.Equal(0, await app.ExitCodeAsync());
        }
        Assert.Empty(Directory.EnumerateFiles(backup, "*.xml", SearchOption.AllDirectories));
        Assert.False(Directory.Exists(Path.Combine(backup, "keys")));

        Restore(live, backup, restored);
        Restore(live, backup, late);
        File.Copy(Path.Combine(live, "audit-anchor.jsonl"), Path.Combine(late, "audit-anchor.jsonl"), overwrite: true);
        await using (var app = await AppProcess.StartAsync(restored))
        {
            using var api = app.Api();
            var verified = JsonDocument.Parse(await api.GetStringAsync("/api/v1/audit/verify")).RootElement;
            Assert.True(verified.GetProperty("verified").GetBoolean(), verified.ToString());
            api.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/broker/cs/gpt-call/after")).StatusCode);
            verified = JsonDocument.Parse(await api.GetStringAsync("/api/v1/audit/verify")).RootElement;
            Assert.True(verified.GetProperty("verified").GetBoolean(), verified.ToString());
        }
        var kept = await PathsAsync(restored);
        Assert.DoesNotContain(before, p => !kept.Contains(p));

        await using (var verb = await AppProcess.StartAsync(late, waitReady: false, verb: "audit verify"))
        {
            Assert.Equal(1, await verb.ExitAsync());
            Assert.Contains("BROKEN", verb.Output, StringComparison.Ordinal);
        }
        DataFolder.Delete(root);
    }

    // The keys come from elsewhere: they are not in the backup.
    private static void Restore(string live, string backup, string into)
    {
        foreach (var (from, to) in new[] { (backup, into), (Path.Combine(live, "keys"), Path.Combine(into, "keys")) })
        {
            foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(to, Path.GetRelativePath(from, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
        }
    }

    private static async Task<HashSet<string>> PathsAsync(string directory)
    {
        await using var db = new SqliteConnection($"Data Source={directory}/evose.db;Mode=ReadOnly;Pooling=False");
        await db.OpenAsync();
        var paths = new HashSet<string>(StringComparer.Ordinal);
        await using var command = db.CreateCommand();
        command.CommandText = "SELECT path FROM call_record WHERE path IS NOT NULL";
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) paths.Add(reader.GetString(0));
        return paths;
    }
}
