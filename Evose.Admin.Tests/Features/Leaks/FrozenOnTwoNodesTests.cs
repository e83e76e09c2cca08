using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Platform.Postgres;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Leaks;

/// <summary>A leaked key is contained on every node: frozen on one, no call leaves from the other; replaced on one, the other uses the new value.</summary>
public sealed class FrozenOnTwoNodesTests
{
    private const string Credential = "/api/v1/workspaces/cs/credentials/openai_prod";

    [Fact]
    public async Task No_call_leaves_after_the_freeze_was_acknowledged_and_none_uses_the_destroyed_version()
    {
        await using var nodes = await Nodes.StartAsync();
        Assert.Equal((200, BrokerWorld.Secret), await nodes.CallAsync(nodes.Second));
        using var api = nodes.First.Api();
        using var second = nodes.Second.Api();
        second.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        using var stop = new CancellationTokenSource();
        // Callers that never pause, on the node that is not told by hand.
        var refusals = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var answer = await second.GetAsync("/broker/cs/gpt-call/models");
                if (answer.StatusCode == System.Net.HttpStatusCode.Conflict) Interlocked.Increment(ref refusals);
            }
        })).ToList();

        var began = Stopwatch.GetTimestamp();
        using var reported = await api.PostAsJsonAsync(Credential + "/leak", new { freeze = true, note = "Seen in a chat" });
        Assert.True(reported.IsSuccessStatusCode, await reported.Content.ReadAsStringAsync());
        var took = Stopwatch.GetElapsedTime(began);
        // Those that were recorded before are on their way; what is decided after the answer is refused.
        var answered = nodes.Second.Get<TimeProvider>().GetUtcNow();
        await Given.UntilAsync(() => Task.FromResult(Volatile.Read(ref refusals) >= 100));
        await stop.CancelAsync();
        await Task.WhenAll(callers);
        Assert.Equal((409, null), await nodes.CallAsync(nodes.Second));
        await using (var db = await nodes.First.DbAsync())
        {
            await nodes.Second.SettledAsync();
            Assert.False(await db.Calls.AnyAsync(c => !c.Refused && c.At > answered), $"a call was allowed after the freeze, which took {took.TotalMilliseconds:F0} ms");
            Assert.Equal((LeakState.Open, (int?)1), (await db.LeakReports.Select(r => new { r.State, r.Version }).SingleAsync()) is var r ? (r.State, r.Version) : default);
        }

        await GivenRemote.OkAsync(api.PostAsJsonAsync(Credential + "/rotation", new { fields = new { value = "sk-next-c41d8e20f6b7a953" }, skip_verify = true, skip_verify_reason = "the old one leaked" }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(Credential + "/rotation/promote", new { grace = 0 }));
        await GivenRemote.OkAsync(api.PostAsJsonAsync(Credential + "/rotation/retire", new { force = true }));
        Assert.Equal((409, null), await nodes.CallAsync(nodes.Second));
        Assert.True((await api.DeleteAsync(Credential + "/freeze")).IsSuccessStatusCode);
        Assert.Equal((200, "sk-next-c41d8e20f6b7a953"), await nodes.CallAsync(nodes.Second));
        using var view = JsonDocument.Parse(await api.GetStringAsync("/api/v1/workspaces/cs/leaks?state=contained"));
        Assert.Single(view.RootElement.GetProperty("data").EnumerateArray());
    }
}
