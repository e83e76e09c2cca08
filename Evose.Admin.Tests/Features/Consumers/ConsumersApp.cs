using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Features.Consumers;

/// <summary>One app for all tests of this slice; every test makes its own workspace.</summary>
public sealed class ConsumersApp : IAsyncDisposable
{
    public AdminApp App { get; } = new();

    public ValueTask DisposeAsync() => App.DisposeAsync();
}

[CollectionDefinition(Name)]
public sealed class ConsumersCollection : ICollectionFixture<ConsumersApp>
{
    public const string Name = "consumers";
}

/// <summary>A workspace and a client that speaks to it.</summary>
internal sealed class Place(HttpClient api, Workspace workspace) : IDisposable
{
    public Workspace Workspace { get; } = workspace;

    public string Ws => Workspace.Slug;

    public static async Task<Place> MakeAsync(AdminApp app) => new(app.Api(), await app.WorkspaceAsync());

    public string Url(string path) => $"/api/v1/workspaces/{Ws}/{path}";

    public async Task<(HttpStatusCode Status, JsonElement Json, string Text)> PutAsync(string path, object body)
    {
        using var content = body is string text ? new StringContent(text, System.Text.Encoding.UTF8, "application/json") : (HttpContent)JsonContent.Create(body);
        return await ReadAsync(await api.PutAsync(Url(path), content));
    }

    public async Task<(HttpStatusCode Status, JsonElement Json, string Text)> GetAsync(string path) => await ReadAsync(await api.GetAsync(Url(path)));

    public async Task<(HttpStatusCode Status, JsonElement Json, string Text)> DeleteAsync(string path) => await ReadAsync(await api.DeleteAsync(Url(path)));

    /// <summary>Saves a tool that must be accepted.</summary>
    public async Task<JsonElement> ToolAsync(string name, params (string Name, string Value)[] headers)
    {
        var (status, json, text) = await PutAsync($"tools/{name}", new { kind = "http", base_url = "https://api.service.test/v1", headers = headers.ToDictionary(h => h.Name, h => h.Value) });
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.Created, text);
        return json;
    }

    public async Task SaveAsync(string path, object body)
    {
        var (status, _, text) = await PutAsync(path, body);
        Assert.True(status is HttpStatusCode.OK or HttpStatusCode.Created, text);
    }

    public void Dispose() => api.Dispose();

    private static async Task<(HttpStatusCode, JsonElement, string)> ReadAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement, text);
    }
}
