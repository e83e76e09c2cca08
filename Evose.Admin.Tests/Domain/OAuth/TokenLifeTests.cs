using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.OAuth;

namespace Evose.Admin.Tests.Domain.OAuth;

public sealed class TokenLifeTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(3600, 2880)]
    [InlineData(7200, 5760)]
    [InlineData(1500, 1200)]
    [InlineData(1200, 900)]
    [InlineData(900, 600)]
    [InlineData(600, 300)]
    [InlineData(60, 30)]
    [InlineData(0, 0)]
    public void A_token_is_refreshed_at_80_percent_of_its_life_at_least_five_minutes_before_its_end_and_never_before_half(int life, int at) =>
        Assert.Equal(Now.AddSeconds(at), TokenLife.RefreshAt(Now, Now.AddSeconds(life)));

    [Fact]
    public void Failures_in_a_row_make_the_pause_longer_up_to_a_quarter_of_an_hour() =>
        Assert.Equal([15, 30, 60, 120, 900, 900], new[] { 1, 2, 3, 4, 8, 200 }.Select(n => TokenLife.CoolDown(n).TotalSeconds));

    [Theory]
    [InlineData("google", 400, "invalid_grant", TokenFault.NeedsConsent)]
    [InlineData("microsoft", 400, "interaction_required", TokenFault.NeedsConsent)]
    [InlineData("google", 401, "invalid_client", TokenFault.Misconfigured)]
    [InlineData("google", 500, "invalid_grant", TokenFault.Transient)]
    [InlineData("google", 429, "", TokenFault.Transient)]
    [InlineData("github", 200, "bad_verification_code", TokenFault.NeedsConsent)]
    [InlineData("feishu", 200, "20026", TokenFault.NeedsConsent)]
    [InlineData("feishu", 400, "20050", TokenFault.Transient)]
    [InlineData("feishu", 200, "4711", TokenFault.Transient)]
    [InlineData("google", 404, "", TokenFault.Misconfigured)]
    public void An_error_says_what_has_to_happen_next(string provider, int status, string code, TokenFault fault) =>
        Assert.Equal(fault, TokenLife.Read(new OAuthProviders().Find(provider)!, status, code.Length == 0 ? [] : [code]));

    [Fact]
    public void A_refresh_token_that_works_once_is_sent_once_until_its_end_is_known()
    {
        var grant = new TokenGrant(Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7());
        Assert.True(grant.MaySend(1, singleUse: true));
        grant.Lease(Guid.CreateVersion7(), 1, Now.AddMinutes(1));
        Assert.True(grant.IsLeased(Now));
        Assert.False(grant.MaySend(1, singleUse: true));
        Assert.True(grant.MaySend(1, singleUse: false));
        grant.Failed(TokenFault.Transient, "x", isCertain: true, Now);
        Assert.True(grant.MaySend(1, singleUse: true));
        Assert.False(grant.IsFree(Now));
        Assert.True(grant.IsFree(Now.AddSeconds(16)));
    }

    [Fact]
    public void Every_provider_of_the_file_is_whole()
    {
        var providers = new OAuthProviders();
        Assert.Equal(["google", "feishu", "lark", "dingtalk", "github", "microsoft", "slack", "oauth2"], providers.All.Select(p => p.Id));
        foreach (var p in providers.All.Where(p => !p.IsGeneric))
        {
            foreach (var url in new[] { p.AuthorizeUrl, p.TokenUrl, p.ConsoleUrl! }) Assert.Equal("https", new Uri(url).Scheme);
            Assert.NotEmpty(p.Hosts);
            Assert.Contains("{}", p.HeaderFormat);
            Assert.Equal(p.SuccessMember is null, p.SuccessValue is null);
        }
    }
}
