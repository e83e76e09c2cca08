using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>What a caller is told when the connection itself cannot be had: a code, a reason, a complete record, and never the value.</summary>
public sealed class UpstreamFailureTests
{
    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("127.0.0.2")]
    [InlineData("169.254.169.254")]
    [InlineData("::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("93.184.216.34", "192.168.1.1")]
    public async Task A_host_that_leads_to_an_address_inside_is_403_and_nothing_is_sent(params string[] addresses)
    {
        await using var world = await BrokerWorld.StartAsync(baseUrl: "https://api.rebound-example.com/v1",
            services: s => s.AddSingleton<HostResolver>((_, _) => Task.FromResult<IPAddress[]>([.. addresses.Select(IPAddress.Parse)])));
        await RefusedAsync(world, HttpStatusCode.Forbidden, "FORBIDDEN", error => Assert.Equal("egress", error.GetProperty("details").GetProperty("rule").GetString()));
    }

    [Fact]
    public async Task A_host_that_has_no_address_is_502()
    {
        await using var world = await BrokerWorld.StartAsync(baseUrl: "https://api.nowhere-example.com/v1", services: s => s.AddSingleton<HostResolver>((_, _) => Task.FromResult<IPAddress[]>([])));
        await RefusedAsync(world, HttpStatusCode.BadGateway, "TOOL_INVOCATION_FAILED", error => Assert.Equal("dns", error.GetProperty("details").GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_502_and_the_value_stays_here()
    {
        var seen = 0;
        await using var server = await SelfSignedAsync(() => Interlocked.Increment(ref seen));
        await using var world = await BrokerWorld.StartAsync(baseUrl: server.Urls.Single() + "/v1");
        await RefusedAsync(world, HttpStatusCode.BadGateway, "TOOL_INVOCATION_FAILED", error => Assert.Equal("tls", error.GetProperty("details").GetProperty("reason").GetString()));
        Assert.Equal(0, seen);
    }

    [Fact]
    public async Task An_upstream_that_speaks_no_TLS_is_502_and_the_value_stays_here()
    {
        await using var plain = await Upstream.StartAsync();
        await using var world = await BrokerWorld.StartAsync(baseUrl: $"https://127.0.0.1:{plain.Port}/v1");
        await RefusedAsync(world, HttpStatusCode.BadGateway, "TOOL_INVOCATION_FAILED", error => Assert.Equal("tls", error.GetProperty("details").GetProperty("reason").GetString()));
        Assert.Empty(plain.Requests);
    }

    private static async Task RefusedAsync(BrokerWorld world, HttpStatusCode status, string code, Action<JsonElement> error)
    {
        using var caller = world.Caller();
        HttpResponseMessage[] answers =
        [
            await caller.GetAsync("/broker/cs/gpt-call/x"),
            await caller.PostAsync("/broker/cs/gpt-call/x", new StringContent("body")),
            await caller.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new { path = "/x", context = new { agent = "cs-pro" } }),
        ];
        foreach (var answer in answers)
        {
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.StatusCode == status, $"{(int)answer.StatusCode} {text}");
            var json = JsonDocument.Parse(text).RootElement;
            Assert.NotEmpty(json.GetProperty("request_id").GetString()!);
            Assert.Equal(code, json.GetProperty("error").GetProperty("code").GetString());
            error(json.GetProperty("error"));
            Assert.DoesNotContain(BrokerWorld.Secret, text);
        }
        var calls = await world.CallsAsync(answers.Length);
        Assert.All(calls, c => Assert.Equal(CallOutcome.Failed, c.End!.Outcome));
        Assert.All(calls, c => Assert.NotNull(c.End!.Reason));
        Assert.Empty(world.Upstream.Requests);
        Assert.DoesNotContain(world.App.Log.Lines, l => l.Contains(BrokerWorld.Secret, StringComparison.Ordinal));
    }

    private static async Task<WebApplication> SelfSignedAsync(Action asked)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l =>
        {
            l.Protocols = HttpProtocols.Http1;
            l.UseHttps(certificate);
        }));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Run(context =>
        {
            asked();
            return context.Response.WriteAsync("hello");
        });
        await app.StartAsync();
        return app;
    }
}
