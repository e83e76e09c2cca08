using Evose.Admin.Domain.Hygiene;
using static Evose.Admin.Tests.Domain.Hygiene.GivenHygiene;

namespace Evose.Admin.Tests.Domain.Hygiene;

public sealed class HygieneFindingTests
{
    private static readonly HygieneRule Rule = HygieneRules.Find("shared-agents")!;

    private static Observation Seen(string text = "Two use it.", string name = "openai_prod", HygieneSeverity severity = HygieneSeverity.Medium, params string[] facts) =>
        new(Rule, new HygieneSubject(HygieneSubjectKind.Credential, Id("c"), name), severity, text, facts, HygieneFixPlace.Access);

    private static HygieneFinding New() => new(Id("f"), Id("w"), Seen(facts: "a"), Now);

    [Fact]
    public void The_same_again_changes_nothing()
    {
        var f = New();
        Assert.False(f.See(Seen(facts: "a"), Now.AddDays(1), out _));
        Assert.Equal((0, Now, Now), (f.Revision, f.FirstSeenAt, f.LastSeenAt));
        // Words of a new name are no new matter.
        f.Accept("ann", "one team", Now.AddDays(30), Now);
        Assert.True(f.See(Seen(name: "gpt_prod", facts: "a"), Now.AddDays(1), out var reopened));
        Assert.Equal((false, HygieneState.Accepted, "gpt_prod"), (reopened, f.StateAt(Now.AddDays(1)), f.Subject));
    }

    [Fact]
    public void An_acceptance_ends_by_itself_at_its_date()
    {
        var f = New();
        f.Accept("ann", "one team", Now.AddDays(30), Now);
        Assert.Equal((HygieneState.Accepted, HygieneState.Open), (f.StateAt(Now.AddDays(30).AddTicks(-1)), f.StateAt(Now.AddDays(30))));
        // A clock that was set back does not open it.
        Assert.Equal(HygieneState.Accepted, f.StateAt(Now.AddDays(-100)));
    }

    [Fact]
    public void Other_facts_open_what_was_accepted_and_do_not_close_it_again()
    {
        var f = New();
        f.Accept("ann", "one team", Now.AddDays(30), Now);
        Assert.True(f.See(Seen(facts: ["a", "b"]), Now.AddDays(1), out var reopened));
        Assert.Equal((true, HygieneState.Open, (string?)null), (reopened, f.StateAt(Now.AddDays(1)), f.AcceptedBy));
        Assert.True(f.See(Seen(facts: "a"), Now.AddDays(2), out reopened));
        Assert.Equal((false, HygieneState.Open), (reopened, f.StateAt(Now.AddDays(2))));
    }

    [Fact]
    public void What_comes_back_is_a_new_matter()
    {
        var f = New();
        f.ToldAt = Now;
        f.Accept("ann", "one team", Now.AddDays(300), Now);
        f.Resolve(Now.AddDays(1));
        Assert.Equal(HygieneState.Resolved, f.StateAt(Now.AddDays(2)));
        Assert.True(f.See(Seen(facts: "a"), Now.AddDays(5), out var reopened));
        Assert.Equal((false, HygieneState.Open, Now.AddDays(5), (DateTimeOffset?)null, (DateTimeOffset?)null), (reopened, f.StateAt(Now.AddDays(5)), f.FirstSeenAt, f.ToldAt, f.ResolvedAt));
    }

    [Fact]
    public void Graver_than_before_it_is_told_again()
    {
        var f = New();
        f.ToldAt = Now;
        f.See(Seen(severity: HygieneSeverity.High, facts: "a"), Now.AddDays(1), out _);
        Assert.Null(f.ToldAt);
        f.ToldAt = Now.AddDays(1);
        f.See(Seen(severity: HygieneSeverity.Low, facts: "a"), Now.AddDays(2), out _);
        Assert.NotNull(f.ToldAt);
    }

    [Fact]
    public void A_year_is_the_most()
    {
        var latest = AcceptancePolicy.Latest(Now);
        Assert.Equal(new DateTimeOffset(2027, 6, 16, 0, 0, 0, TimeSpan.Zero), latest);
        Assert.Null(AcceptancePolicy.RefuseUntil(latest, Now));
        Assert.NotNull(AcceptancePolicy.RefuseUntil(latest.AddTicks(1), Now));
        Assert.NotNull(AcceptancePolicy.RefuseUntil(Now, Now));
        Assert.Null(AcceptancePolicy.RefuseUntil(Now.AddTicks(1), Now));
        // The 29th of February has a year after it too.
        Assert.Equal(new DateTimeOffset(2029, 3, 1, 0, 0, 0, TimeSpan.Zero), AcceptancePolicy.Latest(new DateTimeOffset(2028, 2, 29, 10, 0, 0, TimeSpan.Zero)));
    }

    [Fact]
    public void Long_texts_are_cut_and_stay_the_same()
    {
        var f = new HygieneFinding(Id("f"), Id("w"), Seen(new string('x', 5000)), Now);
        Assert.Equal(HygieneFinding.MaxText, f.Text.Length);
        Assert.False(f.See(Seen(new string('x', 5000)), Now, out _));
    }
}
