using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Evose.Admin.Tests.Features.Notifications;

public sealed class ForcedUpdateTests : IAsyncLifetime
{
    private const string Ws = "sales";

    private readonly ShiftedClock _clock = new();
    private readonly Commands _commands = new();
    private readonly AdminApp _app;
    private Upstream _upstream = null!;
    private HttpClient _api = null!;
    private DateTimeOffset _start;

    public ForcedUpdateTests() => _app = new AdminApp(new() { ["Notifications:ScanInterval"] = "1.00:00:00", ["Notifications:DeliverInterval"] = "1.00:00:00", ["Rotation:SweepInterval"] = "1.00:00:00" },
        services: s => s.Replace(ServiceDescriptor.Singleton<TimeProvider>(_clock)).AddSingleton<ISaveChangesInterceptor>(_commands));

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync();
        _api = _app.Api();
        await Given.WorkspaceAsync(_app, Ws);
        _start = _clock.GetUtcNow();
        await Given.CredentialAsync(_app, Ws, "openai_prod", "first-value-0001", hosts: [new Uri(_upstream.Url).Authority]);
        await Given.ToolAsync(_app, Ws, "gpt", _upstream.Url, "openai_prod");
        await SendAsync(HttpMethod.Patch, "credentials/openai_prod", new { scope = new { tools = new[] { "gpt" } }, expires_at = Iso(_start.AddDays(5)) });
    }

    public async ValueTask DisposeAsync()
    {
        _api.Dispose();
        await _app.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    [Fact]
    public async Task From_the_day_of_the_policy_on_calls_are_refused_until_somebody_rotates()
    {
        await SendAsync(HttpMethod.Put, "notification-settings", new { block_from_day = 2 });
        await CallAsync(HttpStatusCode.OK);
        _clock.Shift(TimeSpan.FromDays(3) - TimeSpan.FromMinutes(10));
        await CallAsync(HttpStatusCode.OK);
        _clock.Shift(TimeSpan.FromMinutes(10));
        var refused = await CallAsync(HttpStatusCode.Conflict);
        Assert.Equal("CREDENTIAL_UNAVAILABLE", refused.GetProperty("error").GetProperty("code").GetString());
        Assert.Contains("owner or a workspace admin can fix this", refused.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        var access = await _api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{Ws}/credentials/openai_prod/access?tool=gpt");
        Assert.Equal((false, "update_forced"), (access.GetProperty("allowed").GetBoolean(), access.GetProperty("rule").GetString()));
        await using (var db = await _app.DbAsync())
            Assert.Equal("update_forced", (await db.Calls.AsNoTracking().OrderByDescending(c => c.Seq).FirstAsync()).Rule);
        Assert.Equal(2, _upstream.Requests.Count);

        // A new value with a date of its own: the old date goes with the old value.
        await SendAsync(HttpMethod.Post, "credentials/openai_prod/rotation", new { fields = new { value = "second-value-0002" }, skip_verify = true, skip_verify_reason = "tested by hand", expires_at = Iso(_start.AddDays(90)) });
        await CallAsync(HttpStatusCode.Conflict);
        await SendAsync(HttpMethod.Post, "credentials/openai_prod/rotation/promote", new { grace = "1.00:00:00" });
        await CallAsync(HttpStatusCode.OK);
        Assert.Equal("Bearer second-value-0002", _upstream.Requests.Last().Headers["Authorization"]);
        Assert.Equal(_start.AddDays(90).UtcDateTime.Date, (await _api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{Ws}/credentials/openai_prod")).GetProperty("expires_at").GetDateTime().Date);
        // The old value comes back with its date, and is refused again.
        await SendAsync(HttpMethod.Post, "credentials/openai_prod/rotation/rollback", new { });
        await CallAsync(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task A_policy_may_wait_for_days_after_expiry_and_a_corrected_date_or_policy_holds_from_the_next_call_on()
    {
        await SendAsync(HttpMethod.Put, "notification-settings", new { block_from_day = -1 });
        _clock.Shift(TimeSpan.FromDays(5.5));
        await CallAsync(HttpStatusCode.OK);
        _clock.Shift(TimeSpan.FromDays(1));
        await CallAsync(HttpStatusCode.Conflict);
        await SendAsync(HttpMethod.Put, "notification-settings", new { });
        await CallAsync(HttpStatusCode.OK);
        await SendAsync(HttpMethod.Put, "notification-settings", new { block_from_day = -1 });
        await CallAsync(HttpStatusCode.Conflict);
        await SendAsync(HttpMethod.Patch, "credentials/openai_prod", new { expires_at = Iso(_start.AddDays(300)) });
        await CallAsync(HttpStatusCode.OK);
        // By default nothing is refused, whatever the date.
        await SendAsync(HttpMethod.Put, "notification-settings", new { });
        await using var db = await _app.DbAsync();
        var changes = await db.AuditEvents.AsNoTracking().Where(e => e.Action == AuditAction.NotificationSettingsChanged).OrderBy(e => e.Seq).Select(e => e.Detail!).ToListAsync();
        Assert.Equal(4, changes.Count);
        Assert.Contains("calls refused from day -1", changes[0], StringComparison.Ordinal);
        Assert.Contains("Before: ladder as installed; escalation after 3 days; banner from day 7; calls never refused.", changes[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_workspaces_policy_refuses_nothing_here()
    {
        await Given.WorkspaceAsync(_app, "hr");
        using (var answer = await _api.PutAsJsonAsync("/api/v1/workspaces/hr/notification-settings", new { block_from_day = 365 })) Assert.True(answer.IsSuccessStatusCode);
        await CallAsync(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_call_asks_the_database_nothing_about_the_policy()
    {
        await SendAsync(HttpMethod.Put, "notification-settings", new { block_from_day = 2 });
        await CallAsync(HttpStatusCode.OK);
        _commands.Texts.Clear();
        for (var i = 0; i < 5; i++) await CallAsync(HttpStatusCode.OK);
        _clock.Shift(TimeSpan.FromDays(4));
        for (var i = 0; i < 5; i++) await CallAsync(HttpStatusCode.Conflict);
        Assert.DoesNotContain(_commands.Texts, t => t.Contains("notification_settings", StringComparison.OrdinalIgnoreCase) || t.Contains("FROM \"credential\"", StringComparison.OrdinalIgnoreCase));
        // It would have seen it.
        await _app.Get<NotificationSettingsQuery>().RunAsync(await _app.AdminAsync(), Ws, default);
        Assert.Contains(_commands.Texts, t => t.Contains("notification_settings", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Every_reminder_says_from_when_on_calls_are_refused_and_that_moment_is_told_too()
    {
        await SendAsync(HttpMethod.Put, "notification-settings", new { block_from_day = 2 });
        var job = _app.Get<ScanExpiryJob>();
        await job.RunAsync(default);
        _clock.Shift(TimeSpan.FromDays(2));
        await job.RunAsync(default);
        _clock.Shift(TimeSpan.FromDays(1));
        await job.RunAsync(default);
        await job.RunAsync(default);
        await using var db = await _app.DbAsync();
        var told = await db.Notifications.AsNoTracking().OrderBy(n => n.CreatedAt).ThenBy(n => n.Kind).ToListAsync();
        var from = NotificationTexts.At(_start.AddDays(3));
        Assert.Equal([NotificationKind.ExpirySoon, NotificationKind.ExpirySoon, NotificationKind.UpdateForced], told.Select(n => n.Kind));
        Assert.All(told.Take(2), n =>
        {
            Assert.Contains($"From {from} UTC on calls that use it are refused", n.Body, StringComparison.Ordinal);
            Assert.Contains(from, NotificationTexts.In(NotificationTexts.Chinese, n).Body, StringComparison.Ordinal);
        });
        Assert.Contains("owner or a workspace admin can fix this", told[2].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_banner_names_what_is_due_to_whoever_may_see_it_and_only_in_time()
    {
        var query = _app.Get<ForcedUpdateQuery>();
        var admin = await _app.AdminAsync();
        await using var db = await _app.DbAsync();
        var ws = await db.Workspaces.Where(w => w.Slug == Ws).Select(w => w.Id).SingleAsync();
        var user = await _app.PersonAsync("user@example.test", OrganizationRole.Member, (ws, WorkspaceRole.User));
        await SendAsync(HttpMethod.Put, "notification-settings", new { banner_from_day = 3 });
        Assert.Null(await query.RunAsync(admin, Ws, default));
        _clock.Shift(TimeSpan.FromDays(3));
        var seen = (await query.RunAsync(admin, Ws, default))!;
        Assert.Equal((1, 0, true, "openai_prod"), (seen.Count, seen.Blocked, seen.CanRotate, seen.Named[0].Name));
        Assert.False((await query.RunAsync(user, Ws, default))!.CanRotate);
        Assert.Null(await query.RunAsync(Evose.Admin.Domain.Actor.Nobody, Ws, default));
        await SendAsync(HttpMethod.Put, "notification-settings", new { block_from_day = 4 });
        Assert.Equal(1, (await query.RunAsync(admin, Ws, default))!.Blocked);
        await SendAsync(HttpMethod.Put, "notification-settings", new { });
        Assert.Null(await query.RunAsync(admin, Ws, default));
    }

    [Theory]
    [InlineData("""{"banner_from_day":-1}""")]
    [InlineData("""{"banner_from_day":366}""")]
    [InlineData("""{"block_from_day":-366}""")]
    [InlineData("""{"block_from_day":366}""")]
    [InlineData("""{"escalate_after_days":91}""")]
    [InlineData("""{"escalate_after_days":-1}""")]
    public async Task A_policy_that_makes_no_sense_is_refused(string body)
    {
        using var answer = await _api.PutAsync($"/api/v1/workspaces/{Ws}/notification-settings", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(422, (int)answer.StatusCode);
    }

    private static string Iso(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private async Task SendAsync(HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, $"/api/v1/workspaces/{Ws}/{path}") { Content = JsonContent.Create(body) };
        using var answer = await _api.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {await answer.Content.ReadAsStringAsync()}");
    }

    private async Task<JsonElement> CallAsync(HttpStatusCode expected)
    {
        using var answer = await _api.GetAsync($"/broker/{Ws}/gpt/v1/models");
        var body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {body}");
        return JsonDocument.Parse(body).RootElement;
    }

    private sealed class Commands : DbCommandInterceptor, ISaveChangesInterceptor
    {
        public ConcurrentQueue<string> Texts { get; } = new();

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            Texts.Enqueue(command.CommandText);
            return new(result);
        }
    }
}
