using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>X-07 through the real broker: an upstream that gives the value back, in every encoding and however it is cut, never delivers it to the caller, and that is told of.</summary>
public sealed class EchoTests
{
    private const string Core = "Zq7Wm2Xc9Vb4Nn6Kk8Jh3";

    // Every character that some encoding changes and that may stand in a header.
    private const string Value = "sk-\"\\/+%&=<'" + Core + ">~";

    /// <summary>What each shape of the value is in an answer.</summary>
    private static IReadOnlyList<(string Form, string Text)> Forms()
    {
        var bytes = Encoding.UTF8.GetBytes(Value);
        var slashed = Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        List<(string, string)> forms =
        [
            ("raw", $"You sent Bearer {Value}, thank you"),
            ("hex", $"key={Convert.ToHexStringLower(bytes)};"),
            ("upper hex", $"key={Convert.ToHexString(bytes)};"),
            ("URL-escaped", $"/x?key={Uri.EscapeDataString(Value)}&y=1"),
            ("JSON", $"{{\"authorization\":\"Bearer {slashed}\"}}"),
            ("JSON with escaped slashes", $"{{\"k\":\"{slashed.Replace("/", "\\/", StringComparison.Ordinal)}\"}}"),
            ("JSON that is safe in HTML", $"{{\"k\":{JsonSerializer.Serialize(Value)}}}"),
            ("HTML", $"<p>{WebUtility.HtmlEncode(Value)}</p>"),
        ];
        for (var before = 0; before < 3; before++)
        {
            var text = Encoding.UTF8.GetBytes(new string('u', before) + ":" + Value + ":tail");
            forms.Add(($"base64 behind {before + 1}", "Basic " + Convert.ToBase64String(text)));
            forms.Add(($"base64url behind {before + 1}", "x." + Convert.ToBase64String(text).Replace('+', '-').Replace('/', '_').TrimEnd('=')));
        }
        return forms;
    }

    [Fact]
    public async Task No_form_reaches_the_caller_wherever_the_answer_is_cut()
    {
        var forms = Forms();
        await using var world = await BrokerWorld.StartAsync(async (context, seen) =>
        {
            var parts = seen.Path.Split('/')[^1].Split('-');
            var bytes = Encoding.UTF8.GetBytes(forms[int.Parse(parts[0])].Text);
            var cut = int.Parse(parts[1]);
            await context.Response.Body.WriteAsync(bytes.AsMemory(0, cut));
            await context.Response.Body.FlushAsync();
            await context.Response.Body.WriteAsync(bytes.AsMemory(cut));
        }, secret: Value);
        using var caller = world.Caller();
        var traces = new Traces(Value, Core);
        for (var f = 0; f < forms.Count; f++)
        {
            var length = Encoding.UTF8.GetByteCount(forms[f].Text);
            Assert.NotEmpty(traces.In(Encoding.UTF8.GetBytes(forms[f].Text)));
            // At once, or the cuts of all forms would take minutes.
            await Parallel.ForEachAsync(Enumerable.Range(0, length + 1), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (cut, ct) =>
            {
                var got = await caller.GetByteArrayAsync($"/broker/cs/gpt-call/{f}-{cut}", ct);
                Assert.Equal(length, got.Length);
                Assert.Empty(traces.In(got).Select(shape => $"{forms[f].Form}, cut at {cut}: {shape}"));
                Assert.Contains("•••", Encoding.UTF8.GetString(got), StringComparison.Ordinal);
            });
        }
    }

    [Fact]
    public async Task An_invoke_answers_without_a_form_too()
    {
        var forms = Forms();
        await using var world = await BrokerWorld.StartAsync((context, seen) =>
        {
            context.Response.Headers["X-Seen"] = seen.Headers["Authorization"];
            return context.Response.WriteAsync(forms[int.Parse(seen.Path.Split('/')[^1])].Text);
        }, secret: Value);
        using var caller = world.Caller();
        var traces = new Traces(Value, Core);
        for (var f = 0; f < forms.Count; f++)
        {
            using var answer = await caller.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new { method = "GET", path = "/" + f });
            var got = await answer.Content.ReadAsByteArrayAsync();
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Empty(traces.In(got).Select(shape => $"{forms[f].Form}: {shape}"));
            Assert.Equal("***", JsonDocument.Parse(got).RootElement.GetProperty("headers").GetProperty("x-seen").GetString());
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task An_upstream_that_compresses_whatever_it_is_asked_for_is_unpacked(string coding)
    {
        var plain = Encoding.UTF8.GetBytes($"before {Value} after");
        await using var world = await BrokerWorld.StartAsync(async (context, _) =>
        {
            context.Response.Headers.ContentEncoding = coding;
            using var packed = new MemoryStream();
            await using (Stream packer = coding switch { "gzip" => new GZipStream(packed, CompressionLevel.Fastest, true), "br" => new BrotliStream(packed, CompressionLevel.Fastest, true), _ => new ZLibStream(packed, CompressionLevel.Fastest, true) })
                await packer.WriteAsync(plain);
            context.Response.ContentLength = packed.Length;
            await context.Response.Body.WriteAsync(packed.ToArray());
        }, secret: Value);
        using var caller = world.Caller();
        caller.DefaultRequestHeaders.AcceptEncoding.ParseAdd("gzip, br");
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Empty(answer.Content.Headers.ContentEncoding);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.StartsWith("before •••", text, StringComparison.Ordinal);
        Assert.EndsWith(" after", text, StringComparison.Ordinal);
        Assert.Equal("identity", Assert.Single(world.Upstream.Requests).Headers["Accept-Encoding"]);

        using var invoked = await caller.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new { method = "GET", path = "/x" });
        var body = await invoked.Content.ReadAsStringAsync();
        Assert.DoesNotContain(Core, body, StringComparison.Ordinal);
        Assert.Contains("before ", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_looked_into_is_not_passed_on()
    {
        await using var world = await BrokerWorld.StartAsync((context, _) =>
        {
            context.Response.Headers.ContentEncoding = "zstd";
            return context.Response.WriteAsync(Value);
        }, secret: Value);
        using var caller = world.Caller();
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.Contains("answer_unreadable", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Core, text, StringComparison.Ordinal);
        using var invoked = await caller.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new { method = "GET", path = "/x" });
        Assert.Equal(HttpStatusCode.BadGateway, invoked.StatusCode);
        Assert.All(await world.CallsAsync(2), c => Assert.Equal("answer_unreadable", c.End!.Reason));
    }

    [Fact]
    public async Task Headers_and_status_text_hold_nothing_of_it_either()
    {
        await using var world = await BrokerWorld.StartAsync(async (context, seen) =>
        {
            context.Response.Headers.Location = "https://elsewhere.test/?key=" + Uri.EscapeDataString(Value);
            context.Response.Headers["X-Debug"] = seen.Headers["Authorization"];
            context.Response.Headers["X-" + Core] = "1";
            context.Response.Headers["X-Kept"] = "kept";
            context.Response.StatusCode = 302;
            await context.Response.WriteAsync("moved");
        }, secret: Value);
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var caller = new HttpClient(handler) { BaseAddress = new Uri(world.App.Url) };
        caller.DefaultRequestHeaders.Authorization = new("Bearer", AdminApp.Key);
        caller.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal("moved", await answer.Content.ReadAsStringAsync());
        var all = Encoding.UTF8.GetBytes($"{answer.ReasonPhrase}\n{answer.Headers}{answer.Content.Headers}{answer.TrailingHeaders}");
        Assert.DoesNotContain(new Traces(Value, Core).In(all), s => s.StartsWith("value", StringComparison.Ordinal));
        Assert.Equal("kept", Assert.Single(answer.Headers.GetValues("X-Kept")));
        Assert.Equal("***", Assert.Single(answer.Headers.GetValues("X-Debug")));
    }

    [Fact]
    public async Task A_caller_that_asks_for_pieces_gets_the_whole_of_an_answer_that_is_looked_through_and_the_piece_of_any_other()
    {
        const string Before = "before ";
        await using var world = await BrokerWorld.StartAsync(async (context, seen) =>
        {
            // What a file server does: a piece is a piece of what it would say otherwise.
            var whole = Encoding.UTF8.GetBytes(Before + Value + " after");
            var asked = seen.Headers.GetValueOrDefault("Range") ?? seen.Headers.GetValueOrDefault("Request-Range");
            if (asked is null || !System.Net.Http.Headers.RangeHeaderValue.TryParse(asked, out var range))
            {
                await context.Response.Body.WriteAsync(whole);
                return;
            }
            var (from, to) = ((int)range.Ranges.Single().From!, (int)Math.Min(range.Ranges.Single().To!.Value, whole.Length - 1));
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{to}/{whole.Length}";
            await context.Response.Body.WriteAsync(whole.AsMemory(from, to - from + 1));
        }, secret: Value);
        using var caller = world.Caller();
        var middle = Before.Length + Value.Length / 2;
        foreach (var (name, range) in new[] { ("Range", $"bytes=0-{middle - 1}"), ("range", $"bytes={middle}-999"), ("Request-Range", $"bytes=0-{middle - 1}") })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/broker/cs/gpt-call/file");
            Assert.True(request.Headers.TryAddWithoutValidation(name, range));
            request.Headers.TryAddWithoutValidation("If-Range", "\"0\"");
            using var answer = await caller.SendAsync(request);
            Whole(answer.StatusCode, await answer.Content.ReadAsByteArrayAsync());
            using var invoked = await caller.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new { method = "GET", path = "/file", headers = new Dictionary<string, string> { [name] = range, ["If-Range"] = "\"0\"" } });
            var body = JsonDocument.Parse(await invoked.Content.ReadAsStringAsync()).RootElement;
            Whole((HttpStatusCode)body.GetProperty("status").GetInt32(), Encoding.UTF8.GetBytes(body.GetProperty("body").GetString()!));
        }
        Assert.Equal(6, world.Upstream.Requests.Count);
        Assert.All(world.Upstream.Requests, r => Assert.DoesNotContain(r.Headers.Keys, h => h.EndsWith("Range", StringComparison.OrdinalIgnoreCase)));

        // Without a value there is nothing to look for, and a download goes on where it stopped.
        using var api = world.App.Api();
        await GivenRemote.OkAsync(api.PutAsJsonAsync("/api/v1/workspaces/cs/tools/files", new { kind = "http", base_url = world.Upstream.Url }));
        using var piece = new HttpRequestMessage(HttpMethod.Get, "/broker/cs/files/file") { Headers = { Range = new(2, 5) } };
        using var given = await api.SendAsync(piece);
        Assert.Equal((HttpStatusCode.PartialContent, "fore"), (given.StatusCode, await given.Content.ReadAsStringAsync()));

        static void Whole(HttpStatusCode status, byte[] got)
        {
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Empty(new Traces(Value, Core).In(got));
            var text = Encoding.UTF8.GetString(got);
            Assert.StartsWith(Before + "•••", text, StringComparison.Ordinal);
            Assert.EndsWith(" after", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Trailers_hold_nothing_of_it_either()
    {
        // Kestrel sends trailers over HTTP/2 only, and without TLS we speak 1.1 to an upstream: so this one writes its own bytes.
        await using var upstream = new TrailingUpstream();
        await using var world = await BrokerWorld.StartAsync(baseUrl: upstream.Url, secret: Value,
            services: s => s.Configure<KestrelServerOptions>(k => k.ConfigureEndpointDefaults(l => l.Protocols = HttpProtocols.Http2)));
        using var caller = world.Caller();
        (caller.DefaultRequestVersion, caller.DefaultVersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/x");
        Assert.Equal("hello", await answer.Content.ReadAsStringAsync());
        Assert.Equal("kept", Assert.Single(answer.TrailingHeaders.GetValues("X-Kept")));
        Assert.Equal("***", Assert.Single(answer.TrailingHeaders.GetValues("X-Debug")));
        Assert.Equal("***", Assert.Single(answer.TrailingHeaders.GetValues("X-Link")));
        Assert.DoesNotContain(new Traces(Value, Core).In(Encoding.UTF8.GetBytes($"{answer.Headers}{answer.Content.Headers}{answer.TrailingHeaders}")), s => s.StartsWith("value", StringComparison.Ordinal));
        await Given.UntilAsync(async () =>
        {
            await using var db = await world.DbAsync();
            return await db.LeakReports.AnyAsync(r => r.Source == LeakSource.Echo);
        });
    }

    /// <summary>One answer after the other over HTTP/1.1, each with the value in its trailers only.</summary>
    private sealed class TrailingUpstream : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _speaking;

        public TrailingUpstream()
        {
            _listener.Start();
            Url = $"http://{_listener.LocalEndpoint}";
            _speaking = SpeakAsync();
        }

        public string Url { get; }

        private async Task SpeakAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    var stream = client.GetStream();
                    using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
                    while (await reader.ReadLineAsync() is { Length: > 0 }) { }
                    await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Debug, X-Link, X-Kept\r\n\r\n5\r\nhello\r\n0\r\n" +
                        $"X-Debug: {Value}\r\nX-Link: https://elsewhere.test/?key={Uri.EscapeDataString(Value)}\r\nX-Kept: kept\r\n\r\n"));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
            {
                // The test is over.
            }
        }

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _speaking;
        }
    }

    [Fact]
    public async Task Events_arrive_at_once_although_they_are_looked_through()
    {
        var next = new SemaphoreSlim(0);
        await using var world = await BrokerWorld.StartAsync(async (context, _) =>
        {
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 5; i++)
            {
                await context.Response.WriteAsync($"data: {i} {(i == 3 ? Value : "nothing")}\n\n");
                await context.Response.Body.FlushAsync();
                // The next event is written only when the caller has this one.
                Assert.True(await next.WaitAsync(TimeSpan.FromMinutes(1)));
            }
        }, secret: Value);
        using var caller = world.Caller();
        using var answer = await caller.GetAsync("/broker/cs/gpt-call/events", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        for (var i = 0; i < 5; i++)
        {
            var line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
            Assert.StartsWith($"data: {i} {(i == 3 ? "•••" : "nothing")}", line, StringComparison.Ordinal);
            Assert.DoesNotContain(Core, line, StringComparison.Ordinal);
            await reader.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
            next.Release();
        }
    }

    [Fact]
    public async Task An_echo_is_reported_once_for_a_tool_and_a_day_with_the_right_version()
    {
        await using var world = await BrokerWorld.StartAsync((context, seen) => context.Response.WriteAsync(seen.Path.EndsWith("/echo", StringComparison.Ordinal) ? seen.Headers["Authorization"] : "nothing"));
        using var caller = world.Caller();
        await caller.GetStringAsync("/broker/cs/gpt-call/silent");
        await using (var db = await world.DbAsync()) Assert.Empty(await db.LeakReports.ToListAsync());
        for (var i = 0; i < 5; i++) Assert.DoesNotContain(BrokerWorld.Secret, await caller.GetStringAsync("/broker/cs/gpt-call/echo"), StringComparison.Ordinal);
        using (var invoked = await caller.PostAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call/invoke", new { method = "GET", path = "/echo" }))
            Assert.DoesNotContain(BrokerWorld.Secret, await invoked.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        await Given.UntilAsync(async () =>
        {
            await using var db = await world.DbAsync();
            return await db.LeakReports.AnyAsync();
        });
        await using var after = await world.DbAsync();
        var report = Assert.Single(await after.LeakReports.ToListAsync());
        Assert.Equal((LeakSource.Echo, LeakState.Open, world.CredentialId, (int?)1, "openai_prod"), (report.Source, report.State, report.CredentialId!.Value, report.Version, report.Credential));
        Assert.Contains("gpt-call", report.Place, StringComparison.Ordinal);
        Assert.Single(await after.AuditEvents.Where(e => e.Action == AuditAction.LeakReported).ToListAsync());
        Assert.Single(await after.Notifications.Where(n => n.Kind == NotificationKind.LeakReported).ToListAsync());
    }
}
