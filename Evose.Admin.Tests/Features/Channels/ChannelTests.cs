using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Channels;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Channels;

public sealed class ChannelTests : IAsyncLifetime
{
    private ChannelWorld _world = null!;

    public async ValueTask InitializeAsync() => _world = await ChannelWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Address_and_secret_go_in_and_never_come_out()
    {
        const string Path = "/hook/4f9d2c1b7a6e5d3c";
        var id = await _world.ChannelAsync(path: Path);
        await _world.ChannelAsync("dingtalk", "/robot/send?access_token=77aa66bb55cc44dd");
        _world.Answers.Enqueue((500, $"cannot take it at {Path} with {ChannelWorld.Secret}"));
        using var tested = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/test", null);
        var texts = new List<string> { await tested.Content.ReadAsStringAsync() };
        foreach (var address in new[] { "/api/v1/webhooks", $"/api/v1/webhooks/{id}", $"/api/v1/webhooks/{id}/deliveries", "/api/v1/audit/events?limit=100" }) texts.Add(await _world.Api.GetStringAsync(address));
        texts.AddRange(_world.App.Log.Lines);
        foreach (var text in texts)
            foreach (var secret in new[] { "4f9d2c1b7a6e5d3c", "77aa66bb55cc44dd", ChannelWorld.Secret }) Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", texts[1], StringComparison.Ordinal);
        await using var db = await _world.App.DbAsync();
        foreach (var row in await db.NotificationChannels.AsNoTracking().ToListAsync()) Assert.True(row.SealedUrl!.AsSpan().IndexOf("hook"u8) < 0);
    }

    [Fact]
    public async Task A_test_says_at_once_what_came_back_and_is_in_the_log_and_in_no_inbox()
    {
        var id = await _world.ChannelAsync();
        using var sent = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/test", null);
        var result = await sent.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(result.GetProperty("delivered").GetBoolean());
        Assert.Equal("webhook.test", Assert.Single(_world.Receiver.Requests).Headers["X-Evose-Event"]);
        _world.Answers.Enqueue((500, "broken"));
        using (var failed = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/test", null)) Assert.False((await failed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("delivered").GetBoolean());
        // Tried once, whatever the answer.
        _world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, await _world.DeliverAsync());
        var log = (await _world.Api.GetFromJsonAsync<JsonElement>($"/api/v1/webhooks/{id}/deliveries")).GetProperty("data").EnumerateArray().ToList();
        Assert.Equal([("webhook.test", "failed", 500, "broken"), ("webhook.test", "delivered", 200, "ok")], log.Select(d => (d.GetProperty("event").GetString()!, d.GetProperty("state").GetString()!, d.GetProperty("status").GetInt32(), d.GetProperty("answer").GetString()!)));
        Assert.Equal(0, (await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/notifications")).GetProperty("data").GetArrayLength());
        using var again = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/deliveries/{log[0].GetProperty("id").GetGuid()}/resend", null);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        await using var db = await _world.App.DbAsync();
        Assert.Equal(2, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.ChannelTested));
    }

    [Fact]
    public async Task A_failed_delivery_is_sent_again_by_hand_and_goes_to_the_end_of_the_queue()
    {
        var id = await _world.ChannelAsync();
        await _world.RaiseAsync("one");
        _world.Answers.Enqueue((400, "malformed"));
        Assert.Equal(0, await _world.DeliverAsync());
        var delivery = Assert.Single(await _world.DeliveriesAsync());
        Assert.Equal(DeliveryState.Failed, delivery.State);
        _world.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(0, await _world.DeliverAsync());
        using (var resent = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/deliveries/{delivery.Id}/resend", null)) Assert.Equal(HttpStatusCode.Accepted, resent.StatusCode);
        using (var twice = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/deliveries/{delivery.Id}/resend", null)) Assert.Equal(HttpStatusCode.Conflict, twice.StatusCode);
        using (var never = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/deliveries/{Guid.Empty}/resend", null)) Assert.Equal(HttpStatusCode.NotFound, never.StatusCode);
        Assert.Equal(1, await _world.DeliverAsync());
        Assert.Equal(["one", "one"], _world.Titles);
        await using var db = await _world.App.DbAsync();
        Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.DeliveryResent));
    }

    [Fact]
    public async Task Without_a_secret_a_webhook_gets_one_that_is_shown_once()
    {
        using var added = await _world.Api.PostAsJsonAsync("/api/v1/webhooks", new { workspace = "sales", url = _world.Receiver.Url + "/in/0123456789", standard_headers = true });
        Assert.Equal(HttpStatusCode.Created, added.StatusCode);
        var channel = await added.Content.ReadFromJsonAsync<JsonElement>();
        var secret = channel.GetProperty("signing_secret").GetString()!;
        Assert.StartsWith("whsec_", secret, StringComparison.Ordinal);
        var id = channel.GetProperty("id").GetGuid();
        Assert.DoesNotContain(secret, await _world.Api.GetStringAsync($"/api/v1/webhooks/{id}"), StringComparison.Ordinal);
        using (await _world.Api.PostAsync($"/api/v1/webhooks/{id}/test", null))
        {
            var seen = Assert.Single(_world.Receiver.Requests);
            using var mac = new System.Security.Cryptography.HMACSHA256(System.Text.Encoding.UTF8.GetBytes(secret));
            Assert.Equal("sha256=" + Convert.ToHexStringLower(mac.ComputeHash(System.Text.Encoding.UTF8.GetBytes(seen.Body))), seen.Headers["X-Evose-Signature"]);
        }
        using var removed = await _world.Api.DeleteAsync($"/api/v1/webhooks/{id}");
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _world.Api.GetAsync($"/api/v1/webhooks/{id}")).StatusCode);
        Assert.Empty(await _world.DeliveriesAsync());
    }

    [Theory]
    [InlineData("kind", """{"kind":"pigeon"}""")]
    [InlineData("url", """{"kind":"webhook"}""")]
    [InlineData("url", """{"kind":"email","url":"https://example.test/x"}""", true)]
    [InlineData("secret", """{"url":"https://example.test/x","secret":"short"}""")]
    [InlineData("secret", """{"url":"https://example.test/x","secret":"a long one with blanks in it"}""")]
    [InlineData("secret", """{"url":"https://example.test/x","secret":"not-one-of-standard-webhooks","standard_headers":true}""")]
    [InlineData("secret", """{"kind":"slack","url":"https://example.test/x","secret":"a-long-secret-for-slack"}""")]
    [InlineData("standard_headers", """{"kind":"slack","url":"https://example.test/x","standard_headers":true}""")]
    [InlineData("recipients", """{"url":"https://example.test/x","recipients":["a@example.test"]}""")]
    [InlineData("recipients", """{"kind":"email","recipients":["Ann <ann@example.test>"]}""", true)]
    [InlineData("recipients", """{"kind":"email","recipients":["a@example.test\r\nBcc: b@example.test"]}""", true)]
    [InlineData("events", """{"url":"https://example.test/x","events":["no_such_event"]}""")]
    [InlineData("min_severity", """{"url":"https://example.test/x","min_severity":"loud"}""")]
    [InlineData("language", """{"url":"https://example.test/x","language":"tlh"}""")]
    [InlineData("name", """{"url":"https://example.test/x","name":"a\u0007b"}""")]
    public async Task What_cannot_be_a_channel_is_refused_by_name(string field, string body, bool mail = false)
    {
        await using var world = mail ? await ChannelWorld.StartAsync(new() { ["Smtp:Host"] = "127.0.0.1", ["Smtp:From"] = "evose@example.test" }) : null;
        var api = (world ?? _world).Api;
        using var answer = await api.PostAsync("/api/v1/webhooks", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        var said = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((HttpStatusCode.UnprocessableEntity, field), (answer.StatusCode, said.GetProperty("error").GetProperty("details").GetProperty("field").GetString()));
    }

    [Fact]
    public async Task A_change_keeps_what_it_does_not_name_address_and_secret_too()
    {
        var id = await _world.ChannelAsync(path: "/hook/first", more: new { events = new[] { "expired" }, min_severity = "warning", language = "zh" });
        var changed = await ChangeAsync(id, new { name = "Night watch" });
        Assert.Equal(("Night watch", "expired", "warning", "zh", true, 2), (changed.GetProperty("name").GetString(), changed.GetProperty("events")[0].GetString(), changed.GetProperty("min_severity").GetString(), changed.GetProperty("language").GetString(),
            changed.GetProperty("signed").GetBoolean(), changed.GetProperty("revision").GetInt32()));
        await TestedAsync(id, "/hook/first", ChannelWorld.Secret);
        changed = await ChangeAsync(id, new { events = (string[]?)null, min_severity = "info" });
        Assert.Equal((0, "info", "Night watch"), (changed.GetProperty("events").GetArrayLength(), changed.GetProperty("min_severity").GetString(), changed.GetProperty("name").GetString()));
        await ChangeAsync(id, new { url = _world.Receiver.Url + "/hook/second" });
        await TestedAsync(id, "/hook/second", ChannelWorld.Secret);
        await ChangeAsync(id, new { secret = "another-signing-secret" });
        await TestedAsync(id, "/hook/second", "another-signing-secret");
        await using var db = await _world.App.DbAsync();
        var trail = await db.AuditEvents.AsNoTracking().Where(e => e.Action == AuditAction.ChannelChanged).OrderBy(e => e.Seq).Select(e => e.Detail!).ToListAsync();
        Assert.Equal(4, trail.Count);
        Assert.Equal([false, false, true, false], trail.Select(t => t.Contains("address entered", StringComparison.Ordinal)));
        Assert.Equal([false, false, false, true], trail.Select(t => t.Contains("secret entered", StringComparison.Ordinal)));
        Assert.DoesNotContain(trail, t => t.Contains("second", StringComparison.Ordinal) || t.Contains("another-signing", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_change_of_what_somebody_else_changed_meanwhile_and_one_of_a_foreign_channel_do_nothing()
    {
        var id = await _world.ChannelAsync();
        await ChangeAsync(id, new { name = "First", revision = 1 });
        using (var stale = await _world.Api.PatchAsJsonAsync($"/api/v1/webhooks/{id}", new { name = "Second", revision = 1 })) Assert.Equal(HttpStatusCode.Conflict, stale.StatusCode);
        var elsewhere = await _world.App.WorkspaceAsync("hr");
        foreach (var (scopes, places, status) in new[] { (new[] { "*" }, elsewhere.Id, HttpStatusCode.NotFound), (["read"], _world.Workspace.Id, HttpStatusCode.Forbidden) })
        {
            using var other = _world.App.Api(await _world.App.KeyAsync(places, scopes));
            using var refused = await other.PatchAsJsonAsync($"/api/v1/webhooks/{id}", new { name = "Third", url = _world.Receiver.Url + "/hook/mine" });
            Assert.Equal(status, refused.StatusCode);
        }
        using (var never = await _world.Api.PatchAsJsonAsync($"/api/v1/webhooks/{Guid.CreateVersion7()}", new { name = "Fourth" })) Assert.Equal(HttpStatusCode.NotFound, never.StatusCode);
        // Written once, whoever repeats it.
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, $"/api/v1/webhooks/{id}") { Content = JsonContent.Create(new { language = "zh" }), Headers = { { "Idempotency-Key", "the-same" } } };
            using var answer = await _world.Api.SendAsync(request);
            Assert.Equal(3, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("revision").GetInt32());
        }
        await using var db = await _world.App.DbAsync();
        var kept = await db.NotificationChannels.SingleAsync(c => c.Id == id);
        Assert.Equal(("First", 3), (kept.Name, kept.Revision));
        Assert.Equal(2, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.ChannelChanged));
    }

    [Theory]
    [InlineData("url", """{"url":"gopher://example.test/x"}""")]
    [InlineData("secret", """{"secret":"short"}""")]
    [InlineData("secret", """{"standard_headers":true}""")]
    [InlineData("recipients", """{"recipients":["a@example.test"]}""")]
    [InlineData("events", """{"events":["no_such_event"]}""")]
    [InlineData("min_severity", """{"min_severity":"loud"}""")]
    [InlineData("language", """{"language":"tlh"}""")]
    [InlineData("name", """{"name":null}""")]
    [InlineData("name", """{"name":"a\u0007b"}""")]
    [InlineData("fields", """{"fields":{"value":"x"}}""")]
    [InlineData(null, """{"kind":"slack"}""")]
    [InlineData(null, """{"workspace":"org"}""")]
    [InlineData(null, """[]""")]
    public async Task What_a_channel_cannot_become_is_refused_and_changes_nothing(string? field, string body)
    {
        var id = await _world.ChannelAsync();
        using var answer = await _world.Api.PatchAsync($"/api/v1/webhooks/{id}", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        var error = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
        Assert.Equal(field is null ? HttpStatusCode.BadRequest : HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        if (field is not null) Assert.Equal(field, error.GetProperty("details").GetProperty("field").GetString());
        await using var db = await _world.App.DbAsync();
        Assert.Equal(1, await db.NotificationChannels.Where(c => c.Id == id).Select(c => c.Revision).SingleAsync());
    }

    private async Task<JsonElement> ChangeAsync(Guid id, object body)
    {
        using var answer = await _world.Api.PatchAsJsonAsync($"/api/v1/webhooks/{id}", body);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task TestedAsync(Guid id, string path, string secret)
    {
        using var tested = await _world.Api.PostAsync($"/api/v1/webhooks/{id}/test", null);
        var seen = _world.Receiver.Requests.Last();
        var mac = System.Security.Cryptography.HMACSHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret), System.Text.Encoding.UTF8.GetBytes(seen.Body));
        Assert.Equal((path, "sha256=" + Convert.ToHexStringLower(mac)), (seen.Path, seen.Headers["X-Evose-Signature"]));
    }

    [Fact]
    public async Task Without_a_mail_server_there_is_no_e_mail()
    {
        using var answer = await _world.Api.PostAsJsonAsync("/api/v1/webhooks", new { kind = "email", workspace = "sales" });
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
    }

    [Fact]
    public async Task Each_role_sees_and_changes_what_is_theirs()
    {
        var id = await _world.ChannelAsync();
        var organization = await _world.ChannelAsync(workspace: "org");
        var hr = await _world.App.WorkspaceAsync("hr");
        var manager = await _world.App.PersonAsync("manager@example.test", OrganizationRole.Member, (_world.Workspace.Id, WorkspaceRole.Admin));
        var builder = await _world.App.PersonAsync("builder@example.test", OrganizationRole.Member, (_world.Workspace.Id, WorkspaceRole.Builder));
        var user = await _world.App.PersonAsync("user@example.test", OrganizationRole.Member, (_world.Workspace.Id, WorkspaceRole.User));
        var stranger = await _world.App.PersonAsync("stranger@example.test", OrganizationRole.Member, (hr.Id, WorkspaceRole.Admin));
        var auditor = await _world.App.PersonAsync("auditor@example.test", OrganizationRole.Reviewer);
        var (query, remove, test, turn) = (_world.App.Get<ChannelQuery>(), _world.App.Get<RemoveChannel>(), _world.App.Get<TestChannel>(), _world.App.Get<SwitchChannel>());
        foreach (var (actor, seen) in new[] { (manager, 1), (builder, 1), (user, 0), (stranger, 0), (auditor, 2), (Actor.Nobody, 0) })
            Assert.Equal(seen, (await query.ListAsync(actor, null, default)).Value!.Count);
        foreach (var (actor, kind) in new[] { (builder, ProblemKind.Forbidden), (user, ProblemKind.Forbidden), (stranger, ProblemKind.NotFound), (auditor, ProblemKind.Forbidden), (Actor.Nobody, ProblemKind.NotFound) })
        {
            Assert.Equal(kind, (await test.ExecuteAsync(actor, id, default)).Problem?.Kind);
            Assert.Equal(kind, (await turn.ExecuteAsync(actor, id, false, default)).Problem?.Kind);
            Assert.Equal(kind, (await remove.ExecuteAsync(actor, id, default)).Problem?.Kind);
        }
        Assert.Equal(ProblemKind.NotFound, (await remove.ExecuteAsync(manager, organization, default)).Problem?.Kind);
        Assert.True((await query.RunAsync(manager, id, null, null, default)).Value!.CanManage);
        Assert.False((await query.RunAsync(auditor, id, null, null, default)).Value!.CanManage);
        Assert.Null((await turn.ExecuteAsync(manager, id, false, default)).Problem);
        await _world.RaiseAsync("while it is out of use");
        Assert.Empty(await _world.DeliveriesAsync());
        Assert.Null((await turn.ExecuteAsync(manager, id, true, default)).Problem);
        Assert.Null((await remove.ExecuteAsync(manager, id, default)).Problem);
    }
}
