using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Platform.Intake;

/// <summary>The one way of a typed value into the app, and what it refuses.</summary>
public sealed class IntakeTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    [Theory]
    [InlineData("sk-plain-4711", "sk-plain-4711")]
    [InlineData("sk-pasted-4711\n", "sk-pasted-4711")]
    [InlineData(" \t\r\nsk-pasted-4711\r\n\r\n", "sk-pasted-4711")]
    public async Task What_is_pasted_is_kept_without_the_blanks_and_line_breaks_at_its_ends(string pasted, string kept)
    {
        var ws = await Given.WorkspaceAsync(_app);
        var id = await TakenAsync(Encoding.UTF8.GetBytes(pasted));
        Assert.Null((await _app.Get<RegisterCredential>().ExecuteAsync(await _app.ActorAsync(), ws, new("pasted_prod", "api_key", Staged: new Dictionary<string, Guid> { [Credential.MainField] = id }), default)).Problem);
        await using var db = await _app.DbAsync();
        var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == "pasted_prod" && c.WorkspaceId == db.Workspaces.Single(w => w.Slug == ws).Id);
        using var opened = _app.Get<SecretVault>().Open(new SecretAddress(credential.WorkspaceId, credential.Id, 1), credential.Versions[0].Value!, Credential.MainField);
        Assert.Equal(kept, Encoding.UTF8.GetString(opened.Bytes));
    }

    [Fact]
    public async Task Nothing_blanks_and_more_than_64_KiB_are_refused_and_64_KiB_are_not()
    {
        foreach (var bad in (byte[][])[[], Encoding.ASCII.GetBytes(" \r\n\t "), Large(64 * 1024 + 1), Large(1024 * 1024), Large(3 * 1024 * 1024)])
        {
            var (status, text) = await PostAsync(bad);
            Assert.True(status is HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest, $"{bad.Length} bytes: {(int)status} {text}");
            Assert.Contains("INVALID_REQUEST", text);
        }
        await TakenAsync(Large(64 * 1024));
        // The 64 KiB are the value's, not the blanks' around it.
        await TakenAsync([.. Large(64 * 1024), .. "\r\n"u8]);
    }

    [Theory]
    [InlineData("sk-two\nlines")]
    [InlineData("sk-nul\0")]
    [InlineData("sk-bell\a-4711")]
    [InlineData("sk-delete\u007f-4711")]
    [InlineData("sk-Ä-4711")]
    public async Task What_could_not_stand_in_a_header_is_no_API_key_and_says_where_it_is_wrong(string value)
    {
        var ws = await Given.WorkspaceAsync(_app);
        var id = await TakenAsync(Encoding.UTF8.GetBytes(value));
        var refused = await _app.Get<RegisterCredential>().ExecuteAsync(await _app.ActorAsync(), ws, new("odd_prod", "api_key", Staged: new Dictionary<string, Guid> { [Credential.MainField] = id }), default);
        Assert.Contains("Character", refused.Problem!.Message);
        Assert.DoesNotContain("4711", refused.Problem.Message);
    }

    [Fact]
    public async Task A_ticket_is_good_once_for_the_person_it_was_made_for_and_only_from_an_open_page()
    {
        var staged = _app.Get<StagedValues>();
        var (_, ticket) = staged.Issue(await _app.ActorAsync());
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("first"u8.ToArray(), ticket)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync("second"u8.ToArray(), ticket)).Status);

        var (_, foreign) = staged.Issue(await _app.AddUserAsync($"{Given.Unique("other")}@example.test"));
        foreach (var bad in (string?[])[foreign, "", "nonsense", ticket[..^2] + "AA", null]) Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync("value"u8.ToArray(), bad, make: false)).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await PostAsync("value"u8.ToArray(), antiforgery: false)).Status);

        using var nobody = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(_app.Url) };
        using var refused = await nobody.PostAsync("/ui/intake", new ByteArrayContent("value"u8.ToArray()));
        Assert.True(refused.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Found, refused.StatusCode.ToString());
    }

    private static byte[] Large(int length) => Encoding.ASCII.GetBytes(new string('x', length));

    private async Task<Guid> TakenAsync(byte[] value)
    {
        var (status, text) = await PostAsync(value);
        Assert.True(status == HttpStatusCode.OK, text);
        return JsonDocument.Parse(text).RootElement.GetProperty("id").GetGuid();
    }

    private async Task<(HttpStatusCode Status, string Text)> PostAsync(byte[] value, string? ticket = null, bool antiforgery = true, bool make = true)
    {
        if (ticket is null && make) ticket = _app.Get<StagedValues>().Issue(await _app.ActorAsync()).Ticket;
        using var browser = await _app.BrowserAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/ui/intake") { Content = new ByteArrayContent(value) };
        // One that is too large is refused before it is sent.
        request.Headers.ExpectContinue = value.Length > 512 * 1024;
        if (ticket is not null) request.Headers.Add("X-Evose-Ticket", ticket);
        if (antiforgery) request.Headers.Add("RequestVerificationToken", (await browser.GetFromJsonAsync<JsonElement>("/ui/antiforgery")).GetProperty("token").GetString());
        using var answer = await browser.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
