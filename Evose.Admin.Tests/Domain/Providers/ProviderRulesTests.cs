using System.Text.Json;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Providers;

namespace Evose.Admin.Tests.Domain.Providers;

public sealed class ProviderRulesTests
{
    private static ProviderRecord Of(string id) => ProviderCatalog.BuiltIn.Single(r => r.Id == id);

    [Theory]
    [InlineData("openai", 200, null, VerifyResult.Alive)]
    [InlineData("openai", 204, null, VerifyResult.Alive)]
    [InlineData("openai", 401, null, VerifyResult.Dead)]
    [InlineData("openai", 403, null, VerifyResult.LacksPermission)]
    [InlineData("openai", 302, null, VerifyResult.Unclear)]
    [InlineData("openai", 404, null, VerifyResult.Unclear)]
    [InlineData("openai", 418, null, VerifyResult.Unclear)]
    [InlineData("openai", 429, null, VerifyResult.Unclear)]
    [InlineData("openai", 500, null, VerifyResult.Unclear)]
    [InlineData("gemini", 400, null, VerifyResult.Dead)]
    [InlineData("datadog", 403, null, VerifyResult.Dead)]
    [InlineData("slack", 200, """{"ok":true}""", VerifyResult.Alive)]
    [InlineData("slack", 200, """{"ok":false,"error":"invalid_auth"}""", VerifyResult.Dead)]
    [InlineData("slack", 200, """{"ok":false,"error":"missing_scope"}""", VerifyResult.LacksPermission)]
    [InlineData("slack", 200, """{"ok":false,"error":"ratelimited"}""", VerifyResult.Unclear)]
    [InlineData("slack", 200, """{"ok":"true"}""", VerifyResult.Alive)]
    [InlineData("slack", 200, """{"ok":{}}""", VerifyResult.Unclear)]
    [InlineData("slack", 200, "[]", VerifyResult.Unclear)]
    [InlineData("slack", 200, null, VerifyResult.Unclear)]
    [InlineData("slack", 503, """{"ok":true}""", VerifyResult.Unclear)]
    [InlineData("feishu", 200, """{"code":0}""", VerifyResult.Alive)]
    [InlineData("feishu", 200, """{"code":10014}""", VerifyResult.Dead)]
    [InlineData("feishu", 400, """{"code":10014}""", VerifyResult.Dead)]
    [InlineData("feishu", 400, """{"code":99991400}""", VerifyResult.Unclear)]
    [InlineData("cloudflare", 200, """{"result":{"status":"active"}}""", VerifyResult.Alive)]
    [InlineData("cloudflare", 200, """{"result":{"status":"expired"}}""", VerifyResult.Dead)]
    [InlineData("cloudflare", 200, """{"result":null}""", VerifyResult.Unclear)]
    public void An_answer_is_read_as_the_record_says(string id, int status, string? body, VerifyResult expected)
    {
        using var json = body is null ? null : JsonDocument.Parse(body);
        var (result, note) = Of(id).Probe!.Read(status, json?.RootElement, "It");
        Assert.Equal(expected, result);
        Assert.NotEmpty(note);
    }

    [Fact]
    public void A_note_quotes_only_words_that_the_record_holds()
    {
        using var json = JsonDocument.Parse("""{"ok":false,"error":"xoxb-echoed-secret"}""");
        Assert.DoesNotContain("echoed", Of("slack").Probe!.Read(200, json.RootElement, "Slack").Note);
    }

    public static IEnumerable<TheoryDataRow<string, ProviderRecord>> Wrong()
    {
        var good = Of("openai");
        var (input, probe) = (good.Inputs[0], good.Probe!);
        (string, ProviderRecord)[] rows =
        [
            ("id", good with { Id = "Open AI" }), ("id", good with { Id = "new" }), ("id", good with { Id = "a-b" }), ("id", good with { Id = new string('a', 41) }),
            ("name.en", good with { Name = new Words("", "x") }), ("name.zh", good with { Name = new Words("x", "") }), ("name.en", good with { Name = new Words("a\u0007b", "x") }),
            ("type", good with { Type = (CredentialType)9 }),
            ("base_url", good with { BaseUrl = "http://api.openai.com" }), ("base_url", good with { BaseUrl = "api.openai.com" }), ("base_url", good with { BaseUrl = "https://user:pw@api.openai.com" }), ("base_url", good with { BaseUrl = "https://api.openai.com/?a=b" }),
            ("base_url", good with { BaseUrl = "javascript:alert(1)" }),
            ("hosts", good with { Hosts = [] }), ("hosts", good with { Hosts = ["a b"] }), ("hosts", good with { Hosts = ["other.example"] }),
            ("inputs", good with { Inputs = [] }), ("inputs", good with { Inputs = [input, input] }), ("inputs", good with { Inputs = [input with { Name = "other" }] }), ("inputs", good with { Inputs = [input with { IsSecret = false }] }),
            ("inputs.at", good with { Inputs = [input with { At = "two words" }] }), ("inputs.at", good with { Inputs = [input with { At = "Host" }] }), ("inputs.at", good with { Inputs = [input with { At = null }] }),
            ("inputs.format", good with { Inputs = [input with { Format = "Bearer" }] }), ("inputs.format", good with { Inputs = [input with { Format = "{}\r\nX: y" }] }), ("inputs.format", good with { Inputs = [input with { Format = "{{credential:other}}{}" }] }),
            ("inputs.shapes", good with { Inputs = [input with { Shapes = ["no_such"] }] }),
            ("inputs.pattern", good with { Inputs = [input with { Pattern = "(" }] }), ("inputs.pattern", good with { Inputs = [input with { Pattern = @"(a)\1" }] }), ("inputs.pattern", good with { Inputs = [input with { Pattern = "(?=a)a" }] }),
            ("inputs.test_pattern", good with { Inputs = [input with { TestPattern = new string('a', 401) }] }),
            ("headers", good with { Headers = new Dictionary<string, string> { ["Connection"] = "close" } }), ("headers", good with { Headers = new Dictionary<string, string> { ["X"] = "a\nb" } }), ("headers", good with { Headers = new Dictionary<string, string> { ["X"] = "{{credential:stripe_prod}}" } }),
            ("probe.method", good with { Probe = probe with { Method = "DELETE" } }), ("probe.url", good with { Probe = probe with { Url = "https://evil.example/v1" } }), ("probe.url", good with { Probe = probe with { Url = "https://api.openai.com/{{credential}}" } }),
            ("probe.body", good with { Probe = probe with { Method = "POST", Body = "{{credential.nobody}}" } }), ("probe.body", good with { Probe = probe with { Body = "{}" } }), ("probe.body", good with { Probe = probe with { Method = "POST", Body = "no json" } }),
            ("probe.alive", good with { Probe = probe with { Alive = [99] } }), ("probe.dead", good with { Probe = probe with { Dead = [403] } }),
            ("probe.answer", good with { Probe = probe with { Answer = new BodyReading { Member = "", Alive = ["true"] } } }), ("probe.answer.alive", good with { Probe = probe with { Answer = new BodyReading { Member = "ok" } } }),
            ("console_url", good with { ConsoleUrl = "javascript:alert(1)" }), ("console_url", good with { ConsoleUrl = "http://x.example" }),
            ("steps", good with { Steps = new Steps(["one"], []) }), ("steps", good with { Steps = new Steps([.. Enumerable.Repeat("a", 13)], [.. Enumerable.Repeat("a", 13)]) }),
            ("notes.en", good with { Notes = new Words(new string('x', 1001), "x") }),
        ];
        return rows.Select((r, i) => new TheoryDataRow<string, ProviderRecord>(r.Item1, r.Item2) { TestDisplayName = $"{i}: {r.Item1}" });
    }

    [Theory, MemberData(nameof(Wrong))]
    public void What_cannot_be_kept_is_refused_by_member(string member, ProviderRecord record)
    {
        var problem = ProviderRules.Refuse(record);
        Assert.NotNull(problem);
        Assert.Equal(member, problem.Details!["field"]);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"id":"a","id":"b"}""")]
    [InlineData("""{"surprise":1}""")]
    [InlineData("""{"name":null}""")]
    [InlineData("""{"name":{"en":"x"}}""")]
    [InlineData("""{"hosts":[null]}""")]
    [InlineData("""{"inputs":[null]}""")]
    [InlineData("""{"headers":{"a":null}}""")]
    [InlineData("""{"type":"nothing"}""")]
    [InlineData("""{"type":2}""")]
    [InlineData("""{"probe":{"dead":["401"]}}""")]
    [InlineData("""{"base_url":"\ud800"}""")]
    public void A_text_that_is_no_record_is_refused_and_not_quoted(string text)
    {
        Assert.True(ProviderJson.Read(text).Failed(out var problem));
        Assert.DoesNotContain("surprise\":1", problem.Message);
    }

    [Fact]
    public void The_form_of_a_value_is_a_hint_that_quotes_nothing()
    {
        var (openai, stripe) = (Of("openai"), Of("stripe"));
        Assert.Empty(ValueAdvice.Of(openai, openai.Inputs[0], ("sk-proj-" + new string('a', 40)).AsMemory(), "prod"));
        var wrong = Assert.Single(ValueAdvice.Of(openai, openai.Inputs[0], "hello-there-general".AsMemory(), "prod"));
        Assert.Contains("does not have the form", wrong);
        Assert.DoesNotContain("general", wrong);
        Assert.Contains("an Anthropic key", Assert.Single(ValueAdvice.Of(stripe, stripe.Inputs[0], ("sk-ant-api03-" + new string('a', 40)).AsMemory(), "dev")));
        var test = ("sk_" + "test_" + new string('a', 24)).AsMemory();
        Assert.Contains("test key", Assert.Single(ValueAdvice.Of(stripe, stripe.Inputs[0], test, "prod")));
        Assert.Empty(ValueAdvice.Of(stripe, stripe.Inputs[0], test, "dev"));
    }

    [Fact]
    public void A_record_can_live_at_another_place()
    {
        var moved = Of("openai").MovedTo(new Uri("http://127.0.0.1:8080"));
        Assert.Equal(("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/models"), (moved.BaseUrl, moved.Probe!.Url));
        Assert.Equal(["127.0.0.1:8080"], moved.Hosts);
        Assert.True(DestinationPolicy.Allows(DestinationPolicy.Normalize(moved.Hosts).Value!, new Uri(moved.Probe.Url)));
    }

    [Fact]
    public void A_check_writes_basic_and_fields_where_the_record_says()
    {
        Assert.Equal("Basic {{credential:t_prod.account_sid}}:{{credential:t_prod.auth_token}}", Of("twilio").ProbeRequest("t_prod")!.Headers["Authorization"]);
        Assert.Contains("\"app_secret\":\"{{credential:f_prod.app_secret}}\"", Of("feishu").ProbeRequest("f_prod")!.Body);
        Assert.Equal("Bearer {{credential:o_prod}}", Of("openai").Tool("o_prod").Headers["Authorization"]);
        Assert.Equal(("{{credential:a_prod}}", "2023-06-01"), (Of("anthropic").Tool("a_prod").Headers["x-api-key"], Of("anthropic").Tool("a_prod").Headers["anthropic-version"]));
        Assert.Null(Of("aws").ProbeRequest("w_prod"));
    }
}
