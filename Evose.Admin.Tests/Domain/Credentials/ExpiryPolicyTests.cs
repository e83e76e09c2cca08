using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Credentials;

public sealed class ExpiryPolicyTests
{
    private static readonly DateTimeOffset At = new(2026, 3, 29, 2, 30, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(31, null)]
    [InlineData(30, 30)]
    [InlineData(29, 30)]
    [InlineData(15, 30)]
    [InlineData(14, 14)]
    [InlineData(8, 14)]
    [InlineData(7, 7)]
    [InlineData(3, 3)]
    [InlineData(2, 3)]
    [InlineData(1, 1)]
    [InlineData(0, 0)]
    [InlineData(-1, 0)]
    [InlineData(-10000, 0)]
    public void The_nearest_step_reached(int daysLeft, int? step) => Assert.Equal(step, ExpiryPolicy.DueStep(At, ExpiryPolicy.DefaultLadder, At.AddDays(-daysLeft)));

    [Fact]
    public void A_step_is_due_from_its_very_instant_on()
    {
        int? earlier = null;
        foreach (var days in ExpiryPolicy.DefaultLadder)
        {
            var instant = At.AddDays(-days);
            Assert.Equal(earlier, ExpiryPolicy.DueStep(At, ExpiryPolicy.DefaultLadder, instant.AddTicks(-1)));
            Assert.Equal(days, ExpiryPolicy.DueStep(At, ExpiryPolicy.DefaultLadder, instant));
            Assert.Equal(days, ExpiryPolicy.DueStep(At, ExpiryPolicy.DefaultLadder, instant.AddTicks(1)));
            earlier = days;
        }
    }

    [Fact]
    public void Offsets_and_clock_changes_do_not_matter()
    {
        var local = At.ToOffset(TimeSpan.FromHours(8));
        Assert.Equal(7, ExpiryPolicy.DueStep(local, ExpiryPolicy.DefaultLadder, At.AddDays(-7).ToOffset(TimeSpan.FromHours(-5))));
        Assert.Equal(ExpiryPolicy.Key(Guid.Empty, At, 7), ExpiryPolicy.Key(Guid.Empty, local, 7));
    }

    [Fact]
    public void The_ladder_may_stand_in_any_order_or_be_empty()
    {
        Assert.Equal(5, ExpiryPolicy.DueStep(At, [1, 60, 5, 10], At.AddDays(-4)));
        Assert.Null(ExpiryPolicy.DueStep(At, [], At.AddYears(1)));
        Assert.Equal(0, ExpiryPolicy.DueStep(DateTimeOffset.MinValue, ExpiryPolicy.DefaultLadder, DateTimeOffset.MaxValue));
        Assert.Null(ExpiryPolicy.DueStep(DateTimeOffset.MaxValue, ExpiryPolicy.DefaultLadder, DateTimeOffset.MinValue));
    }

    [Fact]
    public void A_year_of_hourly_looks_raises_each_step_once_and_a_changed_date_starts_anew()
    {
        var credential = Guid.CreateVersion7(At);
        var expires = At;
        var raised = new List<string>();
        for (var now = At.AddDays(-200); now < At.AddDays(200); now = now.AddHours(1))
        {
            if (now == At.AddDays(-2)) expires = At.AddDays(100);
            if (ExpiryPolicy.DueStep(expires, ExpiryPolicy.DefaultLadder, now) is not { } step) continue;
            var key = ExpiryPolicy.Key(credential, expires, step);
            if (!raised.Contains(key)) raised.Add(key);
        }
        Assert.Equal(
            [.. new[] { 30, 14, 7, 3 }.Select(s => ExpiryPolicy.Key(credential, At, s)), .. ExpiryPolicy.DefaultLadder.Select(s => ExpiryPolicy.Key(credential, At.AddDays(100), s))],
            raised);
        Assert.Equal($"expiry:{credential:N}:{At.UtcTicks}:30", raised[0]);
    }

    [Fact]
    public void After_a_long_silence_only_the_newest_step_is_raised()
    {
        var keys = new[] { At.AddDays(-40), At.AddDays(-2) }.Select(now => ExpiryPolicy.DueStep(At, ExpiryPolicy.DefaultLadder, now)).Where(s => s is not null);
        Assert.Equal([3], keys);
    }
}
