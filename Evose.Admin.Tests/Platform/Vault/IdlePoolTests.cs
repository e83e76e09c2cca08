using System.Collections.Concurrent;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class IdlePoolTests
{
    [Fact]
    public void What_is_returned_is_taken_again_and_nothing_that_was_not()
    {
        var pool = new IdlePool<object>(64);
        Assert.Null(pool.TryTake());
        var thing = new object();
        Assert.True(pool.TryReturn(thing));
        Assert.Same(thing, pool.TryTake());
        Assert.Null(pool.TryTake());
    }

    [Fact]
    public void One_too_many_is_the_owners_to_end()
    {
        var pool = new IdlePool<object>(4);
        var kept = 0;
        while (kept < 100 && pool.TryReturn(new object())) kept++;
        // Each core has a share of its own, at least one.
        Assert.InRange(kept, 1, Math.Max(4, Environment.ProcessorCount));
    }

    [Fact]
    public void No_thing_is_held_by_two_owners_at_once()
    {
        var pool = new IdlePool<object>(32);
        for (var i = 0; i < 8; i++) pool.TryReturn(new object());
        var held = new ConcurrentDictionary<object, int>(ReferenceEqualityComparer.Instance);
        var twice = 0;
        var threads = Enumerable.Range(0, 8).Select(t => new Thread(() =>
        {
            for (var i = 0; i < 50_000; i++)
            {
                if (pool.TryTake() is not { } thing) continue;
                if (!held.TryAdd(thing, t)) Interlocked.Increment(ref twice);
                held.TryRemove(thing, out _);
                pool.TryReturn(thing);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Equal(0, twice);
    }
}
