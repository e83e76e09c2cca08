using System.Net;
using System.Text;
using Evose.Admin.Tests.Rules;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>Tokens, refresh tokens and client secrets are nowhere but at the provider and the upstream, whatever went well and whatever went wrong.</summary>
public sealed class OAuthCanaryTests
{
    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task Tokens_and_client_secrets_are_nowhere_but_sealed()
    {
        var scanner = new CanaryScanner();
        var (secret, prefix) = (CanaryScanner.DrawPlain(40), CanaryScanner.DrawPlain(32) + "-");
        scanner.Add("client secret", secret);
        scanner.Add("tokens", prefix);
        using var folder = new DataFolder();
        var directory = folder.Path;
        var answers = new List<string>();
        await using var provider = new SimpleProvider { Prefix = prefix };
        var app = new AdminApp(new() { ["OAuth:SweepInterval"] = "01:00:00", ["Logging:LogLevel:Default"] = "Trace", ["Logging:LogLevel:Microsoft.AspNetCore"] = "Trace", ["Logging:LogLevel:System.Net.Http"] = "Trace" }, directory);
        await using (var world = await provider.WorldAsync(secret, app))
        {
            answers.Add(await world.ConnectAsync());
            answers.Add((await world.CallAsync()).Body);
            await world.EndTokenAsync();
            answers.Add((await world.CallAsync()).Body);
            // The provider's error quotes the whole request back.
            provider.Status = 400;
            await world.EndTokenAsync();
            answers.Add((await world.CallAsync()).Body);
            provider.CutsOff = true;
            answers.Add(await world.ConnectAsync());
            (provider.Status, provider.CutsOff) = (200, false);
            Assert.Equal("connected", await world.ConnectAsync());
            var (status, body) = await world.CallAsync();
            Assert.Equal(HttpStatusCode.OK, status);
            answers.Add(body);
            using var api = app.Api();
            foreach (var path in (string[])["credentials", $"credentials/{OAuthWorld.Name}", $"credentials/{OAuthWorld.Name}/calls"]) answers.Add(await api.GetStringAsync($"/api/v1/workspaces/{world.Ws}/{path}"));
            answers.Add(await api.GetStringAsync("/api/v1/audit/events?limit=100"));
            answers.Add(await api.GetStringAsync("/api/v1/notifications"));
            using var page = await world.Browser.GetAsync($"/w/{world.Ws}/credentials/{OAuthWorld.Name}/connect");
            answers.Add(await page.Content.ReadAsStringAsync());
            answers.AddRange((await world.NotificationsAsync("sign_in_needed")).Select(n => n.ToString()));
        }
        Assert.Contains(provider.Requests, r => r.Body.Contains(secret, StringComparison.Ordinal));
        Assert.Contains(provider.Requests, r => r.Headers.GetValueOrDefault("Authorization", "").Contains(prefix, StringComparison.Ordinal));

        SqliteConnection.ClearAllPools();
        var hits = answers.SelectMany(a => scanner.Scan("answer", Encoding.UTF8.GetBytes(a))).Concat(app.Log.Lines.SelectMany(l => scanner.Scan("log", l, 1))).ToList();
        foreach (var (file, bytes) in DataFolder.Read(directory)) hits.AddRange(scanner.Scan(Path.GetFileName(file), bytes));
        Assert.Empty(hits.Distinct().Take(20));
    }
}
