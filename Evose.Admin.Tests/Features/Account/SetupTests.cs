using System.Net;
using Evose.Admin.Features.Account;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Account;

public sealed class SetupTests
{
    private static readonly Dictionary<string, string?> NoAdmin = new() { ["Bootstrap:AdminEmail"] = "", ["Account:AttemptsPerMinute"] = "1000" };

    [Fact]
    public async Task Leads_the_first_visit_to_the_setup_page_and_says_on_the_console_where_it_is()
    {
        await using var app = new AdminApp(NoAdmin);
        using var person = new Browserless(app.Url);
        var first = await person.GetAsync("/account/login");
        Assert.Equal((HttpStatusCode.Found, "/setup"), (first.StatusCode, first.Headers.Location!.OriginalString));
        var page = await (await person.GetAsync("/setup")).Content.ReadAsStringAsync();
        Assert.Contains("setup-token", page);
        Assert.DoesNotContain("data-testid=\"password\"", page);

        var console = new StringWriter();
        await app.Get<SetupToken>().AnnounceAsync(console);
        Assert.Contains($"/setup?token={app.Get<SetupToken>().Text}", console.ToString());
        Assert.DoesNotContain(app.Log.Lines, l => l.Contains(app.Get<SetupToken>().Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Takes_no_admin_from_a_wrong_token_and_shows_it_no_form()
    {
        await using var app = new AdminApp(NoAdmin);
        using var person = new Browserless(app.Url);
        Assert.DoesNotContain("data-testid=\"password\"", await (await person.GetAsync("/setup?token=AAAAAAAAAAAAAAAAAAAAAA")).Content.ReadAsStringAsync());
        var refused = await person.SubmitAsync($"/setup?token={app.Get<SetupToken>().Text}", Form("AAAAAAAAAAAAAAAAAAAAAA"), "/setup");
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        Assert.Empty(await db.Users.ToListAsync());
    }

    [Fact]
    public async Task Nobody_waits_to_write_while_the_first_password_is_hashed()
    {
        await using var app = new AdminApp(NoAdmin, services: s => s.AddSingleton<InvitationTests.GateSeen>().AddScoped<IPasswordHasher<AdminUser>, InvitationTests.HashingSeen>());
        var token = app.Get<SetupToken>().Text;
        using var person = new Browserless(app.Url);
        Assert.Equal(HttpStatusCode.OK, (await person.SubmitAsync($"/setup?token={token}", Form(token))).StatusCode);
        Assert.Equal([true], app.Get<InvitationTests.GateSeen>().Free);
    }

    [Fact]
    public async Task Makes_admin_workspace_and_recovery_key_once_and_then_does_not_exist()
    {
        await using var app = new AdminApp(NoAdmin);
        var token = app.Get<SetupToken>().Text;
        using var person = new Browserless(app.Url);
        var made = await person.SubmitAsync($"/setup?token={token}", Form(token));
        var html = await made.Content.ReadAsStringAsync();
        var key = Browserless.TextOf(html, "recovery-key");
        Assert.Equal(RecoveryKey.TextLength, key.Length);

        await using (var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync())
        {
            Assert.Equal("first@example.test", (await db.Users.SingleAsync()).Email);
            Assert.Equal("customer-service", (await db.Workspaces.SingleAsync(w => w.Id != Evose.Admin.Domain.Workspaces.Workspace.OrganizationId)).Slug);
            var generation = await db.KeyGenerations.SingleAsync();
            Assert.NotNull(generation.WrappedByRecovery);
            Assert.False(generation.RecoveryConfirmed);
        }

        // The key is not shown again, and the set-up cannot be done again, whoever has the token.
        Assert.Equal(HttpStatusCode.NotFound, (await person.GetAsync($"/setup?token={token}")).StatusCode);
        var again = await person.PostAsync("/setup", [new("__RequestVerificationToken", Browserless.Hidden(html, "__RequestVerificationToken")), new("_handler", "setup"), .. Form(token)]);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);

        var saved = await person.PostAsync("/setup",
            [new("__RequestVerificationToken", Browserless.Hidden(html, "__RequestVerificationToken")), new("_handler", "setup"), new("Step", "confirm"), new("Token", token), new("Saved", "true")]);
        Assert.Equal("/account/login", saved.Headers.Location!.OriginalString);
        await using (var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync()) Assert.True((await db.KeyGenerations.SingleAsync()).RecoveryConfirmed);
        Assert.Equal(HttpStatusCode.Found, (await person.SignInAsync("first@example.test", "a long enough sentence")).StatusCode);
        Assert.DoesNotContain(app.Log.Lines, l => l.Contains(key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("short", "at least 15")]
    [InlineData("aaaaaaaaaaaaaaaaaaaa", "same few characters")]
    [InlineData("passwordpassword123456789", "common words")]
    public async Task Says_what_is_wrong_with_a_weak_password(string password, string expected)
    {
        await using var app = new AdminApp(NoAdmin);
        var token = app.Get<SetupToken>().Text;
        using var person = new Browserless(app.Url);
        var answer = await person.SubmitAsync($"/setup?token={token}", [.. Form(token).Where(f => f.Key != "Password"), new("Password", password)]);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Contains(expected, await answer.Content.ReadAsStringAsync());
    }

    private static List<KeyValuePair<string, string>> Form(string token) =>
        [new("Step", "create"), new("Token", token), new("Email", "first@example.test"), new("Password", "a long enough sentence"), new("Workspace", "Customer service")];
}
