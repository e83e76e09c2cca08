using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Web;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Features.OAuth;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Web;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>An app with an OAuth token that is not connected yet, a tool that uses it, and a person's browser.</summary>
public sealed class OAuthWorld : IAsyncDisposable
{
    public const string Name = "drive_prod";

    private OAuthWorld(AdminApp app, string ws, Actor actor, HttpClient browser) => (App, Ws, Actor, Browser) = (app, ws, actor, browser);

    public AdminApp App { get; }

    public string Ws { get; }

    public Actor Actor { get; }

    /// <summary>Signed in, keeps cookies, follows nothing.</summary>
    public HttpClient Browser { get; }

    public string RedirectUri => App.Url + OAuthFeature.CallbackPath;

    public static async Task<OAuthWorld> StartAsync(AdminApp? app = null, Dictionary<string, string?>? settings = null)
    {
        app ??= new AdminApp(new Dictionary<string, string?>(settings ?? []) { ["OAuth:SweepInterval"] = settings?.GetValueOrDefault("OAuth:SweepInterval") ?? "01:00:00" });
        return new OAuthWorld(app, await Given.WorkspaceAsync(app), await app.AdminAsync(), await app.BrowserAsync());
    }

    /// <summary>An app and a real OAuth server that know each other; not connected yet.</summary>
    public static async Task<(OAuthWorld World, OAuthServer Server)> WithServerAsync(TimeSpan? accessTokenLife = null, Dictionary<string, string?>? settings = null)
    {
        var server = await OAuthServer.StartAsync(accessTokenLife);
        var world = await StartAsync(settings: settings);
        await server.AllowAsync(world.RedirectUri);
        await world.RegisterAsync("oauth2", OAuthServer.ClientId, OAuthServer.ClientSecret, server.Url + "/authorize", server.Url + "/token", "drive.read offline_access", server.Url + "/api");
        return (world, server);
    }

    /// <summary>The credential and a tool that sends it as its provider wants it.</summary>
    public async Task RegisterAsync(string provider, string clientId, string clientSecret, string authorizeUrl, string tokenUrl, string scopes, string apiUrl, string name = Name, Dictionary<string, string>? headers = null)
    {
        await Given.ToolAsync(App, Ws, ToolOf(name), apiUrl, name, headers);
        using var api = App.Api();
        using var made = await api.PostAsJsonAsync($"/api/v1/workspaces/{Ws}/credentials", new
        {
            name, type = "oauth_token", provider, fields = new { client_id = clientId, client_secret = clientSecret }, scope = new { tools = new[] { ToolOf(name) } },
            oauth = new { authorize_url = authorizeUrl, token_url = tokenUrl, scopes },
        });
        Assert.True(made.StatusCode == HttpStatusCode.Created, await made.Content.ReadAsStringAsync());
    }

    public static string ToolOf(string name) => name.Replace('_', '-') + "-tool";

    /// <summary>Leaves for the provider: the address the browser is sent to.</summary>
    public async Task<Uri> LeaveAsync(string name = Name)
    {
        var ticket = App.Get<OneTimeTickets>().Issue(Actor, new ConnectTicket(Ws, name));
        using var left = await Browser.GetAsync("/ui/oauth/start?ticket=" + Uri.EscapeDataString(ticket));
        Assert.Equal(HttpStatusCode.Redirect, left.StatusCode);
        return left.Headers.Location!;
    }

    /// <summary>What the provider answers the browser with: the way back.</summary>
    public static async Task<Uri> AtProviderAsync(Uri provider)
    {
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var answer = await browser.GetAsync(provider);
        Assert.True(answer.Headers.Location is not null, $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return answer.Headers.Location;
    }

    /// <summary>Comes back: where the app sends the browser then, such as <c>…/connect?result=connected</c>.</summary>
    public async Task<string> ReturnAsync(Uri callback, HttpClient? browser = null)
    {
        using var back = await (browser ?? Browser).GetAsync(callback.PathAndQuery);
        Assert.True(back.StatusCode == HttpStatusCode.Redirect, $"{(int)back.StatusCode} {await back.Content.ReadAsStringAsync()}");
        return back.Headers.Location!.ToString();
    }

    /// <summary>The whole way; the word for how it ended.</summary>
    public async Task<string> ConnectAsync(string name = Name) => ResultOf(await ReturnAsync(await AtProviderAsync(await LeaveAsync(name))));

    public static string ResultOf(string location) => HttpUtility.ParseQueryString(new Uri(new Uri("http://x"), location).Query) is var q && (q["result"] ?? "failed page: " + q["reason"]) is { } word ? word : "";

    public async Task<(HttpStatusCode Status, string Body)> CallAsync(string path = "/me", string name = Name, HttpContent? body = null, HttpClient? api = null)
    {
        using var mine = api is null ? App.Api() : null;
        var address = $"/broker/{Ws}/{ToolOf(name)}{path}";
        using var answer = body is null ? await (api ?? mine!).GetAsync(address) : await (api ?? mine!).PostAsync(address, body);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public async Task<Credential> CredentialAsync(string name = Name)
    {
        await using var db = await App.DbAsync();
        var workspace = await db.Workspaces.Where(w => w.Slug == Ws).Select(w => w.Id).SingleAsync();
        return await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.WorkspaceId == workspace && c.Name == name);
    }

    public async Task<TokenGrant> GrantAsync(string name = Name)
    {
        var id = (await CredentialAsync(name)).Id;
        await using var db = await App.DbAsync();
        return await db.TokenGrants.AsNoTracking().SingleAsync(g => g.CredentialId == id);
    }

    /// <summary>Changes rows as the app does, with a new stamp.</summary>
    public async Task ChangeAsync(Func<AdminDb, Credential, TokenGrant, Task> change, string name = Name)
    {
        var id = (await CredentialAsync(name)).Id;
        await using var db = await App.DbAsync();
        await using var write = await db.BeginWriteAsync(default);
        var credential = await db.Credentials.Include(c => c.Versions).SingleAsync(c => c.Id == id);
        await change(db, credential, await db.TokenGrants.SingleAsync(g => g.CredentialId == id));
        credential.Touch();
        await write.CommitAsync(default);
    }

    /// <summary>The access token in use has ended, as far as the app knows.</summary>
    public Task EndTokenAsync(string name = Name) => ChangeAsync((_, credential, _) =>
    {
        credential.Active!.ExpiresAt = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        return Task.CompletedTask;
    }, name);

    public async Task<List<JsonElement>> NotificationsAsync(string kind)
    {
        using var api = App.Api();
        var page = await api.GetFromJsonAsync<JsonElement>($"/api/v1/notifications?workspace={Ws}&limit=100");
        return [.. page.GetProperty("data").EnumerateArray().Where(n => n.GetProperty("kind").GetString() == kind)];
    }

    public async ValueTask DisposeAsync()
    {
        Browser.Dispose();
        await App.DisposeAsync();
    }
}
