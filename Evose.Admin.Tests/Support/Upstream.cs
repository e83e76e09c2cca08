using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Evose.Admin.Tests.Support;

/// <summary>A real HTTP server on loopback that stands for a provider on the internet. Remembers what reached it.</summary>
public sealed class Upstream : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Upstream(WebApplication app) => _app = app;

    public ConcurrentQueue<Seen> Requests { get; } = new();

    public string Url { get; private set; } = "";

    public int Port => new Uri(Url).Port;

    public sealed record Seen(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string Body);

    /// <summary>Starts a server that answers with <paramref name="answer"/>, or 200 with a small JSON.</summary>
    public static Task<Upstream> StartAsync(Func<HttpContext, Seen, Task>? answer = null) => RunAsync(async (upstream, context) =>
    {
        using var reader = new StreamReader(context.Request.Body);
        var seen = new Seen(context.Request.Method, context.Request.Path, context.Request.QueryString.Value ?? "",
            context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase), await reader.ReadToEndAsync());
        upstream.Requests.Enqueue(seen);
        if (answer is not null) await answer(context, seen);
        else await context.Response.WriteAsJsonAsync(new { ok = true, path = seen.Path });
    });

    /// <summary>Starts a server that does everything itself, reading the body included; nothing is remembered.</summary>
    public static Task<Upstream> StartRawAsync(Func<HttpContext, Task> answer) => RunAsync((_, context) => answer(context));

    private static async Task<Upstream> RunAsync(Func<Upstream, HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http1));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var upstream = new Upstream(app);
        app.Run(context => answer(upstream, context));
        await app.StartAsync();
        upstream.Url = app.Urls.First();
        return upstream;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
