using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Access;

/// <summary>The grant matrix: every decision is compared with a plain restatement of the rules that shares no code with the policy.</summary>
public sealed class AccessPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Here = Id(1);
    private static readonly Guid Elsewhere = Id(2);

    [Fact]
    public void Decides_as_the_plain_rules_for_every_cell_of_the_matrix()
    {
        var world = World.Fixed();
        string?[] agents = [null, "a_tool", "a_other", "a_free", "a_deleted", "a_foreign", "w_tool", "t", "nobody_has_this_name"];
        string?[] workflows = [null, "w_tool", "w_agent", "w_other", "w_free", "w_deleted", "w_foreign", "a_tool"];
        string?[] bound = [null, "a_tool", "a_other", "a_deleted", "a_foreign"];
        string[][] scopes =
        [
            [], ["t"], ["t_other"], ["a_tool"], ["a_free"], ["w_tool"], ["w_agent"], ["t", "a_tool"], ["t", "w_agent"], ["t_other", "a_tool"],
            ["a_tool", "w_tool"], ["t", "a_other", "w_agent"], ["t", "t_other", "a_tool", "a_free", "w_free"],
        ];
        var seen = new HashSet<string>();
        var cases = 0;
        foreach (var key in Enum.GetValues<KeyState>())
        foreach (var boundTo in bound)
        foreach (var agent in agents)
        foreach (var workflow in workflows)
        foreach (var scope in scopes)
        foreach (var (host, place) in new[] { (true, true), (false, true), (true, false) })
        {
            // The state of a dead key does not interact with scopes: one scope stands for all of them there.
            if (key is not (KeyState.Live or KeyState.Star or KeyState.ExpiresLater) && scope is not ["t"]) continue;
            if (key is KeyState.Star or KeyState.ExpiresLater && (agent is not (null or "a_tool") || workflow is not (null or "w_tool"))) continue;
            var use = new Use("c", scope, Exists: true, Foreign: false, Intact: true, Active: true, host, place);
            seen.Add(Check(world, new Call(key, boundTo, "t", agent, workflow, [use]), ref cases));
        }
        foreach (var tool in new[] { "t", "t_deleted", "t_foreign", "a_tool", "unheard_of" })
        foreach (var agent in agents)
        foreach (var state in Enumerable.Range(0, 16))
        {
            var use = new Use("c", ["t"], (state & 1) == 0, (state & 2) != 0, (state & 4) == 0, (state & 8) == 0, HostOk: true, PlaceOk: true);
            seen.Add(Check(world, new Call(KeyState.Live, null, tool, agent, null, [use]), ref cases));
            seen.Add(Check(world, new Call(KeyState.Live, null, tool, agent, null, []), ref cases));
        }
        Assert.InRange(cases, 10_000, 200_000);

        string[] decidedElsewhere = ["key_unknown", "field_unknown", "value_unsafe", "egress", "sign_in_needed", "cookie_none", "consent_needed", "token_stale", "credential_frozen", "update_forced"];
        var all = Enum.GetValues<Denial>().Select(d => d.Rule()).Concat(Enum.GetValues<Grant>().Select(g => g.Rule()));
        Assert.Equal(all.Except(decidedElsewhere).Order(), seen.Order());
    }

    [Fact]
    public void Decides_as_the_plain_rules_for_20000_random_worlds()
    {
        var random = new Random(41);
        var cases = 0;
        var seen = new Dictionary<string, int>();
        for (var i = 0; i < 20_000; i++)
        {
            var world = World.Random(random);
            var names = world.Things.Select(t => t.Name).Append("unheard_of").ToArray();
            var uses = Enumerable.Range(0, random.Next(3)).Select(n => new Use(
                "c" + n, [.. names.Where(_ => random.Next(3) == 0)], Mostly(), !Mostly(), Mostly(), Mostly(), Mostly(), Mostly())).ToArray();
            var call = new Call(
                Mostly() ? KeyState.Live : (KeyState)random.Next(Enum.GetValues<KeyState>().Length),
                random.Next(8) == 0 ? OneOf(3) : null, Mostly() ? names[0] : names[random.Next(names.Length)],
                random.Next(2) == 0 ? OneOf(3) : null, random.Next(2) == 0 ? OneOf(6) : null, uses);

            string OneOf(int from) => Mostly() ? names[from + random.Next(3)] : names[random.Next(names.Length)];
            var rule = Check(world, call, ref cases);
            seen[rule] = seen.GetValueOrDefault(rule) + 1;
        }
        Assert.Equal(20_000, cases);
        Assert.True(seen.Where(s => s.Key.StartsWith("granted", StringComparison.Ordinal)).Sum(s => s.Value) > 300, string.Join(", ", seen));

        bool Mostly() => random.Next(20) != 0;
    }

    [Fact]
    public void An_allowed_call_costs_no_memory()
    {
        var world = World.Fixed();
        var call = new Call(KeyState.Live, "a_tool", "t", "a_tool", "w_agent", [new("c", ["t", "a_tool"], true, false, true, true, true, true), new("d", ["w_agent"], true, false, true, true, true, true)]);
        var (key, facts) = (world.Key(call), world.Credentials(call));
        Assert.True(Once(10).IsAllowed);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Once(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        AccessDecision Once(int times)
        {
            var (tool, agent, workflow) = (world.Facts("t"), world.Facts("a_tool"), world.Facts("w_agent"));
            before = GC.GetAllocatedBytesForCurrentThread();
            AccessDecision decision = default;
            for (var i = 0; i < times; i++)
            {
                var question = new AccessQuestion
                {
                    Key = key, WorkspaceId = Here, Tool = tool, KeyAgent = agent, Agent = Named.As(agent), Workflow = Named.As(workflow), Credentials = facts,
                };
                decision = AccessPolicy.Decide(question, Now);
            }
            if (times == 1000) Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            before = GC.GetAllocatedBytesForCurrentThread();
            return decision;
        }
    }

    [Fact]
    public void The_first_credential_that_is_denied_is_named()
    {
        var world = World.Fixed();
        var call = new Call(KeyState.Live, null, "t", null, null, [new("one", ["t"], true, false, true, true, true, true), new("two", [], true, false, true, true, true, true)]);
        Assert.Equal(new AccessDecision(null, Denial.ScopeEmpty, null, null, "two"), world.Ask(call));
    }

    [Fact]
    public void A_key_past_its_date_by_nothing_is_expired()
    {
        var world = World.Fixed();
        foreach (var (ticks, denial) in new[] { (-1L, Denial.KeyExpired), (0L, Denial.KeyExpired), (1L, (Denial?)null) })
        {
            var key = new ApiKey { Scopes = [ApiKeyScopes.ToolInvoke], ExpiresAt = Now.AddTicks(ticks) };
            Assert.Equal(denial, AccessPolicy.Decide(new AccessQuestion { Key = key, WorkspaceId = Here, Tool = world.Facts("t") }, Now).Denial);
        }
    }

    [Fact]
    public void A_decision_nobody_made_denies() => Assert.False(default(AccessDecision).IsAllowed);

    [Fact]
    public void Every_denial_and_grant_has_its_own_words()
    {
        var denials = Enum.GetValues<Denial>();
        var words = denials.Select(d => (d.Rule(), d.Sentence())).Concat(Enum.GetValues<Grant>().Select(g => (g.Rule(), g.Sentence()))).ToList();
        Assert.Equal(words.Count, words.Select(w => w.Item1).Distinct().Count());
        Assert.Equal(words.Count, words.Select(w => w.Item2).Distinct().Count());
        Assert.All(words, w => Assert.Matches("^[a-z]+(_[a-z]+)*$", w.Item1));
        Assert.All(words, w => Assert.EndsWith(".", w.Item2));
        Assert.All(denials, d => Assert.NotEqual(ProblemKind.Malformed, d.ToProblem().Kind));
        Assert.Equal(ProblemKind.NotFound, Denial.KeyWorkspace.ToProblem().Kind);
        Assert.Equal(ProblemKind.NotFound, Denial.ToolUnknown.ToProblem().Kind);
        Assert.Equal(ProblemKind.Unauthorized, Denial.KeyRevoked.ToProblem().Kind);
        Assert.Equal(ProblemKind.Conflict, Denial.CredentialUnavailable.ToProblem().Kind);
        Assert.Equal("scope_tool", Denial.ScopeTool.ToProblem().Details!["rule"]);
    }

    private static string Check(World world, Call call, ref int cases)
    {
        cases++;
        var decision = world.Ask(call);
        var expected = Oracle.Expect(world, call);
        if (decision.Rule != expected) Assert.Fail($"{decision.Rule} instead of {expected} for {call} with [{string.Join("; ", call.Uses.Select(u => u + ": " + string.Join(',', u.Scope)))}]");
        if (decision.IsAllowed != (decision.Denial is null) || decision.IsAllowed != (decision.Grant is not null)) Assert.Fail("the explanation is not the decision");
        if (decision.IsAllowed && (decision.AgentId, decision.WorkflowId) != Oracle.Acting(world, call)) Assert.Fail("somebody else acts for " + call);
        if (decision.Sentence.Length < 10) Assert.Fail("no sentence");
        return decision.Rule;
    }

    private static Guid Id(int n) => new(n, 0, 0, new byte[8]);

    private enum KeyState
    {
        Live,
        Star,
        ExpiresLater,
        Expired,
        Revoked,
        RevokedAndExpired,
        WithoutScope,
        AdminOnly,
        OtherWorkspace,
        TwoWorkspaces,
    }

    private sealed record Thing(Guid Id, string Name, ConsumerKind Kind, bool Deleted, bool Foreign);

    private sealed record Use(string Name, string[] Scope, bool Exists, bool Foreign, bool Intact, bool Active, bool HostOk, bool PlaceOk);

    private sealed record Call(KeyState Key, string? Bound, string Tool, string? Agent, string? Workflow, Use[] Uses);

    private sealed class World
    {
        private static readonly HashSet<Guid> None = [];

        public List<Thing> Things { get; } = [];

        public List<(string From, string To)> Links { get; } = [];

        public static World Fixed()
        {
            var world = new World();
            foreach (var name in new[] { "t", "t_other", "t_deleted", "t_foreign" }) world.Add(name, ConsumerKind.Tool);
            foreach (var name in new[] { "a_tool", "a_other", "a_free", "a_deleted", "a_foreign" }) world.Add(name, ConsumerKind.Agent);
            foreach (var name in new[] { "w_tool", "w_agent", "w_other", "w_free", "w_deleted", "w_foreign" }) world.Add(name, ConsumerKind.Workflow);
            world.Links.AddRange([("a_tool", "t"), ("a_tool", "t_other"), ("a_other", "t_other"), ("w_tool", "t"), ("w_agent", "a_tool"), ("w_agent", "a_other"), ("w_other", "t_other"), ("w_other", "a_free")]);
            return world;
        }

        public static World Random(Random random)
        {
            var world = new World();
            for (var i = 0; i < 3; i++) world.Add("t" + i + Tag(), ConsumerKind.Tool);
            for (var i = 0; i < 3; i++) world.Add("a" + i + Tag(), ConsumerKind.Agent);
            for (var i = 0; i < 3; i++) world.Add("w" + i + Tag(), ConsumerKind.Workflow);
            foreach (var from in world.Things)
            foreach (var to in world.Things)
                if (to.Kind < from.Kind && random.Next(3) == 0) world.Links.Add((from.Name, to.Name));
            return world;

            string Tag() => random.Next(12) switch { 0 => "_deleted", 1 => "_foreign", _ => "" };
        }

        public ConsumerFacts? Facts(string? name)
        {
            if (Things.Find(t => t.Name == name) is not { } thing) return null;
            var uses = Links.Where(l => l.From == name).Select(l => Things.Find(t => t.Name == l.To)!).ToList();
            var through = uses.Where(u => u is { Kind: ConsumerKind.Agent, Deleted: false }).SelectMany(u => Links.Where(l => l.From == u.Name)).Select(l => Things.Find(t => t.Name == l.To)!.Id);
            return new ConsumerFacts(thing.Id, thing.Foreign ? Elsewhere : Here, thing.Kind, thing.Deleted, uses.Select(u => u.Id).ToHashSet(), thing.Kind == ConsumerKind.Workflow ? through.ToHashSet() : None);
        }

        public ApiKey Key(Call call) => new()
        {
            Scopes = call.Key switch { KeyState.Star => [ApiKeyScopes.All], KeyState.WithoutScope => [], KeyState.AdminOnly => [ApiKeyScopes.Admin, ApiKeyScopes.Read], _ => [ApiKeyScopes.Read, ApiKeyScopes.ToolInvoke] },
            ExpiresAt = call.Key switch { KeyState.ExpiresLater => Now.AddDays(1), KeyState.Expired or KeyState.RevokedAndExpired => Now.AddDays(-1), _ => null },
            RevokedAt = call.Key is KeyState.Revoked or KeyState.RevokedAndExpired ? Now.AddHours(-1) : null,
            WorkspaceIds = call.Key switch { KeyState.OtherWorkspace => [Elsewhere], KeyState.TwoWorkspaces => [Elsewhere, Here], _ => null },
            AgentId = call.Bound is null ? null : Things.Find(t => t.Name == call.Bound)?.Id ?? Id(999),
        };

        public CredentialFacts[] Credentials(Call call) =>
        [
            .. call.Uses.Select(u => new CredentialFacts(u.Name, u.Foreign ? Elsewhere : Here, u.Exists, u.Intact, u.Active, Scope.Of(
                [.. Things.Where(t => u.Scope.Contains(t.Name)).Select(t => new ScopeMember { ConsumerId = t.Id, Kind = t.Kind })]), u.HostOk, u.PlaceOk)),
        ];

        public AccessDecision Ask(Call call) => AccessPolicy.Decide(
            new AccessQuestion
            {
                Key = Key(call),
                WorkspaceId = Here,
                Tool = Facts(call.Tool),
                KeyAgent = Facts(call.Bound),
                Agent = call.Agent is null ? Named.Nobody : Facts(call.Agent) is { } a ? Named.As(a) : Named.Unknown,
                Workflow = call.Workflow is null ? Named.Nobody : Facts(call.Workflow) is { } w ? Named.As(w) : Named.Unknown,
                Credentials = Credentials(call),
            },
            Now);

        private void Add(string name, ConsumerKind kind) => Things.Add(new Thing(
            Id(100 + Things.Count), name, kind, name.EndsWith("_deleted", StringComparison.Ordinal), name.EndsWith("_foreign", StringComparison.Ordinal)));
    }

    /// <summary>The rules once more, slowly, over names and links only.</summary>
    private static class Oracle
    {
        public static string Expect(World world, Call call)
        {
            if (call.Key is KeyState.Revoked or KeyState.RevokedAndExpired) return "key_revoked";
            if (call.Key == KeyState.Expired) return "key_expired";
            if (call.Key is KeyState.WithoutScope or KeyState.AdminOnly) return "key_scope";
            if (call.Key == KeyState.OtherWorkspace) return "key_workspace";
            if (!Lives(world, call.Tool, ConsumerKind.Tool)) return "tool_unknown";

            if (call.Bound is not null && call.Agent is not null && (call.Agent != call.Bound || world.Things.TrueForAll(t => t.Name != call.Agent))) return "key_agent_mismatch";
            var agent = call.Bound ?? call.Agent;
            if (agent is not null && !Lives(world, agent, ConsumerKind.Agent)) return "agent_unknown";
            if (call.Workflow is not null && !Lives(world, call.Workflow, ConsumerKind.Workflow)) return "workflow_unknown";

            var ofAgent = Declared(world, agent);
            if (agent is not null && ofAgent.Count > 0 && !ofAgent.Contains(call.Tool)) return "agent_without_tool";
            var ofWorkflow = Declared(world, call.Workflow);
            if (call.Workflow is not null && ofWorkflow.Count > 0)
            {
                var direct = ofWorkflow.Contains(call.Tool);
                var byActor = agent is not null && ofWorkflow.Contains(agent);
                var byAnyAgent = agent is null && world.Things.Exists(t => t.Kind == ConsumerKind.Agent && !t.Deleted && ofWorkflow.Contains(t.Name) && Declared(world, t.Name).Contains(call.Tool));
                if (!(direct || byActor || byAnyAgent)) return "workflow_without_tool";
            }

            var grants = new List<string>();
            foreach (var use in call.Uses)
            {
                var rule = ExpectUse(world, call, agent, use);
                if (!rule.StartsWith("granted", StringComparison.Ordinal)) return rule;
                grants.Add(rule);
            }
            return grants.Count == 0 ? "no_credential" : grants[0];
        }

        public static (Guid?, Guid?) Acting(World world, Call call) =>
            (world.Things.Find(t => t.Name == (call.Bound ?? call.Agent))?.Id, world.Things.Find(t => t.Name == call.Workflow)?.Id);

        private static string ExpectUse(World world, Call call, string? agent, Use use)
        {
            if (!use.Exists || use.Foreign) return "credential_unknown";
            if (!use.Intact) return "policy_tampered";
            if (!use.Active) return "credential_unavailable";

            var tools = Listed(ConsumerKind.Tool);
            var agents = Listed(ConsumerKind.Agent);
            var workflows = Listed(ConsumerKind.Workflow);
            if (tools.Count + agents.Count + workflows.Count == 0) return "scope_empty";
            if (tools.Count > 0 && !tools.Contains(call.Tool)) return "scope_tool";
            var who = "";
            if (agents.Count + workflows.Count > 0)
            {
                if (agent is null && call.Workflow is null) return "scope_nobody_acts";
                var agentIn = agent is not null && agents.Contains(agent);
                var workflowIn = call.Workflow is not null && workflows.Contains(call.Workflow);
                if (!agentIn && !workflowIn)
                {
                    if (workflows.Count == 0) return "scope_agent";
                    if (agents.Count == 0) return "scope_workflow";
                    return agent is not null ? "scope_agent" : "scope_workflow";
                }
                who = agentIn ? "agent" : "workflow";
            }
            if (!use.HostOk) return "destination";
            if (!use.PlaceOk) return "place_not_allowed";
            return "granted_" + string.Join("_and_", new[] { tools.Count > 0 ? "tool" : "", who }.Where(w => w.Length > 0));

            List<string> Listed(ConsumerKind kind) => world.Things.Where(t => t.Kind == kind && use.Scope.Contains(t.Name)).Select(t => t.Name).ToList();
        }

        private static bool Lives(World world, string name, ConsumerKind kind) => world.Things.Exists(t => t.Name == name && t.Kind == kind && !t.Deleted && !t.Foreign);

        private static List<string> Declared(World world, string? name) => world.Links.Where(l => l.From == name).Select(l => l.To).ToList();
    }
}
