using System.Net.Http.Json;

namespace Evose.Admin.Tests.Support;

/// <summary>What a journey begins with, made through the REST surface alone, as automation would; works against an app in another process.</summary>
public static class GivenRemote
{
    public const string Value = "sk-first-value-0123456789abcdef";

    /// <summary>Workspace <c>cs</c>, tool <c>gpt-call</c> that points to the upstream, agent <c>cs-pro</c>, credential <c>openai_prod</c> scoped to both.</summary>
    public static async Task CredentialInUseAsync(HttpClient api, Upstream upstream, string value = Value)
    {
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Customer Service", slug = "cs" }));
        await OkAsync(api.PostAsJsonAsync("/api/v1/workspaces/cs/credentials", new { name = "openai_prod", type = "api_key", fields = new { value }, allowed_hosts = new[] { new Uri(upstream.Url).Authority } }));
        await OkAsync(api.PutAsJsonAsync("/api/v1/workspaces/cs/tools/gpt-call", new { kind = "http", base_url = upstream.Url + "/v1", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:openai_prod}}" } }));
        await OkAsync(api.PutAsJsonAsync("/api/v1/workspaces/cs/agents/cs-pro", new { tools = new[] { "gpt-call" } }));
        await OkAsync(api.PatchAsJsonAsync("/api/v1/workspaces/cs/credentials/openai_prod", new { scope = new { tools = new[] { "gpt-call" }, agents = new[] { "cs-pro" } } }));
    }

    public static async Task OkAsync(Task<HttpResponseMessage> sending)
    {
        using var answer = await sending;
        Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode} {answer.RequestMessage?.RequestUri?.AbsolutePath}: {await answer.Content.ReadAsStringAsync()}");
    }
}
