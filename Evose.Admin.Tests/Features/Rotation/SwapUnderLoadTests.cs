using System.Collections.Concurrent;
using System.Net;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Features.Rotation;

/// <summary>The promise of the product: a swap fails no call, every later call uses the new value, and calls under way end on theirs.</summary>
public sealed class SwapUnderLoadTests
{
    private readonly ConcurrentDictionary<string, string> _known = new() { ["key-one"] = "v1", ["key-two"] = "v2" };
    private readonly TaskCompletionSource _endStreams = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task AnswerAsync(HttpContext context, Upstream.Seen seen)
    {
        // The upstream compares and names the version; two values in one call, or an unknown one, is a failure.
        if (seen.Headers["X-Key"] != seen.Headers["X-Key-Again"] || !_known.TryGetValue(seen.Headers["X-Key"], out var version))
        {
            context.Response.StatusCode = 401;
            return;
        }
        if (seen.Path == "/two-seconds") await Task.Delay(TimeSpan.FromSeconds(2));
        if (seen.Path != "/stream")
        {
            await context.Response.WriteAsync(version);
            return;
        }
        context.Response.ContentType = "text/event-stream";
        do
        {
            await context.Response.WriteAsync($"data: {version}\n\n");
            await context.Response.Body.FlushAsync();
        }
        while (await Task.WhenAny(_endStreams.Task, Task.Delay(100)) != _endStreams.Task);
        await context.Response.WriteAsync("data: end\n\n");
    }

    [Fact]
    public async Task Two_hundred_calls_and_open_streams_survive_a_swap_in_their_middle()
    {
        await using var upstream = await Upstream.StartAsync(AnswerAsync);
        await using var world = await RotationWorld.StartAsync();
        await world.SeedAsync(upstream.Url, "key-one");
        (await world.StartAsync("key-two")).Expect(HttpStatusCode.Created);

        var streams = Enumerable.Range(0, 20).Select(_ => world.CallAsync("/stream")).ToList();
        var before = Enumerable.Range(0, 200).Select(_ => world.CallAsync("/two-seconds")).ToList();
        for (var deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(2); upstream.Requests.Count < 220;)
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"only {upstream.Requests.Count} calls arrived");
            await Task.Delay(5);
        }
        (await world.PostAsync("/promote")).Expect(HttpStatusCode.OK, "grace");
        var after = Enumerable.Range(0, 200).Select(_ => world.CallAsync("/two-seconds")).ToList();

        Assert.All(await Task.WhenAll(before), c => Assert.Equal((HttpStatusCode.OK, "v1"), c));
        Assert.All(await Task.WhenAll(after), c => Assert.Equal((HttpStatusCode.OK, "v2"), c));
        Assert.True((await world.GetAsync()).Holds.Contains("old_version_in_flight"), "the streams are still on the old version");
        _endStreams.SetResult();
        Assert.All(await Task.WhenAll(streams), s =>
        {
            Assert.Equal(HttpStatusCode.OK, s.Status);
            Assert.EndsWith("data: end\n\n", s.Body);
            Assert.DoesNotContain("v2", s.Body);
        });
        var counts = (await world.GetAsync()).Json.GetProperty("counts");
        Assert.Equal((200, 220), (counts.GetProperty("active").GetInt32(), counts.GetProperty("retiring").GetInt32()));
    }

    [Fact]
    public async Task A_storm_of_swaps_and_rollbacks_fails_no_call_and_mixes_no_versions()
    {
        await using var upstream = await Upstream.StartAsync(AnswerAsync);
        await using var world = await RotationWorld.StartAsync();
        await world.SeedAsync(upstream.Url, "key-one");
        using var stop = new CancellationTokenSource();
        var traffic = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var seen = new List<(HttpStatusCode Status, string Body)>();
            while (!stop.IsCancellationRequested) seen.Add(await world.CallAsync());
            return seen;
        })).ToList();

        for (var i = 0; i < 50; i++)
        {
            var (value, version) = ($"key-storm-{i}", $"storm-{i}");
            _known[value] = version;
            (await world.StartAsync(value)).Expect(HttpStatusCode.Created);
            (await world.PostAsync("/promote")).Expect(HttpStatusCode.OK, "grace");
            Assert.Equal((HttpStatusCode.OK, version), await world.CallAsync());
            (await world.PostAsync("/rollback")).Expect(HttpStatusCode.OK, "rolled_back");
            Assert.Equal((HttpStatusCode.OK, "v1"), await world.CallAsync());
        }
        await stop.CancelAsync();
        var calls = (await Task.WhenAll(traffic)).SelectMany(c => c).ToList();
        Assert.True(calls.Count > 100, $"only {calls.Count} calls");
        Assert.All(calls, c => Assert.Equal(HttpStatusCode.OK, c.Status));
        Assert.Contains(calls, c => c.Body.StartsWith("storm", StringComparison.Ordinal));
    }
}
