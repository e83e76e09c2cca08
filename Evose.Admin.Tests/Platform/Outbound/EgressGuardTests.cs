using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Outbound;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Tests.Platform.Outbound;

public sealed class EgressGuardTests
{
    private static readonly IPAddress SomePublic = IPAddress.Parse("93.184.215.14");

    [Theory]
    [InlineData("https://api.openai.com/v1", null)]
    [InlineData("https://api.openai.com:443/v1?x=\\y", null)]
    [InlineData("https://api.openai.com:80/", null)]
    [InlineData("https://api.openai.com:8443/", 8443)]
    [InlineData("https://münchen.de/", null)]
    [InlineData("https://例え.jp/", null)]
    [InlineData("https://日本語ドメイン.jp/", null)]
    [InlineData("https://пример.рф/", null)]
    [InlineData("https://ελλάδα.gr/", null)]
    [InlineData("https://한국.kr/", null)]
    [InlineData("https://my_host.example.com/", null)]
    [InlineData("https://1password.com/", null)]
    [InlineData("https://a.b.c.d.e.example.co.uk/", null)]
    public void Public_https_hosts_may_be_called(string url, int? namedPort) => Assert.Null(Guard().CheckTarget(new Uri(url), namedPort));

    [Fact]
    public void A_host_that_passed_before_is_still_judged_by_scheme_port_and_the_rest_of_the_address()
    {
        var guard = Guard();
        Assert.Null(guard.CheckTarget(new Uri("https://api.openai.com/v1")));
        Assert.Null(guard.CheckTarget(new Uri("https://api.openai.com/v1")));
        Assert.NotNull(guard.CheckTarget(new Uri("http://api.openai.com/v1")));
        Assert.NotNull(guard.CheckTarget(new Uri("https://api.openai.com:8443/v1")));
        Assert.NotNull(guard.CheckTarget(new Uri("https://me:pass@api.openai.com/v1")));
        // One that was refused stays refused.
        Assert.NotNull(guard.CheckTarget(new Uri("https://169.254.169.254/")));
        Assert.NotNull(guard.CheckTarget(new Uri("https://169.254.169.254/")));
    }

    [Theory]
    [InlineData("https://api.openai.com:8443/", null, "Port 8443")]
    [InlineData("https://api.openai.com:22/", 8443, "Port 22")]
    [InlineData("https://api.openai.com:0/", null, "Port 0")]
    [InlineData("http://api.openai.com/", null, "Egress:AllowHttp")]
    [InlineData("http://127.0.0.1/", null, "Egress:AllowedPrivateHosts")]
    [InlineData("https://127.0.0.1/", null, "Egress:AllowedPrivateHosts")]
    [InlineData("https://8.8.8.8/", null, "Egress:AllowedPrivateHosts")]
    [InlineData("https://localhost/", null, "list localhost in Egress:AllowedPrivateHosts")]
    [InlineData("https://x.localhost/", null, "list x.localhost in Egress:AllowedPrivateHosts")]
    [InlineData("https://crm/", null, "list crm in Egress:AllowedPrivateHosts")]
    [InlineData("https://169.254.169.254/", null, "never reachable")]
    [InlineData("https://api.openai.com./", null, "dot")]
    [InlineData("https://аpple.com/", null, "scripts")]
    [InlineData("https://аррӏе.com/", null, "scripts")]
    [InlineData("https://u:p@api.openai.com/", null, "user name")]
    [InlineData("https://api.openai.com/#x", null, "fragment")]
    [InlineData("https://api.openai.com/a\\b", null, "backslash")]
    [InlineData("https://api.openai.com/\u0001", null, "control")]
    [InlineData("https://1.2.3.4.5/", null, "unusual form")]
    [InlineData("https://２１３０７０６４３３/", null, "unusual form")]
    [InlineData("gopher://api.openai.com/", null, "Only https")]
    [InlineData("/relative", null, "absolute")]
    public void Refusals_say_what_opens_the_way(string url, int? namedPort, string saying)
    {
        var problem = Guard().CheckTarget(new Uri(url, UriKind.RelativeOrAbsolute), namedPort);
        Assert.NotNull(problem);
        Assert.Equal(ProblemKind.Forbidden, problem.Kind);
        Assert.Equal("egress", problem.Details!["rule"]);
        Assert.Contains(saying, problem.Message);
        Assert.DoesNotContain("u:p", problem.Message);
    }

    [Theory]
    [InlineData("http://127.0.0.1:5001/x", true)]
    [InlineData("http://127.1:5001/x", true)]
    [InlineData("https://127.0.0.1/", true)]
    [InlineData("http://10.1.2.3:9/", true)]
    [InlineData("http://[fd00::7]:9/", true)]
    [InlineData("http://[::ffff:10.1.2.3]:9/", true)]
    [InlineData("http://crm.internal:8080/", true)]
    [InlineData("http://CRM.internal/", true)]
    [InlineData("https://crm.internal:7/", true)]
    [InlineData("http://intranet/", true)]
    [InlineData("http://127.0.0.2/", false)]
    [InlineData("http://10.2.0.1/", false)]
    [InlineData("http://x.crm.internal/", false)]
    [InlineData("http://crm.internal./", false)]
    [InlineData("http://localhost/", false)]
    [InlineData("http://api.openai.com/", false)]
    [InlineData("http://169.254.169.254/", false)]
    [InlineData("http://[::ffff:169.254.169.254]/", false)]
    public void Listed_private_hosts_may_be_called(string url, bool allowed)
    {
        var guard = Guard(hosts: ["127.0.0.1", "10.1.0.0/16", "fd00::/8", "crm.internal", "intranet", "169.254.0.0/16"], http: true);
        Assert.Equal(allowed, guard.CheckTarget(new Uri(url)) is null);
    }

    [Fact]
    public void Http_needs_both_settings()
    {
        Assert.Contains("Egress:AllowHttp", Guard(hosts: ["127.0.0.1"]).CheckTarget(new Uri("http://127.0.0.1:1/"))!.Message);
        Assert.Contains("Egress:AllowedPrivateHosts", Guard(http: true).CheckTarget(new Uri("http://crm.example.com/"))!.Message);
    }

    [Fact]
    public async Task X02_no_url_of_the_corpus_opens_a_connection()
    {
        var dials = new ConcurrentQueue<IPEndPoint>();
        await using var trap = new LoopbackServer();
        await using var trap6 = Socket.OSSupportsIPv6 ? new LoopbackServer(address: IPAddress.IPv6Loopback, port: trap.Port) : null;
        var guard = Guard(resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback, IPAddress.IPv6Loopback]), dials: dials);
        using var client = new OutboundClient(guard);
        using var bare = new HttpMessageInvoker(OutboundClient.CreateHandler(guard)); // what stands if the URL was never checked

        var urls = EgressCorpus.Urls(trap.Port);
        Assert.True(urls.Distinct().Count() >= 290, $"only {urls.Distinct().Count()} cases");
        var parsed = urls.Distinct().Count(u => Uri.TryCreate(u, UriKind.Absolute, out _));
        Assert.True(parsed >= 200, $"only {parsed} reach the guard");
        var wrong = new List<string>();
        foreach (var url in urls)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out var target)) continue;
            if (await RefusalOf(client.For(Guid.Empty), target) is { } guarded) wrong.Add($"guarded {url}: {guarded}");
            if (target.Scheme is "https" or "http" && await RefusalOf(bare, target) is { } naked) wrong.Add($"bare {url}: {naked}");
        }
        Assert.Empty(wrong);
        Assert.Empty(dials);
        Assert.Equal(0, await trap.ConnectionsAsync());
        if (trap6 is not null) Assert.Equal(0, await trap6.ConnectionsAsync());
    }

    [Fact]
    public async Task X02_one_address_that_is_not_public_spoils_the_answer_wherever_it_stands()
    {
        var dials = new ConcurrentQueue<IPEndPoint>();
        IPAddress[] answer = [];
        var guard = Guard(resolve: (_, _) => Task.FromResult(answer), dials: dials);
        using var client = new OutboundClient(guard);
        var cases = 0;
        foreach (var text in AddressRulesTests.NotPublic.Concat(AddressRulesTests.Metadata))
        {
            var bad = IPAddress.Parse(text);
            foreach (IPAddress[] mix in new IPAddress[][] { [bad], [SomePublic, bad], [bad, SomePublic], [SomePublic, SomePublic, SomePublic, SomePublic, SomePublic, SomePublic, SomePublic, SomePublic, bad] })
            {
                answer = mix;
                Assert.Null(await RefusalOf(client.For(Guid.Empty), new Uri("https://multi.example.com/")));
                cases++;
            }
        }
        Assert.True(cases > 400, $"only {cases} cases");
        Assert.Empty(dials);
    }

    [Fact]
    public async Task X02_rebinding_resolver_never_wins_in_1000_flips()
    {
        var dials = new ConcurrentQueue<IPEndPoint>();
        var asked = 0;
        await using var trap = new LoopbackServer();
        var guard = Guard(resolve: (_, _) => Task.FromResult<IPAddress[]>([Interlocked.Increment(ref asked) % 2 == 0 ? IPAddress.Loopback : SomePublic]), dials: dials);
        using var client = new OutboundClient(guard);

        for (var i = 0; i < 1_000; i++)
        {
            var sends = await Assert.ThrowsAnyAsync<Exception>(() => client.For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"https://rebind.example.com:{trap.Port}/")), CancellationToken.None));
            Assert.Equal(i % 2 == 0 ? "refused" : "egress", OutboundFailures.Reason(sends)); // the public address is dialled (and fails here); the private one is not
        }
        Assert.Equal(1_000, asked); // one resolution per connection: nothing to rebind between check and use
        Assert.Equal(500, dials.Count);
        Assert.All(dials, d => Assert.Equal(SomePublic, d.Address));
        Assert.Equal(0, await trap.ConnectionsAsync());
    }

    [Theory]
    [InlineData("169.254.169.254", "169.254.0.0/16")]
    [InlineData("100.100.100.200", "100.64.0.0/10")]
    [InlineData("192.0.0.192", "192.0.0.0/24")]
    [InlineData("168.63.129.16", "168.63.0.0/16")]
    [InlineData("fd00:ec2::254", "fd00::/8")]
    [InlineData("::ffff:169.254.169.254", "169.254.0.0/16")]
    [InlineData("64:ff9b::a9fe:a9fe", "64:ff9b::/96")]
    public async Task Metadata_stays_closed_whatever_is_opened(string address, string network)
    {
        var dials = new ConcurrentQueue<IPEndPoint>();
        var guard = Guard(hosts: [network, "named.internal"], http: true, resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(address)]), dials: dials);
        using var client = new OutboundClient(guard);
        var literal = address.Contains(':') ? $"[{address}]" : address;
        foreach (var url in new[] { $"http://{literal}/", "http://named.internal/", "https://other.example.com/" })
            Assert.Null(await RefusalOf(client.For(Guid.Empty), new Uri(url)));
        Assert.Empty(dials);
    }

    [Fact]
    public async Task Listed_host_is_reached_by_name_at_the_vetted_address()
    {
        await using var server = new LoopbackServer();
        var asked = 0;
        var guard = Guard(hosts: ["crm.internal"], http: true,
            resolve: (_, _) => Task.FromResult<IPAddress[]>([Interlocked.Increment(ref asked) == 1 ? IPAddress.Loopback : IPAddress.Parse("127.0.0.2")]));
        using var client = new OutboundClient(guard);
        using var response = await client.For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"http://crm.internal:{server.Port}/x")), CancellationToken.None);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(1, asked);
        Assert.Contains($"Host: crm.internal:{server.Port}\r\n", Assert.Single(server.Requests));
        Assert.Equal(1, await server.ConnectionsAsync());
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "127.0.0.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1")]
    [InlineData("::1", "[::1]", "::1")]
    public async Task Listed_address_is_reached(string entry, string host, string listen)
    {
        Assert.SkipUnless(listen != "::1" || Socket.OSSupportsIPv6, "no IPv6 here");
        await using var server = new LoopbackServer(address: IPAddress.Parse(listen));
        using var client = new OutboundClient(Guard(hosts: [entry], http: true));
        using var response = await client.For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{host}:{server.Port}/x")), CancellationToken.None);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(1, await server.ConnectionsAsync());
    }

    [Fact]
    public async Task A_name_may_lead_into_a_listed_network_over_https_only()
    {
        var dials = new ConcurrentQueue<IPEndPoint>();
        await using var server = new LoopbackServer();
        var guard = Guard(hosts: ["127.0.0.0/8"], http: true, resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]), dials: dials);
        using var bare = new HttpMessageInvoker(OutboundClient.CreateHandler(guard));
        Assert.Null(await RefusalOf(bare, new Uri($"http://crm.example.com:{server.Port}/")));
        Assert.Empty(dials);

        using var dialled = new CancellationTokenSource();
        var sending = bare.SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"https://crm.example.com:{server.Port}/")), dialled.Token);
        await Evose.Admin.Tests.Support.Given.UntilAsync(() => Task.FromResult(!dials.IsEmpty || sending.IsCompleted));
        await dialled.CancelAsync();
        var tls = await Assert.ThrowsAnyAsync<Exception>(() => sending);
        Assert.DoesNotContain("egress", OutboundFailures.Reason(tls)); // connected; this server speaks no TLS
        Assert.Single(dials);
    }

    [Fact]
    public async Task The_next_vetted_address_is_tried_when_one_does_not_answer()
    {
        await using var server = new LoopbackServer();
        var guard = Guard(hosts: ["crm.internal"], http: true, resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.99"), IPAddress.Loopback]));
        using var client = new OutboundClient(guard);
        using var response = await client.For(Guid.Empty).SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"http://crm.internal:{server.Port}/x")), CancellationToken.None);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task The_resolver_is_asked_for_the_ascii_name()
    {
        var asked = new List<string>();
        var guard = Guard(resolve: (host, _) =>
        {
            asked.Add(host);
            return Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
        });
        using var client = new OutboundClient(guard);
        Assert.Null(await RefusalOf(client.For(Guid.Empty), new Uri("https://münchen.de/")));
        Assert.Equal(["xn--mnchen-3ya.de"], asked);
    }

    [Fact]
    public async Task Tls_is_spoken_with_the_name_not_with_the_address()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var certificate = new CertificateRequest("CN=crm.internal", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var own = certificate.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string? named = null;
        var serving = Task.Run(async () =>
        {
            using var socket = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(socket.GetStream());
            await tls.AuthenticateAsServerAsync((_, hello, _, _) =>
            {
                named = hello.ServerName;
                return ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificate = own });
            }, null);
            _ = await tls.ReadAsync(new byte[4096]);
            await tls.WriteAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
        });
        var handler = OutboundClient.CreateHandler(Guard(hosts: ["crm.internal"], resolve: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback])));
        handler.SslOptions.RemoteCertificateValidationCallback = (_, presented, _, _) => presented?.Subject == "CN=crm.internal";
        using var invoker = new HttpMessageInvoker(handler);
        using var response = await invoker.SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"https://crm.internal:{((IPEndPoint)listener.LocalEndpoint).Port}/")), CancellationToken.None);
        await serving;
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal("crm.internal", named);
    }

    /// <summary>Null when the guard refused; otherwise what happened instead.</summary>
    private static async Task<string?> RefusalOf(HttpMessageInvoker invoker, Uri target)
    {
        try
        {
            using var response = await invoker.SendAsync(new HttpRequestMessage(HttpMethod.Get, target), CancellationToken.None);
            return $"answered {(int)response.StatusCode}";
        }
        catch (Exception e)
        {
            return OutboundFailures.Reason(e) == "egress" ? null : e.GetType().Name + " " + e.Message;
        }
    }

    /// <summary>Dials loopback for real and nothing else: tests do not leave the machine.</summary>
    internal static EgressGuard Guard(string[]? hosts = null, bool http = false, HostResolver? resolve = null, ConcurrentQueue<IPEndPoint>? dials = null)
    {
        var options = Options.Create(new EgressOptions { AllowedPrivateHosts = hosts ?? [], AllowHttp = http });
        if (dials is null) return new EgressGuard(options, resolve);

        var real = new EgressGuard(options).Dial;
        return new EgressGuard(options, resolve)
        {
            Dial = (endPoint, ct) =>
            {
                dials.Enqueue(endPoint);
                return IPAddress.IsLoopback(endPoint.Address) ? real(endPoint, ct) : throw new SocketException((int)SocketError.ConnectionRefused);
            },
        };
    }
}
