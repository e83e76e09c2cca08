using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Credentials;

public sealed class SessionRulesTests
{
    private static readonly Uri Target = new("https://app.example.com/api/me");

    [Theory]
    [InlineData(401, null, null, true)]
    [InlineData(403, null, null, false)]
    [InlineData(200, null, null, false)]
    [InlineData(302, "/login?next=%2Fapi%2Fme", null, true)]
    [InlineData(302, "https://sso.example.org/users/sign_in", null, true)]
    [InlineData(307, "../Account/LOGIN.aspx", null, true)]
    [InlineData(302, "/blog/login-tips", null, false)]
    [InlineData(302, "/home", null, false)]
    [InlineData(302, null, null, false)]
    [InlineData(200, "/login", null, false)]
    [InlineData(302, "/portal/start?x=1", "/portal", true)]
    [InlineData(302, "/portal", "/portal/", true)]
    [InlineData(302, "/portals", "/portal", false)]
    [InlineData(302, "/login", "/portal", false)]
    public void A_logged_out_answer_is_told_by_its_head(int status, string? location, string? loginPath, bool over) =>
        Assert.Equal(over, new SessionRules([401], loginPath).LoggedOut(status, Target, location is null ? null : new Uri(location, UriKind.RelativeOrAbsolute)) is not null);

    [Fact]
    public void Whoever_calls_the_login_page_itself_is_told_nothing_by_being_sent_on() =>
        Assert.Null(SessionRules.Default.LoggedOut(302, new Uri("https://app.example.com/login"), new Uri("/login/step2", UriKind.Relative)));

    [Fact]
    public void Rules_that_cannot_hold_are_refused()
    {
        Assert.Null(new SessionRules([401, 403, 302], "/account/login", "Please sign in", true).Problem());
        foreach (var bad in new SessionRules[] { new([200]), new([600]), new([.. Enumerable.Range(400, 11)]), new([401], "login"), new([401], "/a b"), new([401], "/a?b"), new([401], null, "x"), new([401], null, "a\nbcd"), new([401], null, new string('x', 201)) })
            Assert.NotNull(bad.Problem());
    }
}
