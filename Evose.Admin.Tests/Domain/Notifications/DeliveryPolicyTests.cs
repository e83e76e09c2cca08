using Evose.Admin.Domain.Notifications;

namespace Evose.Admin.Tests.Domain.Notifications;

public sealed class DeliveryPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_waits_are_those_of_the_platform_and_the_last_is_kept_up() =>
        Assert.Equal([30, 60, 300, 1800, 7200, 7200, 7200], Enumerable.Range(1, 7).Select(n => (int)DeliveryPolicy.Wait(n).TotalSeconds));

    [Theory]
    [InlineData(ChannelKind.DingTalk, 20, 0, 1, false)]
    [InlineData(ChannelKind.DingTalk, 21, 0, 21, true)]
    [InlineData(ChannelKind.DingTalk, 5, 16, 5, true)]
    [InlineData(ChannelKind.DingTalk, 4, 16, 1, false)]
    [InlineData(ChannelKind.DingTalk, 1, 20, 0, false)]
    [InlineData(ChannelKind.Webhook, 500, 0, 1, false)]
    [InlineData(ChannelKind.Webhook, 500, 120, 0, false)]
    [InlineData(ChannelKind.Slack, 300, 0, 200, true)]
    public void More_than_a_minute_takes_goes_out_as_one_message_to_people_and_waits_for_programs(ChannelKind kind, int waiting, int lately, int taken, bool digest)
    {
        var queue = Queue(waiting);
        var next = DeliveryPolicy.Next(kind, queue, lately, Now);
        Assert.Equal(taken, next.Count);
        Assert.Equal(digest, next.Count > 1);
        Assert.Equal(queue.Take(taken), next);
    }

    [Fact]
    public void After_an_outage_people_get_a_list_long_before_the_limit()
    {
        var queue = Queue(6);
        queue[0].Begin(null, Now);
        queue[0].End(SendVerdict.Retry, 503, "", Now);
        Assert.Empty(DeliveryPolicy.Next(ChannelKind.Feishu, queue, 0, Now + TimeSpan.FromSeconds(29)));
        Assert.Equal(6, DeliveryPolicy.Next(ChannelKind.Feishu, queue, 0, Now + TimeSpan.FromSeconds(30)).Count);
    }

    [Fact]
    public void What_waits_behind_a_failed_attempt_waits_too()
    {
        var queue = Queue(3);
        queue[0].Begin(null, Now);
        queue[0].End(SendVerdict.Retry, null, "", Now);
        Assert.Empty(DeliveryPolicy.Next(ChannelKind.Webhook, queue, 0, Now + TimeSpan.FromSeconds(29)));
        Assert.Same(queue[0], Assert.Single(DeliveryPolicy.Next(ChannelKind.Webhook, queue, 0, Now + TimeSpan.FromSeconds(30))));
    }

    [Fact]
    public void A_time_from_before_the_clock_was_put_back_is_not_waited_for()
    {
        Assert.True(DeliveryPolicy.IsDue(Now + TimeSpan.FromDays(1), Now));
        Assert.False(DeliveryPolicy.IsDue(Now + TimeSpan.FromHours(2), Now));
        var channel = new NotificationChannel { Id = Guid.CreateVersion7(TimeProvider.System.GetUtcNow()) };
        var (mine, other) = (Guid.CreateVersion7(TimeProvider.System.GetUtcNow()), Guid.CreateVersion7(TimeProvider.System.GetUtcNow()));
        channel.Lease(other, Now + TimeSpan.FromDays(1));
        Assert.True(channel.IsFree(mine, Now));
        channel.Lease(other, Now);
        Assert.False(channel.IsFree(mine, Now + TimeSpan.FromMinutes(1)));
        // A node whose clock is minutes ahead still has what it has.
        channel.Lease(other, Now + TimeSpan.FromMinutes(10));
        Assert.False(channel.IsFree(mine, Now));
        Assert.True(channel.IsFree(mine, Now + TimeSpan.FromMinutes(12)));
    }

    [Fact]
    public void A_receiver_is_tried_for_seven_days_and_then_given_up()
    {
        var delivery = Queue(1)[0];
        var at = Now;
        while (delivery.State == DeliveryState.Pending)
        {
            delivery.Begin(null, at);
            delivery.End(SendVerdict.Retry, null, "down", at);
            if (delivery.State == DeliveryState.Pending) at = delivery.NextAttemptAt;
        }
        Assert.Equal(DeliveryState.GivenUp, delivery.State);
        Assert.InRange(at - Now, TimeSpan.FromDays(6.8), TimeSpan.FromDays(7));
        delivery.Again(9, at);
        Assert.Equal((DeliveryState.Pending, 0, 9L, at), (delivery.State, delivery.Attempts, delivery.Number, delivery.NextAttemptAt));
    }

    private static List<Delivery> Queue(int count) => [.. Enumerable.Range(1, count).Select(i => Delivery.Of(Guid.CreateVersion7(Now), Guid.Empty, Guid.CreateVersion7(TimeProvider.System.GetUtcNow()), i, Now))];
}

public sealed class EscalationPolicyTests
{
    private static readonly DateTimeOffset End = new(2026, 3, 31, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan After = TimeSpan.FromDays(3);

    [Fact]
    public void Silence_is_told_in_the_last_days_and_after_the_time_that_was_set()
    {
        EscalationPolicy.Told[] told = [new(End.AddDays(-30), null, null)];
        Assert.False(EscalationPolicy.IsDue(told, End, After, End.AddDays(-8)));
        Assert.True(EscalationPolicy.IsDue(told, End, After, End.AddDays(-7)));
        EscalationPolicy.Told[] late = [new(End.AddDays(-5), null, null)];
        Assert.False(EscalationPolicy.IsDue(late, End, After, End.AddDays(-2).AddMinutes(-1)));
        Assert.True(EscalationPolicy.IsDue(late, End, After, End.AddDays(-2)));
        Assert.False(EscalationPolicy.IsDue([], End, After, End));
    }

    [Fact]
    public void Who_acknowledged_one_of_them_knows_and_only_what_came_later_counts()
    {
        EscalationPolicy.Told[] told = [new(End.AddDays(-30), null, null), new(End.AddDays(-14), End.AddDays(-13), null)];
        Assert.False(EscalationPolicy.IsDue(told, End, After, End.AddDays(-1)));
        EscalationPolicy.Told[] again = [.. told, new(End.AddDays(-7), null, null)];
        Assert.False(EscalationPolicy.IsDue(again, End, After, End.AddDays(-5)));
        Assert.True(EscalationPolicy.IsDue(again, End, After, End.AddDays(-4)));
    }

    [Fact]
    public void What_is_put_aside_waits_until_then_and_no_longer()
    {
        EscalationPolicy.Told[] told = [new(End.AddDays(-7), null, End.AddDays(-2))];
        Assert.False(EscalationPolicy.IsDue(told, End, After, End.AddDays(-3)));
        Assert.True(EscalationPolicy.IsDue(told, End, After, End.AddDays(-2)));
    }
}

public sealed class NotificationTextsTests
{
    [Fact]
    public void Every_kind_is_said_in_Chinese_with_its_facts()
    {
        foreach (var kind in Enum.GetValues<NotificationKind>())
        {
            var told = new Notification
            {
                Kind = kind, Title = "English title", Body = "English body",
                Facts = new Dictionary<string, string> { ["name"] = "openai_prod", ["version"] = "3", ["days"] = "7", ["date"] = "2026-03-31 00:00", ["job"] = "scan-expiry", ["who"] = "ann@example.test", ["block"] = "2026-04-02 00:00" },
            };
            var (title, body) = NotificationTexts.In(NotificationTexts.Chinese, told);
            Assert.Contains(title, c => c is >= '\u4e00' and <= '\u9fff');
            Assert.Contains(body, c => c is >= '\u4e00' and <= '\u9fff');
            Assert.DoesNotContain("English", title + body, StringComparison.Ordinal);
            Assert.Contains(kind == NotificationKind.JobFailed ? "scan-expiry" : "openai_prod", title, StringComparison.Ordinal);
            if (kind is NotificationKind.ExpirySoon or NotificationKind.Expired or NotificationKind.Escalated) Assert.Contains("2026-04-02 00:00", body, StringComparison.Ordinal);
            Assert.Equal(("English title", "English body"), NotificationTexts.In(NotificationTexts.English, told));
        }
    }

    [Fact]
    public void Without_facts_the_kind_is_said_and_the_rest_stays_as_it_is() =>
        Assert.Equal(("已过期：It is over", "Body"), NotificationTexts.In(NotificationTexts.Chinese, new Notification { Kind = NotificationKind.Expired, Title = "It is over", Body = "Body" }));
}
