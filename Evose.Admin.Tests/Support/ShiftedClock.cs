namespace Evose.Admin.Tests.Support;

/// <summary>The real clock, put forward on demand: waits and timers stay real.</summary>
public sealed class ShiftedClock : TimeProvider
{
    private long _ticks;

    public void Shift(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + new TimeSpan(Interlocked.Read(ref _ticks));
}
