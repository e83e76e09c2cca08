using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Channels;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;

namespace Evose.Admin.Tests.Features.Channels;

/// <summary>An app on a clock of the test's, with one workspace, and a receiver that answers as the test says.</summary>
internal sealed class ChannelWorld : IAsyncDisposable
{
    public const string Ws = "sales";
    public const string Secret = "a-signing-secret-of-the-test";
    public static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private ChannelWorld(AdminApp app, FakeTimeProvider clock, Upstream receiver, HttpClient api, Workspace workspace) => (App, Clock, Receiver, Api, Workspace) = (app, clock, receiver, api, workspace);

    public AdminApp App { get; }

    public FakeTimeProvider Clock { get; }

    public Upstream Receiver { get; }

    public HttpClient Api { get; }

    public Workspace Workspace { get; }

    /// <summary>What the receiver answers next; without any, 200.</summary>
    public ConcurrentQueue<(int Status, string Body)> Answers { get; } = new();

    /// <summary>The answer when there is nothing in the queue.</summary>
    public (int Status, string Body) Usual { get; set; } = (200, "ok");

    /// <summary>Held open until the test says so.</summary>
    public TaskCompletionSource? Gate { get; set; }

    public DeliverNotificationsJob Job => App.Get<DeliverNotificationsJob>();

    public static readonly Dictionary<string, string?> Settings = new()
    {
        // By themselves jobs run once a day, which is never here: the tests say when.
        ["Notifications:ScanInterval"] = "1.00:00:00", ["Notifications:DeliverInterval"] = "1.00:00:00", ["Rotation:SweepInterval"] = "1.00:00:00",
        ["Notifications:PublicUrl"] = "https://evose.example.test",
    };

    public static async Task<ChannelWorld> StartAsync(Dictionary<string, string?>? settings = null, Action<IServiceCollection>? services = null)
    {
        var clock = new FakeTimeProvider(Start);
        ChannelWorld? world = null;
        var receiver = await Upstream.StartAsync(async (context, _) =>
        {
            if (world!.Gate is { } gate) await gate.Task.WaitAsync(TimeSpan.FromMinutes(1));
            var (status, body) = world.Answers.TryDequeue(out var next) ? next : world.Usual;
            context.Response.StatusCode = status;
            if (status is >= 300 and < 400) context.Response.Headers.Location = world.Receiver.Url + "/elsewhere";
            await context.Response.WriteAsync(body);
        });
        var all = new Dictionary<string, string?>(Settings);
        foreach (var (key, value) in settings ?? []) all[key] = value;
        var app = new AdminApp(all, services: s =>
        {
            s.Replace(ServiceDescriptor.Singleton<TimeProvider>(clock));
            services?.Invoke(s);
        });
        var workspace = await app.WorkspaceAsync(Ws);
        world = new ChannelWorld(app, clock, receiver, app.Api(), workspace);
        return world;
    }

    public async Task<Guid> ChannelAsync(string kind = "webhook", string? path = null, object? more = null, string? secret = Secret, string? workspace = Ws)
    {
        var body = new Dictionary<string, object?> { ["kind"] = kind, ["workspace"] = workspace, ["name"] = $"{kind} of the test" };
        if (kind != "email") body["url"] = Receiver.Url + (path ?? "/hook/0123456789abcdef");
        if (kind is not ("slack" or "email") && secret is not null) body["secret"] = secret;
        foreach (var p in more is null ? [] : JsonSerializer.SerializeToElement(more).EnumerateObject().ToList()) body[p.Name] = p.Value;
        using var answer = await Api.PostAsJsonAsync("/api/v1/webhooks", body);
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();
    }

    public async Task<Guid> RaiseAsync(string key, NotificationKind kind = NotificationKind.JobFailed, Guid? workspace = null, bool organization = false, string? title = null, IReadOnlyDictionary<string, string>? facts = null)
    {
        await using var db = await App.Dbs().CreateDbContextAsync();
        await using var write = await db.BeginWriteAsync(default);
        var now = Clock.GetUtcNow();
        var told = new Notification
        {
            Id = Guid.CreateVersion7(now), WorkspaceId = organization ? null : workspace ?? Workspace.Id, Kind = kind, Key = key, Title = title ?? key, Body = $"The body of {key}.", Url = "/notifications", CreatedAt = now,
            Facts = facts ?? new Dictionary<string, string>(),
        };
        Assert.True(await NotificationOutbox.RaiseAsync(db, told, default));
        await write.CommitAsync(default);
        return told.Id;
    }

    public Task<int> DeliverAsync() => Job.RunAsync(CancellationToken.None);

    /// <summary>The deliveries of all channels, in the order of their queues.</summary>
    public async Task<List<Delivery>> DeliveriesAsync()
    {
        await using var db = await App.Dbs().CreateDbContextAsync();
        return await db.Deliveries.AsNoTracking().OrderBy(d => d.ChannelId).ThenBy(d => d.Number).ToListAsync();
    }

    public IReadOnlyList<string> Titles => [.. Receiver.Requests.Select(r => JsonDocument.Parse(r.Body).RootElement.GetProperty("data").GetProperty("title").GetString()!)];

    public async ValueTask DisposeAsync()
    {
        Gate?.TrySetResult();
        Api.Dispose();
        await App.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}
