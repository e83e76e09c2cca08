using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Evose.Admin.Platform.Ledger;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Yarp.ReverseProxy.Forwarder;

namespace Evose.Admin.Bench;

/// <summary>The processes of ours that are compared: an upstream that takes its time, bare YARP before it, and our app before it.</summary>
internal static class Servers
{
    public const string Answer = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hello\"}}]}";

    /// <summary>How far apart the events of <c>/events</c> are, and how long <c>/late</c> keeps its first body byte after the headers.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Answers a small JSON after a delay; <c>/events</c> streams the time of sending; <c>/late</c> sends its headers well before its body.</summary>
    public static async Task<int> UpstreamAsync(int port, int delay)
    {
        var body = Encoding.UTF8.GetBytes(Answer);
        var app = Empty(port).Build();
        app.Run(async context =>
        {
            var path = context.Request.Path.Value!;
            if (path.EndsWith("/events", StringComparison.Ordinal))
            {
                await EventsAsync(context);
                return;
            }
            if (path.EndsWith("/flood", StringComparison.Ordinal) || path.EndsWith("/burst", StringComparison.Ordinal))
            {
                await StreamAsync(context, path.EndsWith("/flood", StringComparison.Ordinal));
                return;
            }
            context.Response.ContentType = "application/json";
            context.Response.ContentLength = body.Length;
            if (path.EndsWith("/late", StringComparison.Ordinal))
            {
                await context.Response.StartAsync();
                await context.Response.Body.FlushAsync();
                await Task.Delay(Pause);
            }
            else if (delay > 0)
            {
                await Task.Delay(delay);
            }
            await context.Response.Body.WriteAsync(body);
        });
        await app.RunAsync();
        return 0;
    }

    /// <summary>How large the pieces are in which <c>/flood</c> writes.</summary>
    public const int FloodPiece = 4096;

    /// <summary>What <c>/burst</c> writes and flushes again and again.</summary>
    public static readonly byte[] BurstEvent = Encoding.UTF8.GetBytes("data: {\"choices\":[{\"delta\":{\"content\":\" hello\"}}]}\n\n");

    // 16 MB of text as models write it, or 20,000 events.
    private static async Task StreamAsync(HttpContext context, bool flood)
    {
        context.Response.ContentType = "text/event-stream";
        var piece = flood ? new byte[FloodPiece] : BurstEvent;
        if (flood)
            for (var at = 0; at < piece.Length; at += BurstEvent.Length) BurstEvent.AsSpan(0, Math.Min(BurstEvent.Length, piece.Length - at)).CopyTo(piece.AsSpan(at));
        for (var i = 0; i < (flood ? 4096 : 20_000); i++)
        {
            await context.Response.Body.WriteAsync(piece);
            await context.Response.Body.FlushAsync();
        }
    }

    // Stopwatch counts from the start of the machine, the same in every process.
    private static async Task EventsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.StartAsync();
        while (!context.RequestAborted.IsCancellationRequested)
        {
            await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"data: {Stopwatch.GetTimestamp()}\n\n"), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(Pause, context.RequestAborted);
        }
    }

    public const string AllocatedMark = "allocated ";

    /// <summary>Says on every SIGCONT how much this process has allocated, so that the benchmark can ask without a request of its own on the measured path.</summary>
    [UnsupportedOSPlatform("windows")]
    public static void TellAllocations() =>
        _asked = PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{AllocatedMark}{GC.GetTotalAllocatedBytes(precise: true)}")));

    // Kept: a registration that is collected hears nothing.
    private static PosixSignalRegistration? _asked;

    public static async Task<int> BareYarpAsync(int port, string upstream)
    {
        var builder = Empty(port);
        builder.Services.AddHttpForwarder();
        var app = builder.Build();
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, AutomaticDecompression = DecompressionMethods.None, ActivityHeadersPropagator = null });
        var config = new ForwarderRequestConfig { Version = HttpVersion.Version11 };
        app.Run(async context => await forwarder.SendAsync(context, upstream, invoker, config, HttpTransformer.Default));
        await app.RunAsync();
        return 0;
    }

    /// <summary>The app itself in this process; with EVOSE_BENCH_NO_LEDGER=1 its ledger records nothing.</summary>
    public static int App(string[] args)
    {
        Environment.SetEnvironmentVariable("ASPNETCORE_HOSTINGSTARTUPASSEMBLIES", "Evose.Admin.Bench");
        var entry = typeof(UsageLedger).Assembly.EntryPoint!;
        return entry.Invoke(null, [args]) is int code ? code : 0;
    }

    private static WebApplicationBuilder Empty(int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http1));
        return builder;
    }
}

/// <summary>Turns recording off in the benchmark's own process, to measure what recording costs. No setting of the app can do this.</summary>
internal sealed class NoLedger : IHostingStartup
{
    public void Configure(IWebHostBuilder builder)
    {
        if (Environment.GetEnvironmentVariable("EVOSE_BENCH_NO_LEDGER") == "1") builder.ConfigureServices(s => s.AddSingleton(new LedgerMode(durable: false)));
    }
}
