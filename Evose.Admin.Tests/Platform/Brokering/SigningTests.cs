using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Brokering;

/// <summary>Signatures against what others published: the vectors of AWS's Signature V4 test suite, its S3 example, and known keyed hashes.</summary>
public sealed class SigningTests
{
    private const string Empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private const string Token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
    private static readonly DateTimeOffset When = new(2015, 8, 30, 12, 36, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("get-vanilla", "GET", "/", "", "", Empty, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")]
    [InlineData("post-vanilla", "POST", "/", "", "", Empty, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")]
    [InlineData("get-vanilla-query-order-key-case", "GET", "/", "Param2=value2&Param1=value1", "", Empty, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")]
    [InlineData("get-vanilla-query-order-value", "GET", "/", "Param1=value2&Param1=value1", "", Empty, "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694")]
    [InlineData("get-vanilla-utf8-query", "GET", "/", "ሴ=bar", "", Empty, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04")]
    [InlineData("get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", "", Empty, "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f")]
    [InlineData("get-utf8", "GET", "/ሴ", "", "", Empty, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85")]
    [InlineData("get-space", "GET", "/example space/", "", "", Empty, "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741")]
    [InlineData("post-header-key-sort", "POST", "/", "", "my-header1:value1", Empty, "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c")]
    [InlineData("post-x-www-form-urlencoded", "POST", "/", "", "content-type:application/x-www-form-urlencoded", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")]
    [InlineData("get-vanilla-with-session-token", "GET", "/", "", "x-amz-security-token:" + Token, Empty, "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8")]
    public void Signs_as_the_published_vectors_of_AWS(string vector, string method, string path, string query, string header, string payload, string signature)
    {
        List<(string, string)> headers = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        if (header.Length > 0) headers.Add((header.Split(':')[0], header.Split(':')[1]));
        var made = AwsSigV4.Authorization(new(method, path, query, headers, payload), "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"u8, "us-east-1", "service", AwsSigV4.DateOf(When), isS3: false);
        Assert.True(made.EndsWith("Signature=" + signature, StringComparison.Ordinal), $"{vector}: {made}");
        Assert.StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=", made, StringComparison.Ordinal);
    }

    [Fact]
    public void Signs_an_object_of_S3_as_its_documentation_does()
    {
        List<(string, string)> headers = [("host", "examplebucket.s3.amazonaws.com"), ("range", "bytes=0-9"), ("x-amz-content-sha256", Empty), ("x-amz-date", "20130524T000000Z")];
        var made = AwsSigV4.Authorization(new("GET", "/test.txt", "", headers, Empty), "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"u8, "us-east-1", "s3", "20130524T000000Z", isS3: true);
        Assert.EndsWith("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", made, StringComparison.Ordinal);
    }

    [Fact]
    public void Makes_a_keyed_hash_as_the_published_example_of_a_webhook()
    {
        var recipe = HmacRecipe.Parse(new Dictionary<string, string> { ["parts"] = "body", ["header"] = "X-Hub-Signature-256", ["format"] = "sha256={}" }).Value!;
        Assert.Equal("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", Made(recipe, "It's a Secret to Everybody", "Hello, World!"));
    }

    [Fact]
    public void Makes_a_keyed_hash_over_time_and_secret_as_a_published_robot_expects_it()
    {
        var recipe = HmacRecipe.Parse(new Dictionary<string, string> { ["parts"] = "timestamp, field:secret", ["encoding"] = "base64", ["timestamp"] = "unix_ms" }).Value!;
        Assert.Equal("tGWkA5eQOQNCNPDgphtxIoNLO+/gD8Lcb705KQoRzeY=", Made(recipe, "SECdemo", "", DateTimeOffset.FromUnixTimeMilliseconds(1599360473000)));
    }

    [Theory]
    [InlineData("hex", "4a656665")]
    [InlineData("base64", "SmVmZQ==")]
    [InlineData("text", "Jefe")]
    public void Reads_the_key_as_it_is_written(string encoding, string key)
    {
        var recipe = HmacRecipe.Parse(new Dictionary<string, string> { ["parts"] = "body", ["key_encoding"] = encoding }).Value!;
        Assert.Equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", Made(recipe, key, "what do ya want for nothing?"));
        if (encoding != "text") Assert.Null(Made(recipe, "not ~ in it", "x"));
    }

    [Theory]
    [InlineData("region", "US East")]
    [InlineData("payload", "none")]
    [InlineData("colour", "red")]
    public void Refuses_settings_of_AWS_that_are_none(string option, string value) => Assert.NotNull(AwsRecipe.Parse(new Dictionary<string, string> { [option] = value }).Problem);

    [Theory]
    [InlineData("algorithm", "md5")]
    [InlineData("parts", "everything")]
    [InlineData("parts", "header:")]
    [InlineData("format", "no place for it")]
    [InlineData("format", "{} and {}")]
    [InlineData("format", "{} {secret}")]
    [InlineData("timestamp", "tomorrow")]
    [InlineData("separator", "-----")]
    [InlineData("colour", "red")]
    public void Refuses_settings_of_HMAC_that_are_none(string option, string value) => Assert.NotNull(HmacRecipe.Parse(new Dictionary<string, string> { [option] = value }).Problem);

    private static string? Made(HmacRecipe recipe, string key, string body, DateTimeOffset? now = null)
    {
        using var secret = Plaintext.CopyOf(Encoding.UTF8.GetBytes(key));
        using var request = new HttpRequestMessage(HttpMethod.Post, "https://api.example.test/x?y=1");
        return HmacSignature.Of(recipe, request, Encoding.UTF8.GetBytes(body), now ?? When, _ => secret);
    }
}
