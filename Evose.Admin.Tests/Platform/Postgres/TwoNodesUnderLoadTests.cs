using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Features.Keys;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Platform.Postgres;

/// <summary>S-02, S-05, K-09 and K-12 on several nodes: what one node changes while calls run through all of them.</summary>
[Trait("Soak", "yes")]
public sealed class TwoNodesUnderLoadTests
{
    private const string Credential = "/api/v1/workspaces/cs/credentials/openai_prod";

    // The value itself would not come through: answers are scrubbed.
    private static string Mark(string value) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(value)));

    [Fact]
    public async Task S_02_Swaps_on_one_node_fail_no_call_on_any_and_no_call_after_the_acknowledgement_takes_the_old_value()
    {
        var known = new ConcurrentDictionary<string, int>();
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var nodes = await Nodes.StartAsync(async (context, seen) =>
        {
            var value = seen.Headers["Authorization"]["Bearer ".Length..];
            if (seen.Path == "/v1/stream")
            {
                await context.Response.WriteAsync("begun\n");
                await context.Response.Body.FlushAsync();
                await end.Task;
            }
            await context.Response.WriteAsync(Mark(value));
        });
        known[Mark(Features.Broker.BrokerWorld.Secret)] = 0;
        using var first = nodes.First.Api();
        using var viaFirst = Caller(nodes.First);
        using var viaSecond = Caller(nodes.Second);
        var streams = new[] { viaFirst, viaSecond }.SelectMany(c => Enumerable.Range(0, 5).Select(_ => c.GetStringAsync("/broker/cs/gpt-call/stream"))).ToList();
        await Given.UntilAsync(() => Task.FromResult(nodes.Upstream.Requests.Count(r => r.Path == "/v1/stream") == 10));

        // The streams of both nodes are counted on each.
        foreach (var node in new[] { nodes.First, nodes.Second })
            await Given.UntilAsync(() => Task.FromResult(node.Get<InFlightCalls>().Count(nodes.World.CredentialId, 1) == 10));

        var acknowledged = 0;
        using var stop = new CancellationTokenSource();
        var load = new[] { viaFirst, viaSecond }.SelectMany(c => Enumerable.Range(0, Soak.Of(6, 100)).Select(_ => Task.Run(async () =>
        {
            var calls = 0;
            for (; !stop.IsCancellationRequested; calls++)
            {
                var atLeast = Volatile.Read(ref acknowledged);
                using var answer = await c.GetAsync("/broker/cs/gpt-call/models", CancellationToken.None);
                var value = await answer.Content.ReadAsStringAsync(CancellationToken.None);
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{(int)answer.StatusCode} {value}");
                Assert.True(known[value] >= atLeast, $"version of swap {known[value]} after swap {atLeast} was acknowledged");
            }
            return calls;
        }))).ToList();
        for (var swap = 1; swap <= Soak.Of(8, 100); swap++)
        {
            var value = $"sk-swap-{swap}-c41d8e20f6b7a953";
            known[Mark(value)] = swap;
            await GivenRemote.OkAsync(first.PostAsJsonAsync(Credential + "/rotation", new { fields = new { value }, skip_verify = true, skip_verify_reason = "test" }));
            await GivenRemote.OkAsync(first.PostAsJsonAsync(Credential + "/rotation/promote", new { }));
            Volatile.Write(ref acknowledged, swap);
            await GivenRemote.OkAsync(first.PostAsJsonAsync(Credential + "/rotation/retire", new { force = true }));
        }
        await stop.CancelAsync();
        var total = (await Task.WhenAll(load)).Sum();
        Assert.True(total > 50, $"{total} calls");
        end.SetResult();
        Assert.All(await Task.WhenAll(streams), s => Assert.Equal("begun\n" + Mark(Features.Broker.BrokerWorld.Secret), s));
        foreach (var node in new[] { nodes.First, nodes.Second })
            await Given.UntilAsync(() => Task.FromResult(node.Get<InFlightCalls>().Count(nodes.World.CredentialId, 1) == 0));
        Soak.Say($"S-02 on two nodes: {Soak.Of(8, 100)} swaps, {total} calls, none failed, none on an old value after the acknowledgement");
    }

    [Fact]
    public async Task A_retirement_waits_for_a_stream_on_another_node_and_says_so_on_both()
    {
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var nodes = await Nodes.StartAsync((_, seen) => seen.Path == "/v1/stream" ? end.Task : Task.CompletedTask);
        using var viaSecond = Caller(nodes.Second);
        var stream = viaSecond.GetAsync("/broker/cs/gpt-call/stream");
        await Given.UntilAsync(() => Task.FromResult(nodes.Upstream.Requests.Any(r => r.Path == "/v1/stream")));
        using var first = nodes.First.Api();
        await GivenRemote.OkAsync(first.PostAsJsonAsync(Credential + "/rotation", new { fields = new { value = "sk-next-c41d8e20f6b7a953" }, skip_verify = true, skip_verify_reason = "test" }));
        await GivenRemote.OkAsync(first.PostAsJsonAsync(Credential + "/rotation/promote", new { }));
        await Given.UntilAsync(async () => (await HoldsAsync(first)).Contains("old_version_in_flight", StringComparison.Ordinal));
        end.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await stream).StatusCode);
        await Given.UntilAsync(async () => !(await HoldsAsync(first)).Contains("old_version_in_flight", StringComparison.Ordinal));
    }

    [Fact]
    public async Task S_05_A_credential_archived_on_one_node_is_used_by_no_later_call_on_any()
    {
        await using var nodes = await Nodes.StartAsync();
        using var stop = new CancellationTokenSource();
        var archived = false;
        var late = new ConcurrentQueue<string>();
        var refused = 0;
        var load = new[] { nodes.First, nodes.Second }.SelectMany(n => Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            using var caller = Caller(n);
            while (!stop.IsCancellationRequested)
            {
                var after = Volatile.Read(ref archived);
                using var answer = await caller.GetAsync(after ? "/broker/cs/gpt-call/after" : "/broker/cs/gpt-call/before", CancellationToken.None);
                if (after && answer.StatusCode == HttpStatusCode.OK) late.Enqueue(n.Url);
                if (after) Interlocked.Increment(ref refused);
            }
        }))).ToList();
        await Given.UntilAsync(() => Task.FromResult(nodes.Upstream.Requests.Count > 40));
        using var first = nodes.First.Api();
        await GivenRemote.OkAsync(first.DeleteAsync(Credential + "?break_references=true"));
        Volatile.Write(ref archived, true);
        await Given.UntilAsync(() => Task.FromResult(Volatile.Read(ref refused) > 40));
        await stop.CancelAsync();
        await Task.WhenAll(load);
        Assert.Empty(late);
        Assert.DoesNotContain(nodes.Upstream.Requests, r => r.Path == "/v1/after");
    }

    [Fact]
    public async Task A_master_key_made_on_one_node_opens_on_the_other_before_it_seals_and_neither_refuses_a_call()
    {
        var clock = new ShiftedClock();
        await using var nodes = await Nodes.StartAsync(services: s => s.AddSingleton<TimeProvider>(clock));
        var rotation = nodes.First.Get<RotateMasterKey>().ExecuteAsync(Actor.Job("test"), CancellationToken.None);
        await Given.UntilAsync(() => Task.FromResult(nodes.Second.Get<SecretVault>().NewestGeneration == 2));
        Assert.Equal(1, nodes.Second.Get<SecretVault>().CurrentGeneration);
        // Sealed under the new key by a node whose clock is ahead of all others: it opens.
        await using (var db = await nodes.First.DbAsync()) nodes.First.Get<SecretVault>().Renew(await db.KeyGenerations.AsNoTracking().ToListAsync(), 2);
        Assert.Equal("x"u8.ToArray(), nodes.Second.Get<SecretVault>().OpenBlob("test", [1], nodes.First.Get<SecretVault>().SealBlob("test", [1], "x"u8)).Bytes.ToArray());
        clock.Shift(KeyGeneration.Lead);
        Assert.False((await rotation).Failed(out _, out var report));
        Assert.Equal(2, report!.Generation);
        await Given.UntilAsync(() => Task.FromResult(nodes.Second.Get<SecretVault>().CurrentGeneration == 2));
        using var second = nodes.Second.Api();
        await GivenRemote.OkAsync(second.PatchAsJsonAsync(Credential, new { scope = new { tools = new[] { "gpt-call" }, agents = new[] { "cs-pro" } } }));
        foreach (var node in new[] { nodes.First, nodes.Second, nodes.First })
        {
            Assert.Equal((200, Features.Broker.BrokerWorld.Secret), await nodes.CallAsync(node));
            var chain = await Nodes.VerifyAsync(node);
            Assert.True(chain.Verified, chain.FirstBreak?.ToString());
        }
    }

    [Fact]
    public async Task K_12_Nodes_that_start_at_once_on_an_empty_database_have_one_master_key_and_open_each_others_values()
    {
        for (var round = 0; round < Soak.Of(2, 100); round++)
        {
            var database = await PostgresServer.NewDatabaseAsync(empty: true);
            var nodes = await Task.WhenAll(Enumerable.Range(0, round % 2 == 0 ? 4 : 2).Select(_ => Task.Run(() => new AdminApp(Nodes.Settings(database)))));
            await using (var db = await nodes[0].DbAsync())
                Assert.Equal((1, 1, 1), (await db.Installations.CountAsync(), await db.KeyGenerations.CountAsync(), await db.Users.CountAsync()));
            for (var i = 0; i < nodes.Length; i++)
            {
                var address = new SecretAddress(Guid.CreateVersion7(), Guid.CreateVersion7(), 1);
                using var plain = Plaintext.CopyOf([(byte)i, 1, 2]);
                var value = nodes[i].Get<SecretVault>().Seal(address, new Dictionary<string, Plaintext> { ["value"] = plain });
                foreach (var other in nodes)
                {
                    using var opened = other.Get<SecretVault>().Open(address, value, "value");
                    Assert.Equal([(byte)i, 1, 2], opened.Bytes.ToArray());
                }
            }
            foreach (var node in nodes) await node.DisposeAsync();
            await PostgresServer.DropAsync(database);
        }
        Soak.Say($"K-12: {Soak.Of(2, 100)} cold starts of 4 and 2 nodes, one master key each");
    }

    private static HttpClient Caller(AdminApp node)
    {
        var client = node.Api();
        client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        return client;
    }

    private static async Task<string> HoldsAsync(HttpClient api) =>
        JsonDocument.Parse(await api.GetStringAsync(Credential + "/rotation")).RootElement.GetProperty("holds").ToString();
}
