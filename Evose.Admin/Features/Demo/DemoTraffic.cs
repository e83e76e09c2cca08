using System.Net.Http.Headers;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Evose.Admin.Features.Demo;

/// <summary>Makes a call through our own broker every few seconds, as an outside program would, so that the demo's pages move.</summary>
public sealed partial class DemoTraffic(DemoData demo, SecretVault vault, IServer server, IHostApplicationLifetime lifetime, ILogger<DemoTraffic> log) : BackgroundService
{
    private static readonly (string Tool, string Agent)[] Calls = [("gpt-call", "cs-pro"), ("gpt-call", "cs-pro"), ("crm-lookup", "cs-pro"), ("send-mail", "sales-helper"), ("gpt-call", "sales-helper")];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource();
        await using var registration = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
        await started.Task.WaitAsync(stoppingToken);
        var origin = Origin();
        if (origin is null || vault.IsSealed || await demo.PrepareAsync(origin, stoppingToken) is not { } key) return;
        LogReady(new Uri(origin, "/w/" + DemoData.Slug));

        using var client = new HttpClient { BaseAddress = origin };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(4));
        for (var i = 0; await timer.WaitForNextTickAsync(stoppingToken); i++)
        {
            var (tool, agent) = Calls[i % Calls.Length];
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/broker/{DemoData.Slug}/{tool}/chat/completions");
            request.Headers.Add("X-Evose-Agent", agent);
            request.Headers.Add("X-Evose-User-Id", "u-" + ((i % 5) + 1));
            try
            {
                using var answer = await client.SendAsync(request, stoppingToken);
            }
            catch (HttpRequestException)
            {
                // A demo's call that fails is one of the things that the demo shows.
            }
        }
    }

    private Uri? Origin()
    {
        var address = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault(a => a.StartsWith("http://", StringComparison.Ordinal));
        return address is null ? null : new UriBuilder(address.Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal)
            .Replace("127.0.0.1", "localhost", StringComparison.Ordinal).Replace("*", "localhost", StringComparison.Ordinal)).Uri;
    }

    [LoggerMessage(LogLevel.Information, "Demo data is on: {Url}. Its tools call a stand-in upstream inside this app, so the outbound guard lets http://localhost through. Never use this with real secrets.")]
    private partial void LogReady(Uri url);
}
