using System.ClientModel;
using System.ClientModel.Primitives;
using System.Diagnostics;
using System.Text.Json;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using OpenAI;
using OpenAI.Chat;

namespace Evose.Admin.Tests.Journeys;

/// <summary>The SDKs that people use, unmodified but for base URL and key.</summary>
public sealed class RealSdks
{
    private static Task<BrokerWorld> WorldAsync() => BrokerWorld.StartAsync(OpenAiDialect.Answer(() => BrokerWorld.Secret));

    [Fact]
    public async Task The_dotnet_OpenAI_package_completes_streams_and_sees_errors()
    {
        await using var world = await WorldAsync();
        var key = await world.KeyAsync(["tool:invoke"], [world.WorkspaceId], world.AgentId);
        var client = new ChatClient("gpt-test", new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(world.App.Url + "/broker/cs/gpt-call"), RetryPolicy = new ClientRetryPolicy(0) });
        ChatMessage[] messages = [new UserChatMessage("hi")];

        var whole = await client.CompleteChatAsync(messages);
        Assert.Equal("Hello from upstream", whole.Value.Content[0].Text);

        var parts = new List<string>();
        await foreach (var update in client.CompleteChatStreamingAsync(messages)) parts.AddRange(update.ContentUpdate.Select(c => c.Text));
        Assert.Equal(OpenAiDialect.Words, parts);

        var missing = new ChatClient("no-such-model", new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(world.App.Url + "/broker/cs/gpt-call"), RetryPolicy = new ClientRetryPolicy(0) });
        var error = await Assert.ThrowsAsync<ClientResultException>(() => missing.CompleteChatAsync(messages));
        Assert.Equal(404, error.Status);
        Assert.Contains("model_not_found", error.Message);

        var calls = await world.CallsAsync(3);
        Assert.Equal([CallOutcome.Succeeded, CallOutcome.Succeeded, CallOutcome.UpstreamError], calls.Select(c => c.End!.Outcome));
        Assert.All(calls, c => Assert.Equal("cs-pro", c.Call.Agent));
    }

    [Fact]
    public async Task The_npm_openai_package_completes_streams_and_sees_errors()
    {
        await using var world = await WorldAsync();
        var key = await world.KeyAsync(["tool:invoke"], [world.WorkspaceId], world.AgentId);
        var directory = SdkDirectory();
        var start = new ProcessStartInfo("node", "check.mjs") { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["BASE_URL"] = world.App.Url + "/broker/cs/gpt-call";
        start.Environment["EVOSE_KEY"] = key;
        using var node = Process.Start(start)!;
        var errors = node.StandardError.ReadToEndAsync();
        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);

        var seen = JsonDocument.Parse(output).RootElement;
        Assert.Equal("Hello from upstream", seen.GetProperty("completion").GetString());
        Assert.Equal(OpenAiDialect.Words, seen.GetProperty("stream").EnumerateArray().Select(w => w.GetString()));
        Assert.Equal((404, "model_not_found", "NotFoundError"), (seen.GetProperty("error").GetProperty("status").GetInt32(), seen.GetProperty("error").GetProperty("code").GetString(), seen.GetProperty("error").GetProperty("type").GetString()));
        Assert.Equal(3, (await world.CallsAsync(3)).Count);
    }

    // The source folder, where ./dev test has installed the package.
    private static string SdkDirectory()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var found = Path.Combine(at.FullName, "Evose.Admin.Tests", "Sdk");
            if (Directory.Exists(Path.Combine(found, "node_modules", "openai"))) return found;
        }
        const string Why = "npm's openai package is not installed; run ./dev test, or npm ci in Evose.Admin.Tests/Sdk.";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(Why);
        Assert.Skip(Why);
        return "";
    }
}
