using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Rules;

/// <summary>An app at its most talkative, its clients, whose every answer is kept, and the canaries that went into it.</summary>
internal sealed class CanaryWorld : IAsyncDisposable
{
    public const string Ws = "cs";

    private readonly Upstream _upstream;
    private readonly TcpListener _mute;
    private readonly CancellationTokenSource _stop = new();
    private int _drawn;
    private bool _stopped;

    private CanaryWorld(AdminApp app, Upstream upstream, TcpListener mute) => (App, _upstream, _mute, Recorder) = (app, upstream, mute, new());

    public AdminApp App { get; }

    public CanaryScanner Scanner { get; } = new();

    public ConcurrentDictionary<string, string> Canaries { get; } = new();

    public Answers Recorder { get; }

    public HttpClient Api { get; private set; } = null!;

    public HttpClient Person { get; private set; } = null!;

    public Actor Actor { get; private set; } = null!;

    public Upstream Upstream => _upstream;

    /// <summary>Accepts a connection and resets it as soon as something comes.</summary>
    public int MutePort => ((IPEndPoint)_mute.LocalEndpoint).Port;

    public int ClosedPort { get; private set; }

    public static async Task<CanaryWorld> StartAsync(string dataDirectory)
    {
        var upstream = await Upstream.StartAsync(async (context, seen) =>
        {
            if (seen.Path.EndsWith("/slow", StringComparison.Ordinal)) await Task.Delay(TimeSpan.FromMinutes(5), context.RequestAborted);
            if (seen.Headers.TryGetValue("X-Roll", out var next)) context.Response.Headers.Append("Set-Cookie", $"sid={next}; Path=/; HttpOnly");
            if (int.TryParse(seen.Path.Split('/')[^1], out var status)) context.Response.StatusCode = status;
            await context.Response.WriteAsync("{\"answer\":1}", context.RequestAborted);
        });
        var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        var app = new AdminApp(new()
        {
            ["Broker:ActivityTimeout"] = "00:00:05", ["Providers:ProbeTimeout"] = "00:00:05", ["Rotation:QuietPeriod"] = "00:00:00", ["Account:AttemptsPerMinute"] = "10000",
            ["Logging:LogLevel:Default"] = "Trace", ["Logging:LogLevel:Microsoft.EntityFrameworkCore"] = "Trace", ["Logging:LogLevel:Microsoft.AspNetCore"] = "Trace", ["Logging:LogLevel:System.Net.Http"] = "Trace",
            ["Logging:LogLevel:Yarp"] = "Trace",
        }, dataDirectory);
        var world = new CanaryWorld(app, upstream, mute);
        _ = world.ResetEverybodyAsync();
        using (var closed = new TcpListener(IPAddress.Loopback, 0))
        {
            closed.Start();
            world.ClosedPort = ((IPEndPoint)closed.LocalEndpoint).Port;
        }
        world.Api = new HttpClient(new Recording(world.Recorder, new HttpClientHandler { AllowAutoRedirect = false })) { BaseAddress = new Uri(app.Url) };
        world.Api.DefaultRequestHeaders.Authorization = new("Bearer", AdminApp.Key);
        var cookies = new CookieContainer();
        cookies.Add(await app.CookieAsync());
        world.Person = new HttpClient(new Recording(world.Recorder, new HttpClientHandler { CookieContainer = cookies, AllowAutoRedirect = false })) { BaseAddress = new Uri(app.Url) };
        world.Actor = await app.ActorAsync();
        return world;
    }

    /// <summary>A new canary that the scan will look for.</summary>
    public string Canary(string about, bool plain = false)
    {
        var name = $"{Interlocked.Increment(ref _drawn)} ({about})";
        var canary = plain ? CanaryScanner.DrawPlain() : CanaryScanner.Draw();
        Canaries[name] = canary;
        Scanner.Add(name, canary);
        return canary;
    }

    public Task<HttpResponseMessage> SendAsync(string method, string path, object? body = null, string? idempotencyKey = null) =>
        SendAsync(method, path, body is null ? null : JsonSerializer.Serialize(body), idempotencyKey);

    public async Task<HttpResponseMessage> SendAsync(string method, string path, string? body, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path.StartsWith('/') ? path : $"/api/v1/workspaces/{Ws}/{path}");
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);
        return await Api.SendAsync(request);
    }

    public async Task MustAsync(HttpStatusCode status, string method, string path, object? body = null, string? idempotencyKey = null)
    {
        using var answer = await SendAsync(method, path, body, idempotencyKey);
        Assert.True(answer.StatusCode == status, $"{method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    /// <summary>A credential with a canary for a value and the tool that sends it; the canary.</summary>
    public async Task<string> InUseAsync(string name, string baseUrl, string slot)
    {
        // A path takes no character that would leave its segment.
        var canary = Canary($"{name} in {slot}", plain: slot == "path");
        await MustAsync(HttpStatusCode.Created, "POST", "credentials", new { name, type = "api_key", fields = new { value = canary }, allowed_hosts = new[] { new Uri(baseUrl).Authority }, allow_in_url = slot is "query" or "path" });
        await ToolAsync(name, baseUrl, slot);
        return canary;
    }

    /// <summary>A tool of the credential's name, and the credential scoped to it.</summary>
    public async Task ToolAsync(string name, string baseUrl, string slot)
    {
        var placeholder = $"{{{{credential:{name}}}}}";
        object tool = slot switch
        {
            "header" => new { base_url = baseUrl, headers = new Dictionary<string, string> { ["X-Key"] = placeholder } },
            "bearer" => new { base_url = baseUrl, headers = new Dictionary<string, string> { ["Authorization"] = "Bearer " + placeholder } },
            "path" => new { base_url = $"{baseUrl}/bot{placeholder}" },
            "query" => new { base_url = baseUrl, query = new { key = placeholder } },
            _ => new { base_url = baseUrl, method = "POST", body = $$"""{"key":"{{placeholder}}"}""" },
        };
        if (slot is "query" or "path") await MustAsync(HttpStatusCode.OK, "PATCH", "credentials/" + name, new { allow_in_url = true });
        await MustAsync(HttpStatusCode.Created, "PUT", "tools/" + Tool(name), tool);
        await MustAsync(HttpStatusCode.OK, "PATCH", "credentials/" + name, new { scope = new { tools = new[] { Tool(name) } } });
    }

    public static string Tool(string credential) => credential.Replace('_', '-');

    public async Task CallAsync(HttpStatusCode expected, string credential, string path, bool invoke = false, string? agent = null)
    {
        using var request = invoke
            ? new HttpRequestMessage(HttpMethod.Post, $"/api/v1/workspaces/{Ws}/tools/{Tool(credential)}/invoke") { Content = JsonContent.Create(new { path }) }
            : new HttpRequestMessage(HttpMethod.Get, $"/broker/{Ws}/{Tool(credential)}{path}");
        if (agent is not null) request.Headers.Add("X-Evose-Agent", agent);
        using var answer = await Api.SendAsync(request);
        Assert.True(answer.StatusCode == expected, $"{credential}{path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    /// <summary>Posts a value as the page's script does; the id by which a form names it.</summary>
    public async Task<Guid> StageAsync(string value)
    {
        var (id, ticket) = App.Get<StagedValues>().Issue(Actor);
        var token = (await Person.GetFromJsonAsync<JsonElement>("/ui/antiforgery")).GetProperty("token").GetString();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/ui/intake") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(value)) };
        request.Headers.Add("RequestVerificationToken", token);
        request.Headers.Add("X-Evose-Ticket", ticket);
        using var answer = await Person.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return id;
    }

    private async Task ResetEverybodyAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                using var socket = await _mute.AcceptSocketAsync(_stop.Token);
                var buffer = new byte[4096];
                await socket.ReceiveAsync(buffer, _stop.Token);
                socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The scan after the end stops the app itself.
        if (_stopped) return;
        _stopped = true;
        await _stop.CancelAsync();
        _mute.Dispose();
        _stop.Dispose();
        Api.Dispose();
        Person.Dispose();
        await App.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    /// <summary>Status line, headers and body of every answer, as bytes.</summary>
    internal sealed class Answers
    {
        public ConcurrentQueue<(string From, byte[] Bytes)> All { get; } = new();
    }

    private sealed class Recording(Answers answers, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var from = $"{request.Method} {request.RequestUri!.AbsolutePath}";
            var answer = await base.SendAsync(request, cancellationToken);
            await answer.Content.LoadIntoBufferAsync(cancellationToken);
            var head = $"{(int)answer.StatusCode} {answer.ReasonPhrase}\n{answer.Headers}{answer.Content.Headers}{answer.TrailingHeaders}\n";
            answers.All.Enqueue((from, [.. Encoding.UTF8.GetBytes(head), .. await answer.Content.ReadAsByteArrayAsync(cancellationToken)]));
            return answer;
        }
    }
}
