using System.Net;
using System.Net.Sockets;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Rotation;

public sealed class VerifyTests : IAsyncLifetime
{
    private const string Canary = "canary-7f3a-pending-value";

    private RotationWorld _world = null!;
    private Upstream _upstream = null!;

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync(async (context, seen) =>
        {
            if (seen.Path == "/slow") await Task.Delay(TimeSpan.FromSeconds(30), context.RequestAborted);
            context.Response.StatusCode = int.Parse(seen.Path.Trim('/'));
            await context.Response.WriteAsync("echo " + seen.Headers["X-Key"], context.RequestAborted);
        });
        _world = await RotationWorld.StartAsync(settings: new() { ["Providers:ProbeTimeout"] = "00:00:01" });
        await _world.SeedAsync(_upstream.Url, "key-one");
        (await _world.StartAsync(Canary, skip: false)).Expect(HttpStatusCode.Created);
    }

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    private async Task<string> VerifyAsync(string path, string? tool = null) =>
        (await _world.PostAsync("/verify", new { path, tool })).Expect(HttpStatusCode.OK, "pending").Json.GetProperty("verify").GetProperty("result").GetString()!;

    [Fact]
    public async Task Tells_what_the_upstream_says_and_keeps_the_value_out_of_everything()
    {
        foreach (var (path, result) in new[] { ("/200", "alive"), ("/204", "alive"), ("/302", "unclear"), ("/401", "dead"), ("/403", "lacks_permission"), ("/404", "unclear"), ("/429", "unclear"), ("/500", "unclear"), ("/slow", "unclear") })
            Assert.Equal(result, await VerifyAsync(path));
        Assert.Equal(9, _upstream.Requests.Count(r => r.Headers["X-Key"] == Canary));

        var credential = await _world.CredentialAsync();
        await PollAsync(async () => { await using var open = _world.Db(); return await open.CallCompletions.CountAsync() == 9; });
        await using var db = _world.Db();
        var calls = await db.Calls.AsNoTracking().OrderBy(c => c.Seq).ToListAsync();
        Assert.All(calls, c => Assert.Equal((Prober.Rule, 2, RotationWorld.Tool, false), (c.Rule, c.Version, c.Tool, c.Refused)));
        Assert.Equal("timeout", (await db.CallCompletions.OrderBy(c => c.Position).LastAsync()).Reason);
        var kept = string.Join('\n', [
            credential.Pending!.VerifyNote,
            .. await db.AuditEvents.Select(e => e.Detail ?? "").ToListAsync(),
            .. calls.Select(c => c.Path + c.Host + c.Rule),
            .. _world.App.Log.Lines]);
        Assert.DoesNotContain(Canary, kept);
        Assert.DoesNotContain("echo", credential.Pending.VerifyNote);
    }

    [Fact]
    public async Task A_refused_value_never_goes_live_and_an_unclear_one_needs_a_reason()
    {
        Assert.Equal("dead", await VerifyAsync("/401"));
        (await _world.PostAsync("/promote")).Expect(HttpStatusCode.Conflict, "pending");
        var actor = await _world.AdminAsync();
        var skip = _world.App.Get<SkipVerification>();
        Assert.NotNull((await skip.ExecuteAsync(actor, "cs", RotationWorld.Name, new("I know better"), CancellationToken.None)).Problem);
        Assert.Equal("unclear", await VerifyAsync("/500"));
        (await _world.PostAsync("/promote")).Expect(HttpStatusCode.Conflict, "pending");
        Assert.NotNull((await skip.ExecuteAsync(actor, "cs", RotationWorld.Name, new(" "), CancellationToken.None)).Problem);
        Assert.Null((await skip.ExecuteAsync(actor, "cs", RotationWorld.Name, new("the provider has an outage"), CancellationToken.None)).Problem);
        (await _world.PostAsync("/promote")).Expect(HttpStatusCode.OK, "grace");
    }

    [Fact]
    public async Task Nobody_to_ask_through_a_closed_port_and_a_host_that_is_not_allowed_are_unclear()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        await _world.SeedAsync($"http://127.0.0.1:{port}", "key-three", "closed_prod", "closed");
        await _world.StartAsync("key-four", skip: false, name: "closed_prod");
        var refused = (await _world.PostAsync("/verify", null, "closed_prod")).Expect(HttpStatusCode.OK).Json.GetProperty("verify");
        Assert.Equal("unclear", refused.GetProperty("result").GetString());
        Assert.Contains("did not accept a connection", refused.GetProperty("note").GetString());

        await using (var db = _world.Db())
        {
            await using var write = await db.BeginWriteAsync(CancellationToken.None);
            var tool = await db.Consumers.SingleAsync(c => c.Name == RotationWorld.Tool);
            tool.DeletedAt = tool.CreatedAt;
            await write.CommitAsync(CancellationToken.None);
        }
        var before = _upstream.Requests.Count;
        var nobody = (await _world.PostAsync("/verify")).Expect(HttpStatusCode.OK).Json.GetProperty("verify");
        Assert.Equal(("unclear", ToolCheck.NobodyAsks), (nobody.GetProperty("result").GetString(), nobody.GetProperty("note").GetString()));
        Assert.Equal(before, _upstream.Requests.Count);
    }

    [Fact]
    public async Task A_cancelled_check_is_completed_and_changes_nothing()
    {
        using var cancel = new CancellationTokenSource();
        var actor = await _world.AdminAsync();
        var check = _world.App.Get<VerifyPending>().ExecuteAsync(actor, "cs", RotationWorld.Name, new(null, "/slow"), cancel.Token);
        await PollAsync(() => Task.FromResult(_upstream.Requests.Any(r => r.Path == "/slow")));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => check);
        Assert.Null((await _world.CredentialAsync()).Pending!.Verified);
        await PollAsync(async () => { await using var db = _world.Db(); return await db.CallCompletions.AnyAsync(c => c.Outcome == CallOutcome.Failed && c.Reason == "caller_left"); });
    }

    private static async Task PollAsync(Func<Task<bool>> until)
    {
        for (var deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(1); !await until();)
        {
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, "it did not happen in time");
            await Task.Delay(20);
        }
    }
}
