using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Platform.Web;

public sealed class PageContextTests
{
    [Theory]
    [InlineData("/", true)]
    [InlineData("/api/v1/workspaces", true)]
    [InlineData("/brokers", true)]
    [InlineData("/broker/cs/gpt-call/x", false)]
    [InlineData("/Broker/cs/gpt-call/x", false)]
    public void Only_brokered_calls_have_no_ambient_request(string path, bool ambient)
    {
        var accessor = new PageContext();
        var context = new DefaultHttpContext { Request = { Path = path } };
        accessor.HttpContext = context;
        Assert.Equal(ambient ? context : null, accessor.HttpContext);
        accessor.HttpContext = null;
        Assert.Null(accessor.HttpContext);
    }
}
