using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using static Evose.Admin.Tests.Domain.Hygiene.GivenHygiene;

namespace Evose.Admin.Tests.Domain.Hygiene;

public sealed class HygieneRulesTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromTicks(1);

    [Fact]
    public void A_credential_in_order_has_no_finding() => Assert.Empty(Found(In("cs", Credential())));

    // Exactly at the age it is found; one tick before it is not.
    [Fact]
    public void Ages_are_counted_to_the_tick()
    {
        (string Found, HygieneSnapshot Snapshot)[] aged =
        [
            ("stale openai_prod", In("cs", Credential(created: 90))),
            ("unused openai_prod", In("cs", Credential(created: 200, entered: 1, used: 90))),
            ("never-used openai_prod", In("cs", Credential(created: 30, used: null))),
            ("expired openai_prod", In("cs", Credential(expires: 0))),
            ("rotation-stuck openai_prod", In("cs", Credential() with { Rotation = new HygieneRotation(Ago(7), null) })),
            ("rotation-stuck openai_prod", In("cs", Credential() with { Rotation = new HygieneRotation(Ago(9), Ago(2)) })),
        ];
        foreach (var (found, snapshot) in aged)
        {
            Assert.Equal([found], Found(snapshot));
            Assert.Empty(Found(snapshot, Now - Tick));
        }
    }

    [Fact]
    public void A_day_is_24_hours_in_every_time_zone()
    {
        // The same instants, written down in Auckland, across the end of summer time.
        var auckland = TimeZoneInfo.CreateCustomTimeZone("nz", TimeSpan.FromHours(13), "nz", "nz").BaseUtcOffset;
        var entered = Ago(90).ToOffset(auckland);
        Assert.Equal(["stale openai_prod"], Found(In("cs", Credential() with { EnteredAt = entered }), Now.ToOffset(TimeSpan.FromHours(-11))));
        Assert.Empty(Found(In("cs", Credential() with { EnteredAt = entered + Tick }), Now.ToOffset(TimeSpan.FromHours(-11))));
        // Dates in texts are those of UTC, whoever evaluates.
        var text = HygieneRules.Evaluate(In("cs", Credential() with { EnteredAt = new DateTimeOffset(2026, 1, 2, 3, 0, 0, TimeSpan.FromHours(13)) }), Now).Single().Text;
        Assert.Contains("2026-01-01", text);
    }

    [Fact]
    public void A_clock_that_was_set_back_finds_nothing_old()
    {
        var old = In("cs", Credential(created: 300, used: 200) with { Rotation = new HygieneRotation(Ago(50), Ago(40)) });
        Assert.Equal(["rotation-stuck openai_prod", "stale openai_prod", "unused openai_prod"], Found(old));
        // Before everything in it happened.
        Assert.Empty(Found(old, Now.AddDays(-1000)));
    }

    [Theory]
    [InlineData("dev", PlaceEnvironment.Trial)]
    [InlineData("cs-dev", PlaceEnvironment.Trial)]
    [InlineData("cs-staging", PlaceEnvironment.Trial)]
    [InlineData("qa", PlaceEnvironment.Trial)]
    [InlineData("cs-prod", PlaceEnvironment.Production)]
    [InlineData("live", PlaceEnvironment.Production)]
    [InlineData("dev-tools", PlaceEnvironment.Unsaid)]
    [InlineData("test-kitchen", PlaceEnvironment.Unsaid)]
    [InlineData("devops", PlaceEnvironment.Unsaid)]
    [InlineData("cs", PlaceEnvironment.Unsaid)]
    public void A_workspace_is_for_trials_when_its_name_ends_so(string slug, PlaceEnvironment environment) => Assert.Equal(environment, PlaceEnvironments.Of(slug));

    [Fact]
    public void A_production_key_in_a_trial_workspace_is_told_once_and_as_the_worse_thing()
    {
        var copied = Credential("openai_dev") with { Twins = [Twin("openai_prod", "cs")] };
        Assert.Equal(["prod-in-dev openai_dev"], Found(In("cs-dev", copied)));
        // Renamed to what it is, it is found by its name; a value nobody else has is not found at all.
        Assert.Equal(["prod-in-dev openai_prod", "shared-workspaces openai_prod"], Found(In("cs-dev", Credential() with { Twins = [Twin("openai_prod", "cs")] })));
        Assert.Empty(Found(In("cs-dev", Credential("openai_dev"))));
    }

    [Fact]
    public void What_other_workspaces_have_is_counted_and_not_named()
    {
        var shared = Observe("shared-workspaces", In("cs", Credential() with { Twins = [Twin("secret-project_prod", "merger"), Twin("other_prod", "merger"), Twin("third_prod", "growth")] }));
        Assert.Equal((HygieneSeverity.High, "The same value is registered in 2 other workspaces."), (shared.Severity, shared.Text));
        var copied = Observe("prod-in-dev", In("cs", Credential("x_dev") with { Twins = [Twin("secret-project_prod", "merger")] }));
        Assert.DoesNotContain("merger", copied.Text + shared.Text);
        Assert.DoesNotContain("secret", copied.Text);
    }

    [Fact]
    public void A_grant_to_several_workspaces_is_less_grave_than_copies()
    {
        var granted = Observe("shared-workspaces", In("org", Credential() with { Grants = [new(Id("cs"), "cs"), new(Id("growth"), "growth")] }));
        Assert.Equal(HygieneSeverity.Medium, granted.Severity);
        Assert.Contains("cs and growth", granted.Text);
    }

    [Fact]
    public void Agents_count_once_whether_by_scope_or_by_use()
    {
        var one = Credential() with { Scope = [Entry(ConsumerKind.Agent, "cs-pro")], Use = new HygieneUse(Ago(1), [(ConsumerKind.Agent, "cs-pro")]) };
        Assert.Empty(Found(In("cs", one)));
        var two = one with { Use = new HygieneUse(Ago(1), [(ConsumerKind.Agent, "cs-pro"), (ConsumerKind.Agent, "sales")]) };
        Assert.Contains("cs-pro and sales", Observe("shared-agents", In("cs", two)).Text);
        var many = one with { Use = new HygieneUse(Ago(1), [.. "abcdefgh".Select(a => (ConsumerKind.Agent, a.ToString()))]) };
        Assert.Contains("9 agents use it or may: a, b, c, cs-pro, d and 4 more.", Observe("shared-agents", In("cs", many)).Text);
    }

    [Fact]
    public void Idle_entries_of_a_scope_can_be_taken_out_when_that_changes_nobody_elses_access()
    {
        var tools = new[] { Entry(ConsumerKind.Tool, "crm"), Entry(ConsumerKind.Tool, "old-crm"), Entry(ConsumerKind.Tool, "older-crm") };
        var wide = Credential() with { Scope = tools, Use = new HygieneUse(Ago(1), [(ConsumerKind.Tool, "crm")]) };
        var found = Observe("wide-scope", In("cs", wide));
        Assert.Equal((HygieneFix.NarrowScope, "In the last 90 days it was not used by tool old-crm, tool older-crm, which its scope lets in."), (found.Fix, found.Text));
        Assert.Equal([tools[1].Id, tools[2].Id], found.Members);
    }

    [Fact]
    public void A_side_of_a_scope_that_would_be_left_empty_stays()
    {
        // The agents are all idle: without them everybody could use it through the tools.
        var scope = new[] { Entry(ConsumerKind.Tool, "crm"), Entry(ConsumerKind.Tool, "old-crm"), Entry(ConsumerKind.Agent, "a"), Entry(ConsumerKind.Workflow, "w") };
        var found = Observe("wide-scope", In("cs", Credential() with { Scope = scope, Use = new HygieneUse(Ago(1), [(ConsumerKind.Tool, "crm")]) }));
        Assert.Equal([scope[1].Id], found.Members);
        Assert.Contains("agent a, workflow w", found.Text);
        var onlyAgents = Observe("wide-scope", In("cs", Credential() with { Scope = [scope[0], scope[2], scope[3]], Use = new HygieneUse(Ago(1), [(ConsumerKind.Tool, "crm")]) }));
        Assert.Equal((HygieneFix.None, 0), (onlyAgents.Fix, onlyAgents.Members!.Count));
    }

    [Fact]
    public void An_entry_that_may_have_been_renamed_is_not_taken_out_by_a_click()
    {
        var scope = new[] { Entry(ConsumerKind.Tool, "crm"), Entry(ConsumerKind.Tool, "customers") };
        var found = Observe("wide-scope", In("cs", Credential() with { Scope = scope, Use = new HygieneUse(Ago(1), [(ConsumerKind.Tool, "crm"), (ConsumerKind.Tool, "customers-of-before")]) }));
        Assert.Equal(HygieneFix.None, found.Fix);
    }

    [Fact]
    public void A_scope_is_judged_when_it_and_its_entries_have_stood_for_a_month()
    {
        HygieneCredential With(double entry, double? changed, double created = 60) => Credential(created: created) with
        {
            Scope = [Entry(ConsumerKind.Tool, "crm"), Entry(ConsumerKind.Tool, "old-crm", entry)], ScopeChangedAt = changed is { } c ? Ago(c) : null, Use = new HygieneUse(Ago(1), [(ConsumerKind.Tool, "crm")]),
        };
        Assert.Equal(["wide-scope openai_prod"], Found(In("cs", With(30, 30, 30))));
        Assert.Empty(Found(In("cs", With(29.9, 40))));
        Assert.Empty(Found(In("cs", With(60, 29.9))));
        Assert.Empty(Found(In("cs", With(60, null, 29.9))));
        // Of what nobody uses, that is said, and not who does not.
        Assert.Equal(["unused openai_prod"], Found(In("cs", With(300, 100, 80) with { Use = new HygieneUse(Ago(95), [(ConsumerKind.Tool, "crm")]) })));
    }

    [Fact]
    public void Of_two_with_one_value_the_older_stays()
    {
        var (older, younger) = (Credential("a_prod", created: 50) with { Twins = [Twin("b_prod", "cs", true, 20)] }, Credential("b_prod", created: 20) with { Twins = [Twin("a_prod", "cs", true, 50)] });
        Assert.Equal(["duplicate b_prod"], Found(In("cs", older, younger)));
    }

    [Fact]
    public void Only_what_people_enter_grows_stale()
    {
        Assert.Empty(Found(In("cs", Credential(created: 300, type: CredentialType.OAuthToken, renews: true, expires: null), Credential("site_prod", created: 300, type: CredentialType.Cookie, renews: true, expires: null))));
        Assert.Equal(["stale site_prod"], Found(In("cs", Credential("site_prod", created: 300, type: CredentialType.Cookie, expires: null))));
        Assert.Empty(Found(In("cs", Credential() with { EnteredAt = null, ActiveVersion = null })));
    }

    [Fact]
    public void Owners_that_can_be_put_right_are_offered_so()
    {
        foreach (var (owner, id) in new[] { (HygieneOwner.Nobody, "no-owner"), (new HygieneOwner(true, "bob@example.test", true), "owner-gone"), (new HygieneOwner(true, null, true), "owner-gone") })
        {
            var found = Observe(id, In("cs", Credential() with { Owner = owner }));
            Assert.Equal(HygieneFix.TakeOwnership, found.Fix);
            Assert.EndsWith(".", found.Text);
        }
    }

    [Fact]
    public void Facts_change_with_the_matter_and_not_with_time()
    {
        var stale = Observe("stale", In("cs", Credential(created: 100)));
        Assert.Equal(stale.FactsHash, Observe("stale", In("cs", Credential(created: 100)), Now.AddDays(50)).FactsHash);
        Assert.NotEqual(stale.FactsHash, Observe("stale", In("cs", Credential(created: 100) with { ActiveVersion = 2 })).FactsHash);
        HygieneSnapshot Agents(params string[] agents) => In("cs", Credential() with { Scope = [.. agents.Select(a => Entry(ConsumerKind.Agent, a))], Use = new HygieneUse(Ago(1), [.. agents.Select(a => (ConsumerKind.Agent, a))]) });
        Assert.Equal(Observe("shared-agents", Agents("a", "b")).FactsHash, Observe("shared-agents", Agents("b", "a")).FactsHash);
        Assert.NotEqual(Observe("shared-agents", Agents("a", "b")).FactsHash, Observe("shared-agents", Agents("a", "b", "c")).FactsHash);
    }

    [Fact]
    public void The_list_of_rules_is_in_order()
    {
        Assert.Equal(HygieneRules.All.Count, HygieneRules.All.Select(r => r.Id).Distinct().Count());
        Assert.Equal(HygieneRules.All.OrderByDescending(r => r.Severity).Select(r => r.Id), HygieneRules.All.Select(r => r.Id));
        Assert.All(HygieneRules.All, r => Assert.True(r.Id.Length <= 32 && r.Why.EndsWith('.') && !r.Title.EndsWith('.') && ReferenceEquals(HygieneRules.Find(r.Id), r)));
    }

    private static Observation Observe(string rule, HygieneSnapshot snapshot, DateTimeOffset? now = null) => HygieneRules.Find(rule)!.Find(snapshot, now ?? Now).Single();
}
