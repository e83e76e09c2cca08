using System.Net;
using Evose.Admin.Domain.Access;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>What one connection said before saves work on its next request, and never decides anything.</summary>
public sealed class KnownConnectionTests
{
    [Fact]
    public async Task A_connection_that_changes_its_key_is_asked_anew_each_time()
    {
        await using var world = await BrokerWorld.StartAsync();
        var other = await world.KeyAsync(["read"]);
        using var caller = OneConnection(world);
        foreach (var (key, status) in new[] { (AdminApp.Key, 200), (AdminApp.Key, 200), (AdminApp.Key[..^1] + "x", 401), (AdminApp.Key, 200), (other, 403), (other, 403), (AdminApp.Key, 200) })
            Assert.Equal(status, await StatusAsync(caller, key));
    }

    [Theory]
    [InlineData("revoked")]
    [InlineData("issued anew")]
    [InlineData("expired")]
    public async Task A_key_that_ends_while_its_connection_stays_open_ends_for_the_next_request(string how)
    {
        await using var world = await BrokerWorld.StartAsync();
        var key = await world.KeyAsync(["*"]);
        using var caller = OneConnection(world);
        for (var i = 0; i < 2; i++) Assert.Equal(200, await StatusAsync(caller, key));
        await using (var db = await world.DbAsync())
        {
            await using var write = await db.BeginWriteAsync(default);
            Assert.True(ApiKeyToken.TryPublicId(key, out var id));
            var row = await db.ApiKeys.SingleAsync(k => k.PublicId == id);
            if (how == "revoked") row.RevokedAt = TimeProvider.System.GetUtcNow();
            else if (how == "expired") db.Entry(row).Property(r => r.ExpiresAt).CurrentValue = TimeProvider.System.GetUtcNow().AddSeconds(-1);
            else db.Entry(row).Property(r => r.Hash).CurrentValue = new byte[32];
            await write.CommitAsync(default);
        }
        for (var i = 0; i < 2; i++) Assert.Equal(401, await StatusAsync(caller, key));
    }

    [Fact]
    public async Task A_connection_that_changes_its_target_goes_where_it_says()
    {
        await using var world = await BrokerWorld.StartAsync();
        using var caller = OneConnection(world);
        string[] paths = ["a", "a", "b%2Fc", "a", "b/c", "b%2Fc", "a?x=1", "a"];
        foreach (var path in paths) Assert.Equal(200, await StatusAsync(caller, AdminApp.Key, "cs/gpt-call/" + path));
        Assert.Equal(404, await StatusAsync(caller, AdminApp.Key, "cs/no-tool/a"));
        Assert.Equal(404, await StatusAsync(caller, AdminApp.Key, "other/gpt-call/a"));
        Assert.Equal(paths.Select(p => "/v1/" + p), world.Upstream.Requests.Select(r => r.Path + r.Query));
    }

    // As SDKs do: one connection, one request after the other, each with the headers of the one before.
    private static HttpClient OneConnection(BrokerWorld world) =>
        new(new SocketsHttpHandler { MaxConnectionsPerServer = 1 }) { BaseAddress = new Uri(world.App.Url), DefaultRequestHeaders = { { "X-Evose-Agent", "cs-pro" } } };

    private static async Task<int> StatusAsync(HttpClient caller, string key, string path = "cs/gpt-call/x")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/broker/" + path) { Headers = { { "Authorization", "Bearer " + key } } };
        using var answer = await caller.SendAsync(request);
        await answer.Content.ReadAsByteArrayAsync();
        return (int)answer.StatusCode;
    }
}
