namespace Evose.Admin.Platform.Vault;

/// <summary>Things of one kind that nobody uses at the moment, up to a number; each is held by one owner at a time. One stack per core, so that cores seldom wait for each other.</summary>
internal sealed class IdlePool<T>
    where T : class
{
    private readonly Stripe[] _stripes;

    public IdlePool(int most)
    {
        _stripes = new Stripe[Math.Min(Environment.ProcessorCount, 16)];
        for (var i = 0; i < _stripes.Length; i++) _stripes[i] = new Stripe(Math.Max(1, most / _stripes.Length));
    }

    /// <summary>One that nobody else has; null when all are in use.</summary>
    public T? TryTake()
    {
        var own = Thread.GetCurrentProcessorId() % _stripes.Length;
        for (var i = 0; i < _stripes.Length; i++)
            if (_stripes[(own + i) % _stripes.Length].TryPop() is { } idle)
                return idle;
        return null;
    }

    /// <summary>False when there are enough already: then it is the caller's to end.</summary>
    public bool TryReturn(T idle) => _stripes[Thread.GetCurrentProcessorId() % _stripes.Length].TryPush(idle);

    private sealed class Stripe(int most)
    {
        private readonly Lock _lock = new();
        private readonly T?[] _items = new T?[most];
        private volatile int _count;

        public T? TryPop()
        {
            // A look without the lock: mostly for stripes of other cores.
            if (_count == 0) return null;
            lock (_lock)
            {
                if (_count == 0) return null;
                ref var top = ref _items[--_count];
                var item = top;
                top = null;
                return item;
            }
        }

        public bool TryPush(T item)
        {
            lock (_lock)
            {
                if (_count == _items.Length) return false;
                _items[_count++] = item;
                return true;
            }
        }
    }
}
