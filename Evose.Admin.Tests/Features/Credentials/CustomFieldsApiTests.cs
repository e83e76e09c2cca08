using System.Net;
using System.Text;
using System.Text.Json;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Features.Credentials;

/// <summary>Named fields and their rules over REST: what is refused and where, what is shown, what a change keeps.</summary>
public sealed class CustomFieldsApiTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    public static TheoryData<string, string> Bad => new()
    {
        { """{"fields":[{"name":"a"},{"name":"a"}]}""", "injection.fields.1" },
        { """{"fields":[{"name":"Not A Field"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"there_is_none"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"cellar"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header","at":"No Header"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header","at":"X\r\nY"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header","at":"Host"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header","at":"Transfer_Encoding"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header","at":"X-A"},{"name":"b","place":"header","at":"x_a"}]}""", "injection.fields.1" },
        { """{"fields":[{"name":"a","place":"header","at":"X-A","format":"no place"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"header","at":"X-A","format":"{} {}"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"query","at":"key"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"basic_user","at":"X"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","place":"basic_user"},{"name":"b","place":"basic_user"}]}""", "injection.fields.1" },
        { """{"fields":[{"name":"a","place":"basic_user"},{"name":"b","place":"header","at":"Authorization"}]}""", "injection.fields" },
        { """{"fields":[{"name":"a","secret":"yes"}]}""", "injection.fields.0" },
        { """{"fields":[{"name":"a","colour":"red"}]}""", "injection.fields.0" },
        { """{"fields":{"a":"header"}}""", "injection.fields" },
        { """{"fields":["a"]}""", "injection.fields.0" },
        { """{"colour":"red"}""", "injection" },
        { """["a"]""", "injection" },
        { """{"signing":"rot13"}""", "injection.signing" },
        { """{"signing":"aws_sigv4","signing_options":{"region":"us-east-1","service":"s3"}}""", "injection.signing" },
        { """{"signing":"hmac"}""", "injection.signing" },
        { """{"signing":"hmac","signing_options":{"key":"a","algorithm":"md5"}}""", "injection.signing_options" },
        { """{"signing":"hmac","signing_options":{"key":"a","header":"Host"}}""", "injection.signing_options" },
        { """{"signing":"hmac","signing_options":{"key":"a","header":"X-A"},"fields":[{"name":"b","place":"header","at":"X-A"}]}""", "injection.fields" },
        { """{"signing":"hmac","signing_options":{"key":1}}""", "injection.signing_options" },
        { """{"signing_options":{"region":"x"}}""", "injection.signing_options" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Refuses_rules_that_cannot_work_with_their_place_and_keeps_nothing(string injection, string field)
    {
        var ws = await Given.WorkspaceAsync(_app);
        var (status, text) = await SendAsync(HttpMethod.Post, ws, "", $$$"""{"name":"a_prod","type":"custom","fields":{"a":"value-one","b":"value-two"},"injection":{{{injection}}}}""");
        Assert.True(status == HttpStatusCode.UnprocessableEntity, text);
        Assert.Equal(field, JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("details").GetProperty("field").GetString());
        Assert.DoesNotContain("value-one", text, StringComparison.Ordinal);
        Assert.Contains("\"data\":[]", (await SendAsync(HttpMethod.Get, ws, "", null)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Takes_32_fields_and_refuses_one_more_and_a_name_that_stands_twice()
    {
        var ws = await Given.WorkspaceAsync(_app);
        string Fields(int n) => string.Join(',', Enumerable.Range(0, n).Select(i => $"\"f{i}\":\"value-{i}\""));
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Post, ws, "", $$$"""{"name":"many_prod","type":"custom","fields":{{{{Fields(32)}}}}}""")).Status);
        var (status, text) = await SendAsync(HttpMethod.Post, ws, "", $$$"""{"name":"more_prod","type":"custom","fields":{{{{Fields(33)}}}}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Contains("32", text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(HttpMethod.Post, ws, "", """{"name":"twice_prod","type":"custom","fields":{"a":"1","a":"2"}}""")).Status);
    }

    [Fact]
    public async Task Plain_fields_are_readable_secret_ones_never_and_a_change_of_mind_hides_at_once()
    {
        var ws = await Given.WorkspaceAsync(_app);
        var (status, made) = await SendAsync(HttpMethod.Post, ws, "", """{"name":"aws_prod","type":"custom","fields":{"access_key_id":"AKIDEXAMPLE","secret_access_key":"never-shown-0001","region":"eu-west-1"},"injection":{"fields":[{"name":"region","secret":false}],"signing":"aws_sigv4","signing_options":{"service":"s3"}}}""");
        Assert.True(status == HttpStatusCode.Created, made);
        var shown = JsonDocument.Parse((await SendAsync(HttpMethod.Get, ws, "/aws_prod", null)).Text).RootElement;
        Assert.Equal("""{"region":"eu-west-1"}""", shown.GetProperty("fields").GetRawText());
        Assert.Equal(["access_key_id", "region", "secret_access_key"], shown.GetProperty("injection").GetProperty("fields").EnumerateArray().Select(f => f.GetProperty("name").GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal("aws_sigv4", shown.GetProperty("injection").GetProperty("signing").GetString());

        (status, var text) = await SendAsync(HttpMethod.Patch, ws, "/aws_prod", """{"injection":{"fields":[{"name":"region"}],"signing":"aws_sigv4","signing_options":{"service":"s3"}}}""");
        Assert.True(status == HttpStatusCode.OK, text);
        Assert.DoesNotContain("eu-west-1", text, StringComparison.Ordinal);
        // Made plain, a value that is there already stays unseen; a rotation shows the next one.
        (status, text) = await SendAsync(HttpMethod.Patch, ws, "/aws_prod", """{"injection":{"fields":[{"name":"access_key_id","secret":false}],"signing":"aws_sigv4","signing_options":{"service":"s3","region":"eu-west-1"}}}""");
        Assert.True(status == HttpStatusCode.OK, text);
        Assert.DoesNotContain("AKIDEXAMPLE", text, StringComparison.Ordinal);
        (status, text) = await SendAsync(HttpMethod.Patch, ws, "/aws_prod", """{"injection":{"fields":[{"name":"gone"}]}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.DoesNotContain("never-shown", made + text + string.Join('\n', _app.Log.Lines), StringComparison.Ordinal);

        (status, text) = await SendAsync(HttpMethod.Post, ws, "", """{"name":"slip_prod","type":"custom","fields":{"token":"sk-ant-api03-aB3dE5fG7hJ9kL1mN3pQ5rS7"},"injection":{"fields":[{"name":"token","secret":false}]}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.DoesNotContain("sk-ant", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_attaches_only_what_travels_by_rules_and_keeps_it_through_a_rename()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await SendAsync(HttpMethod.Post, ws, "", """{"name":"named_prod","type":"custom","fields":{"a":"value-one"},"injection":{"fields":[{"name":"a","place":"header","at":"X-A"}]},"allowed_hosts":["api.service.test"]}""");
        await SendAsync(HttpMethod.Post, ws, "", """{"name":"still_prod","type":"custom","fields":{"a":"value-one"}}""");
        foreach (var (credentials, part) in new[] { ("[\"still_prod\"]", "no rules"), ("[\"nobody_prod\"]", "Unknown"), ("[\"named_prod\",\"named_prod\"]", "twice"), ("[\"Not A Name\"]", "no name"), ("[null]", "no name") })
        {
            var (refused, why) = await ToolAsync(credentials);
            Assert.True(refused == HttpStatusCode.UnprocessableEntity, why);
            Assert.Contains(part, why, StringComparison.Ordinal);
        }
        var (status, text) = await ToolAsync("[\"named_prod\"]");
        Assert.True(status == HttpStatusCode.Created, text);
        Assert.Contains("\"credentials\":[\"named_prod\"]", text, StringComparison.Ordinal);

        (status, text) = await SendAsync(HttpMethod.Delete, ws, "/named_prod", null);
        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Patch, ws, "/named_prod", """{"name":"renamed_prod"}""")).Status);
        using var api = _app.Api();
        Assert.Contains("\"credentials\":[\"renamed_prod\"]", await api.GetStringAsync($"/api/v1/workspaces/{ws}/tools/svc"), StringComparison.Ordinal);
        Assert.Contains("\"svc\"", (await SendAsync(HttpMethod.Get, ws, "/renamed_prod/references", null)).Text, StringComparison.Ordinal);

        async Task<(HttpStatusCode, string)> ToolAsync(string credentials)
        {
            using var client = _app.Api();
            using var answer = await client.PutAsync($"/api/v1/workspaces/{ws}/tools/svc", new StringContent($$"""{"base_url":"https://api.service.test","credentials":{{credentials}}}""", Encoding.UTF8, "application/json"));
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
    }

    private async Task<(HttpStatusCode Status, string Text)> SendAsync(HttpMethod method, string ws, string path, string? body)
    {
        using var api = _app.Api();
        using var request = new HttpRequestMessage(method, $"/api/v1/workspaces/{ws}/credentials{path}");
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await api.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
