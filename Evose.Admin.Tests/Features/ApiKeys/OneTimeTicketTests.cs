using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Bunit;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.ApiKeys;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Web;
using Evose.Admin.Tests.Support;
using Evose.Admin.UI;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;

namespace Evose.Admin.Tests.Features.ApiKeys;

public sealed class OneTimeTicketTests(TwoWorkspaces two) : IClassFixture<TwoWorkspaces>
{
    private static readonly IssueApiKey.Input Input = new("from the page", ["read"], ["alpha"]);

    [Fact]
    public async Task A_page_gets_its_key_over_http_once()
    {
        using var browser = await two.App.BrowserAsync();
        var ticket = two.App.Get<OneTimeTickets>().Issue(await two.App.ActorAsync(), Input);
        var answer = await browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, ticket);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Contains("no-store", answer.Headers.CacheControl!.ToString());
        var key = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("once").GetString()!;
        Assert.True(ApiKeyToken.IsWellFormed(key));
        using var holder = two.App.Api(key);
        Assert.Equal(HttpStatusCode.OK, (await holder.GetAsync("/api/v1/workspaces")).StatusCode);

        var keys = await KeysAsync();
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, ticket)).StatusCode);
        Assert.Equal(keys, await KeysAsync());
    }

    [Fact]
    public async Task Two_redemptions_at_once_make_one_key()
    {
        using var browser = await two.App.BrowserAsync();
        var ticket = two.App.Get<OneTimeTickets>().Issue(await two.App.ActorAsync(), Input);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, ticket)));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.Created);
    }

    [Fact]
    public async Task A_rotation_works_the_same_way()
    {
        var issued = (await (await two.Api.PostAsJsonAsync("/api/v1/api-keys", new { name = "turn", scopes = new[] { "read" } })).Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString();
        using var browser = await two.App.BrowserAsync();
        var answer = await browser.PostTicketAsync(ApiKeysFeature.RotateTicketPath, two.App.Get<OneTimeTickets>().Issue(await two.App.ActorAsync(), new RotateApiKey.Input(issued, TimeSpan.FromHours(1))));
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    [Fact]
    public async Task Somebody_elses_ticket_is_refused()
    {
        await two.App.AddUserAsync("other-admin@example.test", OrganizationRole.Admin);
        using var browser = await two.App.BrowserAsync("other-admin@example.test");
        var keys = await KeysAsync();
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, two.App.Get<OneTimeTickets>().Issue(await two.App.ActorAsync(), Input))).StatusCode);
        Assert.Equal(keys, await KeysAsync());
    }

    [Fact]
    public async Task A_ticket_for_something_else_and_no_ticket_are_refused()
    {
        using var browser = await two.App.BrowserAsync();
        var ticket = two.App.Get<OneTimeTickets>().Issue(await two.App.ActorAsync(), new InviteMember.Input("x@example.test", "alpha", WorkspaceRole.User));
        foreach (var text in new[] { ticket, "", "nonsense", new string('x', 10_000) })
            Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, text)).StatusCode);
    }

    [Fact]
    public async Task Without_the_antiforgery_token_or_without_sign_in_nothing_happens()
    {
        var actor = await two.App.ActorAsync();
        var ticket = two.App.Get<OneTimeTickets>().Issue(actor, Input);
        var keys = await KeysAsync();
        using var browser = await two.App.BrowserAsync();
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostAsJsonAsync(ApiKeysFeature.IssueTicketPath, new { ticket })).StatusCode);
        using var forged = new HttpRequestMessage(HttpMethod.Post, ApiKeysFeature.IssueTicketPath) { Content = JsonContent.Create(new { ticket }) };
        forged.Headers.Add("RequestVerificationToken", "CfDJ8nonsense");
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.SendAsync(forged)).StatusCode);
        using var nobody = two.App.Api(null);
        Assert.NotEqual(HttpStatusCode.Created, (await nobody.PostAsJsonAsync(ApiKeysFeature.IssueTicketPath, new { ticket })).StatusCode);
        // An API key is not a person: it has no pages.
        Assert.NotEqual(HttpStatusCode.Created, (await two.Api.PostAsJsonAsync(ApiKeysFeature.IssueTicketPath, new { ticket })).StatusCode);
        Assert.Equal(keys, await KeysAsync());
        // None of these used the ticket up.
        Assert.Equal(HttpStatusCode.Created, (await browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, ticket)).StatusCode);
    }

    [Fact]
    public async Task A_ticket_does_not_replace_a_right()
    {
        var builder = await two.App.AddUserAsync("builder@example.test", workspace: "alpha", role: WorkspaceRole.Builder);
        using var browser = await two.App.BrowserAsync("builder@example.test");
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostTicketAsync(ApiKeysFeature.IssueTicketPath, two.App.Get<OneTimeTickets>().Issue(builder, Input))).StatusCode);
    }

    [Fact]
    public void A_ticket_is_good_for_five_minutes_and_one_run_of_the_app()
    {
        var clock = new FakeTimeProvider();
        var protection = new EphemeralDataProtectionProvider();
        var tickets = new OneTimeTickets(protection, clock);
        var actor = new Actor(ActorKind.User, Guid.CreateVersion7(), "a@example.test");
        var early = tickets.Issue(actor, Input);
        var late = tickets.Issue(actor, Input);
        Assert.NotNull(new OneTimeTickets(protection, clock).Redeem<IssueApiKey.Input>(actor, early).Problem);
        clock.Advance(OneTimeTickets.Life - TimeSpan.FromSeconds(1));
        Assert.Null(tickets.Redeem<IssueApiKey.Input>(actor, early).Problem);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull(tickets.Redeem<IssueApiKey.Input>(actor, late).Problem);
        Assert.NotNull(tickets.Redeem<IssueApiKey.Input>(actor, early).Problem);
        Assert.NotNull(tickets.Redeem<IssueApiKey.Input>(actor with { Kind = ActorKind.ApiKey }, tickets.Issue(actor, Input)).Problem);
    }

    [Fact]
    public async Task What_crosses_the_circuit_is_a_ticket_one_way_and_no_key_the_other()
    {
        await using var context = new BunitContext();
        var run = context.JSInterop.Setup<ShowOnce.Answer>("evoseShowOnce.run", _ => true);
        run.SetResult(new ShowOnce.Answer(true, true));
        context.JSInterop.SetupVoid("evoseShowOnce.clear", _ => true).SetVoidResult();
        var once = context.Render<ShowOnce>(p => p.Add(c => c.Label, "Key").Add(c => c.Snippet, "curl {value}"));
        var answer = await once.InvokeAsync(() => once.Instance.RunAsync("/ui/api-keys", "ticket"));
        Assert.True(answer.Shown);
        Assert.Equal(["/ui/api-keys", "ticket"], run.Invocations.Single().Arguments.Skip(1).Cast<string>());
        // The answer to the component has no place for a key, and the input no handler that would send what is in it.
        Assert.Equal(["Ok", "Shown", "Message", "Field"], typeof(ShowOnce.Answer).GetProperties().Where(p => p.Name != "EqualityContract").Select(p => p.Name));
        Assert.DoesNotContain("blazor:on", once.Find("input").OuterHtml);
        Assert.True(once.Find("input").HasAttribute("readonly"));
    }

    private async Task<int> KeysAsync()
    {
        await using var db = await two.App.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        return await db.ApiKeys.CountAsync();
    }
}
