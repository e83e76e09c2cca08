using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Sessions;

/// <summary>An app with one workspace, a site that rolls its session, a tool that calls it, and a client with a key of every scope.</summary>
public sealed class SessionWorld : IAsyncDisposable
{
    public const string Name = "site_prod";

    private SessionWorld(AdminApp app, RollingSite site, HttpClient api, string ws) => (App, Site, Api, Ws) = (app, site, api, ws);

    public AdminApp App { get; }

    public RollingSite Site { get; }

    public HttpClient Api { get; }

    public string Ws { get; }

    /// <param name="attached">The tool attaches the session instead of writing its placeholder into a header.</param>
    public static async Task<SessionWorld> StartAsync(int patience = 0, bool attached = false, Dictionary<string, string>? headers = null)
    {
        var site = await RollingSite.StartAsync(patience);
        var app = new AdminApp();
        var api = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(app.Url), Timeout = TimeSpan.FromMinutes(2) };
        api.DefaultRequestHeaders.Authorization = new("Bearer", AdminApp.Key);
        var world = new SessionWorld(app, site, api, await Given.WorkspaceAsync(app));
        await Given.ToolAsync(app, world.Ws, "site", site.Url, headers: headers ?? (attached ? [] : new() { ["Cookie"] = $"{{{{credential:{Name}}}}}" }), attached: attached ? [Name] : null);
        return world;
    }

    public async Task<JsonElement> RegisterAsync(string value, object? session = null, string[]? hosts = null, string? expiresAt = null)
    {
        var body = new Dictionary<string, object?> { ["name"] = Name, ["type"] = "cookie", ["fields"] = new { value }, ["scope"] = new { tools = new[] { "site" } }, ["allowed_hosts"] = hosts ?? [Site.Host] };
        if (session is not null) body["session"] = session;
        if (expiresAt is not null) body["expires_at"] = expiresAt;
        return await MustAsync(HttpStatusCode.Created, HttpMethod.Post, "", body);
    }

    /// <summary>Signs in at the site and registers that session.</summary>
    public async Task<string> SignInAsync(object? session = null)
    {
        var sid = Site.SignIn();
        await RegisterAsync($"Cookie: sid={sid}; theme=dark", session);
        return sid;
    }

    public Task<HttpResponseMessage> CallAsync(string path = "/me") => Api.GetAsync($"/broker/{Ws}/site{path}");

    public async Task<HttpStatusCode> StatusAsync(string path = "/me")
    {
        using var answer = await CallAsync(path);
        await answer.Content.ReadAsByteArrayAsync();
        return answer.StatusCode;
    }

    public Task<JsonElement> ReadAsync() => MustAsync(HttpStatusCode.OK, HttpMethod.Get, "/" + Name);

    public async Task<JsonElement> MustAsync(HttpStatusCode status, HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, $"/api/v1/workspaces/{Ws}/credentials{path}");
        if (body is not null) request.Content = JsonContent.Create(body);
        using var answer = await Api.SendAsync(request);
        Assert.True(answer.StatusCode == status, $"{method} {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return answer.StatusCode == HttpStatusCode.NoContent ? default : await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Enters a new value and puts it into use.</summary>
    public async Task ReplaceAsync(string value)
    {
        await MustAsync(HttpStatusCode.Created, HttpMethod.Post, $"/{Name}/rotation", new { fields = new { value }, skip_verify = true, skip_verify_reason = "tested by hand" });
        await MustAsync(HttpStatusCode.OK, HttpMethod.Post, $"/{Name}/rotation/promote");
    }

    public async Task<Credential> RowAsync()
    {
        await using var db = await App.DbAsync();
        return await db.Credentials.AsNoTracking().Include(c => c.Versions).SingleAsync(c => c.Name == Name);
    }

    public async Task<List<Notification>> ToldAsync()
    {
        await using var db = await App.DbAsync();
        return await db.Notifications.AsNoTracking().Where(n => n.Kind == NotificationKind.SignInNeeded).ToListAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await App.DisposeAsync();
        await Site.DisposeAsync();
    }
}
