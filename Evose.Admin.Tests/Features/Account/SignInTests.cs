using System.Net;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Account;

public sealed class SignInTests
{
    private static readonly Dictionary<string, string?> Patient = new() { ["Account:AttemptsPerMinute"] = "1000" };

    [Fact]
    public async Task Signs_in_with_a_strict_cookie_and_audits_it()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        var answer = await person.SignInAsync();
        Assert.Equal((HttpStatusCode.Found, "/"), (answer.StatusCode, answer.Headers.Location!.OriginalString));
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"), c => c.StartsWith("evose=", StringComparison.Ordinal));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.OK, (await person.GetAsync("/")).StatusCode);
        var e = Assert.Single(await AuditAsync(app, AuditAction.SignedIn));
        Assert.Equal((AdminApp.AdminEmail, AuditOutcome.Succeeded), (e.ActorName, e.Outcome));
    }

    [Fact]
    public async Task Known_and_unknown_addresses_are_refused_and_locked_in_the_same_words()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        for (var attempt = 1; attempt <= 7; attempt++)
        {
            var known = await RefusalAsync(await person.SignInAsync(password: "not the password at all"));
            var unknown = await RefusalAsync(await person.SignInAsync("nobody@example.test", "not the password at all"));
            Assert.Equal(known, unknown);
            Assert.Contains(attempt < 5 ? "do not match" : "Try again in 15 minutes", known.Text);
        }
        // Locked means locked: the right password does not help.
        Assert.Equal(HttpStatusCode.TooManyRequests, (await person.SignInAsync()).StatusCode);
        Assert.Equal(15, (await AuditAsync(app, AuditAction.SignInRefused)).Count);
    }

    [Fact]
    public async Task Audits_what_was_typed_without_control_characters_and_never_a_password_in_the_wrong_field()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        await person.SignInAsync("evil\r\nname\u0007@example.test" + new string('x', 70_000), "whatever it may be");
        await person.SignInAsync("correct horse battery staple", "correct horse battery staple");
        var subjects = (await AuditAsync(app, AuditAction.SignInRefused)).ConvertAll(e => e.Subject!);
        Assert.Equal(64, subjects[0].Length);
        Assert.StartsWith("evilname@example.test", subjects[0]);
        Assert.Equal("(not an e-mail address)", subjects[1]);
    }

    [Theory]
    [InlineData("/w/cs/credentials?status=active", "/w/cs/credentials?status=active")]
    [InlineData("https://evil.test/", "/")]
    [InlineData("//evil.test/", "/")]
    [InlineData("/\\evil.test/", "/")]
    [InlineData("\\\\evil.test", "/")]
    [InlineData("/\t/evil.test", "/")]
    [InlineData("/\n/evil.test", "/")]
    [InlineData(" //evil.test", "/")]
    [InlineData("javascript:alert(1)", "/")]
    [InlineData("data:text/html,x", "/")]
    [InlineData("http:evil.test", "/")]
    [InlineData("evil.test", "/")]
    [InlineData("@evil.test", "/")]
    [InlineData("///evil.test", "/")]
    [InlineData("", "/")]
    public void Goes_only_to_addresses_of_this_app_after_sign_in(string asked, string expected) =>
        Assert.Equal(expected, Evose.Admin.Features.Account.LocalAddress.Of(asked));

    [Fact]
    public async Task Follows_a_return_address_of_the_app_and_no_other()
    {
        await using var app = new AdminApp(Patient);
        using var one = new Browserless(app.Url);
        Assert.Equal("/w/cs?x=1", (await one.SignInAsync(returnUrl: "/w/cs?x=1")).Headers.Location!.OriginalString);
        using var other = new Browserless(app.Url);
        Assert.Equal("/", (await other.SignInAsync(returnUrl: "//evil.test/")).Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task More_than_ten_attempts_a_minute_from_one_address_are_answered_with_a_readable_page()
    {
        await using var app = new AdminApp();
        using var person = new Browserless(app.Url);
        HttpResponseMessage? last = null;
        for (var i = 0; i < 11; i++) last = await person.SignInAsync($"someone{i}@example.test", "not the password at all");
        Assert.Equal(HttpStatusCode.TooManyRequests, last!.StatusCode);
        Assert.NotNull(last.Headers.RetryAfter);
        Assert.Contains("Too many attempts", await last.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.OK, (await person.GetAsync("/account/login")).StatusCode);
    }

    [Fact]
    public async Task A_disabled_person_does_not_get_in_and_signing_out_ends_the_session()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        await person.SignInAsync();
        var left = await person.SubmitAsync("/account/logout", []);
        Assert.StartsWith("/account/login", left.Headers.Location!.OriginalString);
        Assert.Equal(HttpStatusCode.Found, (await person.GetAsync("/")).StatusCode);

        await using (var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync())
        {
            (await db.Users.SingleAsync()).DisabledAt = app.Get<TimeProvider>().GetUtcNow();
            await db.SaveChangesAsync();
        }
        Assert.Equal(HttpStatusCode.Unauthorized, (await person.SignInAsync()).StatusCode);
    }

    [Fact]
    public async Task Changes_a_password_for_whoever_knows_the_present_one()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        await person.SignInAsync();
        var wrong = await person.SubmitAsync("/account/password", [new("Current", "not the password at all"), new("Wanted", "another long sentence")]);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, wrong.StatusCode);
        var done = await person.SubmitAsync("/account/password", [new("Current", AdminApp.AdminPassword), new("Wanted", "another long sentence")]);
        Assert.Contains("Your password is changed", await done.Content.ReadAsStringAsync());
        Assert.Single(await AuditAsync(app, AuditAction.PasswordChanged));
        using var fresh = new Browserless(app.Url);
        Assert.Equal(HttpStatusCode.Unauthorized, (await fresh.SignInAsync()).StatusCode);
        Assert.Equal(HttpStatusCode.Found, (await fresh.SignInAsync(password: "another long sentence")).StatusCode);
    }

    private static async Task<(HttpStatusCode Status, string Text)> RefusalAsync(HttpResponseMessage answer) =>
        (answer.StatusCode, Browserless.TextOf(await answer.Content.ReadAsStringAsync(), "problem"));

    private static async Task<List<AuditEvent>> AuditAsync(AdminApp app, AuditAction action)
    {
        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        return await db.AuditEvents.AsNoTracking().Where(e => e.Action == action).OrderBy(e => e.Seq).ToListAsync();
    }
}
