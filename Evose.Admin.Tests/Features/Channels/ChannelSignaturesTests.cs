using System.Text;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Features.Channels;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Features.Channels;

public sealed class ChannelSignaturesTests
{
    [Fact]
    public void Standard_Webhooks_own_vector_holds() =>
        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ChannelSignatures.Standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"u8, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, """{"test": 2432232314}"""u8));

    [Fact]
    public void Feishu_and_DingTalk_vectors_hold_and_are_not_each_other()
    {
        Assert.Equal("l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=", ChannelSignatures.Feishu("demo"u8, 1599360473));
        Assert.Equal("UNvK0aHeWrPUMl0ySOUpIoYdvBDU1mnjgkbX5JtMxkk=", ChannelSignatures.Feishu("SECdemo"u8, 1599360473));
        Assert.Equal("tGWkA5eQOQNCNPDgphtxIoNLO%2B%2FgD8Lcb705KQoRzeY%3D", Uri.EscapeDataString(ChannelSignatures.DingTalk("SECdemo"u8, 1599360473000)));
        Assert.NotEqual(ChannelSignatures.Feishu("SECdemo"u8, 1599360473000), ChannelSignatures.DingTalk("SECdemo"u8, 1599360473000));
    }

    // GitHub documents the same construction with this vector.
    [Fact]
    public void The_platforms_signature_is_the_hex_hmac_of_the_body() =>
        Assert.Equal("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", ChannelSignatures.Evose("It's a Secret to Everybody"u8, "Hello, World!"u8));

    [Theory]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true)]
    [InlineData("whsec_c2hvcnQ=", false)]
    [InlineData("whsec_not base64 at all but long enough", false)]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false)]
    [InlineData("whsec_", false)]
    public void A_secret_of_Standard_Webhooks_is_told_from_others(string secret, bool good) => Assert.Equal(good, ChannelSignatures.IsStandard(Encoding.UTF8.GetBytes(secret)));

    [Theory]
    [InlineData("token 0123456789abcdef is wrong")]
    [InlineData("{\"url\":\"/hook/0123456789abcdef\"}")]
    [InlineData("YWJjMDEyMzQ1Njc4OWFiY2RlZg==")] // abc0123456789abcdef
    [InlineData("30313233343536373839616263646566")]
    [InlineData("bad secret: a-signing-secret")]
    public void An_answer_that_repeats_address_or_secret_is_not_kept(string answer)
    {
        using var url = Plaintext.CopyOf("https://chat.example.test/hook/0123456789abcdef?x=1"u8);
        using var secret = Plaintext.CopyOf("a-signing-secret"u8);
        var line = ChannelSender.SafeLine(Encoding.UTF8.GetBytes(answer), url, secret);
        Assert.StartsWith("(The answer repeated", line, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_is_kept_as_one_short_line_of_text()
    {
        using var url = Plaintext.CopyOf("https://chat.example.test/hook/0123456789abcdef"u8);
        Assert.Equal("a b c", ChannelSender.SafeLine("  a\r\n\u001b b\0\tc  "u8, url, null));
        Assert.Equal(200, ChannelSender.SafeLine(Encoding.UTF8.GetBytes(new string('x', 5000)), url, null).Length);
        Assert.Equal("", ChannelSender.SafeLine([], url, null));
    }

    [Theory]
    [InlineData(ChannelKind.Webhook, 204, "", SendVerdict.Delivered)]
    [InlineData(ChannelKind.Webhook, 301, "", SendVerdict.Refused)]
    [InlineData(ChannelKind.Webhook, 307, "", SendVerdict.Refused)]
    [InlineData(ChannelKind.Webhook, 400, "", SendVerdict.Refused)]
    [InlineData(ChannelKind.Webhook, 404, "", SendVerdict.Refused)]
    [InlineData(ChannelKind.Webhook, 408, "", SendVerdict.Retry)]
    [InlineData(ChannelKind.Webhook, 429, "", SendVerdict.Retry)]
    [InlineData(ChannelKind.Webhook, 410, "", SendVerdict.Gone)]
    [InlineData(ChannelKind.Webhook, 503, "", SendVerdict.Retry)]
    [InlineData(ChannelKind.Slack, 200, "ok", SendVerdict.Delivered)]
    [InlineData(ChannelKind.Feishu, 200, """{"code":0,"msg":"success"}""", SendVerdict.Delivered)]
    [InlineData(ChannelKind.Feishu, 200, """{"StatusCode":0}""", SendVerdict.Delivered)]
    [InlineData(ChannelKind.Feishu, 200, """{"code":19021,"msg":"sign match fail"}""", SendVerdict.Refused)]
    [InlineData(ChannelKind.Feishu, 200, """{"code":11232}""", SendVerdict.Retry)]
    [InlineData(ChannelKind.DingTalk, 200, """{"errcode":0,"errmsg":"ok"}""", SendVerdict.Delivered)]
    [InlineData(ChannelKind.DingTalk, 200, """{"errcode":310000,"errmsg":"sign not match"}""", SendVerdict.Refused)]
    [InlineData(ChannelKind.DingTalk, 200, """{"errcode":130101}""", SendVerdict.Retry)]
    [InlineData(ChannelKind.DingTalk, 200, "<html>a proxy</html>", SendVerdict.Retry)]
    [InlineData(ChannelKind.DingTalk, 200, "[1,2]", SendVerdict.Retry)]
    public void What_an_answer_means(ChannelKind kind, int status, string body, SendVerdict verdict)
    {
        using var url = Plaintext.CopyOf("https://chat.example.test/hook/0123456789abcdef"u8);
        Assert.Equal(verdict, ChannelSender.Judge(kind, status, Encoding.UTF8.GetBytes(body), url, null).Verdict);
    }
}
