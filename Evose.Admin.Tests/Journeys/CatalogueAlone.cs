using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Journeys;

/// <summary>Real SDKs and curl through the broker, where nothing but the catalogue's record and a key was given: no host, header or URL was typed.</summary>
public sealed class CatalogueAlone : IAsyncLifetime
{
    private const string Value = "sk-alive-0123456789abcdef";

    private Upstream _upstream = null!;
    private AdminApp _app = null!;
    private HttpClient _api = null!;

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync(ProviderDialects.AnswerAsync);
        _app = new AdminApp(ProviderDialects.Settings(_upstream));
        _api = _app.Api();
        await Given.WorkspaceAsync(_app, "cs");
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _app.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    // As automation would: the record says everything.
    private async Task<string> FromRecordAsync(string provider)
    {
        var record = await _api.GetFromJsonAsync<JsonElement>("/api/v1/providers/" + provider);
        var name = provider + "_prod";
        using var registered = await _api.PostAsJsonAsync("/api/v1/workspaces/cs/credentials", new { name, type = record.GetProperty("type").GetString(), fields = new { value = Value }, provider, verify = true });
        var credential = await registered.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(registered.StatusCode == HttpStatusCode.Created, credential.ToString());
        Assert.Equal("alive", credential.GetProperty("verify").GetProperty("result").GetString());

        var headers = record.GetProperty("headers").EnumerateObject().ToDictionary(h => h.Name, h => h.Value.GetString()!);
        foreach (var input in record.GetProperty("inputs").EnumerateArray().Where(i => i.GetProperty("place").GetString() == "header"))
            headers[input.GetProperty("at").GetString()!] = (input.TryGetProperty("format", out var format) ? format.GetString()! : "{}").Replace("{}", $"{{{{credential:{name}}}}}");
        using var tool = await _api.PutAsJsonAsync($"/api/v1/workspaces/cs/tools/{provider}", new { base_url = record.GetProperty("base_url").GetString(), headers });
        Assert.True(tool.StatusCode == HttpStatusCode.Created, await tool.Content.ReadAsStringAsync());
        using var scoped = await _api.PatchAsJsonAsync($"/api/v1/workspaces/cs/credentials/{name}", new { scope = new { tools = new[] { provider } } });
        Assert.Equal(HttpStatusCode.OK, scoped.StatusCode);
        return $"{_app.Url}/broker/cs/{provider}";
    }

    private static async Task<string> RunAsync(string program, string[] arguments, Dictionary<string, string>? environment = null, string? directory = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = directory ?? "" };
        foreach (var (name, value) in environment ?? []) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await errors + output);
        return output;
    }

    private static Task<string> NodeAsync(string script, string url) =>
        RunAsync("node", [script], new() { ["BASE_URL"] = url, ["EVOSE_KEY"] = AdminApp.Key }, SdkDirectory(script.Contains("anthropic", StringComparison.Ordinal) ? "@anthropic-ai" : "openai"));

    [Fact]
    public async Task The_npm_openai_package_needs_nothing_but_the_record()
    {
        using var seen = JsonDocument.Parse(await NodeAsync("check.mjs", await FromRecordAsync("openai")));
        Assert.Equal("Hello from upstream", seen.RootElement.GetProperty("completion").GetString());
        Assert.Equal(OpenAiDialect.Words, seen.RootElement.GetProperty("stream").EnumerateArray().Select(w => w.GetString()));
        Assert.Equal(404, seen.RootElement.GetProperty("error").GetProperty("status").GetInt32());
    }

    [Fact]
    public async Task The_npm_anthropic_package_needs_nothing_but_the_record()
    {
        using var seen = JsonDocument.Parse(await NodeAsync("check-anthropic.mjs", await FromRecordAsync("anthropic")));
        Assert.Equal("Hello from Claude", seen.RootElement.GetProperty("completion").GetString());
        Assert.Equal(ProviderDialects.Words, seen.RootElement.GetProperty("stream").EnumerateArray().Select(w => w.GetString()));
        Assert.Equal((404, "not_found_error"), (seen.RootElement.GetProperty("error").GetProperty("status").GetInt32(), seen.RootElement.GetProperty("error").GetProperty("type").GetString()));
        Assert.All(_upstream.Requests, r => Assert.Equal(Value, r.Headers["x-api-key"]));
    }

    [Fact]
    public async Task Curl_needs_nothing_but_the_record()
    {
        var openai = await FromRecordAsync("openai");
        Assert.Contains("\"data\"", await RunAsync("curl", ["-sS", "--fail", "-H", "Authorization: Bearer " + AdminApp.Key, openai + "/models"]));
        // The version header of the record goes along, so the caller needs not know of it.
        var anthropic = await FromRecordAsync("anthropic");
        var answer = await RunAsync("curl", ["-sS", "--fail", "-H", "x-api-key: " + AdminApp.Key, "-H", "Content-Type: application/json", "-d", """{"model":"claude-test","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}""", anthropic + "/v1/messages"]);
        Assert.Contains("Hello from Claude", answer);
        Assert.DoesNotContain(_upstream.Requests, r => r.Headers.Values.Any(v => v.Contains(AdminApp.Key, StringComparison.Ordinal)));
    }

    // The source folder, where ./dev test has installed the packages.
    private static string SdkDirectory(string package)
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var found = Path.Combine(at.FullName, "Evose.Admin.Tests", "Sdk");
            if (Directory.Exists(Path.Combine(found, "node_modules", package))) return found;
        }
        var why = $"npm's {package} package is not installed; run ./dev test, or npm ci in Evose.Admin.Tests/Sdk.";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(why);
        Assert.Skip(why);
        return "";
    }
}
