using Evose.Admin.Platform.Notifications;
using Evose.Admin.Tests.Support;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Tests.Features.Notifications;

public sealed class NotificationOptionsTests
{
    [Theory]
    [InlineData(true, 365, 1)]
    [InlineData(true, 0)]
    [InlineData(false)]
    [InlineData(false, 1, 3)]
    [InlineData(false, 7, 7)]
    [InlineData(false, 366)]
    [InlineData(false, 3, -1)]
    public void A_ladder_that_makes_no_sense_stops_the_start(bool good, params int[] ladder) =>
        Assert.Equal(good, new NotificationOptionsValidator().Validate(null, new NotificationOptions { Ladder = ladder }).Succeeded);

    [Fact]
    public async Task A_configured_ladder_replaces_the_default()
    {
        await using var app = new AdminApp(new() { ["Notifications:Ladder:0"] = "5", ["Notifications:Ladder:1"] = "2" });
        Assert.Equal([5, 2], app.Get<IOptions<NotificationOptions>>().Value.Steps);
    }
}
