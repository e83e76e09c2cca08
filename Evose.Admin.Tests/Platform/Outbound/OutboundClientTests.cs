using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Tests.Domain.Templates;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Tests.Platform.Outbound;

public sealed class OutboundClientTests
{
    private const string Secret = "sk-canary-7f3a9c";

    public static TheoryData<int, string> Redirects
    {
        get
        {
            var data = new TheoryData<int, string>();
            foreach (var code in new[] { 301, 302, 303, 307, 308 })
                foreach (var slot in new[] { "Authorization", "X-Api-Key", "api-key", "Cookie", "query", "body" }) data.Add(code, slot);
            return data;
        }
    }

    [Theory, MemberData(nameof(Redirects))]
    public async Task X05_no_credential_follows_a_redirect(int code, string slot)
    {
        await using var second = new LoopbackServer();
        await using var first = new LoopbackServer(_ => Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {code} Moved\r\nLocation: http://127.0.0.1:{second.Port}/collect\r\nSet-Cookie: s=1\r\nContent-Length: 0\r\n\r\n"));
        using var client = Client();
        for (var round = 0; round < 2; round++)
        {
            using var response = await client.For(Guid.Empty).SendAsync(Request(first.Port, slot), CancellationToken.None);
            Assert.Equal(code, (int)response.StatusCode);
            Assert.Equal($"http://127.0.0.1:{second.Port}/collect", response.Headers.Location!.OriginalString);
        }
        Assert.All(first.Requests, r => Assert.Contains(Secret, r)); // the slot did work
        Assert.All(first.Requests, r => Assert.DoesNotContain("s=1", r));
        Assert.Equal(0, await second.ConnectionsAsync());
        Assert.Empty(second.Requests);
    }

    [Fact]
    public async Task X03_every_accepted_value_arrives_as_one_header_line_byte_for_byte()
    {
        await using var upstream = new LoopbackServer();
        using var client = Client();
        var accepted = HeaderValueCorpus.All().Where(c => HeaderRules.IsValue(c.Value)).ToList();
        Assert.True(accepted.Count > 100);
        string[] slots = ["Authorization", "X-Api-Key", "api-key", "Cookie", "X-Custom"];
        foreach (var slot in slots)
        {
            foreach (var c in accepted)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{upstream.Port}/"));
                Assert.True(request.Headers.TryAddWithoutValidation(slot, c.Value));
                using var response = await client.For(Guid.Empty).SendAsync(request, CancellationToken.None);
                Assert.True(upstream.Requests.TryDequeue(out var raw));
                Assert.Equal($"GET / HTTP/1.1\r\nHost: 127.0.0.1:{upstream.Port}\r\n{slot}: {c.Value}\r\n\r\n", raw);
            }
        }
        Assert.Empty(upstream.Requests); // nothing smuggled
    }

    [Fact]
    public async Task Workspaces_share_no_connection()
    {
        await using var server = new LoopbackServer();
        using var client = Client();
        var (one, two) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        Assert.Same(client.For(one), client.For(one));
        Assert.NotSame(client.For(one), client.For(two));
        foreach (var workspace in new[] { one, two, one, two, one })
            (await client.For(workspace).SendAsync(Request(server.Port, "Authorization"), CancellationToken.None)).Dispose();
        Assert.Equal(5, server.Requests.Count);
        Assert.Equal(2, await server.ConnectionsAsync());
    }

    [Fact]
    public async Task Adds_no_header_of_its_own_and_replaces_a_foreign_host()
    {
        await using var server = new LoopbackServer(_ => Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"; ma=3600\r\nContent-Length: 0\r\n\r\n"));
        using var client = Client();
        using var activity = new Activity("call").Start();
        activity.AddBaggage("secret", Secret);
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{server.Port}/a")) { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher };
            request.Headers.Host = "metadata.google.internal";
            using var response = await client.For(Guid.Empty).SendAsync(request, CancellationToken.None);
            Assert.Equal(HttpVersion.Version11, response.Version);
        }
        Assert.All(server.Requests, r => Assert.Equal($"GET /a HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n\r\n", r));
    }

    [Fact]
    public async Task Passes_compressed_bytes_as_they_are()
    {
        await using var server = new LoopbackServer(_ => [.. "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n"u8, 1, 2, 3]);
        using var client = Client();
        using var response = await client.For(Guid.Empty).SendAsync(Request(server.Port, "query"), CancellationToken.None);
        Assert.Equal([1, 2, 3], await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public void Handler_is_pinned()
    {
        using var handler = OutboundClient.CreateHandler(Guard());
        Assert.False(handler.UseProxy);
        Assert.False(handler.AllowAutoRedirect);
        Assert.False(handler.UseCookies);
        Assert.Equal(DecompressionMethods.None, handler.AutomaticDecompression);
        Assert.Null(handler.ActivityHeadersPropagator);
        Assert.Equal(TimeSpan.FromMinutes(2), handler.PooledConnectionLifetime);
        Assert.Equal(64, handler.MaxResponseHeadersLength);
        Assert.Equal(TimeSpan.FromSeconds(10), handler.ConnectTimeout);
        Assert.True(handler.EnableMultipleHttp2Connections);
        Assert.NotNull(handler.ConnectCallback);
        Assert.Null(handler.Credentials);
    }

    [Fact]
    public void Cannot_be_called_synchronously()
    {
        using var client = Client();
        Assert.Throws<NotSupportedException>(() => client.For(Guid.Empty).Send(Request(1, "query"), CancellationToken.None));
    }

    [Fact]
    public void Is_of_no_use_after_disposal()
    {
        var client = Client();
        var invoker = client.For(Guid.Empty);
        client.Dispose();
        Assert.Throws<ObjectDisposedException>(() => client.For(Guid.Empty));
        Assert.Throws<ObjectDisposedException>(() => { invoker.SendAsync(Request(1, "query"), CancellationToken.None).GetAwaiter().GetResult(); });
    }

    internal static EgressGuard Guard(HostResolver? resolve = null) =>
        new(Options.Create(new EgressOptions { AllowedPrivateHosts = ["127.0.0.1", "crm.internal"], AllowHttp = true }), resolve);

    private static OutboundClient Client() => new(Guard());

    private static HttpRequestMessage Request(int port, string slot)
    {
        var query = slot == "query" ? $"?key={Secret}" : "";
        var request = new HttpRequestMessage(slot == "body" ? HttpMethod.Post : HttpMethod.Get, new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/call{query}")));
        if (slot == "body") request.Content = new StringContent($"{{\"key\":\"{Secret}\"}}");
        else if (slot != "query") request.Headers.TryAddWithoutValidation(slot, Secret);
        return request;
    }
}
