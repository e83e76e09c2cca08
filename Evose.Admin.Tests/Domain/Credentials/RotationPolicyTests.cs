using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Credentials;

public sealed class RotationPolicyTests
{
    private static readonly DateTimeOffset T0 = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Every move in each of the 160 states, against a restatement as sentences about sets.</summary>
    [Fact]
    public void Every_move_in_every_state()
    {
        var states = 0;
        VerifyResult?[] results = [null, .. Enum.GetValues<VerifyResult>()];
        foreach (var archived in Both)
        foreach (var pending in Both)
        foreach (var active in Both)
        foreach (var retiring in Both)
        foreach (var verified in results)
        foreach (var skip in Both)
        {
            states++;
            var f = new RotationFacts(archived, pending, active, retiring, verified, skip);
            Assert.Equal(!archived && !pending && !retiring, RotationPolicy.CanStart(f) == RotationAnswer.Allowed);
            Assert.Equal(!archived && pending, RotationPolicy.CanVerify(f) == RotationAnswer.Allowed);
            Assert.Equal(!archived && pending, RotationPolicy.CanDiscard(f) == RotationAnswer.Allowed);
            Assert.Equal(!archived && retiring, RotationPolicy.CanRollBack(f) == RotationAnswer.Allowed);
            Assert.Equal(!archived && retiring, RotationPolicy.CanRetire(f) == RotationAnswer.Allowed);
            var sound = verified == VerifyResult.Alive || (skip && verified != VerifyResult.Dead);
            Assert.Equal(!archived && pending && !retiring && sound, RotationPolicy.CanPromote(f) == RotationAnswer.Allowed);
            Assert.Equal(retiring ? 4 : !pending ? 1 : sound ? 3 : 2, RotationPolicy.Step(f));
            foreach (var answer in new[] { RotationPolicy.CanStart(f), RotationPolicy.CanVerify(f), RotationPolicy.CanDiscard(f), RotationPolicy.CanRollBack(f), RotationPolicy.CanRetire(f), RotationPolicy.CanPromote(f) })
                Assert.Equal(archived, answer == RotationAnswer.Archived);
        }
        Assert.Equal(160, states);
    }

    [Theory]
    [InlineData(null, false, RotationAnswer.NotVerified)]
    [InlineData(null, true, RotationAnswer.Allowed)]
    [InlineData(VerifyResult.Alive, false, RotationAnswer.Allowed)]
    [InlineData(VerifyResult.Unclear, false, RotationAnswer.NotVerified)]
    [InlineData(VerifyResult.Unclear, true, RotationAnswer.Allowed)]
    [InlineData(VerifyResult.LacksPermission, false, RotationAnswer.VerifiedWithLessPermission)]
    [InlineData(VerifyResult.LacksPermission, true, RotationAnswer.Allowed)]
    [InlineData(VerifyResult.Dead, false, RotationAnswer.VerifiedDead)]
    [InlineData(VerifyResult.Dead, true, RotationAnswer.VerifiedDead)]
    public void An_unchecked_value_needs_a_person_and_a_refused_one_never_goes_live(VerifyResult? verified, bool skip, RotationAnswer answer) =>
        Assert.Equal(answer, RotationPolicy.CanPromote(new RotationFacts(false, true, true, false, verified, skip)));

    [Fact]
    public void Says_why_in_the_order_that_helps()
    {
        Assert.Equal(RotationAnswer.PendingExists, RotationPolicy.CanStart(new RotationFacts(false, true, true, true, null, false)));
        Assert.Equal(RotationAnswer.GraceRunning, RotationPolicy.CanStart(new RotationFacts(false, false, true, true, null, false)));
        Assert.Equal(RotationAnswer.GraceRunning, RotationPolicy.CanPromote(new RotationFacts(false, true, true, true, VerifyResult.Alive, false)));
        Assert.Equal(RotationAnswer.NoPending, RotationPolicy.CanPromote(new RotationFacts(false, false, true, false, null, true)));
        Assert.Equal(RotationAnswer.NoRetiring, RotationPolicy.CanRollBack(new RotationFacts(false, true, true, false, null, true)));
    }

    [Fact]
    public void Facts_come_from_the_credential()
    {
        var credential = CredentialTests.InGrace();
        Assert.Equal(new RotationFacts(false, false, true, true, null, false), RotationPolicy_Of(credential));
        credential.Retire(T0);
        CredentialTests.Add(credential).RecordProbe(VerifyResult.Unclear, "timeout", T0);
        Assert.Equal(new RotationFacts(false, true, true, false, VerifyResult.Unclear, true), RotationFacts.Of(credential, skipVerify: true));
        credential.Archive(T0);
        Assert.True(RotationPolicy_Of(credential).IsArchived);

        static RotationFacts RotationPolicy_Of(Credential c) => RotationFacts.Of(c);
    }

    [Fact]
    public void Retires_only_when_due_and_quiet_for_each_of_the_combinations()
    {
        var window = TimeSpan.FromHours(1);
        foreach (var due in Both)
        foreach (var failing in Both)
        foreach (var used in Both)
        foreach (var inFlight in Both)
        foreach (var force in Both)
        {
            var evidence = new RetireEvidence(due ? T0 : T0.AddTicks(1), failing ? T0 - window + TimeSpan.FromTicks(1) : T0 - window, used ? T0.AddMinutes(-1) : null, inFlight ? 1 : 0, window);
            var decision = RotationPolicy.CanRetire(evidence, T0, force);
            RetireHold[] holds =
            [
                .. new[] { (!due, RetireHold.GraceRunning), (failing, RetireHold.NewVersionFailing), (used, RetireHold.OldVersionUsed), (inFlight, RetireHold.OldVersionInFlight) }.Where(h => h.Item1).Select(h => h.Item2),
            ];
            Assert.Equal(holds, decision.Holds);
            Assert.Equal(force || holds.Length == 0, decision.MayRetire);
            Assert.Equal(due, decision.IsDue);
            Assert.Equal(holds.Length == 0 ? null : string.Join(',', holds.Select(h => h.Name())), decision.Names);
        }
    }

    [Fact]
    public void Another_nodes_clock_ahead_of_ours_is_recent() =>
        Assert.Equal([RetireHold.OldVersionUsed], RotationPolicy.CanRetire(new RetireEvidence(T0, null, T0.AddMinutes(5), 0, TimeSpan.FromHours(1)), T0).Holds);

    [Theory]
    [InlineData(null, true)]
    [InlineData(200, false)]
    [InlineData(301, false)]
    [InlineData(400, false)]
    [InlineData(401, true)]
    [InlineData(403, true)]
    [InlineData(404, false)]
    [InlineData(429, false)]
    [InlineData(500, true)]
    [InlineData(503, true)]
    public void What_speaks_against_the_new_version(int? status, bool failure) => Assert.Equal(failure, RotationPolicy.CountsAsFailure(status));

    [Fact]
    public void Every_answer_and_hold_has_a_sentence_and_a_name_of_its_own()
    {
        var sentences = Enum.GetValues<RotationAnswer>().Select(a => a.Sentence()).Concat(Enum.GetValues<RetireHold>().Select(h => h.Sentence())).ToList();
        Assert.Equal(sentences.Count, sentences.Distinct().Count());
        Assert.Equal(["grace_running", "new_version_failing", "old_version_used", "old_version_in_flight"], Enum.GetValues<RetireHold>().Select(h => h.Name()));
    }

    [Fact]
    public void A_rotation_goes_its_way()
    {
        var rotation = Start();
        Assert.Equal((2, 3, 2, 2), (rotation.Step(null), rotation.Step(VerifyResult.Alive), rotation.Step(VerifyResult.Dead), rotation.Step(VerifyResult.Unclear)));
        rotation.SkipVerification("the provider has no check");
        Assert.Equal((3, 2, true), (rotation.Step(null), rotation.Step(VerifyResult.Dead), rotation.IsOpen));

        rotation.Promote(1, "ann", T0, T0.AddDays(1));
        Assert.Equal((RotationState.Grace, 4, 1, T0.AddDays(1), "ann", true), (rotation.State, rotation.Step(null), rotation.OldVersion, rotation.RetireAt, rotation.PromotedBy, rotation.IsOpen));

        var held = new RetireDecision(false, true, [RetireHold.OldVersionUsed]);
        rotation.Hold(held);
        var revision = rotation.Revision;
        rotation.Hold(held);
        Assert.Equal(("old_version_used", revision), (rotation.LastHolds, rotation.Revision));
        rotation.HeldNotified(T0);

        rotation.Retire(new RetireDecision(true, true, []), T0.AddDays(2));
        Assert.Equal((RotationState.Retired, null, T0.AddDays(2), false, 4), (rotation.State, rotation.LastHolds, rotation.EndedAt, rotation.IsOpen, rotation.Step(null)));
    }

    [Fact]
    public void A_first_value_has_no_grace()
    {
        var rotation = Start();
        rotation.Promote(null, "ann", T0, T0.AddDays(1));
        Assert.Equal((RotationState.Retired, T0, false, null), (rotation.State, rotation.EndedAt, rotation.IsOpen, rotation.RetireAt));
    }

    [Fact]
    public void A_rotation_refuses_every_move_out_of_turn()
    {
        var decision = new RetireDecision(true, true, []);
        var moves = new (string Name, RotationState From, Action<Rotation> Do)[]
        {
            ("skip", RotationState.Pending, r => r.SkipVerification("x")),
            ("promote", RotationState.Pending, r => r.Promote(1, "a", T0, T0)),
            ("discard", RotationState.Pending, r => r.Discard(T0)),
            ("hold", RotationState.Grace, r => r.Hold(decision)),
            ("notify", RotationState.Grace, r => r.HeldNotified(T0)),
            ("retire", RotationState.Grace, r => r.Retire(decision, T0)),
            ("roll back", RotationState.Grace, r => r.RollBack(T0)),
        };
        foreach (var state in Enum.GetValues<RotationState>())
        foreach (var move in moves)
        {
            var rotation = In(state);
            Assert.Equal(state, rotation.State);
            if (state == move.From) move.Do(rotation);
            else Assert.Throws<InvalidOperationException>(() => move.Do(rotation));
        }
        Assert.Equal(1, In(RotationState.RolledBack).Step(null));
        Assert.Equal(1, In(RotationState.Discarded).Step(null));
    }

    private static readonly bool[] Both = [true, false];

    private static Rotation Start() => Evose.Admin.Domain.Credentials.Rotation.Start(Guid.CreateVersion7(T0), CredentialTests.InGrace(), 3, "bob", T0);

    private static Rotation In(RotationState state)
    {
        var rotation = Start();
        if (state == RotationState.Discarded) rotation.Discard(T0);
        if (state is RotationState.Pending or RotationState.Discarded) return rotation;
        rotation.Promote(2, "ann", T0, T0.AddDays(1));
        if (state == RotationState.Retired) rotation.Retire(new RetireDecision(true, true, []), T0);
        if (state == RotationState.RolledBack) rotation.RollBack(T0);
        return rotation;
    }
}
