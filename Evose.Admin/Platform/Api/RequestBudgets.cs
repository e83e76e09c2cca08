using System.Collections.Concurrent;
using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Web;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Api;

/// <summary>What each key has left of its requests, on this node. A key that rests is whole again after <c>Burst / RequestsPerSecond</c> seconds.</summary>
public sealed class RequestBudgets(IOptions<ApiOptions> options, TimeProvider clock)
{
    // More keys than this that act within one refill are not told apart from new ones: forgetting a key is to its good.
    private const int MaxKeys = 10_000;

    private readonly ConcurrentDictionary<Guid, Budget> _byKey = new();

    /// <param name="Remaining">Whole requests left.</param>
    /// <param name="Reset">When the budget is whole again.</param>
    public readonly record struct Answer(bool Taken, int Limit, int Remaining, DateTimeOffset Reset);

    /// <summary>Takes one request out of the key's budget, if there is one.</summary>
    public Answer Take(Guid key)
    {
        var (rate, burst) = (options.Value.RequestsPerSecond, options.Value.Burst);
        if (_byKey.Count >= MaxKeys) _byKey.Clear();
        var now = clock.GetTimestamp();
        var budget = _byKey.GetOrAdd(key, _ => new Budget { Left = burst, At = now });
        lock (budget)
        {
            budget.Left = Math.Min(burst, budget.Left + (Math.Max(0, clock.GetElapsedTime(budget.At, now).TotalSeconds) * rate));
            budget.At = now;
            var taken = budget.Left >= 1;
            if (taken) budget.Left -= 1;
            return new Answer(taken, burst, (int)budget.Left, clock.GetUtcNow() + TimeSpan.FromSeconds((burst - budget.Left) / rate));
        }
    }

    private sealed class Budget
    {
        public double Left { get; set; }

        public long At { get; set; }
    }
}

/// <summary>Marks an endpoint whose requests are not counted.</summary>
public sealed record NotLimited;

/// <summary>Counts a request of the REST surface and says so in <c>X-RateLimit-*</c>; past the budget it is 429 with <c>Retry-After</c>.</summary>
internal sealed class RequestLimit(RequestBudgets budgets) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (context.HttpContext.GetEndpoint()?.Metadata.GetMetadata<NotLimited>() is not null) return await next(context);
        var answer = budgets.Take(context.HttpContext.Caller().Id);
        var headers = context.HttpContext.Response.Headers;
        headers["X-RateLimit-Limit"] = answer.Limit.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Remaining"] = answer.Remaining.ToString(CultureInfo.InvariantCulture);
        headers["X-RateLimit-Reset"] = answer.Reset.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        // At a whole request a second or more, the next one is there within a second.
        return answer.Taken ? await next(context) : ApiResults.Of(Problem.RateLimited("Too many requests with this key. Wait, then go on more slowly.", retryAfter: 1));
    }
}
