using System.Collections.Concurrent;
using System.Net;
using Evose.Admin.Platform.Outbound;

namespace Evose.Admin.Tests.Platform.Outbound;

/// <summary>Tests that change what the whole process sees run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessWideSettings
{
    public const string Name = "Process-wide settings";
}

[Collection(ProcessWideSettings.Name)]
public sealed class EgressProxyTests
{
    [Fact]
    public async Task X02_proxy_settings_of_the_environment_are_ignored()
    {
        await using var trap = new LoopbackServer();
        var vetted = IPAddress.Parse("93.184.215.14");
        string[] names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
        var before = names.Select(Environment.GetEnvironmentVariable).ToArray();
        var defaultBefore = HttpClient.DefaultProxy;
        foreach (var name in names) Environment.SetEnvironmentVariable(name, $"http://127.0.0.1:{trap.Port}");
        HttpClient.DefaultProxy = new WebProxy("127.0.0.1", trap.Port); // the environment is read once per process, so say it again
        try
        {
            var dials = new ConcurrentQueue<IPEndPoint>();
            using var client = new OutboundClient(EgressGuardTests.Guard(resolve: (_, _) => Task.FromResult<IPAddress[]>([vetted]), dials: dials));
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri("https://api.example.com/")), CancellationToken.None));
            Assert.Equal([new IPEndPoint(vetted, 443)], dials);
            Assert.Equal(0, await trap.ConnectionsAsync());
        }
        finally
        {
            HttpClient.DefaultProxy = defaultBefore;
            foreach (var (name, value) in names.Zip(before)) Environment.SetEnvironmentVariable(name, value);
        }
    }
}
