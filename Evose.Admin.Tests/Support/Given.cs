using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Support;

/// <summary>One app for all tests of a class.</summary>
public sealed class SharedApp : IAsyncDisposable
{
    public AdminApp App { get; } = new();

    public ValueTask DisposeAsync() => App.DisposeAsync();
}

/// <summary>What tests begin with: workspaces, tools, agents, workflows, credentials and recorded calls.</summary>
public static class Given
{
    /// <summary>A name nobody else has.</summary>
    public static string Unique(string prefix) => prefix + "-" + Guid.CreateVersion7().ToString("N")[20..];

    /// <summary>A new workspace; its slug.</summary>
    public static async Task<string> WorkspaceAsync(AdminApp app, string? slug = null)
    {
        slug ??= Unique("ws");
        using var api = app.Api();
        using var answer = await api.PostAsJsonAsync("/api/v1/workspaces", new { name = slug, slug });
        await MustAsync(answer, HttpStatusCode.Created);
        return slug;
    }

    /// <summary>A tool that sends <c>Authorization: Bearer {{credential:…}}</c>, or the headers given.</summary>
    public static Task<Guid> ToolAsync(AdminApp app, string ws, string name, string baseUrl, string? credential = null, Dictionary<string, string>? headers = null, string[]? attached = null)
    {
        headers ??= credential is null ? [] : new() { ["Authorization"] = "Bearer " + Placeholder.Write(credential) };
        return SaveAsync(app, ws, ConsumerKind.Tool, name, new ToolConfig(baseUrl, null, headers, new Dictionary<string, string>(), null) { Attached = attached }, []);
    }

    public static Task<Guid> AgentAsync(AdminApp app, string ws, string name, params Guid[] tools) => SaveAsync(app, ws, ConsumerKind.Agent, name, null, tools);

    public static Task<Guid> WorkflowAsync(AdminApp app, string ws, string name, params Guid[] toolsAndAgents) => SaveAsync(app, ws, ConsumerKind.Workflow, name, null, toolsAndAgents);

    /// <summary>Registers an API key through the REST surface.</summary>
    public static async Task<JsonElement> CredentialAsync(AdminApp app, string ws, string name, string value = "s3cret-value-0001", string[]? tools = null, string[]? agents = null, string[]? workflows = null, string[]? hosts = null)
    {
        using var api = app.Api();
        var body = new Dictionary<string, object?>
        {
            ["name"] = name,
            ["type"] = "api_key",
            ["fields"] = new { value },
            ["scope"] = new { tools = tools ?? [], agents = agents ?? [], workflows = workflows ?? [] },
        };
        if (hosts is not null) body["allowed_hosts"] = hosts;
        using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials", body);
        await MustAsync(answer, HttpStatusCode.Created);
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>A row written and sealed as the app does it.</summary>
    private static async Task<Guid> SaveAsync(AdminApp app, string ws, ConsumerKind kind, string name, ToolConfig? config, Guid[] uses)
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var db = await app.DbAsync();
        await using var write = await db.BeginWriteAsync(default);
        var workspace = await db.Workspaces.SingleAsync(w => w.Slug == ws);
        var consumer = new Consumer(Guid.CreateVersion7(now), workspace.Id, kind, name, now) { Config = config };
        consumer.PolicyMac = PolicySeal.Of(app.Get<SecretVault>(), consumer, uses);
        db.Consumers.Add(consumer);
        foreach (var to in uses) db.ConsumerLinks.Add(new ConsumerLink { FromId = consumer.Id, ToId = to });
        foreach (var (place, text) in config?.Templates() ?? [])
        {
            if (!SecretTemplate.TryParse(text, out var template, out _)) continue;
            foreach (var credential in template.Placeholders.Select(p => p.Name).Distinct())
                db.References.Add(new Reference { WorkspaceId = workspace.Id, ToolId = consumer.Id, CredentialName = credential, Place = place });
        }
        AuditTrail.Append(db, now, Actor.Job("test"), AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true));
        await write.CommitAsync(default);
        return consumer.Id;
    }

    /// <summary>A call as the broker records it, at any time; completed unless <paramref name="outcome"/> is null.</summary>
    public static async Task CallAsync(AdminApp app, string ws, Guid credentialId, string credential, DateTimeOffset at, CallOutcome? outcome = CallOutcome.Succeeded,
        int version = 1, string tool = "crm", string? agent = null, string? user = null, int? status = 200)
    {
        var snapshot = await app.Get<CredentialCatalog>().RefreshAsync(default);
        var refused = outcome == CallOutcome.Refused;
        var ledger = app.Get<UsageLedger>();
        var entry = new CallEntry
        {
            Id = Guid.CreateVersion7(at),
            At = at,
            Stamp = snapshot.Stamp,
            WorkspaceId = snapshot.Workspaces[ws].Id,
            Tool = tool,
            Agent = agent,
            UserId = user,
            ApiKey = "bootstrap",
            Method = "GET",
            Host = "api.example.test",
            Path = "/v1/things",
            Refused = refused,
            Rule = refused ? "scope_tool" : "granted_tool",
            RequestId = Guid.CreateVersion7(at).ToString("N"),
            Uses = [new VersionUse(credentialId, credential, refused ? 0 : version)],
        };
        var answer = await ledger.AuthorizeAsync(entry);
        Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
        if (refused || outcome is not { } end) return;
        ledger.Complete(entry, answer.FirstSeq, status, 12_345, end, null);
        await UntilAsync(async () =>
        {
            await using var db = await app.DbAsync();
            return await db.CallCompletions.AnyAsync(c => c.CallSeq == answer.FirstSeq);
        });
    }

    /// <summary>Waits for a thing to be so, at most a minute.</summary>
    public static async Task UntilAsync(Func<Task<bool>> so)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!await so())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromMinutes(1), "it did not become so in a minute");
            await Task.Delay(20);
        }
    }

    private static async Task MustAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        if (answer.StatusCode != status) Assert.Fail($"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
    }
}
