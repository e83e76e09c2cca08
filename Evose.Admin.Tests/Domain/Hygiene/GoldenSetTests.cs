using System.Text.Json;
using System.Text.Json.Serialization;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Features.Hygiene;
using static Evose.Admin.Tests.Domain.Hygiene.GivenHygiene;

namespace Evose.Admin.Tests.Domain.Hygiene;

/// <summary>Sixty workspaces written down by hand with what should be found in each (Vectors/golden.json).</summary>
public sealed class GoldenSetTests
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    private static readonly Lazy<IReadOnlyList<Case>> Cases = new(() => JsonSerializer.Deserialize<List<Case>>(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Domain", "Hygiene", "Vectors", "golden.json")), Json)!);

    [Fact]
    public void Nothing_is_missed_and_at_most_one_is_a_false_alarm()
    {
        Assert.Equal(60, Cases.Value.Count);
        var (missed, alarms) = (new List<string>(), new List<string>());
        foreach (var c in Cases.Value)
        {
            var found = Found(c.Snapshot());
            missed.AddRange(c.Expect.Except(found).Select(f => $"{c.About}: {f} was missed"));
            alarms.AddRange(found.Except(c.Expect).Select(f => $"{c.About}: {f} is a false alarm"));
        }
        Assert.True(missed.Count == 0 && alarms.Count <= 1, string.Join('\n', missed.Concat(alarms)));
    }

    [Fact]
    public void Every_rule_is_needed_for_it()
    {
        foreach (var rule in HygieneRules.All)
        {
            Assert.True(Cases.Value.Sum(c => c.Expect.Count(e => e.StartsWith(rule.Id + " ", StringComparison.Ordinal))) > 0, $"{rule.Id} has no case");
            // And some case would be wrong if it found too much: one that looks like it and is not expected.
            Assert.True(Cases.Value.Any(c => !c.Expect.Any(e => e.StartsWith(rule.Id + " ", StringComparison.Ordinal))), rule.Id);
        }
        Assert.InRange(Cases.Value.Count(c => c.Expect.Count == 0), 15, 40);
    }

    [Fact]
    public void What_is_found_is_told_with_facts_a_place_to_go_and_without_ages()
    {
        foreach (var c in Cases.Value)
        {
            var (today, tomorrow) = (HygieneRules.Evaluate(c.Snapshot(), Now), HygieneRules.Evaluate(c.Snapshot(), Now.AddHours(1)));
            // An hour later the same words and the same facts, or every night would write every row anew and open what was accepted.
            foreach (var (a, b) in today.Join(tomorrow, o => o.Key, o => o.Key, (a, b) => (a, b))) Assert.Equal((a.Text, a.FactsHash), (b.Text, b.FactsHash));
            Assert.All(today, o => Assert.True(o.Text.Length is > 10 and < HygieneFinding.MaxText && o.Text.EndsWith('.'), o.Text));
            // Another workspace's name or credential is in no text.
            if (c.Place != "org") foreach (var other in c.Elsewhere) Assert.All(today, o => Assert.DoesNotContain(other.Place, o.Text));
            Assert.Equal(today.Count, today.Select(o => o.Key).Distinct().Count());
        }
    }

    internal sealed record Case(string About, string Place, IReadOnlyList<string> Expect)
    {
        public IReadOnlyList<Kept> Credentials { get; init; } = [];

        public IReadOnlyList<Kept> Elsewhere { get; init; } = [];

        public IReadOnlyList<Tool> Tools { get; init; } = [];

        public IReadOnlyDictionary<string, IReadOnlyList<string>?> Granted { get; init; } = new Dictionary<string, IReadOnlyList<string>?>();

        public HygieneSnapshot Snapshot() => new(new HygienePlace(Id(Place), Place), [.. Credentials.Select(c => c.Read(this))], [.. Tools.Select(t => t.Read())], Granted);

        public IEnumerable<HygieneTwin> TwinsOf(Kept one) => one.Value is null ? [] :
            Credentials.Where(c => c != one && c.Value == one.Value).Select(c => Twin(c.Name, Place, true, c.Created))
                .Concat(Elsewhere.Where(c => c.Value == one.Value).Select(c => Twin(c.Name, c.Place, false, c.Created)));
    }

    /// <summary>A credential that is in order unless it says otherwise; numbers are days ago, an expiry is days ahead.</summary>
    internal sealed record Kept(string Name)
    {
        public string Place { get; init; } = "";

        public string? Value { get; init; }

        public string Type { get; init; } = "api_key";

        public double Created { get; init; } = 40;

        public double? Entered { get; init; }

        public bool Renews { get; init; }

        public double? Expires { get; init; } = 60;

        public double? Used { get; init; } = 1;

        public string Owner { get; init; } = "here";

        public IReadOnlyList<string> Hosts { get; init; } = ["api.example.test"];

        public IReadOnlyList<string> Tools { get; init; } = [];

        public IReadOnlyList<string> Agents { get; init; } = [];

        public IReadOnlyList<string> Workflows { get; init; } = [];

        public double? ScopeChanged { get; init; }

        public IReadOnlyList<string>? By { get; init; }

        public IReadOnlyList<string> Grants { get; init; } = [];

        public bool AllowInUrl { get; init; }

        public bool InUrl { get; init; }

        public IReadOnlyList<string>? Fields { get; init; } = ["value"];

        public string? DescriptionLooksLike { get; init; }

        public Turn? Rotation { get; init; }

        public HygieneCredential Read(Case from)
        {
            var scope = Tools.Select(t => Entry(ConsumerKind.Tool, t)).Concat(Agents.Select(a => Entry(ConsumerKind.Agent, a))).Concat(Workflows.Select(w => Entry(ConsumerKind.Workflow, w))).ToList();
            var by = By is null ? scope.Select(e => (e.Kind, e.Name)) : By.Select(b => (Enum.Parse<ConsumerKind>(b.Split(' ')[0], true), b.Split(' ')[1]));
            return Credential(Name, Created, Entered, Type switch { "api_key" => CredentialType.ApiKey, "oauth_token" => CredentialType.OAuthToken, "cookie" => CredentialType.Cookie, "custom" => CredentialType.Custom, _ => throw new FormatException(Type) }, Expires, Used, Renews) with
            {
                Owner = Owner switch { "here" => new HygieneOwner(true, "ann@example.test", false), "left" => new HygieneOwner(true, "bob@example.test", true), "none" => HygieneOwner.Nobody, _ => throw new FormatException(Owner) },
                Hosts = Hosts, Scope = scope, ScopeChangedAt = ScopeChanged is { } changed ? Ago(changed) : Ago(Created), Use = new HygieneUse(Used is { } used ? Ago(used) : null, [.. by]),
                Grants = [.. Grants.Select(g => new HygienePlace(Id(g), g))], Twins = [.. from.TwinsOf(this)], AllowInUrl = AllowInUrl, StandsInUrl = InUrl, Fields = Fields, LooksLike = DescriptionLooksLike,
                Rotation = Rotation is { } r ? new HygieneRotation(Ago(r.Started), r.Retire is { } at ? Ago(at) : null) : null,
            };
        }

        // "name", or "name@days" for one that is that old.
        private static HygieneScopeEntry Entry(ConsumerKind kind, string text) => text.Split('@') is [var name, var days] ? GivenHygiene.Entry(kind, name, double.Parse(days, System.Globalization.CultureInfo.InvariantCulture)) : GivenHygiene.Entry(kind, text);
    }

    internal sealed record Turn(double Started, double? Retire);

    /// <summary>A tool as it is stored; made-up keys stand as «service», so that no file holds the form of one.</summary>
    internal sealed record Tool(string Name)
    {
        public string BaseUrl { get; init; } = "https://api.example.test/v1";

        public string? Description { get; init; }

        public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

        public IReadOnlyDictionary<string, string> Query { get; init; } = new Dictionary<string, string>();

        public string? Body { get; init; }

        public HygieneTool Read() => HygieneReader.Tool(Id(Name), Name, Description is null ? null : Filled(Description),
            new ToolConfig(Filled(BaseUrl), null, Headers.ToDictionary(h => h.Key, h => Filled(h.Value)), Query.ToDictionary(q => q.Key, q => Filled(q.Value)), Body is null ? null : Filled(Body)));

        private static string Filled(string text) => text
            .Replace("«openai»", "sk-proj-" + string.Concat("aB3dE5fG7hJ9kL1m", "N2pQ4rS6tU8vW0xY"), StringComparison.Ordinal)
            .Replace("«google»", "AIza" + string.Concat("SyB3dE5fG7hJ9kL1m", "N2pQ4rS6tU8vW0xYz"), StringComparison.Ordinal);
    }
}
