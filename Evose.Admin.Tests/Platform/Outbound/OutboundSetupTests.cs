using Evose.Admin.Platform.Outbound;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Tests.Platform.Outbound;

public sealed class OutboundSetupTests
{
    [Theory]
    [InlineData("crm.internal")]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("[fd00::7]")]
    [InlineData("10.1.0.0/16")]
    [InlineData("fc00::/7")]
    [InlineData("münchen.internal")]
    public async Task Starts_with(string entry) => await Start(("Egress:AllowedPrivateHosts:0", entry));

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("0.0.0.0/0", "whole internet")]
    [InlineData("::/0", "whole internet")]
    [InlineData("10.0/8", "no network")]
    [InlineData("10.0.0.0/33", "no network")]
    [InlineData("127.1", "unusual form")]
    [InlineData("0x7f000001", "unusual form")]
    [InlineData("169.254.169.254", "never reachable")]
    [InlineData("http://crm.internal", "is a URL")]
    [InlineData("crm.internal:8080", "port")]
    [InlineData("*.internal", "wildcard")]
    [InlineData("crm internal", "no host name")]
    [InlineData("crm.internal.", "no host name")]
    [InlineData("a@b", "no host name")]
    [InlineData("[\"127.0.0.1\"]", "no host name")]
    public async Task Does_not_start_with(string entry, string saying)
    {
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => Start(("Egress:AllowedPrivateHosts:0", "ok.internal"), ("Egress:AllowedPrivateHosts:1", entry)));
        Assert.Contains("Egress:AllowedPrivateHosts:1", e.Message);
        Assert.Contains(saying, e.Message);
        Assert.Contains("10.1.0.0/16", e.Message);
    }

    [Fact]
    public async Task Does_not_start_with_a_flag_that_is_none()
    {
        var e = await Assert.ThrowsAnyAsync<Exception>(() => Start(("Egress:AllowHttp", "yes")));
        Assert.Contains("Egress:AllowHttp", e.Message);
    }

    [Fact]
    public async Task One_variable_with_commas_is_a_list()
    {
        using var host = await Start(("Egress:AllowedPrivateHosts", "127.0.0.1, crm.internal"), ("Egress:AllowHttp", "true"));
        var guard = host.Services.GetRequiredService<EgressGuard>();
        Assert.Null(guard.CheckTarget(new Uri("http://127.0.0.1:5001/")));
        Assert.Null(guard.CheckTarget(new Uri("http://crm.internal/")));
    }

    [Fact]
    public async Task Nothing_private_is_open_by_default()
    {
        using var host = await Start();
        Assert.NotNull(host.Services.GetRequiredService<EgressGuard>().CheckTarget(new Uri("https://127.0.0.1/")));
        Assert.Same(host.Services.GetRequiredService<OutboundClient>(), host.Services.GetRequiredService<OutboundClient>());
    }

    [Fact]
    public async Task A_registered_resolver_is_used()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        var asked = new List<string>();
        builder.Services.AddSingleton<HostResolver>((host, _) =>
        {
            asked.Add(host);
            return Task.FromResult<System.Net.IPAddress[]>([System.Net.IPAddress.Loopback]);
        });
        builder.Services.AddOutbound(builder.Configuration);
        using var app = builder.Build();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => app.Services.GetRequiredService<OutboundClient>().For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri("https://a.example.com/")), CancellationToken.None));
        Assert.Equal(["a.example.com"], asked);
    }

    private static async Task<IHost> Start(params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value));
        builder.Services.AddOutbound(builder.Configuration);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
