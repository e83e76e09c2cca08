using System.Net;
using System.Text;
using System.Text.Json;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Features.Consumers;

[Collection(ConsumersCollection.Name)]
public sealed class ToolRefusalTests(ConsumersApp shared)
{
    private const string Good = "https://api.service.test";

    // Made for this test; no service issued it.
    private const string Fake = "sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z";

    private AdminApp App => shared.App;

    public static TheoryData<string, object, string> Bad => new()
    {
        { "no name", new { name = "Not A Slug", base_url = Good }, "name" },
        { "the form's name", new { name = "new", base_url = Good }, "name" },
        { "too long a name", new { name = new string('a', 65), base_url = Good }, "name" },
        { "mcp", new { kind = "mcp", base_url = Good }, "kind" },
        { "another kind", new { kind = "ftp", base_url = Good }, "kind" },
        { "no base URL", new { kind = "http" }, "base_url" },
        { "empty base URL", new { base_url = " " }, "base_url" },
        { "relative", new { base_url = "/v1" }, "base_url" },
        { "file", new { base_url = "file:///etc/passwd" }, "base_url" },
        { "ftp", new { base_url = "ftp://api.service.test" }, "base_url" },
        { "too long", new { base_url = Good + "/" + new string('a', 64 * 1024 + 1) }, "base_url" },
        { "control character", new { base_url = Good + "/\u0001" }, "base_url" },
        { "user info", new { base_url = "https://user:pass@api.service.test" }, "base_url" },
        { "empty user info", new { base_url = "https://@api.service.test" }, "base_url" },
        { "query", new { base_url = Good + "?a=b" }, "base_url" },
        { "empty query", new { base_url = Good + "?" }, "base_url" },
        { "fragment", new { base_url = Good + "#a" }, "base_url" },
        { "placeholder in the base URL, without consent", new { base_url = Good + "/{{credential:svc_prod}}" }, "base_url" },
        { "placeholder in the host", new { base_url = "https://{{credential:svc_prod}}.service.test" }, "base_url" },
        { "placeholder in a query value, without consent", Query("key", "{{credential:svc_prod}}"), "query.key" },
        { "near placeholder in the base URL", new { base_url = Good + "/{{ credential:svc_prod }}" }, "base_url" },
        { "metadata address", new { base_url = "http://169.254.169.254/latest" }, "base_url" },
        { "private address", new { base_url = "https://10.0.0.1" }, "base_url" },
        { "plain http", new { base_url = "http://api.service.test" }, "base_url" },
        { "single label", new { base_url = "https://intranet" }, "base_url" },
        { "trace", new { base_url = Good, method = "TRACE" }, "method" },
        { "empty header name", Header("", "a"), "headers" },
        { "header name with a space", Header("X A", "a"), "headers" },
        { "header name with a line break", Header("X\r\nY", "a"), "headers" },
        { "host", Header("Host", "a"), "headers" },
        { "host in disguise", Header("hOsT", "a"), "headers" },
        { "length", Header("Content-Length", "1"), "headers" },
        { "proxy", Header("Proxy-Authorization", "a"), "headers" },
        { "null value", new { base_url = Good, headers = new Dictionary<string, string?> { ["X-A"] = null } }, "headers.X-A" },
        { "empty value", Header("X-A", ""), "headers.X-A" },
        { "value too long", Header("X-A", new string('a', 8 * 1024 + 1)), "headers.X-A" },
        { "line break in a value", Header("X-A", "a\r\nX-B: c"), "headers.X-A" },
        { "line break after a placeholder", Header("X-A", "{{credential:svc_prod}}\n"), "headers.X-A" },
        { "outside ASCII", Header("X-A", "ä"), "headers.X-A" },
        { "same header twice", new { base_url = Good, headers = new Dictionary<string, string> { ["X-A"] = "1", ["x-a"] = "2" } }, "headers.x-a" },
        { "too many headers", new { base_url = Good, headers = Enumerable.Range(0, 51).ToDictionary(i => $"X-{i}", _ => "a") }, "headers" },
        { "not exactly a placeholder", Header("X-A", "{{credential: svc_prod}}"), "headers.X-A" },
        { "not closed", Header("X-A", "{{credential:svc_prod}"), "headers.X-A" },
        { "placeholder without a name", Header("X-A", "{{credential:}}"), "headers.X-A" },
        { "unknown credential", Header("X-A", "{{credential:ghost_prod}}"), "headers.X-A" },
        { "unknown field", Header("X-A", "{{credential:svc_prod.ghost}}"), "headers.X-A" },
        { "empty query name", Query("", "a"), "query" },
        { "query name with a control character", Query("a\n", "a"), "query" },
        { "query name too long", Query(new string('a', 129), "a"), "query" },
        { "placeholder in a query name", Query("{{credential:svc_prod}}", "a"), "query" },
        { "control character in a query value", Query("a", "b\u0000"), "query.a" },
        { "query value too long", Query("a", new string('b', 8 * 1024 + 1)), "query.a" },
        { "body too long", new { base_url = Good, body = new string('a', 64 * 1024 + 1) }, "body" },
        { "control character in the body", new { base_url = Good, body = "a\u0007" }, "body" },
        { "number as body", new { base_url = Good, body = 7 }, "body" },
        { "description too long", new { base_url = Good, description = new string('a', 2001) }, "description" },
        { "control character in the description", new { base_url = Good, description = "a\u0000" }, "description" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Refuses_what_cannot_be_a_tool_and_says_where(string what, object body, string field)
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod");
        await place.ToolAsync("svc");
        var (status, json, text) = await place.PutAsync("tools/svc", body);
        Assert.True(status == HttpStatusCode.UnprocessableEntity, what + ": " + text);
        Assert.Equal(field, json.GetProperty("error").GetProperty("details").GetProperty("field").GetString());
        Assert.Equal(1, (await place.GetAsync("tools/svc")).Json.GetProperty("revision").GetInt32());
    }

    public static TheoryData<string, object, string> Secrets => new()
    {
        { "header", Header("Authorization", "Bearer " + Fake), "headers.Authorization" },
        { "header beside a placeholder", Header("X-A", "{{credential:svc_prod}} " + Fake), "headers.X-A" },
        { "header told by its name", Header("X-Api-Key", "q7Wz3Rt9Lp2Xv8Bn4Km6"), "headers.X-Api-Key" },
        { "header name", Header(Fake, "a"), "headers" },
        { "query", Query("key", Fake), "query.key" },
        { "body", new { base_url = Good, body = "token: " + Fake }, "body" },
        { "JSON body told by its name", new { base_url = Good, body = new { user = new { password = "q7Wz3Rt9Lp2Xv8Bn4Km6" } } }, "body" },
        { "description", new { base_url = Good, description = "use " + Fake }, "description" },
        { "base URL", new { base_url = Good + "/" + Fake }, "base_url" },
    };

    [Theory]
    [MemberData(nameof(Secrets))]
    public async Task Refuses_a_secret_in_the_configuration_with_the_placeholder_to_use_and_never_quotes_it(string what, object body, string at)
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod");
        var (status, json, text) = await place.PutAsync("tools/svc", body);
        Assert.True(status == HttpStatusCode.UnprocessableEntity, what + ": " + text);
        var details = json.GetProperty("error").GetProperty("details");
        Assert.Equal(at, details.GetProperty("place").GetString());
        Assert.StartsWith("{{credential:", details.GetProperty("suggestion").GetString());
        Assert.DoesNotContain(Fake, text);
        Assert.DoesNotContain("q7Wz3Rt9Lp2Xv8Bn4Km6", text);
        Assert.DoesNotContain(App.Log.Lines, l => l.Contains(Fake, StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.NotFound, (await place.GetAsync("tools/svc")).Status);
    }

    [Fact]
    public async Task Lists_every_unknown_placeholder_and_says_to_register_it_first()
    {
        using var place = await Place.MakeAsync(App);
        using var other = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod");
        await App.CredentialAsync(other.Workspace, "theirs_prod");
        var (_, json, text) = await place.PutAsync("tools/svc", Header("X-A", "{{credential:ghost_prod}} {{credential:svc_prod}} {{credential:theirs_prod}}"));
        Assert.Equal("""["ghost_prod","theirs_prod"]""", json.GetProperty("error").GetProperty("details").GetProperty("unknown").GetRawText());
        Assert.Contains("Unknown placeholder", text);
        Assert.Contains("Register it first", text);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"base_url":7}""")]
    [InlineData("""{"base_url":"https://a.test","headers":[]}""")]
    [InlineData("""{"base_url":"https://a.test","headers":{"a":{}}}""")]
    [InlineData("""{"base_url":"https://a.test","surprise":1}""")]
    public async Task A_body_of_the_wrong_form_is_400(string body)
    {
        using var place = await Place.MakeAsync(App);
        Assert.Equal(HttpStatusCode.BadRequest, (await place.PutAsync("tools/svc", body)).Status);
    }

    [Fact]
    public async Task The_refusal_of_a_private_target_names_the_setting_that_opens_it()
    {
        using var place = await Place.MakeAsync(App);
        var (_, json, _) = await place.PutAsync("tools/crm", new { base_url = "https://crm" });
        Assert.Contains("Egress:AllowedPrivateHosts", json.GetProperty("error").GetProperty("message").GetString());
    }

    private static object Header(string name, string value) => new { base_url = Good, headers = new Dictionary<string, string> { [name] = value } };

    private static object Query(string name, string value) => new { base_url = Good, query = new Dictionary<string, string> { [name] = value } };
}
