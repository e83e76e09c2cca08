using System.ComponentModel.DataAnnotations;
using System.Threading.RateLimiting;

namespace Evose.Admin.Features.Account;

/// <summary>How often one address may try.</summary>
public sealed class AccountLimitOptions
{
    public const string Section = "Account";

    /// <summary>Sign-ins, set-ups, invitations and password changes per address and minute.</summary>
    [Range(1, 10_000, ErrorMessage = "Account:AttemptsPerMinute must be 1 to 10000.")]
    public int AttemptsPerMinute { get; set; } = 10;

    /// <summary>Recovery keys entered per address and minute.</summary>
    [Range(1, 1_000, ErrorMessage = "Account:UnsealsPerMinute must be 1 to 1000.")]
    public int UnsealsPerMinute { get; set; } = 5;
}

/// <summary>Attempts that guess something are counted per address; looking at a form is not an attempt.</summary>
public static class AccountLimits
{
    public const string Attempts = "attempts";
    public const string Unseals = "unseals";

    internal static IServiceCollection AddAccountLimits(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<AccountLimitOptions>().Bind(configuration.GetSection(AccountLimitOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        var options = configuration.GetSection(AccountLimitOptions.Section).Get<AccountLimitOptions>() ?? new AccountLimitOptions();
        services.AddRateLimiter(limiter =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            limiter.OnRejected = (context, _) =>
            {
                context.HttpContext.Response.Headers.RetryAfter = "60";
                return ValueTask.CompletedTask;
            };
            limiter.AddPolicy(Attempts, context => PerAddress(context, Attempts, options.AttemptsPerMinute));
            limiter.AddPolicy(Unseals, context => PerAddress(context, Unseals, options.UnsealsPerMinute));
        });
        return services;
    }

    private static RateLimitPartition<string> PerAddress(HttpContext context, string name, int permits)
    {
        var attempt = !HttpMethods.IsGet(context.Request.Method) || context.Request.Query.ContainsKey("token");
        if (!attempt) return RateLimitPartition.GetNoLimiter("looking");
        return RateLimitPartition.GetSlidingWindowLimiter($"{name} {context.Connection.RemoteIpAddress}", _ => new SlidingWindowRateLimiterOptions
        {
            PermitLimit = permits,
            Window = TimeSpan.FromMinutes(1),
            SegmentsPerWindow = 6,
            QueueLimit = 0,
        });
    }
}
