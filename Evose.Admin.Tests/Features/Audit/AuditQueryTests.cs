using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Audit;

/// <summary>Two workspaces with acts and calls in both.</summary>
public sealed class AuditQueryTests(AuditQueryTests.World world) : IClassFixture<AuditQueryTests.World>
{
    public sealed class World : IAsyncLifetime
    {
        public AdminApp App { get; } = new();

        public Actor Admin { get; private set; } = Actor.Nobody;

        public Actor OrganizationReviewer { get; private set; } = Actor.Nobody;

        public Actor Reviewer { get; private set; } = Actor.Nobody;

        public Actor Builder { get; private set; } = Actor.Nobody;

        public Actor User { get; private set; } = Actor.Nobody;

        public Workspace Sales { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Admin = await App.AdminAsync();
            Sales = await App.WorkspaceAsync("sales");
            var hr = await App.WorkspaceAsync("hr");
            OrganizationReviewer = await App.PersonAsync("auditor@example.test", OrganizationRole.Reviewer);
            Reviewer = await App.PersonAsync("reviewer@example.test", OrganizationRole.Member, (Sales.Id, WorkspaceRole.Reviewer));
            Builder = await App.PersonAsync("builder@example.test", OrganizationRole.Member, (Sales.Id, WorkspaceRole.Builder));
            User = await App.PersonAsync("user@example.test", OrganizationRole.Member, (Sales.Id, WorkspaceRole.User));
            await App.ActsAsync(Sales.Id, 4, AuditAction.RotationPromoted, "openai_prod");
            await App.ActsAsync(hr.Id, 3, AuditAction.RotationRetired, "hr_key", Reviewer with { Name = "100%_sure" });
            await App.CallsAsync(Sales.Id, 7, tool: "crm", agent: "support");
            await App.CallsAsync(Sales.Id, 2, status: 500, tool: "mail", agent: "writer", user: "u-2");
            await App.CallsAsync(Sales.Id, 2, complete: false, credential: "slack_prod", user: "u-3");
            await App.CallsAsync(Sales.Id, 3, refused: true, user: "u-4");
            await App.CallsAsync(hr.Id, 5, credential: "hr_key", user: "u-5");
        }

        public async ValueTask DisposeAsync() => await App.DisposeAsync();
    }

    private AuditQuery Query => world.App.Get<AuditQuery>();

    private async Task<List<AuditRow>> AllAsync(Actor actor, AuditFilter filter, int limit = 100)
    {
        var all = new List<AuditRow>();
        string? cursor = null;
        do
        {
            var outcome = await Query.RunAsync(actor, filter, limit, cursor, CancellationToken.None);
            Assert.Null(outcome.Problem);
            all.AddRange(outcome.Value!.Data);
            Assert.Equal(outcome.Value.NextCursor is not null, outcome.Value.HasMore);
            cursor = outcome.Value.NextCursor;
        }
        while (cursor is not null);
        return all;
    }

    [Theory]
    [InlineData("action=rotation.promoted", 4)]
    [InlineData("action=rotation", 4)]
    [InlineData("action=credential.used", 11)]
    [InlineData("action=call", 3)]
    [InlineData("action=call.refused", 3)]
    [InlineData("outcome=upstream_error", 2)]
    [InlineData("outcome=unknown", 2)]
    [InlineData("outcome=refused&action=call", 3)]
    [InlineData("outcome=succeeded&action=credential.used", 7)]
    [InlineData("credential=slack_prod", 2)]
    [InlineData("tool=mail", 2)]
    [InlineData("agent=writer", 2)]
    [InlineData("actor=u-3", 2)]
    [InlineData("actor=backend", 14)]
    [InlineData("actor=BACK", 14)]
    [InlineData("actor=100%25", 0)]
    [InlineData("tool=mail&agent=support", 0)]
    [InlineData("created_before=2000-01-01T00:00:00Z", 0)]
    [InlineData("created_after=2000-01-01&action=rotation", 4)]
    public async Task Filters_by_each_of_the_parts(string query, int expected)
    {
        using var api = world.App.Api();
        var json = await api.GetFromJsonAsync<JsonElement>($"/api/v1/audit/events?workspace=sales&limit=100&{query}");
        Assert.Equal(expected, json.GetProperty("data").GetArrayLength());
        Assert.All(json.GetProperty("data").EnumerateArray(), r => Assert.Equal("sales", r.GetProperty("workspace").GetString()));
    }

    [Fact]
    public async Task A_percent_sign_in_a_name_is_a_percent_sign() =>
        Assert.Equal(3, (await AllAsync(world.Admin, new AuditFilter(Actor: "100%_"))).Count);

    [Fact]
    public async Task What_the_organization_itself_did_and_what_was_done_to_what_it_owns_are_found_together()
    {
        await using var app = new AdminApp();
        var sales = await app.WorkspaceAsync("sales");
        var admin = await app.AdminAsync();
        await app.ActsAsync(null, 2, AuditAction.RotationPromoted, "of nobody");
        await app.ActsAsync(Workspace.OrganizationId, 3, AuditAction.RotationPromoted, "mail_prod");
        await app.ActsAsync(sales.Id, 4, AuditAction.RotationPromoted, "of sales");
        await app.CallsAsync(Workspace.OrganizationId, 2, credential: "mail_prod");
        await app.CallsAsync(sales.Id, 1);
        var query = app.Get<AuditQuery>();

        foreach (var (filter, expected) in new[]
        {
            (new AuditFilter("org", Action: "rotation.promoted"), 5),
            (new AuditFilter("org", Action: "rotation.promoted", Actor: admin.Name), 5),
            (new AuditFilter("org", Action: "rotation.promoted", Credential: "mail_prod"), 3),
            (new AuditFilter("org", Action: "credential.used"), 2),
            (new AuditFilter("org", Action: "credential.used", Tool: "crm"), 2),
        })
        {
            var rows = (await query.RunAsync(admin, filter, 100, null, CancellationToken.None)).Value!.Data;
            Assert.Equal((filter, expected), (filter, rows.Count));
            Assert.All(rows, r => Assert.NotEqual("sales", r.Workspace));
        }

        // Page by page nothing is left out or shown twice.
        var (ids, cursor) = (new List<string>(), (string?)null);
        do
        {
            var page = (await query.RunAsync(admin, new AuditFilter("org"), 2, cursor, CancellationToken.None)).Value!;
            ids.AddRange(page.Data.Select(r => r.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        Assert.Equal(ids.Distinct(), ids);
        Assert.Equal(2, ids.Count(i => i.StartsWith("calls-", StringComparison.Ordinal)));
        Assert.Single((await app.Get<AuditPlacesQuery>().RunAsync(admin, CancellationToken.None)).Select(p => p.Slug), "org");
    }

    [Fact]
    public async Task A_use_says_who_what_through_what_and_how_it_ended()
    {
        var row = (await AllAsync(world.Admin, new AuditFilter("sales", Tool: "mail")))[0];
        Assert.Equal(("credential.used", "upstream_error", "mail", "writer", "u-2", "openai_prod"), (row.Action, row.Outcome, row.Tool, row.Agent, row.UserId, row.Credential));
        Assert.Equal((500, 1, "scope:tool", "203.0.113.7", "api_key", "backend"), (row.Status, row.Version, row.Rule, row.Actor.Ip, row.Actor.Kind, row.Actor.Name));
        Assert.Equal(1.501, row.DurationMs);
    }

    [Fact]
    public async Task A_workspace_reviewer_sees_that_workspace_and_nothing_of_another_or_of_the_organization()
    {
        Assert.All(await AllAsync(world.Reviewer, new AuditFilter()), r => Assert.Equal("sales", r.Workspace));
        Assert.Equal(ProblemKind.NotFound, (await Query.RunAsync(world.Reviewer, new AuditFilter("hr"), null, null, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(ProblemKind.NotFound, (await Query.RunAsync(world.Reviewer, new AuditFilter("org"), null, null, CancellationToken.None)).Problem?.Kind);
        Assert.Empty(await AllAsync(world.Reviewer, new AuditFilter(Credential: "hr_key")));
        var organization = await AllAsync(world.OrganizationReviewer, new AuditFilter("org"));
        Assert.NotEmpty(organization);
        Assert.All(organization, r => Assert.True(r.Workspace is null or "org", r.Workspace));
        var hidden = (await AllAsync(world.Admin, new AuditFilter("hr")))[0];
        Assert.Equal(ProblemKind.NotFound, (await Query.FindAsync(world.Reviewer, hidden.Id, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(hidden, (await Query.FindAsync(world.OrganizationReviewer, hidden.Id, CancellationToken.None)).Value);
    }

    [Fact]
    public async Task Builders_and_users_do_not_read_the_audit()
    {
        foreach (var actor in new[] { world.Builder, world.User, Actor.Nobody })
        {
            Assert.Equal(ProblemKind.Forbidden, (await Query.RunAsync(actor, new AuditFilter(), null, null, CancellationToken.None)).Problem?.Kind);
            Assert.Equal(ProblemKind.Forbidden, (await world.App.Get<VerifyChain>().ExecuteAsync(actor, CancellationToken.None)).Problem?.Kind);
            Assert.Equal(ProblemKind.Forbidden, (await Query.StreamAsync(actor, new AuditFilter(), 10, "csv", CancellationToken.None)).Problem?.Kind);
        }
    }

    [Theory]
    [InlineData("action=nonsense", HttpStatusCode.UnprocessableEntity)]
    [InlineData("outcome=fine", HttpStatusCode.UnprocessableEntity)]
    [InlineData("created_after=yesterday", HttpStatusCode.UnprocessableEntity)]
    [InlineData("actor=a%0Ab", HttpStatusCode.UnprocessableEntity)]
    [InlineData("workspace=nowhere", HttpStatusCode.NotFound)]
    [InlineData("cursor=zzz", HttpStatusCode.BadRequest)]
    [InlineData("cursor=MS4tMQ", HttpStatusCode.BadRequest)]
    [InlineData("limit=0", HttpStatusCode.BadRequest)]
    [InlineData("limit=many", HttpStatusCode.BadRequest)]
    public async Task Bad_filters_are_refused_with_the_envelope(string query, HttpStatusCode status)
    {
        using var api = world.App.Api();
        using var answer = await api.GetAsync($"/api/v1/audit/events?{query}");
        Assert.Equal(status, answer.StatusCode);
        Assert.Contains("request_id", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Pages_have_no_gap_and_no_repetition_while_rows_are_added()
    {
        var before = await AllAsync(world.Admin, new AuditFilter());
        var seen = new List<AuditRow>();
        string? cursor = null;
        do
        {
            var page = (await Query.RunAsync(world.Admin, new AuditFilter(), 3, cursor, CancellationToken.None)).Value!;
            seen.AddRange(page.Data);
            cursor = page.NextCursor;
            // A workspace nobody counts in.
            await world.App.ActsAsync(null, 1, AuditAction.SignedIn, "noise");
            await world.App.CallsAsync(null, 1, refused: true, tool: "noise");
        }
        while (cursor is not null);
        Assert.Equal(before.Select(r => r.Id), seen.Select(r => r.Id).Where(id => before.Exists(b => b.Id == id)));
        Assert.Equal(seen.Count, seen.DistinctBy(r => r.Id).Count());
        foreach (var source in new[] { "audit", "calls" })
            Assert.Equal(seen.Where(r => r.Source == source).Select(r => r.Seq).OrderDescending(), seen.Where(r => r.Source == source).Select(r => r.Seq));
    }

    [Fact]
    public async Task Looking_is_audited_once_in_five_minutes_and_exports_and_verification_always()
    {
        var reader = await world.App.PersonAsync("curious@example.test", OrganizationRole.Reviewer);
        for (var i = 0; i < 3; i++) await AllAsync(reader, new AuditFilter(Credential: "openai_prod"));
        for (var i = 0; i < 2; i++) Assert.Null((await Query.StreamAsync(reader, new AuditFilter(), 1, "csv", CancellationToken.None)).Problem);
        for (var i = 0; i < 2; i++) Assert.True((await world.App.Get<VerifyChain>().ExecuteAsync(reader, CancellationToken.None)).Value!.Verified);
        await using var db = await world.App.Dbs().CreateDbContextAsync();
        var read = await db.AuditEvents.Where(e => e.Action == AuditAction.AuditRead && e.ActorId == reader.Id).OrderBy(e => e.Seq).Select(e => e.Detail).ToListAsync();
        Assert.Equal(5, read.Count);
        Assert.Equal("credential=openai_prod", read[0]);
    }

    [Fact]
    public async Task The_rest_surface_exports_and_verifies()
    {
        using var api = world.App.Api();
        using var csv = await api.GetAsync("/api/v1/audit/export?format=csv&workspace=sales&action=credential.used");
        Assert.Equal("text/csv", csv.Content.Headers.ContentType?.MediaType);
        Assert.Equal(12, (await csv.Content.ReadAsStringAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        using var lines = await api.GetAsync("/api/v1/audit/export?format=jsonl&workspace=sales&action=call");
        Assert.Equal(3, (await lines.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync("/api/v1/audit/export?format=xlsx")).StatusCode);
        var verified = await api.GetFromJsonAsync<JsonElement>("/api/v1/audit/verify");
        Assert.True(verified.GetProperty("verified").GetBoolean());
        Assert.True(verified.GetProperty("events").GetInt64() > 20);
        using var nobody = world.App.Api(null);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync("/api/v1/audit/events")).StatusCode);
        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(world.App.Url) };
        Assert.NotEqual(HttpStatusCode.OK, (await browser.GetAsync("/ui/audit/export?format=csv")).StatusCode);
    }
}
