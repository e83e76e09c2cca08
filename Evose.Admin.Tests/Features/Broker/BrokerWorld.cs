using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>The app with a workspace, a tool that points to a loopback upstream, an agent, and a credential whose value only the upstream should see.</summary>
public sealed class BrokerWorld : IAsyncDisposable
{
    public const string Secret = "sk-canary-7f3e9a1c5b2d8e4f6a0b";

    private BrokerWorld(AdminApp app, Upstream upstream) => (App, Upstream) = (app, upstream);

    public AdminApp App { get; }

    public Upstream Upstream { get; }

    public Guid WorkspaceId { get; private set; }

    public Guid ToolId { get; private set; }

    public Guid AgentId { get; private set; }

    public Guid CredentialId { get; private set; }

    public static async Task<BrokerWorld> StartAsync(Func<Microsoft.AspNetCore.Http.HttpContext, Upstream.Seen, Task>? answer = null, Dictionary<string, string?>? settings = null, string? baseUrl = null, string secret = Secret, Action<Microsoft.Extensions.DependencyInjection.IServiceCollection>? services = null)
    {
        var upstream = await Upstream.StartAsync(answer);
        var world = new BrokerWorld(new AdminApp(settings, services: services), upstream);
        await world.BuildAsync(baseUrl ?? upstream.Url + "/v1", secret);
        return world;
    }

    private async Task BuildAsync(string baseUrl, string secret)
    {
        var vault = App.Get<SecretVault>();
        var now = TimeProvider.System.GetUtcNow();
        await using var db = await DbAsync();
        await using var write = await db.BeginWriteAsync(default);
        var workspace = new Workspace(Guid.CreateVersion7(), "cs", "CS", now);
        var other = new Workspace(Guid.CreateVersion7(), "other", "Other", now);
        db.AddRange(workspace, other);
        WorkspaceId = workspace.Id;
        var tool = Save(db, vault, new Consumer(Guid.CreateVersion7(), workspace.Id, ConsumerKind.Tool, "gpt-call", now)
        {
            Config = new ToolConfig(baseUrl, null, new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:openai_prod}}" }, new Dictionary<string, string>(), null),
        }, []);
        ToolId = tool.Id;
        AgentId = Save(db, vault, new Consumer(Guid.CreateVersion7(), workspace.Id, ConsumerKind.Agent, "cs-pro", now), [tool.Id]).Id;
        Save(db, vault, new Consumer(Guid.CreateVersion7(), workspace.Id, ConsumerKind.Agent, "stranger", now), []);
        var credential = Credential.Register(Guid.CreateVersion7(), workspace.Id, "openai_prod", CredentialType.ApiKey, now);
        CredentialId = credential.Id;
        credential.AddVersion(Guid.CreateVersion7(), Seal(vault, credential, 1, secret), "f", "test", now);
        credential.Promote(now);
        credential.ChangePolicy(
            [new ScopeMember { CredentialId = credential.Id, ConsumerId = tool.Id, Kind = ConsumerKind.Tool }, new ScopeMember { CredentialId = credential.Id, ConsumerId = AgentId, Kind = ConsumerKind.Agent }],
            [new Uri(baseUrl).Authority], c => PolicySeal.Of(vault, c));
        db.Add(credential);
        AuditTrail.Append(db, now, Actor.Job("test"), AuditAction.CredentialRegistered, AuditSubject.Credential(credential, policy: true));
        await write.CommitAsync(default);
    }

    private static Consumer Save(AdminDb db, SecretVault vault, Consumer consumer, Guid[] links)
    {
        foreach (var to in links) db.Add(new ConsumerLink { FromId = consumer.Id, ToId = to });
        consumer.PolicyMac = PolicySeal.Of(vault, consumer, links);
        db.Add(consumer);
        AuditTrail.Append(db, consumer.CreatedAt, Actor.Job("test"), AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true));
        return consumer;
    }

    public static SealedValue Seal(SecretVault vault, Credential credential, int version, string value)
    {
        using var plain = Plaintext.CopyOf(Encoding.UTF8.GetBytes(value));
        return vault.Seal(new SecretAddress(credential.WorkspaceId, credential.Id, version), new Dictionary<string, Plaintext> { [Credential.MainField] = plain });
    }

    public Task<AdminDb> DbAsync() => App.DbAsync();

    /// <summary>Changes the credential inside a write transaction, as a use case does.</summary>
    public async Task ChangeAsync(Action<AdminDb, Credential> change)
    {
        await using var db = await DbAsync();
        await using var write = await db.BeginWriteAsync(default);
        var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).Include(c => c.ScopeMembers).SingleAsync(c => c.Id == CredentialId);
        change(db, credential);
        await write.CommitAsync(default);
    }

    /// <summary>A key of its own; not audited, which is of no concern here.</summary>
    public async Task<string> KeyAsync(string[] scopes, Guid[]? workspaces = null, Guid? agent = null, DateTimeOffset? expires = null)
    {
        var token = ApiKeyToken.Compose([.. Enumerable.Range(0, 32).Select(_ => (byte)Random.Shared.Next(62))]);
        await using var db = await DbAsync();
        db.Add(new ApiKey { Id = Guid.CreateVersion7(), PublicId = token.Substring(4, 12), Hash = App.Get<SecretVault>().ApiKeyHash(token), Name = "k", Scopes = scopes, WorkspaceIds = workspaces, AgentId = agent, ExpiresAt = expires });
        await db.SaveChangesAsync();
        return token;
    }

    public HttpClient Caller(string? key = "", string? agent = "cs-pro")
    {
        var client = App.Api(key);
        if (agent is not null) client.DefaultRequestHeaders.Add("X-Evose-Agent", agent);
        return client;
    }

    /// <summary>The calls recorded so far, oldest first, each with its completion once that has come.</summary>
    public async Task<List<(CallRecord Call, CallCompletion? End)>> CallsAsync(int expected)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await using var db = await DbAsync();
            var calls = await db.Calls.AsNoTracking().OrderBy(c => c.Seq).ToListAsync();
            var ends = await db.CallCompletions.AsNoTracking().ToDictionaryAsync(c => c.CallSeq);
            if (calls.Count >= expected && calls.TrueForAll(c => c.Refused || ends.ContainsKey(c.Seq))) return calls.ConvertAll(c => (c, ends.GetValueOrDefault(c.Seq)));
            if (TimeProvider.System.GetElapsedTime(deadline) > TimeSpan.FromSeconds(10)) Assert.Fail($"{calls.Count} calls, {ends.Count} completed; expected {expected}");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        await Upstream.DisposeAsync();
    }
}
