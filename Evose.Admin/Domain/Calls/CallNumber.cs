namespace Evose.Admin.Domain.Calls;

/// <summary>
/// Numbers of call rows, in the order of time over all lanes: milliseconds since 2020-01-01T00:00Z in the upper 42 bits, then 7 bits of lane, then 14 bits that count.
/// Rows of a period are therefore a range of numbers, and tables are cut by it.
/// </summary>
public static class CallNumber
{
    private const int LaneBits = 7, CountBits = 14;

    /// <summary>Lanes are 0 to 127.</summary>
    public const int MaxLane = (1 << LaneBits) - 1;

    private static readonly long Epoch = new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    /// <summary>The smallest number of the millisecond: no row written at or after <paramref name="at"/> has a smaller one.</summary>
    public static long First(DateTimeOffset at) => Math.Max(0, at.ToUnixTimeMilliseconds() - Epoch) << (LaneBits + CountBits);

    /// <summary>When the number was given, to the millisecond.</summary>
    public static DateTimeOffset At(long number) => DateTimeOffset.FromUnixTimeMilliseconds((number >> (LaneBits + CountBits)) + Epoch);

    /// <summary>The chain the row stands in: lane 0 is <c>calls</c>, others are <c>calls/N</c>.</summary>
    public static string ChainOf(int lane) => lane == 0 ? Audit.Chain.CallLane : LaneNames[lane];

    private static readonly string[] LaneNames = [.. Enumerable.Range(0, MaxLane + 1).Select(l => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Audit.Chain.CallLane}/{l}"))];

    internal static long Of(long first, int lane) => first | ((long)lane << CountBits);

    internal static long CountOf(long number) => number & ((1 << CountBits) - 1);

    internal const int PerMillisecond = 1 << CountBits;
}

/// <summary>Gives the numbers of one lane: each above the last, whatever the clock does. Used by the lane's one writer.</summary>
/// <param name="last">The highest number the lane has given; 0 when none.</param>
public sealed class CallNumbers(int lane, long last)
{
    private long _last = last;

    /// <summary>The highest number given.</summary>
    public long Last => _last;

    /// <summary>The first of <paramref name="count"/> numbers that follow each other.</summary>
    public long Next(DateTimeOffset now, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, CallNumber.PerMillisecond);
        var first = CallNumber.Of(CallNumber.First(now), lane);
        if (first <= _last)
        {
            // The same millisecond, or a clock that was set back: go on counting, and when the count is used up, with the next millisecond.
            first = CallNumber.CountOf(_last) + count < CallNumber.PerMillisecond
                ? _last + 1
                : CallNumber.Of(CallNumber.First(CallNumber.At(_last).AddMilliseconds(1)), lane);
        }
        _last = first + count - 1;
        return first;
    }
}
