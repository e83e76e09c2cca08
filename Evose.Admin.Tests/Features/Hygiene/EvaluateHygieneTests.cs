using System.Net.Http.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Hygiene;

/// <summary>When bad habits are looked for, and what becomes of findings over time.</summary>
public sealed class EvaluateHygieneTests : IAsyncDisposable
{
    private readonly HygieneWorld _world = new();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task A_change_is_seen_within_seconds_and_without_a_night()
    {
        await using var watched = new HygieneWorld(watch: true);
        await Given.WorkspaceAsync(watched.App, "cs");
        await watched.CredentialAsync("cs", "openai", more: new { owner = (string?)null });
        await Given.UntilAsync(async () => (await watched.FoundAsync()).SequenceEqual(["cs name openai", "cs no-owner openai"]));
        await watched.PatchAsync("cs", "openai", new { owner = AdminApp.AdminEmail, name = "openai_prod" });
        await Given.UntilAsync(async () => (await watched.FoundAsync()).Count == 0);
    }

    [Fact]
    public async Task Whatever_is_changed_is_looked_at_again()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.AllAsync();
        await _world.CredentialAsync("cs", "crm_prod");
        Assert.Equal(0, await _world.ChangedAsync());

        // A tool, then the archive of what it names.
        await _world.ToolAsync("cs", "crm", "crm_prod");
        Assert.Equal(0, await _world.ChangedAsync());
        await GivenRemote.OkAsync(_world.Api.DeleteAsync("/api/v1/workspaces/cs/credentials/crm_prod?break_references=true"));
        await SeesAsync("cs dead-placeholder crm");
        await _world.CredentialAsync("cs", "crm_prod");
        await SeesAsync();

        // A scope.
        await _world.AgentAsync("cs", "a");
        await _world.AgentAsync("cs", "b");
        await _world.PatchAsync("cs", "crm_prod", new { scope = new { agents = new[] { "a", "b" } } });
        await SeesAsync("cs shared-agents crm_prod");
        await GivenRemote.OkAsync(_world.Api.DeleteAsync("/api/v1/workspaces/cs/agents/b"));
        await SeesAsync();

        // A rotation that is opened and given up.
        await GivenRemote.OkAsync(_world.Api.PostAsJsonAsync("/api/v1/workspaces/cs/credentials/crm_prod/rotation", new { fields = new { value = "another-value-0001" }, skip_verify = true, skip_verify_reason = "tested by hand" }));
        Assert.Equal(0, await _world.ChangedAsync());
        _world.Clock.Shift(TimeSpan.FromDays(8));
        await _world.AllAsync();
        Assert.Equal(["cs rotation-stuck crm_prod"], await _world.FoundAsync());
        await GivenRemote.OkAsync(_world.Api.DeleteAsync("/api/v1/workspaces/cs/credentials/crm_prod/rotation"));
        await SeesAsync();
    }

    [Fact]
    public async Task A_person_who_leaves_leaves_findings_wherever_they_own_something()
    {
        var (cs, growth) = (await _world.App.WorkspaceAsync("cs"), await _world.App.WorkspaceAsync("growth"));
        var bob = await _world.App.PersonAsync("bob@example.test", OrganizationRole.Member, (cs.Id, WorkspaceRole.Admin), (growth.Id, WorkspaceRole.Builder));
        foreach (var ws in new[] { "cs", "growth" }) await _world.CredentialAsync(ws, "crm_prod", more: new { owner = "bob@example.test" });
        await _world.AllAsync();
        Assert.Empty(await _world.FoundAsync());

        var admin = await _world.App.AdminAsync();
        Assert.Null((await _world.App.Get<RemoveMember>().ExecuteAsync(admin, new RemoveMember.Input("growth", bob.Id), default)).Problem);
        await SeesAsync("growth owner-gone crm_prod");
        Assert.Null((await _world.App.Get<DisableUser>().ExecuteAsync(admin, bob.Id, default)).Problem);
        await SeesAsync("cs owner-gone crm_prod", "growth owner-gone crm_prod");
        Assert.Null((await _world.App.Get<EnableUser>().ExecuteAsync(admin, bob.Id, default)).Problem);
        await SeesAsync("growth owner-gone crm_prod");
    }

    [Fact]
    public async Task An_equal_value_is_told_on_both_sides_and_gone_from_both_when_one_is_changed()
    {
        foreach (var ws in new[] { "cs", "growth", "cs-dev" }) await Given.WorkspaceAsync(_world.App, ws);
        await _world.CredentialAsync("cs", "openai_prod", "the-same-value-0001");
        await _world.AllAsync();
        await _world.CredentialAsync("growth", "gpt_prod", "the-same-value-0001");
        await SeesAsync("cs shared-workspaces openai_prod", "growth shared-workspaces gpt_prod");
        await _world.CredentialAsync("cs-dev", "openai_dev", "the-same-value-0001");
        await SeesAsync("cs shared-workspaces openai_prod", "cs-dev prod-in-dev openai_dev", "growth shared-workspaces gpt_prod");
        foreach (var (ws, name) in new[] { ("growth", "gpt_prod"), ("cs-dev", "openai_dev") }) await GivenRemote.OkAsync(_world.Api.DeleteAsync($"/api/v1/workspaces/{ws}/credentials/{name}"));
        await SeesAsync();
    }

    [Fact]
    public async Task What_the_organization_takes_back_shows_where_it_is_named()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.CredentialAsync("org", "openai_prod", more: new { grants = new[] { "cs" } });
        await _world.ToolAsync("cs", "gpt-call", "openai_prod");
        await _world.AllAsync();
        Assert.Empty(await _world.FoundAsync());
        await _world.PatchAsync("org", "openai_prod", new { grants = Array.Empty<string>() });
        await SeesAsync("cs dead-placeholder gpt-call");
        await _world.PatchAsync("org", "openai_prod", new { grants = new[] { "cs" } });
        await SeesAsync();
    }

    [Fact]
    public async Task Use_counts_by_its_sums_and_the_rows_of_calls_are_not_read()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.ToolAsync("cs", "crm");
        await _world.ToolAsync("cs", "old-crm");
        await _world.CredentialAsync("cs", "crm_prod", more: new { scope = new { tools = new[] { "crm", "old-crm" } } });
        await _world.CredentialAsync("cs", "mail_prod");
        _world.Clock.Shift(TimeSpan.FromDays(40));
        await Given.CallAsync(_world.App, "cs", await _world.CredentialIdAsync("cs", "crm_prod"), "crm_prod", _world.Clock.GetUtcNow().AddDays(-1), tool: "crm");
        var read = await _world.Statements.OfAsync(_world.AllAsync);
        Assert.Equal(["cs never-used mail_prod", "cs wide-scope crm_prod"], await _world.FoundAsync());
        Assert.Contains(read, s => s.Text.Contains("usage_source", StringComparison.Ordinal));
        Assert.DoesNotContain(read, s => s.Text.Contains("call_record", StringComparison.Ordinal) || s.Text.Contains("call_completion", StringComparison.Ordinal));
        Assert.DoesNotContain(read, s => s.Text.Contains("wrapped_key", StringComparison.Ordinal) || s.Text.Contains("\"bytes\"", StringComparison.Ordinal));
        if (!PostgresServer.IsDefault)
        {
            // Of the sums, which are many, only the days and credentials asked for are touched.
            var sums = read.Single(s => s.Text.Contains("usage_source", StringComparison.Ordinal));
            Assert.Contains("SEARCH u USING", sums.Plan);
            Assert.DoesNotContain("SCAN u\n", sums.Plan + "\n");
        }

        _world.Clock.Shift(TimeSpan.FromDays(89));
        await _world.AllAsync();
        Assert.Contains("cs unused crm_prod", await _world.FoundAsync());
        Assert.DoesNotContain("cs wide-scope crm_prod", await _world.FoundAsync());
    }

    [Fact]
    public async Task What_is_read_does_not_grow_with_the_workspace()
    {
        await Given.WorkspaceAsync(_world.App, "small");
        await Given.WorkspaceAsync(_world.App, "large");
        await FillAsync("small", 2);
        await FillAsync("large", 40);
        await _world.AllAsync();
        await using var db = await _world.App.DbAsync();
        var (small, large) = (await db.Workspaces.Where(w => w.Slug == "small").Select(w => w.Id).SingleAsync(), await db.Workspaces.Where(w => w.Slug == "large").Select(w => w.Id).SingleAsync());
        var few = await _world.Statements.OfAsync(() => _world.Evaluate.OneAsync(small, default));
        var many = await _world.Statements.OfAsync(() => _world.Evaluate.OneAsync(large, default));
        Assert.True(few.Count == many.Count, string.Join('\n', many.Select(s => s.Text)));
        Assert.InRange(few.Count, 10, 30);
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task Findings_are_counted_and_listed_by_index()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await FillAsync("cs", 5);
        await _world.AllAsync();
        var (query, actor) = (_world.App.Get<FindingsQuery>(), await _world.App.AdminAsync());
        await using var db = await _world.App.DbAsync();
        var ws = await db.Workspaces.Where(w => w.Slug == "cs").Select(w => w.Id).SingleAsync();
        var read = (await _world.Statements.OfAsync(async () =>
        {
            await query.CountsAsync(ws, false, default);
            await query.RunAsync(actor, "cs", new FindingsQuery.Filter(), default);
            await query.SummaryAsync(actor, "cs", new FindingsQuery.Filter(), default);
            await query.OfCredentialAsync(actor, "cs", "c1", default);
            await _world.ChangedAsync();
        })).Where(s => s.Text.Contains("hygiene_finding", StringComparison.Ordinal)).ToList();
        Assert.True(read.Count >= 6, $"{read.Count} statements");
        Assert.All(read, s => Assert.True(s.Plan.Contains(" USING INDEX ix_hygiene_finding", StringComparison.Ordinal) || s.Plan.Contains(" USING COVERING INDEX ix_hygiene_finding", StringComparison.Ordinal), $"{s.Text}\n{s.Plan}"));
    }

    [Fact]
    public async Task While_nothing_changes_nothing_is_written_and_little_is_read()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await FillAsync("cs", 3);
        await _world.AllAsync();
        var idle = await _world.Statements.OfAsync(async () => Assert.Equal(0, await _world.ChangedAsync()));
        Assert.InRange(idle.Count, 1, 3);
        Assert.All(idle, s => Assert.StartsWith("SELECT", s.Text, StringComparison.Ordinal));
        // What is no change of what is looked at, is read once and not written down as seen.
        await _world.App.ActsAsync(null, 3, AuditAction.SignedIn);
        var read = await _world.Statements.OfAsync(async () => Assert.Equal(0, await _world.ChangedAsync()));
        Assert.All(read, s => Assert.StartsWith("SELECT", s.Text, StringComparison.Ordinal));
        Assert.InRange((await _world.Statements.OfAsync(_world.ChangedAsync)).Count, 1, 3);
    }

    [Fact]
    public async Task Many_looks_at_once_make_each_finding_and_its_notice_once()
    {
        foreach (var ws in new[] { "cs", "growth" })
        {
            await Given.WorkspaceAsync(_world.App, ws);
            await _world.CredentialAsync(ws, "openai_prod", "the-same-value-0001");
        }
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => i % 2 == 0 ? _world.AllAsync() : _world.ChangedAsync())));
        Assert.Equal(["cs shared-workspaces openai_prod", "growth shared-workspaces openai_prod"], await _world.FoundAsync());
        Assert.Equal((0, 0), (await _world.AllAsync(), await _world.ChangedAsync()));
        Assert.Equal(2, (await NoticesAsync()).Count);
    }

    [Fact]
    public async Task A_look_that_saw_less_does_not_undo_one_that_saw_more()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.CredentialAsync("cs", "openai", more: new { owner = (string?)null });
        await _world.AllAsync();
        await using (var db = await _world.App.DbAsync())
        {
            // As if another node had looked after changes that this one has not seen yet.
            foreach (var look in await db.HygieneLooks.Where(l => l.WorkspaceId != Guid.Empty).ToListAsync()) look.AuditSeq += 1000;
            await db.SaveChangesAsync();
        }
        await _world.PatchAsync("cs", "openai", new { owner = AdminApp.AdminEmail });
        Assert.Equal(0, await _world.AllAsync());
        Assert.Equal(["cs name openai", "cs no-owner openai"], await _world.FoundAsync());
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task A_row_that_cannot_be_read_keeps_no_other_workspace_from_being_looked_at()
    {
        foreach (var ws in new[] { "a-first", "b-second" })
        {
            await Given.WorkspaceAsync(_world.App, ws);
            await _world.ToolAsync(ws, "crm");
            await _world.CredentialAsync(ws, "openai");
        }
        AuditWorld.Sql(Path.Combine(_world.App.DataDirectory, "evose.db"), "UPDATE consumer SET config = '{' WHERE workspace_id = (SELECT id FROM workspace WHERE slug = 'a-first')");
        await _world.AllAsync();
        Assert.Equal(["b-second name openai"], await _world.FoundAsync());
        Assert.Contains(_world.App.Log.Lines, l => l.Contains("a row of it cannot be read", StringComparison.Ordinal));
        await _world.PatchAsync("b-second", "openai", new { name = "openai_prod" });
        await _world.ChangedAsync();
        Assert.Empty(await _world.FoundAsync());
    }

    [Fact]
    public async Task Grave_findings_are_told_together_and_at_most_once_an_hour()
    {
        await Given.WorkspaceAsync(_world.App, "cs-dev");
        foreach (var name in new[] { "a_prod", "b_prod", "c_prod" }) await _world.CredentialAsync("cs-dev", name);
        await _world.CredentialAsync("cs-dev", "tidy_dev", more: new { owner = (string?)null });
        await _world.AllAsync();
        var first = Assert.Single(await NoticesAsync());
        Assert.Equal(("3 grave hygiene findings", "/w/cs-dev/hygiene?severity=high"), (first.Title, first.Url));
        Assert.Contains("b_prod", first.Body);
        Assert.DoesNotContain("tidy_dev", first.Body);

        await _world.CredentialAsync("cs-dev", "d_prod");
        await _world.ChangedAsync();
        await _world.AllAsync();
        Assert.Single(await NoticesAsync());
        _world.Clock.Shift(TimeSpan.FromMinutes(61));
        // The hour is over: without a change, and once.
        Assert.Equal((1, 0), (await _world.ChangedAsync(), await _world.ChangedAsync()));
        Assert.Equal("d_prod: a production key in a place for trials", (await NoticesAsync())[^1].Title);

        // Put right and spoilt again is news; the clock set back a year does not silence it for a year.
        await _world.PatchAsync("cs-dev", "d_prod", new { name = "d_dev" });
        await _world.ChangedAsync();
        _world.Clock.Shift(TimeSpan.FromDays(-365));
        await _world.PatchAsync("cs-dev", "d_dev", new { name = "d_prod" });
        Assert.Equal(2, await _world.ChangedAsync());
        Assert.Equal(3, (await NoticesAsync()).Count);
    }

    [Fact]
    public async Task An_accepted_finding_whose_facts_change_is_open_again_and_that_is_on_record()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        foreach (var agent in new[] { "a", "b", "c" }) await _world.AgentAsync("cs", agent);
        await _world.CredentialAsync("cs", "openai_prod", more: new { scope = new { agents = new[] { "a", "b" } } });
        await _world.AllAsync();
        var finding = await _world.FindingAsync("shared-agents", "openai_prod");
        await GivenRemote.OkAsync(_world.Api.PostAsJsonAsync($"/api/v1/workspaces/cs/findings/{finding.Id}/acceptance", new { reason = "one team", until = Day(90) }));
        Assert.Equal(["(cs shared-agents openai_prod)"], await _world.FoundAsync());

        // A new description is another matter; a third agent is this one.
        await _world.PatchAsync("cs", "openai_prod", new { description = "For the team" });
        Assert.Equal(0, await _world.ChangedAsync());
        Assert.Equal(["(cs shared-agents openai_prod)"], await _world.FoundAsync());
        await _world.PatchAsync("cs", "openai_prod", new { scope = new { agents = new[] { "a", "b", "c" } } });
        await SeesAsync("cs shared-agents openai_prod");
        await using var db = await _world.App.DbAsync();
        var reopened = await db.AuditEvents.AsNoTracking().SingleAsync(e => e.Action == AuditAction.FindingReopened);
        Assert.Equal(("hygiene", "openai_prod", await _world.CredentialIdAsync("cs", "openai_prod")), (reopened.ActorName, reopened.Subject, reopened.CredentialId));
        // And stays so when the third goes: somebody should decide anew.
        await _world.PatchAsync("cs", "openai_prod", new { scope = new { agents = new[] { "a", "b" } } });
        await SeesAsync("cs shared-agents openai_prod");
    }

    [Fact]
    public async Task An_acceptance_ends_at_its_date_and_a_grave_one_is_told_of_then()
    {
        await Given.WorkspaceAsync(_world.App, "cs-dev");
        await _world.CredentialAsync("cs-dev", "a_prod");
        await _world.AllAsync();
        var finding = await _world.FindingAsync("prod-in-dev", "a_prod");
        await GivenRemote.OkAsync(_world.Api.PostAsJsonAsync($"/api/v1/workspaces/cs-dev/findings/{finding.Id}/acceptance", new { reason = "until the move is done", until = Day(10) }));
        _world.Clock.Shift(TimeSpan.FromDays(10));
        await _world.ChangedAsync();
        Assert.Equal(["(cs-dev prod-in-dev a_prod)"], await _world.FoundAsync());
        Assert.Single(await NoticesAsync());
        _world.Clock.Shift(TimeSpan.FromDays(1));
        Assert.Equal(["cs-dev prod-in-dev a_prod"], await _world.FoundAsync());
        await _world.ChangedAsync();
        Assert.Equal(2, (await NoticesAsync()).Count);
    }

    [Fact]
    public async Task What_was_put_right_is_forgotten_after_half_a_year()
    {
        await Given.WorkspaceAsync(_world.App, "cs");
        await _world.CredentialAsync("cs", "openai");
        await _world.AllAsync();
        await _world.PatchAsync("cs", "openai", new { name = "openai_prod" });
        await _world.ChangedAsync();
        await using var db = await _world.App.DbAsync();
        Assert.NotNull((await db.HygieneFindings.AsNoTracking().SingleAsync()).ResolvedAt);
        _world.Clock.Shift(EvaluateHygiene.KeepResolved - TimeSpan.FromDays(1));
        await _world.AllAsync();
        Assert.True(await db.HygieneFindings.AnyAsync(f => f.Rule == "name"));
        _world.Clock.Shift(TimeSpan.FromDays(2));
        await _world.AllAsync();
        Assert.False(await db.HygieneFindings.AnyAsync(f => f.Rule == "name"));
    }

    // What is found after what changed was looked at, and that it was by the change alone.
    private async Task SeesAsync(params string[] expected)
    {
        await _world.ChangedAsync();
        Assert.Equal(expected, await _world.FoundAsync());
        Assert.Equal(0, await _world.AllAsync());
        Assert.Equal(expected, await _world.FoundAsync());
    }

    private async Task FillAsync(string ws, int count)
    {
        await _world.ToolAsync(ws, "crm");
        for (var i = 0; i < count; i++)
        {
            await _world.CredentialAsync(ws, "c" + i, more: new { owner = (string?)null, scope = new { tools = new[] { "crm" } } });
            await Given.CallAsync(_world.App, ws, await _world.CredentialIdAsync(ws, "c" + i), "c" + i, _world.Clock.GetUtcNow());
        }
    }

    private async Task<List<Notification>> NoticesAsync()
    {
        await using var db = await _world.App.DbAsync();
        return await db.Notifications.AsNoTracking().Where(n => n.Kind == NotificationKind.HygieneFinding).OrderBy(n => n.CreatedAt).ToListAsync();
    }

    private string Day(int days) => _world.Clock.GetUtcNow().AddDays(days).UtcDateTime.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);
}
