using Evose.Admin.Domain.Calls;

namespace Evose.Admin.Tests.Domain;

public sealed class CallNumberTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_number_tells_its_millisecond_and_sorts_by_time_whatever_the_lane()
    {
        var early = new CallNumbers(127, 0).Next(Noon, 1);
        var late = new CallNumbers(1, 0).Next(Noon.AddMilliseconds(1), 1);
        Assert.Equal(Noon, CallNumber.At(early));
        Assert.True(early < late);
        Assert.InRange(early, CallNumber.First(Noon), CallNumber.First(Noon.AddMilliseconds(1)) - 1);
    }

    [Fact]
    public void Numbers_never_repeat_or_go_back_when_the_clock_stands_still_is_set_back_or_a_millisecond_is_full()
    {
        var numbers = new CallNumbers(3, 0);
        var seen = new List<long>();
        for (var i = 0; i < 3000; i++)
        {
            var count = 1 + (i % 40);
            var first = numbers.Next(i % 2 == 0 ? Noon : Noon.AddHours(-1), count);
            seen.AddRange(Enumerable.Range(0, count).Select(n => first + n));
        }
        Assert.True(seen.Zip(seen.Skip(1)).All(p => p.Second > p.First));
        Assert.All(seen, n => Assert.Equal(3, (n >> 14) & 127));
        Assert.InRange(CallNumber.At(seen[^1]), Noon, Noon.AddMilliseconds(10));
    }

    [Fact]
    public void Two_lanes_never_give_the_same_number()
    {
        var (a, b) = (new CallNumbers(1, 0), new CallNumbers(2, 0));
        var ours = Enumerable.Range(0, 20_000).Select(_ => a.Next(Noon, 1)).ToHashSet();
        Assert.DoesNotContain(Enumerable.Range(0, 20_000), _ => ours.Contains(b.Next(Noon, 1)));
    }

    [Fact]
    public void A_lane_goes_on_above_the_number_it_is_told()
    {
        var last = new CallNumbers(5, 0).Next(Noon, 10) + 9;
        Assert.True(new CallNumbers(5, last).Next(Noon.AddDays(-1), 1) > last);
    }

    [Fact]
    public void Before_the_epoch_there_is_no_row() => Assert.Equal(0, CallNumber.First(DateTimeOffset.UnixEpoch));
}
