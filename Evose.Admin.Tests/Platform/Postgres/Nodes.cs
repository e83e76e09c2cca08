using Evose.Admin.Features.Audit;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Platform.Postgres;

/// <summary>Two nodes of one installation on one database, each with a data directory of its own; the tool and credential of <see cref="BrokerWorld"/>.</summary>
public sealed class Nodes : IAsyncDisposable
{
    private readonly BrokerWorld _world;

    private Nodes(string database, BrokerWorld world, AdminApp second) => (Database, _world, Second) = (database, world, second);

    public string Database { get; }

    public BrokerWorld World => _world;

    public AdminApp First => _world.App;

    public AdminApp Second { get; }

    public Upstream Upstream => _world.Upstream;

    public static Dictionary<string, string?> Settings(string database) => new()
    {
        ["Database:Provider"] = "Postgres",
        ["Database:ConnectionString"] = database,
        ["SECRET_KEY"] = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f",
        ["Root:IsShared"] = "false",
    };

    public static async Task<Nodes> StartAsync(Func<HttpContext, Upstream.Seen, Task>? answer = null, Action<IServiceCollection>? services = null)
    {
        var database = await PostgresServer.NewDatabaseAsync();
        var world = await BrokerWorld.StartAsync(answer, Settings(database), services: services);
        return new Nodes(database, world, new AdminApp(Settings(database), services: services));
    }

    /// <summary>One call through a node: the status, and the key that the upstream saw.</summary>
    public async Task<(int Status, string? Key)> CallAsync(AdminApp node, string? key = "")
    {
        using var api = node.Api(key);
        api.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        Upstream.Requests.Clear();
        using var answer = await api.GetAsync("/broker/cs/gpt-call/models");
        return ((int)answer.StatusCode, Upstream.Requests.TryDequeue(out var seen) ? seen.Headers["Authorization"]["Bearer ".Length..] : null);
    }

    public static async Task<ChainReport> VerifyAsync(AdminApp node)
    {
        await node.Get<UsageLedger>().CaughtUpAsync(CancellationToken.None);
        return await node.Get<ChainVerifier>().VerifyAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await Second.DisposeAsync();
        await _world.DisposeAsync();
        await PostgresServer.DropAsync(Database);
    }
}
