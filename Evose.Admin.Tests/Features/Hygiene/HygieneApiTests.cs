using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Hygiene;

public sealed class HygieneApiTests : IAsyncDisposable
{
    private readonly HygieneWorld _world = new();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Lists_findings_gravest_first_filters_them_and_goes_through_them_page_by_page()
    {
        await Given.WorkspaceAsync(_world.App, "cs-dev");
        foreach (var name in new[] { "a", "b", "c_prod" }) await _world.CredentialAsync("cs-dev", name, more: new { owner = (string?)null });
        await _world.AllAsync();
        var all = await ListAsync("findings", "cs-dev");
        Assert.Equal(["prod-in-dev c_prod", "no-owner a", "no-owner b", "no-owner c_prod", "name a", "name b"], all.Select(Short));
        Assert.Equal(("high", "open", "cs-dev", "credential"), (Text(all[0], "severity"), Text(all[0], "state"), Text(all[0], "workspace"), Text(all[0], "subject_kind")));
        Assert.Equal("take_ownership", Text(all[1], "fix"));
        Assert.Equal(["name a", "name b"], (await ListAsync("findings?rule=name", "cs-dev")).Select(Short));
        Assert.Equal(["prod-in-dev c_prod"], (await ListAsync("findings?severity=high", "cs-dev")).Select(Short));
        Assert.Equal(["no-owner b", "name b"], (await ListAsync("findings?search=b", "cs-dev")).Select(Short));
        Assert.Equal(["no-owner a", "name a"], (await ListAsync("credentials/a/findings", "cs-dev")).Select(Short));

        var (walked, cursor) = (new List<string>(), "");
        do
        {
            var page = await _world.Api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/cs-dev/findings?limit=2{cursor}");
            Assert.InRange(page.GetProperty("data").GetArrayLength(), 1, 2);
            walked.AddRange(page.GetProperty("data").EnumerateArray().Select(Short));
            cursor = page.GetProperty("has_more").GetBoolean() ? "&cursor=" + page.GetProperty("next_cursor").GetString() : "";
        }
        while (cursor.Length > 0);
        Assert.Equal(all.Select(Short), walked);
        foreach (var bad in new[] { "rule=nonsense", "severity=worst", "state=gone", "limit=0", "cursor=%21%21", "cursor=YWJj", "search=" + new string('x', 65) })
        {
            using var refused = await _world.Api.GetAsync($"/api/v1/workspaces/cs-dev/findings?{bad}");
            Assert.True(refused.StatusCode == HttpStatusCode.BadRequest, $"{bad}: {refused.StatusCode}");
        }
    }

    [Fact]
    public async Task Tells_the_score_with_its_arithmetic_for_a_workspace_and_for_all()
    {
        foreach (var ws in new[] { "cs", "growth" }) await Given.WorkspaceAsync(_world.App, ws);
        await _world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null });
        await _world.CredentialAsync("cs", "mail_prod");
        await _world.CredentialAsync("growth", "mail_prod");
        await _world.AllAsync();
        var cs = await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/cs/hygiene");
        var score = cs.GetProperty("score");
        Assert.Equal((90, 2, 12, 94), (score.GetProperty("points").GetInt32(), score.GetProperty("subjects").GetInt32(), score.GetProperty("lost").GetInt32(), score.GetProperty("mean").GetInt32()));
        Assert.Equal(["2 credentials and tools × 100 points = 200 points", "1 × medium × 12 points = −12", "188 points left ÷ 2 = 94", "A finding of medium severity is open, so at most 90"], score.GetProperty("arithmetic").EnumerateArray().Select(l => l.GetString()));
        Assert.Equal(("no-owner", 1), (cs.GetProperty("rules")[0].GetProperty("id").GetString(), cs.GetProperty("rules")[0].GetProperty("open").GetInt32()));

        var org = await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/org/hygiene");
        Assert.Equal(3, org.GetProperty("score").GetProperty("subjects").GetInt32());
        Assert.Equal(["cs 90", "growth 100", "org 100"], org.GetProperty("workspaces").EnumerateArray().Select(w => $"{Text(w, "slug")} {w.GetProperty("score").GetInt32()}"));
        Assert.Equal(["no-owner crm_prod"], (await ListAsync("findings", "org")).Select(Short));
    }

    [Fact]
    public async Task Another_workspaces_findings_do_not_exist()
    {
        foreach (var ws in new[] { "cs", "growth" }) await Given.WorkspaceAsync(_world.App, ws);
        await _world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null, allow_in_url = true });
        await _world.AllAsync();
        var id = (await _world.FindingAsync("allow-in-url", "crm_prod")).Id;
        using var stranger = _world.App.Api(await _world.App.KeyAsync(await WorkspaceAsync("growth"), "*"));
        foreach (var path in new[] { "cs/findings", "cs/hygiene", "cs/credentials/crm_prod/findings", "growth/credentials/crm_prod/findings", "org/findings" })
        {
            using var answer = await stranger.GetAsync("/api/v1/workspaces/" + path);
            Assert.True(answer.StatusCode == HttpStatusCode.NotFound, $"{path}: {answer.StatusCode}");
        }
        // By an address of one's own the id of another's finding is unknown too.
        foreach (var ws in new[] { "cs", "growth" })
        {
            await StatusAsync(HttpStatusCode.NotFound, stranger.PostAsJsonAsync($"/api/v1/workspaces/{ws}/findings/{id}/acceptance", new { reason = "mine now", until = Day(10) }));
            await StatusAsync(HttpStatusCode.NotFound, stranger.DeleteAsync($"/api/v1/workspaces/{ws}/findings/{id}/acceptance"));
            await StatusAsync(HttpStatusCode.NotFound, stranger.PostAsync($"/api/v1/workspaces/{ws}/findings/{id}/fix", null));
        }
        Assert.Equal(["cs allow-in-url crm_prod", "cs no-owner crm_prod"], await _world.FoundAsync());
        Assert.Empty(await ListAsync("findings", "growth"));
    }

    [Fact]
    public async Task An_acceptance_needs_a_reason_and_a_date_within_a_year()
    {
        var id = await OneAsync();
        var path = $"/api/v1/workspaces/cs/findings/{id}/acceptance";
        foreach (var (field, body) in new (string, object)[]
        {
            ("reason", new { until = Day(10) }), ("reason", new { reason = " ", until = Day(10) }), ("reason", new { reason = new string('x', 501), until = Day(10) }), ("reason", new { reason = "a\u0007b", until = Day(10) }),
            ("reason", new { reason = "it is only " + "sk-proj-" + "aB3dE5fG7hJ9kL1mN2pQ4rS6", until = Day(10) }),
            ("until", new { reason = "ok" }), ("until", new { reason = "ok", until = "soon" }), ("until", new { reason = "ok", until = Day(-1) }), ("until", new { reason = "ok", until = Day(367) }), ("until", new { reason = "ok", until = "9999-12-31" }),
        })
        {
            using var refused = await _world.Api.PostAsJsonAsync(path, body);
            var error = (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error");
            Assert.Equal((HttpStatusCode.UnprocessableEntity, field), (refused.StatusCode, error.GetProperty("details").GetProperty("field").GetString()));
            Assert.DoesNotContain("sk-proj", error.ToString());
        }
        await StatusAsync(HttpStatusCode.Conflict, _world.Api.PostAsJsonAsync(path, new { reason = "ok", until = Day(10), revision = 17 }));
        await StatusAsync(HttpStatusCode.NotFound, _world.Api.PostAsJsonAsync($"/api/v1/workspaces/cs/findings/{Guid.CreateVersion7(_world.Clock.GetUtcNow())}/acceptance", new { reason = "ok", until = Day(10) }));
        Assert.Equal(["cs no-owner crm_prod"], await _world.FoundAsync());

        using var done = await _world.Api.PostAsJsonAsync(path, new { reason = "A robot owns it", until = Day(365) });
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        var accepted = (await ListAsync("findings?state=accepted")).Single();
        Assert.Equal(("A robot owns it", "bootstrap"), (Text(accepted.GetProperty("acceptance"), "reason"), Text(accepted.GetProperty("acceptance"), "by")));
        Assert.Empty(await ListAsync("findings"));
        await using var db = await _world.App.DbAsync();
        var trail = await db.AuditEvents.AsNoTracking().SingleAsync(e => e.Action == AuditAction.FindingAccepted);
        Assert.Equal(("crm_prod", id), (trail.Subject, trail.SubjectId));
        Assert.Contains("A robot owns it", trail.Detail);

        await StatusAsync(HttpStatusCode.NoContent, _world.Api.DeleteAsync(path));
        await StatusAsync(HttpStatusCode.Conflict, _world.Api.DeleteAsync(path));
        Assert.Equal(["cs no-owner crm_prod"], await _world.FoundAsync());
        await _world.PatchAsync("cs", "crm_prod", new { owner = AdminApp.AdminEmail });
        await _world.ChangedAsync();
        await StatusAsync(HttpStatusCode.Conflict, _world.Api.PostAsJsonAsync(path, new { reason = "ok", until = Day(10) }));
        Assert.Equal(["no-owner crm_prod"], (await ListAsync("findings?state=resolved")).Select(Short));
    }

    [Fact]
    public async Task Of_two_who_accept_at_once_one_is_told_of_the_other()
    {
        var id = await OneAsync();
        var ws = await WorkspaceAsync("cs");
        var people = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => _world.App.PersonAsync($"p{i}@example.test", OrganizationRole.Member, (ws, WorkspaceRole.Admin))));
        var accept = _world.App.Get<AcceptFinding>();
        var outcomes = await Task.WhenAll(people.Select(p => Task.Run(() => accept.ExecuteAsync(p, "cs", id, new AcceptFinding.Input("I saw it first", Day(10), 0), default))));
        var winner = Assert.Single(outcomes, o => o.Problem is null).Value!;
        Assert.All(outcomes.Where(o => o.Problem is not null), o => Assert.Equal((ProblemKind.Conflict, true), (o.Problem!.Kind, o.Problem.Message.Contains(winner.AcceptedBy, StringComparison.Ordinal))));
        await using var db = await _world.App.DbAsync();
        Assert.Equal((winner.AcceptedBy, 1), ((await db.HygieneFindings.AsNoTracking().SingleAsync(f => f.Id == id)).AcceptedBy, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.FindingAccepted)));
    }

    [Theory]
    [InlineData(null, WorkspaceRole.Admin, true, true, true)]
    [InlineData(null, WorkspaceRole.Builder, true, false, false)]
    [InlineData(null, WorkspaceRole.Reviewer, true, false, false)]
    [InlineData(null, WorkspaceRole.User, false, false, false)]
    [InlineData(OrganizationRole.Reviewer, null, true, false, false)]
    [InlineData(OrganizationRole.Admin, null, true, true, true)]
    public async Task Roles_see_accept_and_fix_as_they_may(OrganizationRole? organization, WorkspaceRole? role, bool sees, bool accepts, bool fixes)
    {
        var id = await OneAsync();
        var person = await _world.App.PersonAsync("p@example.test", organization ?? OrganizationRole.Member, role is { } r ? [(await WorkspaceAsync("cs"), r)] : []);
        Assert.Equal(sees, (await _world.App.Get<FindingsQuery>().RunAsync(person, "cs", new FindingsQuery.Filter(), default)).Problem is null);
        Assert.Equal(sees, (await _world.App.Get<FindingsQuery>().SummaryAsync(person, "cs", new FindingsQuery.Filter(), default)).Problem is null);
        Assert.Equal(accepts, (await _world.App.Get<AcceptFinding>().ExecuteAsync(person, "cs", id, new AcceptFinding.Input("one team", Day(10)), default)).Problem is null);
        Assert.Equal(accepts, (await _world.App.Get<ReopenFinding>().ExecuteAsync(person, "cs", id, default)).Problem is null);
        Assert.Equal(accepts, (await _world.App.Get<LookNow>().ExecuteAsync(person, "cs", default)).Problem is null);
        Assert.Equal(fixes, (await _world.App.Get<FixFinding>().ExecuteAsync(person, "cs", id, new FixFinding.Input(), default)).Problem is null);
    }

    [Fact]
    public async Task Idle_entries_leave_the_scope_by_one_click_and_come_back_by_another()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        foreach (var tool in new[] { "crm", "old-crm" }) await _world.ToolAsync("cs", tool);
        await _world.CredentialAsync("cs", "crm_prod", more: new { scope = new { tools = new[] { "crm", "old-crm" } } });
        _world.Clock.Shift(TimeSpan.FromDays(40));
        await Given.CallAsync(_world.App, "cs", await _world.CredentialIdAsync("cs", "crm_prod"), "crm_prod", _world.Clock.GetUtcNow(), tool: "crm");
        await _world.AllAsync();
        var finding = await _world.FindingAsync("wide-scope", "crm_prod");
        var (fix, admin) = (_world.App.Get<FixFinding>(), await _world.App.AdminAsync());
        var done = (await fix.ExecuteAsync(admin, "cs", finding.Id, new FixFinding.Input(finding.Revision), default)).Value!;
        Assert.Equal("out of the scope, unused for 90 days: tool old-crm", done.Did);
        Assert.Equal(["crm"], await ScopeAsync());
        Assert.Empty(await _world.FoundAsync());
        // The policy is sealed and on record like one that was changed by hand.
        var credential = await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/cs/credentials/crm_prod/access?tool=crm");
        Assert.True(credential.GetProperty("allowed").GetBoolean(), credential.ToString());
        Assert.Equal(ProblemKind.Conflict, (await fix.ExecuteAsync(admin, "cs", finding.Id, new FixFinding.Input(), default)).Problem!.Kind);

        Assert.Null((await fix.UndoAsync(admin, "cs", done, default)).Problem);
        Assert.Equal(["crm", "old-crm"], await ScopeAsync());
        // Once; and not over what somebody else did meanwhile.
        Assert.Equal(ProblemKind.Conflict, (await fix.UndoAsync(admin, "cs", done, default)).Problem!.Kind);
        await using var db = await _world.App.DbAsync();
        Assert.Equal(2, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.CredentialPolicyChanged && e.Detail!.EndsWith("hygiene fix")));
    }

    [Fact]
    public async Task An_owner_and_the_permission_for_addresses_are_put_right_by_a_click_too()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null, allow_in_url = true });
        await _world.AllAsync();
        var (fix, admin) = (_world.App.Get<FixFinding>(), await _world.App.AdminAsync());
        var owned = (await fix.ExecuteAsync(admin, "cs", (await _world.FindingAsync("no-owner", "crm_prod")).Id, new FixFinding.Input(), default)).Value!;
        Assert.Equal(["cs allow-in-url crm_prod"], await _world.FoundAsync());
        Assert.Null((await fix.UndoAsync(admin, "cs", owned, default)).Problem);
        Assert.Equal(["cs allow-in-url crm_prod", "cs no-owner crm_prod"], await _world.FoundAsync());

        // A key is nobody who could own it; switching off it can.
        await StatusAsync(HttpStatusCode.Conflict, _world.Api.PostAsync($"/api/v1/workspaces/cs/findings/{(await _world.FindingAsync("no-owner", "crm_prod")).Id}/fix", null));
        using (var off = await _world.Api.PostAsync($"/api/v1/workspaces/cs/findings/{(await _world.FindingAsync("allow-in-url", "crm_prod")).Id}/fix", null))
            Assert.Equal("forbid_in_url", Text(await off.Content.ReadFromJsonAsync<JsonElement>(), "fix"));
        Assert.Equal(["cs no-owner crm_prod"], await _world.FoundAsync());
        var back = await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/cs/credentials/crm_prod");
        Assert.False(back.TryGetProperty("allow_in_url", out _));
    }

    [Fact]
    public async Task A_fix_that_has_become_wrong_meanwhile_is_not_done()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.CredentialAsync("cs", "maps_prod", more: new { allow_in_url = true });
        await _world.CredentialAsync("cs", "crm", more: new { allow_in_url = true });
        await _world.AllAsync();
        var (finding, name) = (await _world.FindingAsync("allow-in-url", "maps_prod"), await _world.FindingAsync("name", "crm"));
        // Since then a tool puts it into its address.
        await GivenRemote.OkAsync(_world.Api.PutAsJsonAsync("/api/v1/workspaces/cs/tools/maps", new { base_url = "http://127.0.0.1:9", query = new { key = "{{credential:maps_prod}}" } }));
        var (fix, admin) = (_world.App.Get<FixFinding>(), await _world.App.AdminAsync());
        Assert.Equal("changed", (await fix.ExecuteAsync(admin, "cs", finding.Id, new FixFinding.Input(), default)).Problem!.Details!["state"]);
        // What needs a person is not done by a click.
        Assert.Equal("not_fixable", (await fix.ExecuteAsync(admin, "cs", name.Id, new FixFinding.Input(), default)).Problem!.Details!["state"]);
        await GivenRemote.OkAsync(_world.Api.DeleteAsync("/api/v1/workspaces/cs/credentials/crm"));
        Assert.Equal("not_fixable", (await fix.ExecuteAsync(admin, "cs", (await _world.FindingAsync("allow-in-url", "crm")).Id, new FixFinding.Input(), default)).Problem!.Details!["state"]);
    }

    private async Task<Guid> OneAsync()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.CredentialAsync("cs", "crm_prod", more: new { owner = (string?)null });
        await _world.AllAsync();
        return (await _world.FindingAsync("no-owner", "crm_prod")).Id;
    }

    private async Task<List<string>> ScopeAsync() =>
        [.. (await _world.Api.GetFromJsonAsync<JsonElement>("/api/v1/workspaces/cs/credentials/crm_prod")).GetProperty("scope").GetProperty("tools").EnumerateArray().Select(t => t.GetString()!)];

    private async Task<Guid> WorkspaceAsync(string slug)
    {
        await using var db = await _world.App.DbAsync();
        return await db.Workspaces.Where(w => w.Slug == slug).Select(w => w.Id).SingleAsync();
    }

    private async Task<List<JsonElement>> ListAsync(string path, string ws = "cs") => [.. (await _world.Api.GetFromJsonAsync<JsonElement>($"/api/v1/workspaces/{ws}/{path}")).GetProperty("data").EnumerateArray()];

    private static async Task StatusAsync(HttpStatusCode expected, Task<HttpResponseMessage> sending)
    {
        using var answer = await sending;
        Assert.True(answer.StatusCode == expected, $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private static string Short(JsonElement f) => $"{Text(f, "rule")} {Text(f, "subject")}";

    private static string? Text(JsonElement e, string member) => e.GetProperty(member).GetString();

    private string Day(int days) => _world.Clock.GetUtcNow().AddDays(days).UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
