using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Leaks;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Leaks;

/// <summary>Paste to check: it finds what is ours, and there is no way to use it for trying.</summary>
public sealed class CheckTests
{
    private const string Value = "sk-live-7Qw2Er4Ty6Ui8Op0As1Df3Gh5";

    [Fact]
    public async Task A_hit_and_a_miss_look_the_same_to_who_may_not_see_the_credential()
    {
        await using var app = new AdminApp();
        var (ws, elsewhere) = (await Given.WorkspaceAsync(app), await Given.WorkspaceAsync(app));
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        await using var db = await app.DbAsync();
        using var stranger = app.Api(await app.KeyAsync(await db.Workspaces.Where(w => w.Slug == elsewhere).Select(w => w.Id).SingleAsync(), "read"));
        using var owner = app.Api();

        using var hit = await stranger.PostAsJsonAsync("/api/v1/leaks/check", new { text = "a log line with " + Value });
        using var miss = await stranger.PostAsJsonAsync("/api/v1/leaks/check", new { text = "a log line with " + Value.Replace('Q', 'R') });
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (hit.StatusCode, miss.StatusCode));
        Assert.Equal(await miss.Content.ReadAsStringAsync(), await hit.Content.ReadAsStringAsync());
        Assert.Equal(miss.Content.Headers.ContentLength, hit.Content.Headers.ContentLength);

        // The leak is real all the same, and its own people are told.
        var report = await db.LeakReports.SingleAsync();
        Assert.Equal((LeakSource.Check, "openai_prod", (int?)1), (report.Source, report.Credential, report.Version));
        Assert.Equal(2, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.LeakChecked));
        Assert.Equal(["openai_prod"], await LeakApiTests.FoundAsync(owner, "KEY=" + Value));
    }

    [Fact]
    public async Task Short_values_are_not_looked_for_and_the_text_is_neither_kept_nor_logged()
    {
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "pin_prod", "hunter2-xyz", hosts: ["127.0.0.1"]);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        Assert.Empty(await LeakApiTests.FoundAsync(api, "hunter2-xyz"));
        const string Marker = "Marker9Of8The7Pasted6Text5";
        Assert.Equal(["openai_prod"], await LeakApiTests.FoundAsync(api, $"{Marker} {Value}"));
        Assert.DoesNotContain(app.Log.Lines, l => l.Contains(Marker, StringComparison.Ordinal) || l.Contains(Value, StringComparison.Ordinal));
        foreach (var (file, bytes) in DataFolder.Read(app.DataDirectory)) Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Marker)) < 0, file);
    }

    [Fact]
    public async Task Checks_are_counted_for_each_who_asks()
    {
        await using var app = new AdminApp(new() { ["Leaks:ChecksPerMinute"] = "3" });
        var ws = await Given.WorkspaceAsync(app);
        using var api = app.Api();
        for (var i = 0; i < 3; i++) Assert.Empty(await LeakApiTests.FoundAsync(api, "nothing at all in here"));
        using var refused = await api.PostAsJsonAsync("/api/v1/leaks/check", new { text = "nothing at all in here" });
        Assert.Equal((HttpStatusCode)429, refused.StatusCode);
        Assert.Equal("60", refused.Headers.GetValues("Retry-After").Single());
        await using var db = await app.DbAsync();
        Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.LeakChecked && e.Outcome == AuditOutcome.Refused));
        using var other = app.Api(await app.KeyAsync(await db.Workspaces.Where(w => w.Slug == ws).Select(w => w.Id).SingleAsync(), "read"));
        Assert.Empty(await LeakApiTests.FoundAsync(other, "nothing at all in here"));
    }

    [Fact]
    public async Task Twenty_megabytes_are_refused_in_words_and_the_limit_itself_is_taken()
    {
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/leaks/check") { Content = new StringContent($"{{\"text\":\"{new string('x', 20 * 1024 * 1024)}\"}}", Encoding.UTF8, "application/json") };
        request.Headers.ExpectContinue = true;
        using var refused = await api.SendAsync(request);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
        Assert.Contains("scan PATH", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(["openai_prod"], await LeakApiTests.FoundAsync(api, new string('x', 900_000) + " " + Value));
        // Guesses by the tens of thousands are no text.
        var guesses = string.Join('\n', Enumerable.Range(0, 60_000).Select(i => $"guess{i:D10}"));
        using var many = await api.PostAsJsonAsync("/api/v1/leaks/check", new { text = guesses[..Math.Min(guesses.Length, 1_000_000)] });
        Assert.Equal(HttpStatusCode.UnprocessableEntity, many.StatusCode);
    }

    [Fact]
    public void An_answer_leaves_on_the_beat()
    {
        Assert.Equal(CheckText.Beat, CheckText.ToTheBeat(TimeSpan.Zero));
        Assert.Equal(TimeSpan.Zero, CheckText.ToTheBeat(CheckText.Beat));
        for (var ms = 1; ms < 1500; ms += 7)
        {
            var wait = CheckText.ToTheBeat(TimeSpan.FromMilliseconds(ms));
            Assert.InRange(wait, TimeSpan.Zero, CheckText.Beat);
            Assert.Equal(0, (TimeSpan.FromMilliseconds(ms) + wait).Ticks % CheckText.Beat.Ticks);
        }
    }

    [Fact]
    public async Task A_page_asks_by_the_same_door_and_a_person_without_a_workspace_is_refused()
    {
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        await app.AddUserAsync("user@example.test", workspace: ws, role: WorkspaceRole.User);
        await app.AddUserAsync("nobody@example.test");
        foreach (var (email, status) in new[] { ("user@example.test", HttpStatusCode.OK), ("nobody@example.test", HttpStatusCode.Forbidden) })
        {
            using var person = await app.BrowserAsync(email);
            var token = (await person.GetFromJsonAsync<JsonElement>("/ui/antiforgery")).GetProperty("token").GetString();
            using var request = new HttpRequestMessage(HttpMethod.Post, "/ui/leaks/check") { Content = JsonContent.Create(new { text = Value }) };
            request.Headers.Add("RequestVerificationToken", token);
            using var answer = await person.SendAsync(request);
            Assert.Equal(status, answer.StatusCode);
            if (status == HttpStatusCode.OK) Assert.Equal("openai_prod", (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("found")[0].GetProperty("credential").GetString());
        }
        // Without the page's token nothing is asked.
        using var forged = await app.BrowserAsync();
        using var refused = await forged.PostAsJsonAsync("/ui/leaks/check", new { text = Value });
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }
}
