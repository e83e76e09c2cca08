using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Outbound;

namespace Evose.Admin.Tests.Platform.Outbound;

public sealed class OutboundFailuresTests
{
    private const string Canary = "sk-canary-path";

    [Fact]
    public async Task Unknown_host_is_dns() =>
        await Fails("dns", $"http://crm.internal:1/{Canary}", (_, _) => throw new SocketException((int)SocketError.HostNotFound));

    [Fact]
    public async Task Host_without_addresses_is_dns() =>
        await Fails("dns", $"http://crm.internal:1/{Canary}", (_, _) => Task.FromResult<IPAddress[]>([]));

    [Fact]
    public async Task Closed_port_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        await Fails("refused", $"http://127.0.0.1:{port}/{Canary}");
    }

    [Fact]
    public async Task Plain_server_under_https_is_tls()
    {
        using var nonsense = new TcpListener(IPAddress.Loopback, 0);
        nonsense.Start();
        var serving = Task.Run(async () =>
        {
            using var socket = await nonsense.AcceptSocketAsync();
            await socket.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
            _ = await socket.ReceiveAsync(new byte[1024]);
        });
        await Fails("tls", $"https://127.0.0.1:{((IPEndPoint)nonsense.LocalEndpoint).Port}/{Canary}");
        await serving;
    }

    [Theory]
    [InlineData("reset", null)]
    [InlineData("reset", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nshort")]
    [InlineData("protocol", "SMTP 220 hello\r\n\r\n")]
    [InlineData("protocol", "HTTP/1.1 200 OK\r\nbad header\r\n\r\n")]
    [InlineData("protocol", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    public async Task Bad_answers_are_told_apart(string reason, string? answer)
    {
        var answers = 0;
        await using var server = new LoopbackServer(_ => answer is null || answers++ > 0 ? null : Encoding.ASCII.GetBytes(answer));
        await Fails(reason, $"http://127.0.0.1:{server.Port}/{Canary}");
    }

    [Fact]
    public async Task Endless_headers_are_protocol()
    {
        await using var server = new LoopbackServer(_ => Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\n{string.Concat(Enumerable.Range(0, 3000).Select(i => $"X-{i}: {new string('x', 50)}\r\n"))}\r\n"));
        await Fails("protocol", $"http://127.0.0.1:{server.Port}/{Canary}");
    }

    [Fact]
    public async Task Silence_is_timeout()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var timeout = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Fails("timeout", $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/{Canary}", ct: timeout.Token);
    }

    [Fact]
    public async Task Refusal_of_the_guard_is_forbidden_through_every_wrapping()
    {
        using var client = new OutboundClient(OutboundClientTests.Guard((_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("10.0.0.1")])));
        var e = await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"https://api.example.com/{Canary}")), CancellationToken.None));
        var problem = OutboundFailures.Describe(e);
        Assert.Equal((ProblemKind.Forbidden, "FORBIDDEN", "egress"), (problem.Kind, problem.Code, problem.Details!["rule"]));
        Assert.DoesNotContain(Canary, e.ToString());
        Assert.DoesNotContain("10.0.0.1", problem.Message); // a caller learns nothing of the inner network
    }

    public static TheoryData<string, Exception> Made => new()
    {
        { "tls", new HttpRequestException(HttpRequestError.SecureConnectionError, Canary, new AuthenticationException(Canary, new IOException(Canary, new SocketException((int)SocketError.ConnectionReset)))) },
        { "tls", new AuthenticationException(Canary) },
        { "reset", new HttpRequestException(Canary, new IOException(Canary, new SocketException((int)SocketError.ConnectionReset))) },
        { "reset", new IOException(Canary) },
        { "reset", new HttpIOException(HttpRequestError.ResponseEnded, Canary) },
        { "timeout", new TaskCanceledException(Canary, new TimeoutException(Canary)) },
        { "timeout", new HttpRequestException(Canary, new SocketException((int)SocketError.TimedOut)) },
        { "refused", new HttpRequestException(HttpRequestError.ConnectionError, Canary, new SocketException((int)SocketError.NetworkUnreachable)) },
        { "dns", new HttpRequestException(HttpRequestError.NameResolutionError, Canary) },
        { "dns", new SocketException((int)SocketError.TryAgain) },
        { "protocol", new HttpRequestException(HttpRequestError.HttpProtocolError, Canary) },
        { "protocol", new InvalidOperationException(Canary) },
    };

    [Theory, MemberData(nameof(Made), DisableDiscoveryEnumeration = true)]
    public void Reasons_are_stable_and_texts_carry_nothing(string reason, Exception exception)
    {
        var problem = OutboundFailures.Describe(exception);
        Assert.Equal((ProblemKind.UpstreamFailed, "TOOL_INVOCATION_FAILED", reason), (problem.Kind, problem.Code, problem.Details!["reason"]));
        Assert.DoesNotContain(Canary, problem.Message);
    }

    private static async Task Fails(string reason, string url, HostResolver? resolve = null, CancellationToken ct = default)
    {
        using var client = new OutboundClient(OutboundClientTests.Guard(resolve));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(url));
        var e = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var response = await client.For(Guid.Empty).SendAsync(request, ct);
            await response.Content.ReadAsByteArrayAsync(ct);
        });
        var problem = OutboundFailures.Describe(e);
        Assert.Equal(reason, problem.Details!["reason"]);
        Assert.DoesNotContain(Canary, problem.Message);
        Assert.DoesNotContain("127.0.0.1", problem.Message);
    }
}
