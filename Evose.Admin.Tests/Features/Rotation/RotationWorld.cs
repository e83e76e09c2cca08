using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Evose.Admin.Tests.Features.Rotation;

/// <summary>An app with a workspace, and credentials in use through tools that send them to an upstream. The sweep runs only when a test runs it.</summary>
public sealed class RotationWorld : IAsyncDisposable
{
    public const string Ws = "cs";
    public const string Name = "svc_prod";
    public const string Tool = "svc";

    private readonly string? _directory;

    private RotationWorld(AdminApp app, FakeTimeProvider? clock, string? directory)
    {
        (App, Clock, _directory, Api) = (app, clock, directory, app.Api());
        Api.Timeout = TimeSpan.FromMinutes(2);
    }

    public AdminApp App { get; private set; }

    public HttpClient Api { get; private set; }

    public FakeTimeProvider? Clock { get; }

    public static async Task<RotationWorld> StartAsync(bool fakeClock = false, Dictionary<string, string?>? settings = null)
    {
        var clock = fakeClock ? new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 8, 0, 0, TimeSpan.Zero)) : null;
        var directory = Directory.CreateTempSubdirectory("evose-rotation-").FullName;
        var world = new RotationWorld(Open(directory, clock, settings), clock, directory);
        (await world.Api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Customer Service", slug = Ws })).EnsureSuccessStatusCode();
        return world;
    }

    /// <summary>Stops the app and starts it again on the same data, at the same moment.</summary>
    public async Task RestartAsync()
    {
        Api.Dispose();
        await App.DisposeAsync();
        App = Open(_directory!, Clock, null);
        Api = App.Api();
    }

    private static AdminApp Open(string directory, FakeTimeProvider? clock, Dictionary<string, string?>? settings)
    {
        var all = new Dictionary<string, string?>(settings ?? []) { ["Rotation:SweepInterval"] = "1.00:00:00" };
        return new AdminApp(all, directory, clock is null ? null : s => s.AddSingleton<TimeProvider>(clock));
    }

    /// <summary>A credential with version 1 in use, and a tool that sends it in two headers, so that a call with two versions would show.</summary>
    public async Task SeedAsync(string upstream, string value, string name = Name, string tool = Tool, CredentialType type = CredentialType.ApiKey)
    {
        var vault = App.Get<SecretVault>();
        var now = App.Get<TimeProvider>().GetUtcNow();
        await using var db = Db();
        await using var write = await db.BeginWriteAsync(CancellationToken.None);
        var ws = await db.Workspaces.SingleAsync(w => w.Slug == Ws);
        var consumer = new Consumer(Guid.CreateVersion7(now), ws.Id, ConsumerKind.Tool, tool, now)
        {
            Config = new ToolConfig(upstream, null, new Dictionary<string, string> { ["X-Key"] = $"{{{{credential:{name}}}}}", ["X-Key-Again"] = $"{{{{credential:{name}}}}}" }, new Dictionary<string, string>(), null),
        };
        consumer.PolicyMac = PolicySeal.Of(vault, consumer, []);
        db.Consumers.Add(consumer);
        db.References.Add(new Reference { WorkspaceId = ws.Id, ToolId = consumer.Id, CredentialName = name, Place = "headers.X-Key" });
        AuditTrail.Append(db, now, Actor.Job("seed"), AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true));
        await db.SaveChangesAsync();

        var credential = Credential.Register(Guid.CreateVersion7(now), ws.Id, name, type, now);
        using var plain = Plaintext.CopyOf(Encoding.UTF8.GetBytes(value));
        credential.AddVersion(Guid.CreateVersion7(now), vault.Seal(new SecretAddress(ws.Id, credential.Id, 1), new Dictionary<string, Plaintext> { ["value"] = plain }), vault.Fingerprint(plain), "seed", now);
        credential.Promote(now);
        credential.ChangePolicy([new ScopeMember { CredentialId = credential.Id, ConsumerId = consumer.Id, Kind = ConsumerKind.Tool }],
            DestinationPolicy.Normalize([new Uri(upstream).Authority]).Value!, c => PolicySeal.Of(vault, c));
        db.Credentials.Add(credential);
        AuditTrail.Append(db, now, Actor.Job("seed"), AuditAction.CredentialRegistered, AuditSubject.Credential(credential, policy: true));
        await write.CommitAsync(CancellationToken.None);
    }

    public AdminDb Db() => App.Get<IDbContextFactory<AdminDb>>().CreateDbContext();

    public Task<int> SweepAsync() => App.Get<RetireOverdueJob>().RunAsync(CancellationToken.None);

    public async Task<Actor> AdminAsync()
    {
        await using var db = Db();
        var admin = await db.Users.SingleAsync();
        return new Actor(ActorKind.User, admin.Id, admin.Email!);
    }

    public async Task<Credential> CredentialAsync(string name = Name)
    {
        await using var db = Db();
        return await db.Credentials.AsNoTracking().Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == name);
    }

    public async Task<List<AuditAction>> AuditAsync(Guid credentialId)
    {
        await using var db = Db();
        return await db.AuditEvents.Where(e => e.CredentialId == credentialId && e.Action >= AuditAction.RotationStarted && e.Action <= AuditAction.RotationHeld).OrderBy(e => e.Seq).Select(e => e.Action).ToListAsync();
    }

    public Task<Answer> StartAsync(string value, bool skip = true, string name = Name) => PostAsync("", new { fields = new { value }, skip_verify = skip, skip_verify_reason = skip ? "tested by hand" : null }, name);

    public Task<Answer> PostAsync(string move, object? body = null, string name = Name) => SendAsync(HttpMethod.Post, move, body, name);

    public Task<Answer> DiscardAsync(string name = Name) => SendAsync(HttpMethod.Delete, "", null, name);

    public Task<Answer> GetAsync(string name = Name) => SendAsync(HttpMethod.Get, "", null, name);

    public async Task<Answer> SendAsync(HttpMethod method, string move, object? body, string name = Name)
    {
        using var request = new HttpRequestMessage(method, $"/api/v1/workspaces/{Ws}/credentials/{name}/rotation{move}") { Content = body is null ? null : JsonContent.Create(body) };
        using var response = await Api.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new Answer(response.StatusCode, JsonDocument.Parse(text).RootElement.Clone(), text);
    }

    /// <summary>One call through the broker: the status, and what the upstream says it saw.</summary>
    public async Task<(HttpStatusCode Status, string Body)> CallAsync(string path = "/echo", string tool = Tool)
    {
        using var response = await Api.GetAsync($"/broker/{Ws}/{tool}{path}");
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await App.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        for (var attempt = 1; _directory is not null && Directory.Exists(_directory); attempt++)
        {
            try
            {
                DataFolder.Delete(_directory);
            }
            catch (IOException) when (attempt < 20)
            {
                // A file came in while the directory was being emptied.
                await Task.Delay(50);
            }
        }
    }
}

/// <summary>An answer of the rotation's REST surface.</summary>
public sealed record Answer(HttpStatusCode Status, JsonElement Json, string Text)
{
    public string? State => Json.TryGetProperty("state", out var s) ? s.GetString() : Json.GetProperty("error").GetProperty("details").TryGetProperty("state", out s) ? s.GetString() : null;

    public int? Number(string name) => Json.GetProperty(name) is { ValueKind: JsonValueKind.Number } n ? n.GetInt32() : null;

    public string[] Holds => [.. (Json.TryGetProperty("holds", out var h) ? h : Json.GetProperty("error").GetProperty("details").GetProperty("holds")).EnumerateArray().Select(x => x.GetString()!)];

    public Answer Expect(HttpStatusCode status, string? state = null)
    {
        Assert.True(status == Status, $"expected {(int)status}, was {(int)Status}: {Text}");
        if (state is not null) Assert.Equal(state, State);
        return this;
    }
}
