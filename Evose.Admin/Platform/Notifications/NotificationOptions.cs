using Evose.Admin.Domain.Credentials;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Notifications;

/// <summary>When people are told of expiry dates, and how often what waits for channels is sent.</summary>
public sealed class NotificationOptions
{
    public const string Section = "Notifications";

    /// <summary>How often expiry dates are looked at.</summary>
    public TimeSpan ScanInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How often it is looked whether something waits for a channel.</summary>
    public TimeSpan DeliverInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a receiver may take to answer.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Days before the date, descending. Null: the default; the binder would add to a list that is already there.</summary>
    public int[]? Ladder { get; set; }

    /// <summary>The address under which people reach the app, for links in messages; null: messages have none.</summary>
    public string? PublicUrl { get; set; }

    public IReadOnlyList<int> Steps => Ladder ?? ExpiryPolicy.DefaultLadder;
}

/// <summary>Refuses a start with settings that make no sense.</summary>
internal sealed class NotificationOptionsValidator : IValidateOptions<NotificationOptions>
{
    public ValidateOptionsResult Validate(string? name, NotificationOptions options)
    {
        if (options.ScanInterval < TimeSpan.FromSeconds(1) || options.ScanInterval > TimeSpan.FromDays(1))
            return ValidateOptionsResult.Fail("Notifications:ScanInterval must be from 00:00:01 to 1.00:00:00.");
        if (options.DeliverInterval < TimeSpan.FromSeconds(1) || options.DeliverInterval > TimeSpan.FromDays(1))
            return ValidateOptionsResult.Fail("Notifications:DeliverInterval must be from 00:00:01 to 1.00:00:00.");
        if (options.SendTimeout < TimeSpan.FromSeconds(1) || options.SendTimeout > TimeSpan.FromSeconds(30))
            return ValidateOptionsResult.Fail("Notifications:SendTimeout must be from 00:00:01 to 00:00:30.");
        if (options.PublicUrl is { Length: > 0 } url && !(Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            return ValidateOptionsResult.Fail("Notifications:PublicUrl must be an absolute address such as https://evose.example.com.");
        return ExpiryPolicy.IsLadder(options.Steps) ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail($"Notifications:Ladder is not usable. {ExpiryPolicy.LadderRule}");
    }
}
