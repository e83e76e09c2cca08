using Evose.Admin.Domain.Credentials;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Notifications;

/// <summary>When people are told of expiry dates.</summary>
public sealed class NotificationOptions
{
    public const string Section = "Notifications";

    /// <summary>How often expiry dates are looked at.</summary>
    public TimeSpan ScanInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Days before the date, descending. Null: the default; the binder would add to a list that is already there.</summary>
    public int[]? Ladder { get; set; }

    public IReadOnlyList<int> Steps => Ladder ?? ExpiryPolicy.DefaultLadder;
}

/// <summary>Refuses a start with a ladder that makes no sense.</summary>
internal sealed class NotificationOptionsValidator : IValidateOptions<NotificationOptions>
{
    public ValidateOptionsResult Validate(string? name, NotificationOptions options)
    {
        if (options.ScanInterval < TimeSpan.FromSeconds(1) || options.ScanInterval > TimeSpan.FromDays(1))
            return ValidateOptionsResult.Fail("Notifications:ScanInterval must be from 00:00:01 to 1.00:00:00.");
        var steps = options.Steps;
        var good = steps.Count > 0 && steps.All(d => d is >= 0 and <= 365) && steps.Zip(steps.Skip(1), (a, b) => a > b).All(descending => descending);
        return good ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail("Notifications:Ladder must be days from 365 to 0, each once, descending, such as [30, 14, 7, 3, 1, 0].");
    }
}
